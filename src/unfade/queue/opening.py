"""The ledger and the store that the settings say."""

from __future__ import annotations

from pathlib import Path

from unfade.queue.ledger import Ledger
from unfade.queue.store import Store
from unfade.queue.table import RedisTable, SqliteTable, Table
from unfade.settings import Settings


def data_folder(settings: Settings) -> Path:
    """The folder of this process's data, made if it is not there."""
    folder = settings.data.expanduser()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def open_ledger(settings: Settings, *, through_power_cuts: bool = True) -> Ledger:
    """The ledger that the settings say.

    The server writes what it has accepted through power cuts. A worker need not: what it loses, a lease or
    that a job is done, leads to the job being done again.
    """
    table: Table
    if settings.queue is None:
        table = SqliteTable(data_folder(settings) / "ledger.sqlite", through_power_cuts=through_power_cuts)
    else:
        table = RedisTable(settings.queue)
    return Ledger(table)


def open_store(settings: Settings) -> Store:
    """The files that the settings say."""
    folder = data_folder(settings)
    return Store(settings.files or str(folder / "files"), folder / "scratch")
