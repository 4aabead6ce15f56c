"""Rows that outlive every process, changed one at a time and atomically.

A row is a document (text) under a key, and a member of groups, in each with a rank. That is all the
ledger needs: "the queue" is a group ranked by turn, "leases" one ranked by when they run out. Rows lie in
SQLite (one machine: `table_sqlite`) or Redis (several: `table_redis`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

log = logging.getLogger(__name__)
_Read = TypeVar("_Read")


@dataclass(frozen=True)
class Row:
    """A document, and the groups it is in with its rank in each."""

    document: str
    groups: Mapping[str, float] = field(default_factory=dict)


def read_row(row: Row | None, read: Callable[[str], _Read], what: str) -> _Read | None:
    """What `read` makes of a row's document; None where there is no row, or it raises `ValueError`: another
    version may have written it. `what` names it in the log."""
    if row is None:
        return None
    try:
        return read(row.document)
    except ValueError as error:
        log.error("%s cannot be read: %s", what, error)
        return None


Change = Callable[[Row | None], Row | None]
"""Gives what a row becomes, from what it is; None: there is none. It may be called more than once, so it
does nothing else."""


class Table(Protocol):
    """Where rows lie. Every method may be called from any thread of any process.

    Every method raises `AwayError` where the place cannot be reached for now, and `OSError` (ENOSPC)
    where there is no room for a change.
    """

    def get(self, key: str) -> Row | None:
        """The row under `key`."""

    def get_many(self, keys: Sequence[str]) -> dict[str, Row]:
        """The rows that there are under `keys`, documents only: their groups are left out."""

    def change(self, key: str, change: Change, *, counts: str | None = None, frees: bool = False) -> Row | None:
        """Change the row under `key` atomically; gives what it became.

        `counts`: with it, and only where something changed, this counter rises by one. `frees`: the
        change makes room, so it succeeds on a full disk, too.
        """

    def counted(self, name: str) -> int:
        """How far a counter has come."""

    def keys(self, group: str, *, upto: float | None = None, above: float | None = None, limit: int = 1000) -> list[str]:
        """The first `limit` keys of a group, by rising rank: of rank `upto` or less, and more than
        `above`.
        """

    def ranks(self, group: str, *, limit: int = 1000) -> list[tuple[str, float]]:
        """The first `limit` keys of a group with their ranks, by rising rank."""

    def last_rank(self, group: str) -> float | None:
        """The highest rank in a group; None where nobody is in it."""

    def count(self, group: str) -> int:
        """How many rows are in a group."""

    def place(self, group: str, key: str) -> int | None:
        """How many rows of the group come before `key`; None if it is not in it."""

    def check(self) -> None:
        """Raise `AwayError` where the place cannot be reached."""

    def close(self) -> None:
        """Let go of connections."""
