"""The account of a batch as JSON: an object for one photograph, a list for several."""

from __future__ import annotations

import json
import os
import re
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any, TypeAlias

from unfade.errors import ExistsError

Account: TypeAlias = dict[str, Any]
"""What became of one photograph: its `Report` with `source` and `result`, or the `error`."""

_OURS = re.compile(rb'"software":\s*"Unfade"')
_OF_A_PHOTOGRAPH = re.compile(rb'\s*(\[\s*)?\{\s*"photo":')
_OF_NONE = re.compile(rb"\s*\[\s*\]\s*")
_LOOKED_AT = 1 << 20


def is_report(path: Path) -> bool:
    """Whether Unfade wrote the file at `path` as a report, or it is an empty list, of which nothing can be
    lost. One that cannot be read is not known to be one."""
    head = _head(path)
    return _OF_NONE.fullmatch(head) is not None or (_OF_A_PHOTOGRAPH.match(head) is not None and _OURS.search(head) is not None)


def is_record(path: Path) -> bool:
    """Whether Unfade wrote the file at `path` as the record of one result."""
    head = _head(path)
    return head.lstrip()[:1] == b"{" and _OURS.search(head) is not None and not is_report(path)


def _head(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(_LOOKED_AT)
    except OSError:
        return b""


def read_report(path: Path, sources: Iterable[Path], *, overwrite: bool) -> list[Account]:
    """The accounts of an earlier run over some of `sources`, whose report is taken up; none if there is no
    file.

    Raises `ExistsError` where it is damaged, or tells of other photographs, which would be lost; with
    `overwrite` these may be.
    """
    try:
        told = json.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    except ValueError as error:
        if overwrite:
            return []
        raise ExistsError(f"{path} is there already, and is no whole report ({error}); add --overwrite to write over it") from error
    accounts = told if isinstance(told, list) else [told]
    names = {source.name for source in sources}
    kept = []
    for account in accounts:
        name = account.get("photo") if isinstance(account, dict) else None
        if name in names:
            kept.append(account)
        elif not overwrite:
            raise ExistsError(f"{path} is there already, and tells of {name}, too; add --overwrite to write over it, or give another name")
    return kept


def untold(accounts: Iterable[Account], told: Iterable[tuple[Path, Path]]) -> list[Account]:
    """The accounts of an earlier run that a stopped one did not come to: all but those of the photographs and
    results that it has `told` of. An account of a failure names no result."""
    results = {(os.path.realpath(source), os.path.realpath(result)) for source, result in told}
    sources = {source for source, _ in results}

    def is_told(account: Account) -> bool:
        source, result = (os.path.realpath(str(account[key])) if key in account else "" for key in ("source", "result"))
        return (source, result) in results if result else source in sources

    return [account for account in accounts if not is_told(account)]


class ReportWriter:
    """Gathers accounts on the disk, not in memory, and writes them as one file. Without a target it does
    nothing."""

    def __init__(self, target: Path | None, *, is_list: bool) -> None:
        self._target, self._is_list, self._count = target, is_list, 0
        self._spool = None if target is None else tempfile.TemporaryFile("w+b")  # noqa: SIM115  `write` closes it

    def add(self, account: Account) -> None:
        """One photograph's account, after those before it."""
        if self._spool is None:
            return
        text = json.dumps(account, indent=2, ensure_ascii=False)
        if self._is_list:
            text = "  " + text.replace("\n", "\n  ")  # no string in JSON has a line break
        self._spool.write(b",\n" if self._count else b"")
        # A file name that is not UTF-8 becomes the escapes that in JSON stand for it.
        self._spool.write(text.encode("utf-8", "backslashreplace"))
        self._count += 1

    def write(self) -> Path | None:
        """Write what was gathered, and let go of it; gives the file.

        Where nothing was gathered, an earlier report stays. Raises `UnwritableError`.
        """
        from unfade.files import disk

        if self._spool is None or self._target is None:
            return None
        with self._spool as spool:
            spool.seek(0)
            gathered = spool.read()
        opened, closed = (b"[\n", b"\n]\n") if self._is_list else (b"", b"\n")
        if gathered:
            disk.put(opened + gathered + closed, self._target, overwrite=True)
        return self._target
