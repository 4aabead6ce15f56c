"""Sides that lie along rows and columns of pixels are put exactly between surround and picture."""

from __future__ import annotations

import numpy as np

from unfade.arrays import Samples

# A side that strays less from a row or column of pixels, or less of its length, lies on it if the samples say
# so.
SNAP_PX, SNAP_SHARE = 1.5, 0.005
SNAP_REACH_PX = 4
ALREADY_PX = 0.3


def snapped(samples: Samples, corners: np.ndarray, within_px: float = np.inf) -> np.ndarray:
    """Sides that lie along rows and columns of pixels are put exactly between the last of the surround and
    the first of the picture, if that moves them by no more than `within_px`. A side that was found so closely
    (any limit) and lies between two pixels already stays there, whatever shadow lies along it."""
    height, width = samples.shape[:2]
    snapped = corners.copy()
    for side in range(4):
        axis = 1 if side % 2 == 0 else 0
        ends = [side, (side + 1) % 4]
        first, last = sorted(float(corners[end, 1 - axis]) for end in ends)
        skew = abs(corners[ends[0], axis] - corners[ends[1], axis])
        if skew > max(SNAP_PX, SNAP_SHARE * (last - first)):
            continue
        level = float(corners[ends, axis].mean())
        if np.isfinite(within_px) and skew < ALREADY_PX and abs(level - round(level)) < ALREADY_PX:
            snapped[ends, axis] = round(level)
            continue
        exact = _boundary(
            samples if axis == 1 else samples.transpose(1, 0, 2),
            level,
            first,
            last,
            inwards=1 if side in (0, 3) else -1,
            abrupt=skew > SNAP_PX,
        )
        if exact is not None and abs(exact - level) <= within_px:
            snapped[ends, axis] = exact
    limit = np.array([width, height], float)
    return np.asarray(np.clip(snapped, -0.1 * limit, 1.1 * limit))


def _boundary(samples: Samples, level: float, first: float, last: float, *, inwards: int, abrupt: bool) -> float | None:
    """Where along the rows the surround ends, exactly, near `level`; None where it is not even enough to say.
    `abrupt`: it must end from one row to the next."""
    height, width = samples.shape[:2]
    left, right = int(max(0, first + 0.05 * (last - first))), int(min(width, last - 0.05 * (last - first)))
    if right - left < 16 or level <= 0.5 or level >= height - 0.5:
        return float(np.clip(round(level), 0, height)) if right - left >= 16 and not abrupt else None
    step = max(1, (right - left) // 2000)
    middle = round(level)
    outer = [row for row in range(middle - inwards * 2 * SNAP_REACH_PX, middle - inwards * SNAP_REACH_PX, inwards) if 0 <= row < height]
    if not outer:
        outer = [0 if inwards > 0 else height - 1]
    top = np.iinfo(samples.dtype).max
    plain = samples[outer, left:right:step].astype(np.float32) / top
    color_ = np.median(plain, axis=(0, 1))
    spread = float(np.median(np.abs(plain - color_).max(axis=2)))
    reach = max(2.5 / 255, 4 * spread)
    if reach > 14 / 255:
        return None
    rows = range(outer[-1], middle + inwards * (SNAP_REACH_PX + 1), inwards)
    before = 0.0
    for row in rows:
        if not 0 <= row < height:
            return None
        line = samples[row, left:right:step].astype(np.float32) / top
        differs = float((np.abs(line - color_).max(axis=1) > reach).mean())
        if differs > 0.3:
            return float(row if inwards > 0 else row + 1) if not abrupt or before < 0.05 else None
        before = differs
    return None
