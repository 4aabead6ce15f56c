"""Windows over a picture: they cover it, blend without seams, and memory stays bounded."""

from __future__ import annotations

import threading
import time
import tracemalloc

import cv2
import numpy as np
import pytest
from threadpoolctl import threadpool_info

from unfade import tiles
from unfade.errors import UsageError


def collected(height: int, width: int, fetch: tiles.Fetch, apply, grid: tiles.Grid, progress=None) -> np.ndarray:
    """The whole result, and a check that bands come in order and without gaps."""
    bands, reached = [], 0
    for rows, band in tiles.run(height, width, fetch, apply, grid, progress):
        assert rows.start == reached
        assert band.shape[:2] == (rows.stop - rows.start, width)
        reached = rows.stop
        bands.append(band.copy())
    assert reached == height
    return np.concatenate(bands)


@pytest.mark.parametrize("length", [1, 7, 63, 64, 65, 127, 128, 129, 1000])
def test_windows_cover_an_axis_and_weights_add_to_one(length: int) -> None:
    grid = tiles.Grid(64, 16, 8)
    total = np.zeros(length)
    for start, weight in zip(grid.starts(length), grid.weights(length), strict=True):
        total[start : start + len(weight)] += weight
    np.testing.assert_allclose(total, 1, atol=1e-6)
    assert grid.starts(length)[0] == 0
    for one, other in zip(grid.starts(length), grid.starts(length)[1:], strict=False):
        assert 0 < other - one <= 64 - 16


def test_windows_are_multiples_and_pad_by_reflection() -> None:
    seen = []

    def apply(part: np.ndarray, window: tiles.Window) -> np.ndarray:
        seen.append(part.copy())
        return part

    picture = np.arange(5 * 3, dtype=np.float32).reshape(5, 3, 1)
    result = collected(5, 3, lambda r, c: picture[r, c], apply, tiles.Grid(64, 16, 8))
    np.testing.assert_array_equal(result, picture)
    assert seen[0].shape == (8, 8, 1)
    np.testing.assert_array_equal(seen[0][5], seen[0][3])  # reflected about the last row
    np.testing.assert_array_equal(seen[0][:, 3], seen[0][:, 1])


def test_a_step_between_windows_becomes_a_ramp() -> None:
    picture = np.zeros((64, 300, 1), np.float32)
    calls = []

    def apply(part: np.ndarray, window: tiles.Window) -> np.ndarray:
        calls.append(window)
        return np.full_like(part, float(len(calls) % 2))

    row = collected(64, 300, lambda r, c: picture[r, c], apply, tiles.Grid(64, 32))[10, :, 0]
    assert np.ptp(row) > 0.9
    assert np.abs(np.diff(row)).max() < 0.1  # a hard seam would be 1


def test_progress_rises_to_one(rng: np.random.Generator) -> None:
    picture = rng.random((200, 150, 3), dtype=np.float32)
    shares: list[float] = []
    collected(200, 150, lambda r, c: picture[r, c], lambda part, window: part, tiles.Grid(64, 16), shares.append)
    assert shares == sorted(shares) and shares[-1] == 1


def test_memory_is_bounded_by_a_row_of_windows() -> None:
    row = np.zeros((1, 2000, 3), np.float32)
    tracemalloc.start()
    for _, _ in tiles.run(
        4000, 2000, lambda r, c: np.broadcast_to(row, (r.stop - r.start, 2000, 3))[:, c], lambda p, w: p, tiles.Grid(128, 16)
    ):
        pass
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 20e6  # the whole picture would be 96 MB


def test_a_grid_that_cannot_cover_is_refused() -> None:
    with pytest.raises(UsageError, match="overlap"):
        tiles.Grid(64, 64)


