"""Damage masks: their connected components, one by one, and masks as files.

A component can be kept as it is or repaired. Its number follows from the mask alone, and so stays for ever.
"""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path
from typing import Literal, TypedDict

import cv2
import numpy as np

from unfade.arrays import Mask
from unfade.files import photo

NAME = "the mask"  # what messages call its file: they must hold no name of the user's
MAX_COMPONENTS = 2000
MAX_OUTLINE = 64

Kind = Literal["scratch", "spot", "hole"]


class Component(TypedDict):
    """One connected component of a mask, as JSON. Box and outline are in pixels of the photograph."""

    id: int
    kind: Kind
    x: int
    y: int
    width: int
    height: int
    size_px: int
    area_px: int
    outline: list[tuple[int, int]]


def components(mask: Mask) -> tuple[list[Component], int]:
    """The connected components (diagonals count) of `mask` (h, w), and how many there are.

    The largest area comes first; of more than `MAX_COMPONENTS` the smallest are left out.
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = boxes[1:, cv2.CC_STAT_AREA]
    order = np.argsort(-areas, kind="stable")[:MAX_COMPONENTS] + 1
    return [_component(labels, boxes[number], int(number), min(mask.shape)) for number in order], count - 1


def _component(labels: np.ndarray, box: np.ndarray, number: int, short_px: int) -> Component:
    left, top, width, height, area = (int(value) for value in box)
    part = (labels[top : top + height, left : left + width] == number).astype(np.uint8)
    contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top))
    contour = max(contours, key=len)
    outline, slack = contour, 0.75
    while len(outline) > MAX_OUTLINE:
        outline = cv2.approxPolyDP(contour, slack, closed=True)
        slack *= 1.6
    return {
        "id": number,
        "kind": _kind(part, area, max(width, height), short_px),
        "x": left,
        "y": top,
        "width": width,
        "height": height,
        "size_px": max(width, height),
        "area_px": area,
        "outline": [(int(x), int(y)) for x, y in outline.reshape(-1, 2)],
    }


def _kind(part: np.ndarray, area: int, size_px: int, short_px: int) -> Kind:
    """A scratch is long for its width: twice the radius of the largest disc that fits in it.

    A hole is a large component that is not long.
    """
    inside = cv2.distanceTransform(cv2.copyMakeBorder(part, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)
    thick = 2 * float(inside.max())
    if size_px >= 4 * thick and size_px >= 8:
        return "scratch"
    return "hole" if area >= (short_px / 40) ** 2 and area >= 64 else "spot"


def without(mask: Mask, numbers: Collection[int], largest_px: int | None) -> Mask:
    """The mask without the components of these numbers, and of those with a box longer than `largest_px`."""
    if not numbers and largest_px is None:
        return mask
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    kept = np.ones(count, bool)
    kept[0] = False
    kept[[number for number in numbers if number < count]] = False
    if largest_px is not None:
        kept &= np.maximum(boxes[:, cv2.CC_STAT_WIDTH], boxes[:, cv2.CC_STAT_HEIGHT]) <= largest_px
    lasting: Mask = kept[labels]
    return lasting


def component_at(mask: Mask, x: float, y: float, radius_px: float) -> int | None:
    """The number of the component nearest to a place; None if none lies within `radius_px` of it."""
    column, row, reach = int(x), int(y), int(radius_px) + 1
    rows, columns = slice(max(0, row - reach), row + reach + 1), slice(max(0, column - reach), column + reach + 1)
    near = np.argwhere(mask[rows, columns])
    if not len(near):
        return None
    distance = np.hypot(near[:, 0] + rows.start - y, near[:, 1] + columns.start - x)
    nearest = int(distance.argmin())
    if distance[nearest] > radius_px + 1:
        return None
    _, labels = cv2.connectedComponents(mask.view(np.uint8), connectivity=8)
    return int(labels[near[nearest][0] + rows.start, near[nearest][1] + columns.start])


# --- masks as files


class MaskFacts(TypedDict):
    """What a mask is: the share of the photograph that is lost, and in how many components."""

    share: float
    objects: int


def read_mask(source: str | Path) -> Mask:
    """A mask that was written by `write_mask`."""
    return photo.read(source, max_megapixels=float("inf"), name=NAME).samples[:, :, 0] >= 128


def write_mask(mask: Mask, target: Path, facts: Path) -> MaskFacts:
    """Write a mask as an 8-bit gray PNG, white = lost, and its components as JSON to `facts`."""
    encoded, data = cv2.imencode(".png", mask.view(np.uint8) * 255, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    assert encoded
    target.write_bytes(data.tobytes())
    found, total = components(mask)
    facts.write_text(json.dumps({"total": total, "objects": found}))
    return {"share": float(mask.mean()), "objects": total}
