"""Shelves: the photographs of a household, by their ids, so that several devices see the same ones."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable

from pydantic import BaseModel

from unfade.queue.records import new_id
from unfade.queue.table import Row, Table, read_row

MAX_PHOTOS = 2000
_GROUP = "shelves"


class FullShelfError(Exception):
    """The shelf holds as many photographs as it may."""


class _Document(BaseModel):
    photos: tuple[str, ...] = ()


def _read(row: Row | None) -> tuple[str, ...] | None:
    """The ids on a shelf; None where there is none, or what is written of it cannot be read."""
    read = read_row(row, _Document.model_validate_json, "a shelf")
    return None if read is None else read.photos


def _key(shelf_id: str) -> str:
    return f"shelf:{shelf_id}"


class Shelves:
    """The shelves, in the ledger's table. A shelf that nobody changed for `keep_s` goes."""

    def __init__(self, table: Table, *, keep_s: float, clock: Callable[[], float] = time.time) -> None:
        self._table, self._keep_s, self._clock = table, keep_s, clock

    def _row(self, photos: Iterable[str]) -> Row:
        return Row(_Document(photos=tuple(photos)).model_dump_json(), {_GROUP: self._clock() + self._keep_s})

    def make(self, shelf_id: str | None = None) -> str:
        """A new shelf, under an id that nobody can guess; or that of `shelf_id`, made if there is none.

        Gives the id.
        """
        made = shelf_id or new_id()
        self._table.change(_key(made), lambda row: self._row(()) if _read(row) is None else row)
        return made

    def photos(self, shelf_id: str) -> tuple[str, ...] | None:
        """The ids of a shelf's photographs, oldest first; None where there is no such shelf."""
        return _read(self._table.get(_key(shelf_id)))

    def change(self, shelf_id: str, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> tuple[str, ...] | None:
        """Put photographs on a shelf and take others off; gives what is on it then, None where there is none.

        Raises `FullShelfError`.
        """
        more, gone = tuple(add), set(remove)

        def apply(row: Row | None) -> Row | None:
            there = _read(row)
            if there is None:
                return row
            photos = [photo for photo in dict.fromkeys((*there, *more)) if photo not in gone]
            if len(photos) > MAX_PHOTOS:
                raise FullShelfError
            return self._row(photos)

        return _read(self._table.change(_key(shelf_id), apply, frees=not more))

    def remove(self, shelf_id: str) -> None:
        """Forget a shelf; its photographs stay."""
        self._table.change(_key(shelf_id), lambda _: None, frees=True)

    def sweep(self) -> None:
        """Forget the shelves whose time is over."""
        for key in self._table.keys(_GROUP, upto=self._clock()):
            self._table.change(key, lambda _: None, frees=True)
