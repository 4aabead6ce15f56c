"""The contact sheets of a batch: each written as soon as it is full, so that memory does not grow with the
batch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from unfade.cli._names import shown
from unfade.cli._outputs import SHEET_ROWS, sheet_names
from unfade.errors import ExistsError

if TYPE_CHECKING:
    import numpy as np


def check_sheets(first: Path, photographs: int, names: Sequence[str]) -> None:
    """Refuse sheets that are there and show other photographs than these, which would be lost. Raises
    `ExistsError`."""
    from unfade.sheet import shown_on

    known = {shown(name) for name in names}
    for path in sheet_names(first, photographs):
        if path.exists() and (others := [name for name in shown_on(path) if name not in known]):
            raise ExistsError(
                f"{path} is there already, and shows {others[0]}, too; add --overwrite to write over it, or give another name"
            )


class SheetWriter:
    """Lays photographs out, before | after. Without a first sheet it does nothing."""

    def __init__(self, first: Path | None, photographs: int) -> None:
        self._names = iter(() if first is None else sheet_names(first, photographs))
        self.wanted = first is not None
        self._rows: list[tuple[np.ndarray, ...]] = []
        self._captions: list[str] = []
        self._shown: list[str] = []

    def add(self, row: tuple[np.ndarray, ...], name: str, caption: str) -> Path | None:
        """Put a photograph on the sheet; gives the sheet, if that filled it. Raises `UnwritableError`."""
        if self.wanted and row:
            self._rows.append(row)
            self._shown.append(shown(name))
            self._captions.append(f"{shown(name)}{caption}")
        return self.write() if len(self._rows) == SHEET_ROWS else None

    def write(self) -> Path | None:
        """Write the sheet that is begun; gives it. Raises `UnwritableError`."""
        from unfade import sheet

        if not self._rows:
            return None
        rows, captions, names = self._rows, self._captions, self._shown
        self._rows, self._captions, self._shown = [], [], []
        target = next(self._names)
        sheet.write(sheet.contact_sheet(rows, titles=("before", "after"), captions=captions), target, shows=names)
        return target
