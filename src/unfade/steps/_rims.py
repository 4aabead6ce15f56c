"""Marks of a worn photograph are made a little wider where that costs nothing.

Beside a crease lies its shadow, and beside a sharpened tear a dark or bluish rim: too faint for the network,
and seen as a ghost of the mark once that is filled. Where a pixel beside a mark is as light as what lies
around, a fill makes it again, so it may as well be marked. What stands out, such as an eyebrow, a letter or a
stripe, is left alone; so are photographs of which little is lost.
"""

from __future__ import annotations

import cv2
import numpy as np

from unfade import color, tiles
from unfade.arrays import Mask, Plane
from unfade.files.photo import Photo
from unfade.steps._judging import blocks_of, most, over_blocks
from unfade.steps._marking import grown, growth_px

# By eye on 14 worn photographs of the 27 that are marked by hand, of which at least 6 % is marked; the others
# have less than 3 %. Twice as wide, an eyebrow and a collar's stripes are lost.
WORN_SHARE = 0.04
STANDS_OUT = 12 / 255  # of luma: what differs by less from its surroundings may be marked
LONG_SHARE = 1 / 5  # of the short side: of a short mark the rim would be most, and creases are long
AROUND = 4  # the surroundings reach from the rim this many times its width outwards


def widen(photo: Photo, mask: Mask) -> None:
    """Add to `mask` (h, w) the pixels beside its longer marks that look like their surroundings, if the
    photograph is worn. Changes it in place."""
    if mask.mean() < WORN_SHARE:
        return
    height, width = mask.shape
    rim_px = growth_px(mask.shape)
    rim = grown(_long(mask)) & ~mask
    margin = 2 * (AROUND + 1) * rim_px
    added = np.zeros_like(mask)
    for rows in tiles.bands(height, width):
        if rim[rows].any():
            seen = slice(max(rows.start - margin, 0), min(rows.stop + margin, height))
            gray = color.luma(photo.srgb(seen, slice(0, width)))
            inner = slice(rows.start - seen.start, rows.stop - seen.start)
            added[rows] = rim[rows] & _calm(gray, mask[seen], rim_px)[inner]
    mask |= added


def _calm(gray: Plane, lost: Mask, rim_px: int) -> Mask:
    """Where luma is about what it is a little farther from what is lost."""
    away = cv2.distanceTransform((~lost).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    beside = ((away > rim_px + 0.5) & (away <= (AROUND + 1) * rim_px)).astype(np.float32)
    window = (2 * AROUND * rim_px + 1,) * 2
    count, total = (cv2.boxFilter(plane, -1, window, normalize=False) for plane in (beside, gray * beside))
    calm: Mask = (count >= AROUND) & (np.abs(gray - total / np.maximum(count, 1)) < STANDS_OUT)
    return calm


def _long(mask: Mask) -> Mask:
    """`mask` without its specks, which are told on the copy on which pieces are judged."""
    height, width = mask.shape
    shrink, tall, wide = blocks_of(height, width)
    _, labels, stats, _ = cv2.connectedComponentsWithStats(most(mask.view(np.uint8), shrink, tall, wide), connectivity=8)
    is_long = stats[:, [cv2.CC_STAT_WIDTH, cv2.CC_STAT_HEIGHT]].max(axis=1) >= LONG_SHARE * min(tall, wide)
    is_long[0] = False
    long: Mask = mask & over_blocks(is_long[labels], slice(0, height), width, shrink)
    return long
