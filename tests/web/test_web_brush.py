"""Brush strokes become masks at the photograph's own size."""

from __future__ import annotations

import io
import time
from collections.abc import Callable

import numpy as np
import pytest
from PIL import Image

from tests.web.conftest import Server, encoded
from unfade import brush
from unfade.errors import UsageError


def disc(height: int, width: int, x: float, y: float, radius: float) -> np.ndarray:
    rows, columns = np.mgrid[:height, :width] + 0.5
    return np.hypot(columns - x, rows - y) <= radius


def test_a_dot_is_a_disc_where_it_was_drawn() -> None:
    drawn = brush.draw(np.zeros((60, 80), bool), [{"kind": "brush", "radius_px": 12.0, "points": [(40.0, 25.5)]}])
    assert not np.any(drawn & ~disc(60, 80, 40, 25.5, 13.1)) and not np.any(~drawn & disc(60, 80, 40, 25.5, 11.4))


@pytest.mark.parametrize("end", [(70.0, 10.0), (10.0, 50.0), (61.5, 44.0)])
def test_a_line_is_as_wide_as_its_brush(end: tuple[float, float]) -> None:
    start = (10.0, 10.0)
    drawn = brush.draw(np.zeros((60, 80), bool), [{"kind": "brush", "radius_px": 5.0, "points": [start, end]}])
    swept = np.zeros_like(drawn)
    for share in np.linspace(0, 1, 200):
        swept |= disc(60, 80, start[0] + share * (end[0] - start[0]), start[1] + share * (end[1] - start[1]), 5.0)
    assert np.count_nonzero(drawn != swept) < 0.12 * np.count_nonzero(swept)


def test_an_eraser_takes_away_a_clear_takes_all_and_what_is_not_touched_stays() -> None:
    mask = np.random.default_rng(4).random((90, 120)) < 0.3
    before = mask.copy()
    dot: brush.Stroke = {"kind": "eraser", "radius_px": 8.0, "points": [(30.0, 30.0)]}
    drawn = brush.draw(mask, [dot])
    assert np.array_equal(mask, before)
    assert not drawn[25:35, 25:35].any()
    assert np.array_equal(drawn[45:], mask[45:]) and np.array_equal(drawn[:, 45:], mask[:, 45:])
    cleared = brush.draw(mask, [{"kind": "clear", "radius_px": 0.0, "points": []}, {**dot, "kind": "brush"}])
    assert cleared[30, 30] and not cleared[45:].any()


def test_strokes_outside_the_photograph_do_no_harm() -> None:
    far: list[brush.Stroke] = [{"kind": "brush", "radius_px": 1e5, "points": [(1e6, 1e6), (-1e5, 1e6)]}]
    assert not brush.draw(np.zeros((20, 30), bool), far).any()


def _zigzag(count: int, side: float) -> list[tuple[float, float]]:
    return [(side * (number % 2), side * number / count) for number in range(count)]


@pytest.mark.parametrize(
    "strokes",
    [
        [{"kind": "brush", "radius_px": 1e5, "points": _zigzag(20_000, 12_000)}] * 10,
        [{"kind": "brush", "radius_px": 1.0, "points": [(y, x) for x, y in _zigzag(20_000, 12_000)]}],
        [{"kind": "eraser", "radius_px": 3000.0, "points": _zigzag(5_000, 12_000)}],
        [{"kind": "area", "radius_px": 1.0, "points": [(y, x) for x, y in _zigzag(20_000, 12_000)]}],
    ],
    ids=["200,000 huge dots", "long lines", "a huge eraser", "an outline that folds"],
)
def test_strokes_that_would_take_minutes_are_refused_before_anything_is_drawn(strokes: list[brush.Stroke]) -> None:
    empty = np.broadcast_to(np.zeros(1, bool), (12_000, 12_000))  # 144 megapixels that take no memory
    began = time.process_time()
    with pytest.raises(UsageError, match="times as long to draw as they may"):
        brush.draw(empty, strokes)
    assert time.process_time() - began < 15


def test_what_a_clear_takes_away_is_not_drawn() -> None:
    clear: brush.Stroke = {"kind": "clear", "radius_px": 0.0, "points": []}
    huge: brush.Stroke = {"kind": "brush", "radius_px": 1e5, "points": _zigzag(500, 3_000)}
    began = time.process_time()
    drawn = brush.draw(np.ones((3_000, 4_000), bool), [huge, clear] * 2_000 + [{"kind": "brush", "radius_px": 1.0, "points": [(5.0, 5.0)]}])
    assert 0 < drawn.sum() < 20 and time.process_time() - began < 5


def test_a_long_stroke_of_a_hand_is_drawn_on_a_large_photograph() -> None:
    hand = [(500 + 5.0 * number, 800 + 300 * float(np.sin(number / 50))) for number in range(1_000)]
    drawn = brush.draw(np.zeros((4_000, 6_000), bool), [{"kind": "brush", "radius_px": 120.0, "points": hand}] * 3)
    assert drawn[800, 500:5_400].all() or drawn.mean() > 0.05


def test_the_service_draws_at_the_photographs_size(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0).start()
    uploaded = server.client.post("/api/v1/photos", files={"file": ("a.jpg", encoded(height=96, width=128))}).json()
    masks = f"/api/v1/photos/{uploaded['id']}/masks"

    def seen(mask: dict[str, object]) -> np.ndarray:
        return np.asarray(Image.open(io.BytesIO(server.client.get(f"{masks}/{mask['id']}").content))) > 127

    drawing = {"strokes": [{"kind": "brush", "radius_px": 4, "points": [[20, 30], [60, 30]]}]}
    first = server.client.post(f"{masks}/edits", json=drawing)
    assert first.status_code == 201 and seen(first.json()).shape == (96, 128)
    more = {"strokes": [{"kind": "brush", "radius_px": 6, "points": [[100, 70]]}, {"kind": "eraser", "radius_px": 5, "points": [[60, 30]]}]}
    second = server.client.post(f"{masks}/{first.json()['id']}/edits", json=more)
    assert second.status_code == 201
    before, after = seen(first.json()), seen(second.json())
    assert after[70, 100] and not after[30, 60] and after[30, 30]
    assert np.array_equal(before[:, :50], after[:, :50])
    assert server.client.post(f"{masks}/edits", json={}).status_code == 422
    assert server.client.post(f"{masks}/edits", json={"strokes": [{"kind": "spray", "points": []}]}).status_code == 422


def test_an_area_is_what_its_points_enclose() -> None:
    corners = [(10.0, 10.0), (30.0, 10.0), (30.0, 40.0), (10.0, 40.0)]
    drawn = brush.draw(np.zeros((60, 80), bool), [{"kind": "area", "radius_px": 0.0, "points": corners}])
    assert drawn[10:40, 10:30].all()
    assert not drawn[:9].any() and not drawn[42:].any() and not drawn[:, :9].any() and not drawn[:, 32:].any()
    line: brush.Stroke = {"kind": "area", "radius_px": 0.0, "points": corners[:2]}
    assert not brush.draw(np.zeros((60, 80), bool), [line]).any()


def test_strokes_on_a_copy_lie_where_they_lie_on_the_photograph() -> None:
    strokes: list[brush.Stroke] = [{"kind": "brush", "radius_px": 8.0, "points": [(20.0, 20.0), (60.0, 44.0)]}]
    whole = brush.draw(np.zeros((80, 120), bool), strokes)
    half = brush.draw(np.zeros((40, 60), bool), brush.scaled(strokes, 0.5))
    assert np.mean(whole[::2, ::2] != half) < 0.02
