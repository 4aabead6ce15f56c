"""How far damage has bled into the pixels beside its mask, which are then not believed.

Blur carries the damage's tone a pixel beyond the mask. JPEG, which keeps color at half the size, and
sharpening carry its color several pixels: a white tear in brown hair has a bluish fringe, and a fill that
starts from the fringe is bluish, too. Both are measured in the same way: the share of the damage's contrast
that a ring around the mask shows, less the share that a ring farther away shows, which tells bleeding from
likeness.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from unfade import color, tiles
from unfade.arrays import Image, Mask, Plane
from unfade.files.photo import Photo
from unfade.inpainting import biharmonic

BANDS = 16  # measured on so many bands of the photograph at most

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
CHROMA_DAMAGE_PX = 12
CHROMA_AROUND_PX = (10, 16)


def measure_bleed(photo: Photo, mask: Mask) -> float:
    """How much of the damage's contrast in luma the pixels that touch `mask` show: about 0 if its edge is
    sharp, 0.2 if the photograph is blurred."""
    rings = ((0, 1), (1, 2))
    touching, beyond = _shares(photo, mask, _luma, rings, BLEED_DAMAGE_PX, BLEED_AROUND_PX, least=BLEED_CONTRAST)
    return touching - beyond


def believed_chroma_px(photo: Photo, mask: Mask) -> int:
    """How far from `mask` (h, w) the chroma of a pixel is to be believed: 0, everywhere, where the damage's
    color has not bled."""
    rings = ((0, 1), (CHROMA_PX - 2, CHROMA_PX))
    touching, beyond = _shares(photo, mask, _chroma, rings, CHROMA_DAMAGE_PX, CHROMA_AROUND_PX, least=0.0)
    return CHROMA_PX if touching - beyond >= CHROMA_LEAST else 0


def with_chroma_from_afar(painted: Image, image: Image, lost: Mask, far_px: int) -> Image:
    """`painted` with its chroma under `lost` moved by what a smooth fill from pixels `far_px` away differs
    from one that starts at the hole's edge; its luma stays. `image` is the picture before it was filled."""
    wide = cv2.dilate(lost.view(np.uint8), disc(far_px)) > 0
    if wide.all():
        return painted
    moved = (biharmonic(image, wide) - biharmonic(image, lost))[lost]
    moved -= color.luma(moved[None])[0][:, None]
    result = painted.copy()
    result[lost] += moved
    return result


def disc(radius_px: int) -> np.ndarray:
    """A disc to dilate with."""
    return cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius_px + 1, 2 * radius_px + 1))


def _luma(image: Image) -> np.ndarray:
    return color.luma(image)[:, :, None]


def _chroma(image: Image) -> np.ndarray:
    """Red and blue less luma, (h, w, 2)."""
    difference: np.ndarray = image[:, :, ::2] - color.luma(image)[:, :, None]
    return difference


def _shares(
    photo: Photo,
    mask: Mask,
    planes_of: Callable[[Image], np.ndarray],
    rings: tuple[tuple[int, int], tuple[int, int]],
    damage_px: int,
    around_px: tuple[int, int],
    *,
    least: float,
) -> tuple[float, float]:
    """The share of the damage's contrast that each of two rings around `mask` shows, by least squares.

    A ring lies between two distances from the mask in pixels. Each of its pixels is taken for its
    surroundings (the mean over the ring `around_px`) plus a share of what tells the damage nearby (the mean
    within `damage_px`) from these. (0, 0) where that contrast is below `least` on the whole.
    """
    near, far = around_px
    bands = [rows for rows in tiles.bands(photo.height, photo.width) if mask[rows].any()]
    products, squares, counts = np.zeros(2), np.zeros(2), np.zeros(2)
    for rows in bands[:: -(-len(bands) // BANDS) or 1]:
        rows = slice(max(rows.start - far, 0), min(rows.stop + far, photo.height))
        planes = planes_of(photo.srgb(rows, slice(0, photo.width)))
        lost = mask[rows]
        away = cv2.distanceTransform((~lost).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
        around = _mean_where(planes, (away > near) & (away <= far), far)
        contrast = np.nan_to_num(_mean_where(planes, lost, damage_px) - around)
        around = np.nan_to_num(around)
        for index, (inner, outer) in enumerate(rings):
            ring = (away > inner) & (away <= outer)
            products[index] += ((planes - around) * contrast)[ring].sum()
            squares[index] += (contrast[ring] ** 2).sum()
            counts[index] += ring.sum()
    if (squares <= counts * least**2).any():
        return 0.0, 0.0
    first, second = products / squares
    return float(first), float(second)


def _mean_where(planes: np.ndarray, where: Mask, radius_px: int) -> np.ndarray:
    """The mean of each of `planes` (h, w, c) over the pixels within `radius_px` that `where` has; NaN where
    there is none."""
    weight = where.astype(np.float32)
    side = (2 * radius_px + 1,) * 2

    def total(plane: Plane) -> Plane:
        return cv2.boxFilter(plane, -1, side, normalize=False, borderType=cv2.BORDER_CONSTANT)

    count = total(weight)
    sums = np.stack([total(np.ascontiguousarray(planes[:, :, index]) * weight) for index in range(planes.shape[2])], axis=2)
    mean: np.ndarray = np.where(count > 0.5, sums.transpose(2, 0, 1) / np.maximum(count, 0.5), np.float32("nan")).transpose(1, 2, 0)
    return mean
