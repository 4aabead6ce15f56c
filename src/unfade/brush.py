"""BRUSH WORK BECOMES A MASK: strokes and outlines, as a hand drew them, in pixels of the photograph."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, TypedDict

import cv2
import numpy as np

from unfade.arrays import Mask
from unfade.errors import UsageError

Kind = Literal["brush", "eraser", "area", "clear"]
_SHIFT = 4  # OpenCV takes coordinates in sixteenths of a pixel
STEP = 1 / 16  # of the radius: points of a stroke that are closer than this change less than a pixel of its edge
ROW_PX = 1000  # one row of an edge takes as long as so many pixels
MOST_PX = 4e9  # what strokes may paint in all: about two seconds


class Stroke(TypedDict):
    """One stroke, as JSON: a round brush of `radius_px` along `points`, or an "area" that they enclose.

    A point is (x, y); (0, 0) is the outer corner of the first pixel.
    """

    kind: Kind
    radius_px: float
    points: list[tuple[float, float]]


def draw(mask: Mask, strokes: Sequence[Stroke]) -> Mask:
    """`mask` (h, w) with the strokes over it, oldest first.

    A brush and an area add, an eraser takes away, "clear" takes all. `mask` itself stays as it is, as does
    every pixel that no stroke touches. Raises `UsageError`, before anything is drawn, for strokes that would
    take longer than a person's ever do.
    """
    last = max((number for number, stroke in enumerate(strokes) if stroke["kind"] == "clear"), default=-1)
    drawn = mask.astype(np.uint8) if last < 0 else np.zeros(mask.shape, np.uint8)
    paths = [_path_of(stroke, mask.shape) for stroke in strokes[last + 1 :] if stroke["points"]]
    painted = sum(path.painted_px() for path in paths)
    if painted > MOST_PX:
        raise UsageError(
            f"the strokes would take {painted / MOST_PX:,.1f} times as long to draw as they may; "
            "use fewer, shorter or smaller ones, or upload a mask"
        )
    for path in paths:
        path.draw(drawn)
    lost: Mask = drawn.astype(bool)
    return lost


def scaled(strokes: Sequence[Stroke], scale: float) -> list[Stroke]:
    """The strokes on a copy of the photograph that is `scale` times as large."""
    return [
        {"kind": stroke["kind"], "radius_px": stroke["radius_px"] * scale, "points": [(x * scale, y * scale) for x, y in stroke["points"]]}
        for stroke in strokes
    ]


def _path_of(stroke: Stroke, shape: tuple[int, ...]) -> _Path | _Area:
    return _Area(stroke, shape) if stroke["kind"] == "area" else _Path(stroke, shape)


class _Area:
    """What an outline encloses, on a picture of (h, w)."""

    def __init__(self, stroke: Stroke, shape: tuple[int, ...]) -> None:
        outline = np.array(_thinned(stroke["points"], 0.5), np.float64) - 0.5
        self._outline, self._shape = outline, shape

    def painted_px(self) -> float:
        """How many pixels drawing takes, at most: those inside, and a step for each edge in each row."""
        height, width = self._shape[:2]
        rows = np.clip(self._outline[:, 1], 0, height)
        edges = float(np.abs(np.diff(rows, append=rows[:1])).sum())
        return float(np.ptp(rows)) * width + ROW_PX * edges

    def draw(self, drawn: np.ndarray) -> None:
        """Draw it on `drawn` (h, w) uint8."""
        if len(self._outline) > 2:
            cv2.fillPoly(drawn, [np.array([_fixed(x, y) for x, y in self._outline], np.int32)], 1, cv2.LINE_8, _SHIFT)


class _Path:
    """A stroke on a picture of (h, w): the discs and the bars between them that touch it."""

    def __init__(self, stroke: Stroke, shape: tuple[int, ...]) -> None:
        self._height, self._width = shape[:2]
        self._value = 1 if stroke["kind"] == "brush" else 0
        self._radius = max(stroke["radius_px"], 0.5)
        points = np.array(_thinned(stroke["points"], self._radius * STEP), np.float64) - 0.5  # whole numbers are middles of pixels
        self._discs = [(float(x), float(y)) for x, y in points if self._box_px(x, y, x, y) > 0]
        self._bars = [(*map(float, one), *map(float, other)) for one, other in pairwise(points) if self._box_px(*one, *other) > 0]

    def _box_px(self, x: float, y: float, to_x: float, to_y: float) -> float:
        """How many pixels of the picture lie in the box around the brush on its way from one place to
        another.
        """
        wide = min(max(x, to_x) + self._radius + 1, self._width) - max(min(x, to_x) - self._radius - 1, 0)
        tall = min(max(y, to_y) + self._radius + 1, self._height) - max(min(y, to_y) - self._radius - 1, 0)
        return max(0.0, wide) * max(0.0, tall)

    def _cost_px(self, x: float, y: float, to_x: float, to_y: float) -> float:
        """What it takes to draw the brush on its way from one place to another, in pixels."""
        length = float(np.hypot(to_x - x, to_y - y))
        rows = min(max(y, to_y) + self._radius + 1, self._height) - max(min(y, to_y) - self._radius - 1, 0)
        return min(self._box_px(x, y, to_x, to_y), 2 * (self._radius + 1) * (length + 2 * self._radius + 2)) + ROW_PX * rows

    def painted_px(self) -> float:
        """How many pixels drawing takes, at most."""
        discs = sum(self._cost_px(x, y, x, y) for x, y in self._discs)
        bars = sum(self._cost_px(*bar) for bar in self._bars)
        return discs + bars

    def draw(self, drawn: np.ndarray) -> None:
        """Draw it on `drawn` (h, w) uint8."""
        for x, y in self._discs:
            cv2.circle(drawn, _fixed(x, y), round(self._radius * 2**_SHIFT), self._value, cv2.FILLED, cv2.LINE_8, _SHIFT)
        for x, y, to_x, to_y in self._bars:
            length = np.hypot(to_x - x, to_y - y)
            if length > 0:
                across_x, across_y = self._radius * (y - to_y) / length, self._radius * (to_x - x) / length
                corners = [
                    _fixed(x + across_x, y + across_y),
                    _fixed(to_x + across_x, to_y + across_y),
                    _fixed(to_x - across_x, to_y - across_y),
                    _fixed(x - across_x, y - across_y),
                ]
                cv2.fillConvexPoly(drawn, np.array(corners, np.int32), self._value, cv2.LINE_8, _SHIFT)


def _thinned(points: Sequence[tuple[float, float]], step_px: float) -> list[tuple[float, float]]:
    """The points without those that are closer than `step_px` to the one before; the last stays."""
    kept = [points[0]]
    for x, y in points[1:]:
        if abs(x - kept[-1][0]) >= step_px or abs(y - kept[-1][1]) >= step_px:
            kept.append((x, y))
    if len(points) > 1 and kept[-1] != points[-1]:
        kept.append(points[-1])
    return kept


def _fixed(x: float, y: float) -> tuple[int, int]:
    return round(x * 2**_SHIFT), round(y * 2**_SHIFT)
