"""Damage masks: their connected components, one by one, and masks as files.

A component can be kept as it is or repaired. Its number follows from the mask alone, and so stays for ever.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypedDict

import cv2
import numpy as np

from unfade.arrays import Mask
from unfade.files import photo
from unfade.files.photo import Photo

NAME = "the mask"  # what messages call its file: they must hold no name of the user's
MAX_COMPONENTS = 2000
MAX_OUTLINE = 64
_CONTOUR_POINTS = 4000
_BAND_ROWS = 256

Kind = Literal["scratch", "spot", "hole"]


def mask_sha256(mask: Mask) -> str:
    """SHA-256 of a mask (h, w) packed to bits row by row, the first pixel in the highest bit.

    >>> mask_sha256(np.array([[True, False]]))[:8]
    '76be8b52'
    """
    return hashlib.sha256(np.packbits(mask, axis=1).tobytes()).hexdigest()


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

    >>> mask = np.zeros((8, 8), bool)
    >>> mask[6, 6] = mask[1:3, 1:4] = True
    >>> found, count = components(mask)
    >>> count, [one["area_px"] for one in found]
    (2, [6, 1])
    """
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    areas = boxes[1:, cv2.CC_STAT_AREA]
    order = [int(number) for number in np.argsort(-areas, kind="stable")[:MAX_COMPONENTS] + 1]
    in_boxes = np.prod(boxes[order][:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].astype(np.int64), axis=1).sum()
    if in_boxes <= mask.size:
        shapes = {number: _shape_in_box(labels, boxes[number], number) for number in order}
    else:  # boxes that overlap (long scratches side by side) would be looked at over and over
        shapes = _shapes_at_once(mask, labels, count, order)
    return [_component(boxes[number], number, shapes[number], min(mask.shape)) for number in order], count - 1


@dataclass(frozen=True)
class _Shape:
    """The outline of a component, (n, 1, 2), and the radius of the largest disc that fits in it."""

    contour: np.ndarray
    radius: float


def _shape_in_box(labels: np.ndarray, box: np.ndarray, number: int) -> _Shape:
    left, top, width, height = (int(value) for value in box[:4])
    part = (labels[top : top + height, left : left + width] == number).astype(np.uint8)
    contours, _ = cv2.findContours(part, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE, offset=(left, top))
    return _Shape(max(contours, key=len), float(_inside(part).max()))


def _inside(part: np.ndarray) -> np.ndarray:
    """How far each pixel lies inside; what is outside the picture is outside the damage, too."""
    return cv2.distanceTransform(cv2.copyMakeBorder(part, 1, 1, 1, 1, cv2.BORDER_CONSTANT), cv2.DIST_L2, 3)


def _shapes_at_once(mask: Mask, labels: np.ndarray, count: int, order: Collection[int]) -> dict[int, _Shape]:
    """The same of many components in one pass over the mask.

    They do not touch, so none is in another's way.
    """
    contours, levels = cv2.findContours(mask.view(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    outer: dict[int, np.ndarray] = {}
    wanted = frozenset(order)
    for contour, level in zip(contours, levels[0], strict=True):
        number = int(labels[contour[0, 0, 1], contour[0, 0, 0]])
        if level[3] < 0 and number in wanted:  # no hole
            outer[number] = contour
    inside, radii = _inside(mask.view(np.uint8))[1:-1, 1:-1], np.zeros(count, np.float32)
    for top in range(0, mask.shape[0], _BAND_ROWS):  # the places of all lost pixels at once would take gigabytes
        rows = slice(top, top + _BAND_ROWS)
        lost = mask[rows]
        np.maximum.at(radii, labels[rows][lost], inside[rows][lost])
    return {number: _Shape(outer[number], float(radii[number])) for number in order}


def _component(box: np.ndarray, number: int, shape: _Shape, short_px: int) -> Component:
    left, top, width, height, area = (int(value) for value in box)
    return {
        "id": number,
        "kind": _kind(shape.radius, area, max(width, height), short_px),
        "x": left,
        "y": top,
        "width": width,
        "height": height,
        "size_px": max(width, height),
        "area_px": area,
        "outline": _outline(shape.contour),
    }


def _outline(contour: np.ndarray) -> list[tuple[int, int]]:
    """A contour in at most `MAX_OUTLINE` points."""
    outline = np.ascontiguousarray(contour[:: len(contour) // _CONTOUR_POINTS + 1])  # simplifying takes the square of what it is given
    contour, slack = outline, 0.75
    while len(outline) > MAX_OUTLINE:
        outline = cv2.approxPolyDP(contour, slack, closed=True)
        slack *= 1.6
    return [(int(x), int(y)) for x, y in outline.reshape(-1, 2)]


def _kind(radius: float, area: int, size_px: int, short_px: int) -> Kind:
    """A scratch is long for its width: twice the radius of the largest disc that fits in it.

    A hole is a large component that is not long.
    """
    if size_px >= 4 * 2 * radius and size_px >= 8:
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


def reduced(mask: Mask, height: int, width: int) -> Mask:
    """A mask on a smaller grid: lost where a quarter is."""
    return cv2.resize(mask.view(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA) >= 64


# --- masks as files


class MaskFacts(TypedDict):
    """What a mask is: the share of the photograph that is lost, and in how many components."""

    share: float
    objects: int


def drawn(picture: Photo) -> Mask:
    """What is lost by a picture of it: what is white, or half white. Where it has alpha, what is transparent
    is not lost.

    >>> drawn(Photo(np.array([[[0], [127], [128], [255]]], np.uint8)))
    array([[False, False,  True,  True]])
    """
    half = 2 ** (picture.bits - 1)
    lost: Mask = picture.samples.max(axis=2) >= half
    return lost if picture.alpha is None else lost & (picture.alpha >= half)


def as_photo(mask: Mask, name: str = NAME) -> Photo:
    """A mask as a picture of 8 bits, white = lost: what `drawn` reads."""
    return Photo(mask.view(np.uint8)[:, :, None] * np.uint8(255), name=name)


def read_mask(source: str | Path) -> Mask:
    """A mask that was written by `write_mask`."""
    return drawn(photo.read(source, max_megapixels=float("inf"), name=NAME))


def write_mask(mask: Mask, target: Path, facts: Path) -> MaskFacts:
    """Write a mask as an 8-bit gray PNG, white = lost, and its components as JSON to `facts`."""
    encoded, data = cv2.imencode(".png", mask.view(np.uint8) * 255, [cv2.IMWRITE_PNG_COMPRESSION, 3])
    assert encoded
    target.write_bytes(data.tobytes())
    found, total = components(mask)
    facts.write_text(json.dumps({"total": total, "objects": found}))
    return {"share": float(mask.mean()), "objects": total}