def test_reduce_in_bands_is_the_area_mean_of_the_whole(rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> None:
    picture = rng.random((157, 211, 3), dtype=np.float32)
    monkeypatch.setattr(tiles, "BAND_PIXELS", 211 * 10)
    reduced = tiles.reduce(lambda r, c: picture[r, c], 157, 211, 40, 33)
    np.testing.assert_allclose(reduced, cv2.resize(picture, (33, 40), interpolation=cv2.INTER_AREA), atol=2e-6)


def test_enlarged_parts_are_the_parts_of_the_enlarged_whole(rng: np.random.Generator) -> None:
    copy = rng.random((13, 17, 2), dtype=np.float32)
    whole = cv2.resize(copy, (170, 130), interpolation=cv2.INTER_LINEAR)
    part = tiles.enlarged(copy, slice(30, 77), slice(101, 170), 130, 170)
    np.testing.assert_allclose(part, whole[30:77, 101:170], atol=1e-5)


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (3000, 4000), (600, 12000)])
def test_working_size_is_in_multiples_and_bounded(size: tuple[int, int]) -> None:
    tall, wide = tiles.working_size(*size, 256, 16)
    assert tall % 16 == 0 and wide % 16 == 0 and tall >= 16 and wide >= 16
    assert tall * wide <= 2.75 * 256 * 256
    assert tiles.working_size(3000, 4000, 256, 16) == (256, 336)


@pytest.mark.parametrize("threads", [1, 2, 5])
def test_what_is_made_beside_each_other_comes_in_order(threads: int) -> None:
    def slow_first(number: int) -> int:
        time.sleep(0.02 if number % 3 == 0 else 0)
        return number * number

    assert list(tiles.in_order(slow_first, range(20), threads)) == [number * number for number in range(20)]


@pytest.mark.parametrize("threads", [1, 3])
def test_a_failure_beside_others_is_raised_and_ends_the_work(threads: int) -> None:
    asked: list[int] = []

    def fails(number: int) -> int:
        asked.append(number)
        if number == 4:
            raise UsageError("the fourth")
        return number

    with pytest.raises(UsageError, match="the fourth"):
        list(tiles.in_order(fails, range(1000), threads))
    assert len(asked) <= 4 + 2 * threads + 1


def test_threads_change_nothing(rng: np.random.Generator) -> None:
    picture = rng.random((150, 170, 3)).astype(np.float32)

    def blurred(part: np.ndarray, window: tiles.Window) -> np.ndarray:
        return cv2.GaussianBlur(part, (0, 0), 2)

    def run(threads: int) -> np.ndarray:
        fetch = lambda rows, columns: picture[rows, columns]  # noqa: E731
        return np.concatenate([band.copy() for _, band in tiles.run(150, 170, fetch, blurred, tiles.Grid(64, 16, 8), threads=threads)])

    np.testing.assert_array_equal(run(1), run(4))


@pytest.mark.parametrize("length", [65, 100, 500, 1225])
def test_windows_are_no_larger_than_their_number_needs(length: int) -> None:
    grid = tiles.Grid(64, 16)
    side, count = grid.side(length), len(grid.starts(length))
    assert side <= 64 and count == -(-(length - 16) // 48)
    assert (side - 1) * count - 16 * (count - 1) < length  # a pixel less and they would not cover it


@pytest.mark.parametrize("threads", [1, 2])
def test_matrix_products_take_no_threads_meanwhile(threads: int) -> None:
    def blas(_: int) -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = blas(0)
    assert before
    for told in tiles.in_order(blas, range(3), threads):
        assert told == [1] * len(before)
    assert blas(0) == before


@pytest.mark.parametrize(("threads", "in_order"), [(1, ["here", "beside"]), (2, ["beside", "here"])])
def test_what_is_made_beside_is_begun_at_once_or_made_when_asked_for(threads: int, in_order: list[str]) -> None:
    done: list[str] = []
    made = threading.Event()

    def make() -> int:
        done.append("beside")
        made.set()
        return 7

    with tiles.beside(make, threads) as ask:
        if threads > 1:
            assert made.wait(10)
        done.append("here")
        assert ask() == 7
    assert done == in_order
    with tiles.beside(make, 1):
        pass
    assert done == in_order


def test_the_limit_of_matrix_products_is_lifted_when_the_last_has_gone() -> None:
    def blas() -> list[int]:
        return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]

    before = blas()
    first, second = (tiles.in_order(lambda n: n, range(9), 2) for _ in range(2))
    next(first), next(second)
    first.close()
    assert blas() == [1] * len(before)
    second.close()
    assert blas() == before


def test_a_side_that_shrinks_is_averaged_whatever_the_other_does() -> None:
    columns = np.zeros((100, 2560), np.float32)
    columns[:, ::10] = columns[:, 1::10] = 1
    resized = tiles.resize(columns, 256, 256)
    assert resized.shape == (256, 256)
    np.testing.assert_allclose(resized, 0.2, atol=1e-5)
    np.testing.assert_allclose(tiles.resize(columns.T, 256, 256), 0.2, atol=1e-5)
