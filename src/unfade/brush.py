"""BRUSH WORK BECOMES A MASK: strokes and outlines, as a hand drew them, in pixels of the photograph."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Literal, TypedDict

import cv2
import numpy as np

from unfade.arrays import Mask

Kind = Literal["brush", "eraser", "area", "clear"]
_SHIFT = 4  # OpenCV takes coordinates in sixteenths of a pixel


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
    every pixel that no stroke touches.
    """
    drawn = mask.astype(np.uint8)
    for stroke in strokes:
        if stroke["kind"] == "clear":
            drawn[:] = 0
        elif stroke["kind"] == "area":
            _enclose(drawn, stroke)
        elif stroke["points"]:
            _draw(drawn, stroke, 1 if stroke["kind"] == "brush" else 0)
    lost: Mask = drawn.astype(bool)
    return lost


def scaled(strokes: Sequence[Stroke], scale: float) -> list[Stroke]:
    """The strokes on a copy of the photograph that is `scale` times as large."""
    return [
        {"kind": stroke["kind"], "radius_px": stroke["radius_px"] * scale, "points": [(x * scale, y * scale) for x, y in stroke["points"]]}
        for stroke in strokes
    ]


def _enclose(drawn: np.ndarray, stroke: Stroke) -> None:
    if len(stroke["points"]) > 2:
        outline = np.array([_fixed(x - 0.5, y - 0.5) for x, y in stroke["points"]], np.int32)
        cv2.fillPoly(drawn, [outline], 1, cv2.LINE_8, _SHIFT)


def _draw(drawn: np.ndarray, stroke: Stroke, value: int) -> None:
    points = np.array(stroke["points"], np.float64) - 0.5  # OpenCV's whole numbers are the middles of pixels
    radius = max(stroke["radius_px"], 0.5)
    for x, y in points:
        cv2.circle(drawn, _fixed(x, y), round(radius * 2**_SHIFT), value, cv2.FILLED, cv2.LINE_8, _SHIFT)
    for (x, y), (to_x, to_y) in pairwise(points):
        length = np.hypot(to_x - x, to_y - y)
        if length > 0:
            across_x, across_y = radius * (y - to_y) / length, radius * (to_x - x) / length
            corners = [
                _fixed(x + across_x, y + across_y),
                _fixed(to_x + across_x, to_y + across_y),
                _fixed(to_x - across_x, to_y - across_y),
                _fixed(x - across_x, y - across_y),
            ]
            cv2.fillConvexPoly(drawn, np.array(corners, np.int32), value, cv2.LINE_8, _SHIFT)


def _fixed(x: float, y: float) -> tuple[int, int]:
    return round(x * 2**_SHIFT), round(y * 2**_SHIFT)
