"""What was invented: how far from each repainted pixel the nearest known one is, and how unsure its color is.

A narrow scratch is a guess between neighbors. The middle of a large hole is made up: nothing near is known.
`measure` tells the one from the other, and `as_picture` keeps it for every pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import cv2
import numpy as np

from unfade.arrays import Mask
from unfade.files.photo import Photo
from unfade.tiles import bands

if TYPE_CHECKING:
    from unfade.models.session import Session

LARGE_SHARE = 0.02
"""An invention is large where its middle is farther from anything known than this share of the short side:
20 pixels of 1,000 are a thumb's width on a portrait."""

FAR_APART = 60.0
"""a*b* apart by so much, as leaf green and skin are, is no knowledge at all."""

MOST_NAMED = 20
_FULL = 65_535
_NEAR, _FAR = np.array([255, 190, 40, 130], np.float32), np.array([120, 0, 200, 235], np.float32)


@dataclass(frozen=True)
class Invention:
    """One connected place that was repainted: its box (left, top, right, bottom), its pixels, and how far its
    middle is from what is known, in pixels."""

    box: tuple[int, int, int, int]
    pixels: int
    distance_px: float

    def sentence(self) -> str:
        """Such as "invented: 410 pixels at 30, 20, up to 12 pixels from anything known"."""
        left, top, _, _ = self.box
        return f"invented: {self.pixels:,} pixels at {left}, {top}, up to {self.distance_px:,.0f} pixels from anything known"


@dataclass(frozen=True)
class Inventions:
    """What was invented in a whole photograph.

    `distance` (h, w) float32: to the nearest known pixel, in pixels; 0 where nothing was repainted. `doubt`
    (h, w) float32 in [0, 1]: how unsure the color is, 0 where none was put in. `large`: the largest
    inventions, the farthest first.
    """

    distance: np.ndarray
    doubt: np.ndarray
    large: tuple[Invention, ...]

    @property
    def share(self) -> float:
        """The share of the photograph that was repainted."""
        return float((self.distance > 0).mean())


def measure(before: Photo, after: Photo, mask: Mask | None, doubt: np.ndarray | None = None) -> Inventions:
    """What of `after` was invented. `mask` (h, w): what was taken for lost; of it, what changed was
    repainted. `doubt`: `color_doubt`, where color was put in."""
    shape = before.height, before.width
    painted = np.zeros(shape, bool) if mask is None else mask & _changed(before, after)
    distance = depth(painted)
    return Inventions(distance, np.zeros(shape, np.float32) if doubt is None else doubt, tuple(_large(painted, distance)))


def _changed(before: Photo, after: Photo) -> Mask:
    one = before.as_rgb() if after.channels != before.channels else before
    changed: Mask = (one.samples != after.samples).any(axis=2)
    return changed


def depth(painted: Mask) -> np.ndarray:
    """How far from each painted pixel (h, w) the nearest is that was not, in pixels, float32; 0 where nothing
    was painted. The photograph's edge is nothing known.

    >>> depth(np.array([[False, True, True, True]])).tolist()
    [[0.0, 1.0, 2.0, 3.0]]
    """
    if not painted.any():
        return np.zeros(painted.shape, np.float32)
    if painted.all():
        return np.full(painted.shape, float(max(painted.shape)), np.float32)
    return cv2.distanceTransform(painted.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _large(painted: Mask, distance: np.ndarray) -> list[Invention]:
    least = LARGE_SHARE * min(painted.shape)
    if float(distance.max(initial=0)) <= least:
        return []
    count, labels, boxes, _ = cv2.connectedComponentsWithStats(painted.view(np.uint8), connectivity=8)
    farthest = np.zeros(count, np.float32)
    for rows in bands(*painted.shape):
        np.maximum.at(farthest, np.asarray(labels[rows]).astype(np.intp).ravel(), distance[rows].ravel())
    order = [number for number in np.argsort(-farthest[1:], kind="stable") + 1 if farthest[number] > least]
    found = []
    for number in order[:MOST_NAMED]:
        left, top, across, down, pixels = (int(value) for value in boxes[number])
        found.append(Invention((left, top, left + across, top + down), pixels, round(float(farthest[number]), 1)))
    return found


def color_doubt(before: Photo, session: Session) -> np.ndarray:
    """How unsure the colorizer is of each color, (h, w) float32 in [0, 1]: how far its safest and its most
    vivid choice lie apart in a*b*, against `FAR_APART`. Where they agree, it has no choice. `session`: the
    colorizer's."""
    from unfade.steps._chroma import spread

    apart = np.clip(spread(before, session) / FAR_APART, 0, 1)
    return cv2.resize(apart, (before.width, before.height), interpolation=cv2.INTER_LINEAR)


def as_picture(found: Inventions, name: str = "invented") -> Photo:
    """The inventions as a 16-bit RGB picture that keeps the numbers.

    Red: the distance in sixteenths of a pixel, at most 4,095 pixels. Green: how unsure the color is, 0 to
    65,535. Blue: 65,535 where the pixel was repainted.
    """
    red = np.minimum(np.rint(found.distance * 16), _FULL)
    green = np.rint(found.doubt * _FULL)
    blue = np.where(found.distance > 0, _FULL, 0)
    return Photo(np.stack([red, green, blue], axis=2).astype(np.uint16), name=name)


def shaded(distance: np.ndarray) -> np.ndarray:
    """Distances (h, w) as a layer to lay over the photograph, RGBA (h, w, 4) uint8: nothing where nothing was
    repainted, pale amber where what is known is near, strong violet where an invention is large."""
    far = np.minimum(distance / (LARGE_SHARE * min(distance.shape)), 1.0)[:, :, None]
    layer = np.rint(_NEAR + (_FAR - _NEAR) * far).astype(np.uint8)
    return np.where(distance[:, :, None] > 0, layer, np.uint8(0))


def distance_of(picture: Photo) -> np.ndarray:
    """The distances (h, w), in pixels, of what `as_picture` made.

    >>> found = Inventions(np.array([[0, 2.5]], np.float32), np.zeros((1, 2), np.float32), ())
    >>> distance_of(as_picture(found)).tolist()
    [[0.0, 2.5]]
    """
    distance: np.ndarray = picture.samples[:, :, 0].astype(np.float32) / 16
    return distance


def weight(found: Inventions) -> float:
    """How much was invented, in [0, 1]: the largest distance against a tenth of the short side."""
    if not found.large:
        return 0.0
    return min(1.0, found.large[0].distance_px / (0.1 * float(min(found.distance.shape))))
