"""Zips are ordered before they are fetched: whoever asks hears at once what is left out.

The address of the zip need not name each job then: proxies take no more than 8 kB of one.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from unfade.queue.records import new_id
from unfade.queue.table import Row, Table, read_row
from unfade.web.requests import ZipOrder

KEPT_S = 3600.0
_GROUP = "zips"


class ZipOrders:
    """The zips that were ordered, in the ledger's table. An order goes after `keep_s`."""

    def __init__(self, table: Table, *, keep_s: float = KEPT_S, clock: Callable[[], float] = time.time) -> None:
        self._table, self._keep_s, self._clock = table, keep_s, clock

    def keep(self, order: ZipOrder, key: str | None = None) -> str:
        """Write an order down, with `key` as its id; gives the id."""
        made = key or new_id()
        row = Row(order.model_dump_json(), {_GROUP: self._clock() + self._keep_s})
        self._table.change(f"zip:{made}", lambda there: there or row)
        return made

    def order(self, zip_id: str) -> ZipOrder | None:
        """An order; None where there is none, or it cannot be read."""
        return read_row(self._table.get(f"zip:{zip_id}"), ZipOrder.model_validate_json, "the order of a zip")

    def sweep(self) -> None:
        """Forget the orders whose time is over."""
        for key in self._table.keys(_GROUP, upto=self._clock()):
            self._table.change(key, lambda _: None, frees=True)
