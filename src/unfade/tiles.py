"""Windows over a picture of any size: plan, cut, run, blend; sizes and overlaps come from the model's card.

A picture is never scaled to fit a network: it is covered with windows that overlap, each is padded by
reflection where the picture is smaller than a window, and the results are blended with raised-cosine weights
that add up to one, so that no seam is seen and the identity function comes back as the picture. Results come
out in finished bands of rows, top to bottom, so that memory is bounded by one row of windows, whatever the
picture's size.
"""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import pairwise
from typing import TypeVar

import cv2
import numpy as np
from threadpoolctl import ThreadpoolController

from unfade.arrays import Image, Plane, Samples
from unfade.errors import UsageError

Fetch = Callable[[slice, slice], np.ndarray]
"""Gives the picture's part in these rows and columns, (h, w, c) float32."""

_Given = TypeVar("_Given")
_Made = TypeVar("_Made")

_SHARED_ROWS = 64  # so many rows are summed at once where a picture shrinks: most shares of far more would be none
BAND_PIXELS = 2_000_000  # what is converted at once when a picture is gone through in bands: 24 MB as float32 RGB


@dataclass(frozen=True)
class Window:
    """One window: `rows` and `columns` of the picture, inside it.

    `height` and `width`: the size to which it is padded, below and to the right.
    """

    rows: slice
    columns: slice
    height: int
    width: int

    @property
    def inner_height(self) -> int:
        """Rows that are picture, not padding."""
        return int(self.rows.stop - self.rows.start)

    @property
    def inner_width(self) -> int:
        """Columns that are picture, not padding."""
        return int(self.columns.stop - self.columns.start)


