"""How far damage has bled into the pixels beside its mask, which are then not believed.

Blur carries the damage's tone a pixel beyond the mask. JPEG, which keeps color at half the size, and
sharpening carry its color several pixels: a white tear in brown hair has a bluish fringe, and a fill that
starts from the fringe is bluish, too. Both are measured in the same way: the share of the damage's contrast
that a ring around the mask shows, less the share that a ring farther away shows, which tells bleeding from
likeness.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from unfade import color, tiles
from unfade.arrays import Image, Mask, Plane
from unfade.files.photo import Photo
from unfade.inpainting import biharmonic

BANDS = 4  # measured on so many bands of the photograph at most

# Luma: the ring that touches the mask, less the next. Of 80 sharp photographs 76 have less than 0.05; of 80
# old ones, most of them blurred, 60 more than 0.07.
BLEED_LEAST = 0.06
BLEED_CONTRAST = 0.02  # damage that stands out by less on the whole leaves no trace to be seen
BLEED_DAMAGE_PX = 4  # the damage's own tone is the mean within so many pixels,
BLEED_AROUND_PX = (3, 7)  # what it would be without damage the mean of what lies so far from the mask

# Chroma: the ring that touches the mask, less the ring CHROMA_PX away. Eight pixels hold a block of JPEG. Of
# 16 sharp photographs 1 has more than 0.3; of 17 old ones 11.
CHROMA_LEAST = 0.3
CHROMA_PX = 8
# Chroma from afar is worse than chroma with a fringe where a photograph has many colors. Of 9 colorful ones
# with a fringe all have more than 0.049 and lose 0.4 to 3.6 dB by it; of 22 old ones 21 less than 0.036.
VARIETY_MOST = 0.042
# Where damage lies close together, the nearest chroma to be believed is another thing's, and far away. By how
# much farther than what is known it may be, in units of how far from the mask chroma is believed: up to the
# first it counts in full, from the second on not at all.
ASTRAY = (1.2, 1.7)
# What moves a color by more than the first is hardly a fringe, by more than the second it is none: of three
# old photographs with a fringe nineteen pixels in twenty move by less than 21 / 255.
NO_FRINGE = (16 / 255, 32 / 255)
CHROMA_DAMAGE_PX = 12
CHROMA_AROUND_PX = (10, 16)


@dataclass(frozen=True)
class Bleeding:
    """How far the damage of a photograph has bled. `luma`: how much of its contrast in luma the pixels that
    touch the mask show: about 0 if its edge is sharp, 0.2 if the photograph is blurred. `chroma`: the same of
    its color. `variety`: how far chroma on the whole is from what it is some pixels farther away."""

    luma: float
    chroma: float
    variety: float

    @property
    def has_bled(self) -> bool:
        """Whether the pixels that touch the mask are not to be believed."""
        return self.luma >= BLEED_LEAST

    @property
    def believed_chroma_px(self) -> int:
        """How far from the mask the chroma of a pixel is to be believed; 0: everywhere."""
        return CHROMA_PX if self.chroma >= CHROMA_LEAST and self.variety <= VARIETY_MOST else 0


def measure_bleeding(photo: Photo, mask: Mask, *, color_too: bool = True) -> Bleeding:
    """How far the damage under `mask` (h, w) has bled; without `color_too` its `chroma` and `variety` are
    0."""
    kinds = (_LUMA, _CHROMA) if color_too else (_LUMA,)
    totals = [_Totals(kind) for kind in kinds]
    farthest = max(kind.around_px[1] for kind in kinds)
    bands = [rows for rows in tiles.bands(photo.height, photo.width) if mask[rows].any()]
    for rows in bands[:: -(-len(bands) // BANDS) or 1]:
        across = np.flatnonzero(mask[rows].any(axis=0))
        columns = slice(max(int(across[0]) - 2 * farthest, 0), int(across[-1]) + 1 + 2 * farthest)
        rows = slice(max(rows.start - farthest, 0), min(rows.stop + farthest, photo.height))
        image, lost = photo.srgb(rows, columns), np.ascontiguousarray(mask[rows, columns])
        away = cv2.distanceTransform((~lost).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        for total in totals:
            total.add(image, lost, away)
    luma = totals[0].bled
    return Bleeding(luma, totals[1].bled, totals[1].variety) if color_too else Bleeding(luma, 0.0, 0.0)


def with_chroma_from_afar(painted: Image, image: Image, lost: Mask, far_px: int, near: Image | None = None) -> Image:
    """`painted` with its chroma under `lost` moved by what a smooth fill from pixels `far_px` away differs
    from one that starts at the hole's edge; its luma stays, and so does its chroma where no such pixel is
    near. `image` is the picture before it was filled, `near` the smooth fill that starts at the edge, if it
    is at hand."""
    wide = cv2.dilate(lost.view(np.uint8), disc(far_px)) > 0
    share = _from_afar(lost, wide, far_px)
    if not share.any():
        return painted
    near = biharmonic(image, lost) if near is None else near
    moved = biharmonic(image, wide, finish=False)[lost] - near[lost]
    moved -= color.luma(moved[None])[0][:, None]
    strength = np.sqrt((moved**2).sum(axis=1))
    share *= np.clip((NO_FRINGE[1] - strength) / (NO_FRINGE[1] - NO_FRINGE[0]), 0, 1)
    result = painted.copy()
    result[lost] += share[:, None] * moved
    return result


def _from_afar(lost: Mask, wide: Mask, far_px: int) -> Plane:
    """How much each pixel of `lost` takes from beyond `wide`, (k,) in reading order: all of it where that is
    hardly farther away than `far_px` beyond what is known."""
    if wide.all():
        return np.zeros(int(lost.sum()), np.float32)
    known, believed = (cv2.distanceTransform(mask.view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)[lost] for mask in (lost, wide))
    nearest, farthest = (far_px * factor for factor in ASTRAY)
    share: Plane = np.clip((farthest - (believed - known)) / (farthest - nearest), 0, 1).astype(np.float32)
    return share


def disc(radius_px: int) -> np.ndarray:
    """A disc to dilate with."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))


