from __future__ import annotations

import numpy as np
import pytest

from unfade.errors import UsageError
from unfade.sheet import contact_sheet, fit


def _picture(height: int, width: int, value: float) -> np.ndarray:
    return np.full((height, width, 3), value, np.float32)


def test_every_picture_is_on_the_sheet_in_its_place() -> None:
    sheet = contact_sheet([[_picture(40, 60, 1.0), _picture(40, 60, 0.5)], [_picture(30, 20, 0.75)]], cell_px=100)
    assert sheet.dtype == np.float32
    assert sheet.min() >= 0 and sheet.max() <= 1
    for value, pixels in ((1.0, 2400), (0.5, 2400), (0.75, 600)):
        assert np.count_nonzero(np.all(sheet == np.float32(value), axis=2)) == pixels
    row, column = np.argwhere(np.all(sheet == 1.0, axis=2))[0]
    assert np.argwhere(np.all(sheet == 0.5, axis=2))[0][0] == row
    assert np.argwhere(np.all(sheet == 0.5, axis=2))[0][1] > column + 59
    assert np.argwhere(np.all(sheet == 0.75, axis=2))[0][0] > row + 39


@pytest.mark.parametrize("size", [(1, 1), (1, 700), (700, 1), (500, 333)])
def test_any_size_fits_its_cell(size: tuple[int, int]) -> None:
    reduced = fit(_picture(*size, 0.25), 100)
    assert max(reduced.shape[:2]) == min(100, max(size))
    assert np.allclose(reduced, 0.25)
    assert max(fit(_picture(*size, 0.25), 100, enlarge=True).shape[:2]) == 100


def test_captions_and_titles_are_readable_ink_and_change_with_the_words() -> None:
    rows = [[_picture(80, 120, 0.0)] * 2]
    bare = contact_sheet(rows)
    one = contact_sheet(rows, titles=("before", "after"), captions=("grant-1885.jpg",))
    two = contact_sheet(rows, titles=("before", "after"), captions=("tante-Zoë-und-ein-sehr-langer-Name-der-nicht-hineinpasst-1911.jpg",))
    assert one.shape[0] > bare.shape[0] and one.shape == two.shape
    assert np.count_nonzero(one > 0.7) > 100
    assert not np.array_equal(one, two)


def test_what_cannot_be_laid_out_is_refused() -> None:
    with pytest.raises(UsageError, match="at least one"):
        contact_sheet([])
    with pytest.raises(UsageError, match="2 captions"):
        contact_sheet([[_picture(4, 4, 0)]], captions=("a", "b"))
