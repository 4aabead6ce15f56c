"""A hole is filled from another place of the picture, as a retoucher's healing brush does.

The other place gives the texture; what it differs by at the hole's rim, smoothed, is laid over the hole and
added, so that light and tone are those of the surroundings (Georgiev 2004, "Photoshop healing brush"; Perez
et al. 2003, doi:10.1145/882262.882269). `find_sources` says which places go on as the hole's surroundings do.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from jaxtyping import Float32

from unfade import tiles
from unfade.arrays import Image, Mask
from unfade.inpainting import biharmonic

WORKING_PX = 768  # on the longer side: what two places differ by is smooth, and is looked at on a copy of this size
SMOOTH_PX = 2.5  # the blur of what two places differ by: finer than that is grain
RIM_SHARE = 0.35  # of the hole's shorter side: how wide its surroundings are that a source must match
RIM_RANGE_PX = (5, 24)
MATCH_PX = 320  # the longer side of the copy on which sources are looked for
LOST_SHARE = 0.03  # of a source: more of it may not be lost itself
TONE_SHARE = 0.85  # of the square of a difference in tone that is forgiven: the rim evens it out
FAR_COST = 0.6  # a source on the other side of the picture counts as so much worse than one beside the hole
CANDIDATES = 6


def difference(target: Image, source: Image, hole: Mask) -> Image:
    """What `target` has more than `source`, (h, w, 3), continued smoothly over `hole` (h, w) from its rim.

    `source + difference` is then the hole's fill. Both are sRGB in [0, 1]. What lies under the hole in
    `target` does not matter. With nothing but hole the difference is 0.
    """
    if hole.all():
        return np.zeros_like(target)
    height, width = hole.shape
    shrink = max(1.0, max(height, width) / WORKING_PX)
    tall, wide = max(1, round(height / shrink)), max(1, round(width / shrink))
    known = (~hole).astype(np.float32)[:, :, None]
    parts = tiles.resize(np.concatenate([(target - source) * known, known], axis=2), tall, wide)
    smooth = cv2.GaussianBlur(parts, (0, 0), SMOOTH_PX)
    weight = smooth[:, :, 3:]
    apart = smooth[:, :, :3] / np.maximum(weight, 1e-6)
    unknown = (parts[:, :, 3] < 0.5) | (weight[:, :, 0] <= 1e-6)
    if unknown.all():
        unknown = weight[:, :, 0] < float(weight.max())
    laid = biharmonic(apart.astype(np.float32), unknown)
    if (tall, wide) == (height, width):
        return laid
    return tiles.enlarged(laid, slice(0, height), slice(0, width), height, width)


@dataclass(frozen=True)
class Source:
    """A place to fill a hole from: so many pixels to the right and down of it; the lower `cost`, the better
    it fits."""

    dx: int
    dy: int
    cost: float


def find_sources(image: Image, lost: Mask, hole: Mask, *, most: int = CANDIDATES) -> tuple[Source, ...]:
    """The places of a picture that go on as the surroundings of `hole` do, best first, apart from each other.

    `image` (h, w, 3), sRGB in [0, 1]; `lost` and `hole` (h, w), True = lost, and to be filled. None where
    nothing is to be filled, or no other place of the picture is as large.
    """
    rows, columns = np.flatnonzero(hole.any(axis=1)), np.flatnonzero(hole.any(axis=0))
    if not rows.size:
        return ()
    shrink = max(1.0, max(hole.shape) / MATCH_PX)
    if shrink > 1:
        small = max(1, round(hole.shape[0] / shrink)), max(1, round(hole.shape[1] / shrink))
        little = [tiles.resize(plane.astype(np.float32)[:, :, None], *small)[:, :, 0] for plane in (lost, hole)]
        found = find_sources(tiles.resize(image, *small), little[0] > 0.25, little[1] > min(0.25, float(little[1].max()) / 2), most=most)
        factor = hole.shape[1] / small[1], hole.shape[0] / small[0]
        return tuple(Source(round(each.dx * factor[0]), round(each.dy * factor[1]), each.cost) for each in found)
    side = min(rows[-1] - rows[0], columns[-1] - columns[0]) + 1
    rim = int(np.clip(round(side * RIM_SHARE), *RIM_RANGE_PX))
    height, width = hole.shape
    down = slice(max(int(rows[0]) - rim, 0), min(int(rows[-1]) + 1 + rim, height))
    across = slice(max(int(columns[0]) - rim, 0), min(int(columns[-1]) + 1 + rim, width))
    own = hole[down, across]
    ring = cv2.dilate(own.view(np.uint8), np.ones((2 * rim + 1, 2 * rim + 1), np.uint8)).astype(bool) & ~own & ~lost[down, across]
    if not ring.any():
        return ()
    costs = _costs(image, lost | hole, image[down, across], ring, own)
    y, x = np.ogrid[: costs.shape[0], : costs.shape[1]]
    far = np.hypot(y - down.start, x - across.start) / np.hypot(height, width)
    costs = (costs * (1 + FAR_COST * far)).astype(np.float32)
    return _best(costs, (down.start, across.start), max(4, min(own.shape) // 2), most)


def _costs(image: Image, lost: Mask, part: Image, ring: Mask, own: Mask) -> Float32[np.ndarray, "h w"]:
    """How badly each place fits: the mean square over `ring` of what it differs by, most of a difference in
    tone forgiven. Infinite where too much of the place is lost."""
    weight = ring.astype(np.float32)
    count = float(weight.sum())
    total = np.zeros((image.shape[0] - ring.shape[0] + 1, image.shape[1] - ring.shape[1] + 1), np.float32)
    for channel in range(3):
        plane = np.ascontiguousarray(image[:, :, channel], np.float32)
        there = part[:, :, channel] * weight
        squares = cv2.matchTemplate(plane * plane, weight, cv2.TM_CCORR)
        cross = cv2.matchTemplate(plane, np.ascontiguousarray(there), cv2.TM_CCORR)
        sums = cv2.matchTemplate(plane, weight, cv2.TM_CCORR)
        tone = (float(there.sum()) - sums) / count
        mean = (squares - 2 * cross + float((there * part[:, :, channel]).sum())) / count
        total += np.maximum(mean - TONE_SHARE * tone**2, 0)
    whole = (ring | own).astype(np.float32)
    away = cv2.matchTemplate(lost.astype(np.float32), whole, cv2.TM_CCORR) / float(whole.sum())
    return np.where(away > LOST_SHARE, np.inf, total).astype(np.float32)


def _best(costs: np.ndarray, home: tuple[int, int], apart: int, most: int) -> tuple[Source, ...]:
    """The least of `costs`, one after the other, no two within `apart` of each other; `home` is the hole's
    own place."""
    left, found = costs.copy(), []
    for _ in range(most):
        y, x = divmod(int(np.argmin(left)), left.shape[1])
        cost = float(left[y, x])
        if not np.isfinite(cost):
            break
        if (y, x) != home:
            found.append(Source(x - home[1], y - home[0], cost))
        left[max(0, y - apart) : y + apart + 1, max(0, x - apart) : x + apart + 1] = np.inf
    return tuple(found)