def _luma(image: Image) -> list[Plane]:
    return [color.luma(image)]


def _chroma(image: Image) -> list[Plane]:
    """Red and blue less luma."""
    gray = color.luma(image)
    return [image[:, :, 0] - gray, image[:, :, 2] - gray]


@dataclass(frozen=True)
class _Kind:
    """What is measured in which way.

    `rings`: two rings around the mask, each between two distances from it in pixels. `damage_px`: the
    damage's own tone is the mean within so many pixels; `around_px`: what it would be without damage, the
    mean of what lies so far from the mask. Nothing has bled where the contrast is below `least` on the whole.
    """

    planes_of: Callable[[Image], list[Plane]]
    rings: tuple[tuple[int, int], tuple[int, int]]
    damage_px: int
    around_px: tuple[int, int]
    least: float


_LUMA = _Kind(_luma, ((0, 1), (1, 2)), BLEED_DAMAGE_PX, BLEED_AROUND_PX, BLEED_CONTRAST)
_CHROMA = _Kind(_chroma, ((0, 1), (CHROMA_PX - 2, CHROMA_PX)), CHROMA_DAMAGE_PX, CHROMA_AROUND_PX, 0.0)


class _Totals:
    """The share of the damage's contrast that each of two rings shows.

    Fits here = around + share * (damage - around) on each ring, by least squares.
    """

    def __init__(self, kind: _Kind) -> None:
        self._kind = kind
        self._products, self._squares, self._counts = np.zeros(2), np.zeros(2), np.zeros(2)
        self._strayed, self._known = np.zeros(2), np.zeros(2)

    def add(self, image: Image, lost: Mask, away: Plane) -> None:
        """Take a part of the photograph (h, w, 3) in, with its mask and each pixel's distance from that."""
        planes = self._kind.planes_of(image)
        near, far = self._kind.around_px
        rings = [np.flatnonzero((away > inner) & (away <= outer)) for inner, outer in self._kind.rings]
        around = _means(planes, (away > near) & (away <= far), far, rings)
        damage = _means(planes, lost, self._kind.damage_px, rings)
        for index, ring in enumerate(rings):
            contrast = np.nan_to_num(damage[index] - around[index])
            here = np.stack([plane.reshape(-1)[ring] for plane in planes], axis=1)
            self._products[index] += ((here - np.nan_to_num(around[index])) * contrast).sum()
            self._squares[index] += (contrast**2).sum()
            self._counts[index] += len(ring)
            strayed = ((here - around[index]) ** 2).sum(axis=1)
            is_known = ~np.isnan(strayed)
            self._strayed[index] += strayed[is_known].sum()
            self._known[index] += is_known.sum()

    @property
    def bled(self) -> float:
        """The first ring's share less the second's."""
        if (self._squares <= self._counts * self._kind.least**2).any():
            return 0.0
        touching, beyond = self._products / self._squares
        return float(touching - beyond)

    @property
    def variety(self) -> float:
        """The RMS of what the second ring differs by from its surroundings."""
        return float(np.sqrt(self._strayed[1] / max(self._known[1], 1)))


def _means(planes: list[Plane], where: Mask, radius_px: int, places: list[np.ndarray]) -> list[np.ndarray]:
    """The mean of each of `planes` (h, w) over the pixels within `radius_px` that `where` has, at each of
    several lists of `places` (k,): (k, c) each; NaN where there is none."""
    weight = where.astype(np.float32)
    side = (2 * radius_px + 1,) * 2

    def total(plane: Plane) -> Plane:
        sums: Plane = cv2.boxFilter(plane, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT).reshape(-1)
        return sums

    count, sums = total(weight), [total(cv2.multiply(plane, weight)) for plane in planes]
    means = []
    for at in places:
        n = count[at]
        means.append(np.stack([np.where(n > 0.5, one[at] / np.maximum(n, 0.5), np.float32("nan")) for one in sums], axis=1))
    return means