@dataclass(frozen=True)
class Grid:
    """How windows cover a picture: at most `tile_px` on a side, overlapping by at least `overlap_px`.

    There are as few as that takes, all of one size, and no larger than so many need to be, rounded up to the
    `multiple`: a picture a little larger than a window is two halves, not two wholes. Raises `UsageError` if
    the overlap is not below the tile.
    """

    tile_px: int
    overlap_px: int
    multiple: int = 1

    def __post_init__(self) -> None:
        if self.multiple < 1 or self.tile_px < 1 or not 0 <= self.overlap_px < self.tile_px:
            raise UsageError(
                f"windows of {self.tile_px} px with {self.overlap_px} px of overlap in multiples of {self.multiple} cover nothing; "
                "the overlap must be below the tile"
            )

    def side(self, length: int) -> int:
        """The side of a window along an axis of `length` pixels, padding included."""
        count = self._count(length)
        return round_up(-(-(length + (count - 1) * self.overlap_px) // count), self.multiple)

    def starts(self, length: int) -> list[int]:
        """Where the windows begin along an axis of `length` pixels.

        They are evenly spread; the first begins at 0, the last ends at the picture's end.

        >>> Grid(tile_px=512, overlap_px=64).starts(1000)
        [0, 312, 624]
        """
        count, side = self._count(length), self.side(length)
        return [round(index * max(length - side, 0) / max(count - 1, 1)) for index in range(count)]

    def _count(self, length: int) -> int:
        largest = max(round_up(self.tile_px, self.multiple), self.multiple)
        return max(1, -(-(length - self.overlap_px) // (largest - self.overlap_px)))

    def weights(self, length: int) -> list[np.ndarray]:
        """The weights of each window along an axis; together they sum to 1.

        A weight is 1 where a window is alone, a raised cosine where it meets its neighbour.
        """
        side, starts = self.side(length), self.starts(length)
        ends = [min(start + side, length) for start in starts]
        weights = [np.ones(end - start, np.float32) for start, end in zip(starts, ends, strict=True)]
        for index, (end, following) in enumerate(pairwise(zip(ends, starts, strict=True))):
            shared = end[0] - following[1]
            if shared > 0:
                ramp = raised_cosine(shared)
                weights[index][-shared:] *= ramp[::-1]
                weights[index + 1][:shared] *= ramp
        total = np.zeros(length, np.float32)
        for start, end_, weight in zip(starts, ends, weights, strict=True):
            total[start:end_] += weight
        return [weight / total[start:end_] for start, end_, weight in zip(starts, ends, weights, strict=True)]

    def windows(self, height: int, width: int) -> list[Window]:
        """The windows over a picture of `height` x `width`, in reading order."""
        tall, wide = self.side(height), self.side(width)
        return [
            Window(slice(top, min(top + tall, height)), slice(left, min(left + wide, width)), tall, wide)
            for top in self.starts(height)
            for left in self.starts(width)
        ]


def round_up(length: int, multiple: int) -> int:
    """The least multiple of `multiple` that is not below `length`.

    >>> round_up(65, 32)
    96
    """
    return -(-length // multiple) * multiple


def raised_cosine(length: int) -> np.ndarray:
    """A ramp from near 0 to near 1, (length,) float32, whose sum with its mirror image is 1.

    >>> raised_cosine(2).round(3)
    array([0.146, 0.854], dtype=float32)
    """
    return (0.5 - 0.5 * np.cos(np.pi * (np.arange(length) + 0.5) / length)).astype(np.float32)


def pad(part: np.ndarray, height: int, width: int) -> np.ndarray:
    """`part` (h, w, c) continued below and to the right by reflection to (height, width, c).

    A single row or column is repeated.

    >>> pad(np.array([[[1], [2], [3]]]), 1, 5)[0, :, 0].tolist()
    [1, 2, 3, 2, 1]
    """
    below, right = height - part.shape[0], width - part.shape[1]
    return part if below == 0 and right == 0 else np.pad(part, ((0, below), (0, right), (0, 0)), mode="reflect")


def run(
    height: int,
    width: int,
    fetch: Fetch,
    apply: Callable[[np.ndarray, Window], np.ndarray],
    grid: Grid,
    progress: Callable[[float], None] | None = None,
    *,
    threads: int = 1,
) -> Iterator[tuple[slice, np.ndarray]]:
    """Run `apply` over every window of a picture and blend the results.

    Yields (rows, band (rows, width, k) float32), top to bottom, each row once.

    `fetch` gives the picture's part in a window; `apply` takes it padded, (window.height, window.width, c),
    with the window, and gives (window.height, window.width, k); both are called from `threads` threads at
    once. `progress` is called with the share done after each window. Memory: one row of windows.
    """

    def made(window: Window) -> np.ndarray:
        return apply(pad(fetch(window.rows, window.columns), window.height, window.width), window)

    tops, lefts = grid.starts(height), grid.starts(width)
    down, across = grid.weights(height), grid.weights(width)
    windows = grid.windows(height, width)
    results = zip(windows, in_order(made, windows, threads), strict=True)
    count, done, strip = len(tops) * len(lefts), 0, np.zeros((0, 0), np.float32)
    for index, top in enumerate(tops):
        for left, weight in zip(lefts, across, strict=True):
            window, result = next(results)
            depth = result.shape[2]
            if strip.size == 0:
                strip = np.zeros((len(down[index]), width * depth), np.float32)
            inner = result[: window.inner_height, : window.inner_width].reshape(window.inner_height, -1)  # numpy is slow on rows of three
            weighted = inner * np.repeat(weight, depth)
            weighted *= down[index][:, None]
            strip[:, left * depth : left * depth + weighted.shape[1]] += weighted
            done += 1
            if progress is not None:
                progress(done / count)
        finished = (tops[index + 1] if index + 1 < len(tops) else height) - top
        yield slice(top, top + finished), strip[:finished].reshape(finished, width, -1)
        if index + 1 < len(tops):
            following = np.zeros((len(down[index + 1]), strip.shape[1]), np.float32)
            following[: len(strip) - finished] = strip[finished:]
            strip = following


def in_order(make: Callable[[_Given], _Made], given: Iterable[_Given], threads: int) -> Iterator[_Made]:
    """`make` of each of `given`, in their order, made by `threads` threads at once.

    At most twice as many as there are threads are under way or waiting to be taken. Meanwhile matrix products
    take no threads of their own: BLAS's wait for each other, and a fill took half as long again.
    """
    with _ONE_BLAS_THREAD:
        if threads == 1:
            yield from map(make, given)
            return
        with ThreadPoolExecutor(threads) as pool:
            waiting: deque[Future[_Made]] = deque()
            try:
                for one in given:
                    waiting.append(pool.submit(make, one))
                    if len(waiting) == 2 * threads:
                        yield waiting.popleft().result()
                while waiting:
                    yield waiting.popleft().result()
            finally:
                for future in waiting:
                    future.cancel()


@contextmanager
def beside(make: Callable[[], _Made], threads: int) -> Iterator[Callable[[], _Made]]:
    """What gives what `make` makes: begun on a thread beside this one, or, with one thread, when it is asked
    for."""
    if threads == 1:
        yield make
        return
    with ThreadPoolExecutor(1) as pool:
        yield pool.submit(make).result


class _OneBlasThread:
    """Matrix products take one thread while anybody is within. The limit is the whole process's: the first to
    come sets it, and the last to go lifts it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._within = 0
        self._lift: Callable[[], None] = _nothing
        self._controller: ThreadpoolController | None = None

    def __enter__(self) -> None:
        with self._lock:
            if not self._within:
                self._controller = self._controller or ThreadpoolController()
                self._lift = self._controller.limit(limits=1, user_api="blas").restore_original_limits
            self._within += 1

    def __exit__(self, *raised: object) -> None:
        with self._lock:
            self._within -= 1
            if not self._within:
                self._lift()


def _nothing() -> None:
    """Nothing is limited yet."""


_ONE_BLAS_THREAD = _OneBlasThread()


def bands(height: int, width: int, pixels: int = BAND_PIXELS) -> Iterator[slice]:
    """Rows of a picture in bands of about `pixels` pixels, top to bottom.

    >>> list(bands(height=5, width=10, pixels=20))
    [slice(0, 2, None), slice(2, 4, None), slice(4, 5, None)]
    """
    rows = max(1, pixels // max(width, 1))
    for top in range(0, height, rows):
        yield slice(top, min(top + rows, height))


def count_changed(before: Samples, after: Samples) -> int:
    """How many pixels of two pictures (h, w, 1|3) have a sample that differs.

    A gray picture is compared with all three channels of a color one.

    >>> before = np.zeros((2, 2, 3), np.uint8)
    >>> after = before.copy()
    >>> after[0, 1] = 7
    >>> count_changed(before, after)
    1
    """
    changed = 0
    for rows in bands(before.shape[0], before.shape[1]):
        differs = np.zeros(before[rows].shape[:2], bool)
        for channel in range(max(before.shape[2], after.shape[2])):
            differs |= before[rows, :, min(channel, before.shape[2] - 1)] != after[rows, :, min(channel, after.shape[2] - 1)]
        changed += int(np.count_nonzero(differs))
    return changed


def _area_shares(length: int, target: int, rows: slice) -> tuple[int, np.ndarray]:
    """The share of each source row in `rows` in the target rows that it meets.

    Gives (first target row, (targets, rows) float32).
    """
    scale = length / target
    first, last = int(rows.start / scale), min(target, int(np.ceil(rows.stop / scale)))
    edges = np.arange(first, last + 1) * scale
    source = np.arange(rows.start, rows.stop)
    overlap = np.minimum(source[None, :] + 1, edges[1:, None]) - np.maximum(source[None, :], edges[:-1, None])
    return first, (np.maximum(overlap, 0) / scale).astype(np.float32)


def resize(image: np.ndarray, height: int, width: int) -> np.ndarray:
    """An array (h, w) or (h, w, c) at another size.

    The mean over each pixel's area where a side shrinks, bilinear where it grows.
    """
    tall, wide = image.shape[:2]
    if (tall, wide) == (height, width):
        return image
    if (height - tall) * (width - wide) < 0:  # one side shrinks: that one first, by itself
        image = resize(image, min(height, tall), min(width, wide))
    shrinks = height <= image.shape[0] and width <= image.shape[1]
    resized = cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return resized if resized.ndim == image.ndim else resized[:, :, None]


def reduce(fetch: Fetch, height: int, width: int, target_height: int, target_width: int) -> Image:
    """The whole picture at another size, (target_height, target_width, c) float32.

    It is never held whole at its own size.

    Shrinking takes the mean over each target pixel's area, exactly as if the whole had been resized at once;
    growing is bilinear.
    """
    if height * width <= BAND_PIXELS or target_height > height or target_width > width:
        return resize(fetch(slice(0, height), slice(0, width)), target_height, target_width)
    total: np.ndarray | None = None
    for rows in bands(height, width):
        narrow = resize(fetch(rows, slice(0, width)), rows.stop - rows.start, target_width)
        if total is None:
            total = np.zeros((target_height, target_width, narrow.shape[2]), np.float32)
        for top in range(rows.start, rows.stop, _SHARED_ROWS):
            part = slice(top, min(top + _SHARED_ROWS, rows.stop))
            first, shares = _area_shares(height, target_height, part)
            total[first : first + len(shares)] += np.tensordot(shares, narrow[part.start - rows.start : part.stop - rows.start], axes=1)
    assert total is not None  # a picture has at least one row
    return total


def enlarged(copy: np.ndarray, rows: slice, columns: slice, height: int, width: int) -> np.ndarray:
    """A part of a picture that is known by a smaller `copy` (h, w, c) only, bilinear, float32.

    The part lies in `rows` and `columns` of the picture of `height` x `width`.

    As `cv2.resize` would make it; `cv2.remap` knows only 32 places between two pixels, which shows as steps
    when a copy grows much.
    """

    def between(part: slice, length: int, copied: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        place = np.clip((np.arange(part.start, part.stop) + 0.5) * (copied / length) - 0.5, 0, copied - 1)
        lower = place.astype(np.int64)
        return lower, np.minimum(lower + 1, copied - 1), (place - lower).astype(np.float32)

    upper, lower, down = between(rows, height, copy.shape[0])
    left, right, across = between(columns, width, copy.shape[1])
    narrow: np.ndarray = copy[upper] + (copy[lower] - copy[upper]) * down[:, None, None]
    part: np.ndarray = narrow.take(left, axis=1)
    part += (narrow.take(right, axis=1) - part) * across[None, :, None]
    return part


def working_size(height: int, width: int, short_px: int, multiple: int, longest: float = 2.5) -> tuple[int, int]:
    """The size at which a picture's short side is about `short_px`, both sides multiples of `multiple`.

    A picture longer than `longest` times its short side gets no more pixels than one of just that shape, so
    that a panorama costs what a photograph costs.
    """
    scale = short_px / min(height, width)
    area = height * width * scale * scale
    scale *= min(1.0, (longest * short_px * short_px / area) ** 0.5)
    return scaled_size(height, width, scale, multiple)


def scaled_size(height: int, width: int, scale: float, multiple: int) -> tuple[int, int]:
    """`scale` times a picture's size, each side the nearest multiple of `multiple`, at least one.

    >>> scaled_size(1080, 1920, 0.25, 32)
    (256, 480)
    """
    tall, wide = (max(multiple, round(side * scale / multiple) * multiple) for side in (height, width))
    return tall, wide


def feather(height: int, width: int, margin: int) -> Plane:
    """Weights (height, width) of a window that stands alone.

    1 inside, falling to near 0 over `margin` pixels at its four sides.
    """

    def axis(length: int) -> np.ndarray:
        weight = np.ones(length, np.float32)
        span = min(margin, length // 2)
        if span:
            weight[:span] = raised_cosine(span)
            weight[-span:] = weight[:span][::-1]
        return weight

    weights: Plane = axis(height)[:, None] * axis(width)[None, :]
    return weights
