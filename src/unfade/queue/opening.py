"""The ledger and the store that the settings say; where they cannot be had, one true sentence."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from unfade.errors import AwayError, UsageError
from unfade.queue.ledger import Ledger
from unfade.queue.store import Store
from unfade.queue.table import Table
from unfade.queue.table_sqlite import SqliteTable
from unfade.settings import Settings


@contextmanager
def _folder_of(variable: str, folder: Path | str) -> Iterator[None]:
    """What goes wrong in the block with a folder comes out as a `UsageError` that names its setting."""
    try:
        yield
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"{variable} is {folder}, which is or lies in a file; name a folder") from error
    except PermissionError as error:
        raise UsageError(f"{variable} is {folder}, where this user may not write; give it to them, or name another folder") from error
    except OSError as error:
        raise UsageError(f"{variable} is {folder}, where nothing can be written: {error.strerror}; name another folder") from error


def data_folder(settings: Settings) -> Path:
    """The folder of this process's data, made if it is not there. Raises `UsageError`."""
    folder = settings.data.expanduser()
    with _folder_of("UNFADE_DATA", folder):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / ".probe"
        probe.write_bytes(b"")
        probe.unlink(missing_ok=True)
    return folder


def open_ledger(settings: Settings, *, through_power_cuts: bool = True) -> Ledger:
    """The ledger that the settings say. Raises `UsageError`.

    The server writes what it has accepted through power cuts. A worker need not: what it loses, a lease or
    that a job is done, leads to the job being done again.
    """
    return Ledger(_sqlite(settings, through_power_cuts) if settings.queue is None else _redis(settings.queue))


def _sqlite(settings: Settings, through_power_cuts: bool) -> Table:
    path = data_folder(settings) / "ledger.sqlite"
    try:
        return SqliteTable(path, through_power_cuts=through_power_cuts)
    except sqlite3.OperationalError as error:
        raise UsageError(f"the ledger {path} cannot be opened: {error}; see whether another user owns it, or its disk is full") from error
    except sqlite3.DatabaseError as error:
        raise UsageError(
            f"the ledger {path} is damaged ({error}); put back a copy of it, or move it away: "
            "a new one begins empty, and the photographs that this one knew are no longer found"
        ) from error


def shown_address(url: str) -> str:
    """The address of a Redis without its password."""
    try:
        parts = urlsplit(url)
        host = f"{parts.hostname or ''}{'' if parts.port is None else f':{parts.port}'}"
    except ValueError:
        return "not an address"
    return parts._replace(netloc=host).geturl() if parts.password else url


def _redis(url: str) -> Table:
    from unfade.queue.table_redis import RedisTable

    shown = shown_address(url)
    try:
        table = RedisTable(url)
        table.check()
    except ValueError as error:
        raise UsageError(f"UNFADE_QUEUE is {shown}, which is no address of a Redis; write redis://host:6379/0") from error
    except AwayError as error:
        raise UsageError(f"UNFADE_QUEUE is {shown}, where no Redis answers ({error}); start it there, or correct the address") from error
    return table


def open_store(settings: Settings) -> Store:
    """The files that the settings say. Raises `UsageError`."""
    folder = data_folder(settings)
    url = settings.files or str(folder / "files")
    with _folder_of("UNFADE_FILES" if settings.files else "UNFADE_DATA", url):
        try:
            return Store(url, folder / "scratch")
        except (ValueError, ImportError) as error:
            raise UsageError(f"UNFADE_FILES is {url}, which is no folder and no address that is known here: {error}") from error
