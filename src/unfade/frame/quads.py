"""Quadrilaterals: four corners (4, 2) float64, clockwise from the top left, x then y, in pixels from the
outer edge of the first one."""

from __future__ import annotations

import cv2
import numpy as np

from unfade.arrays import Mask


def box(width: float, height: float) -> np.ndarray:
    """The corners of a whole picture."""
    return np.array([[0, 0], [width, 0], [width, height], [0, height]], float)


def ordered(corners: np.ndarray) -> np.ndarray:
    """The same corners clockwise, first that from which the first side runs nearest to level, left to
    right."""
    center = corners.mean(axis=0)
    angles = np.arctan2(corners[:, 1] - center[1], corners[:, 0] - center[0])
    around = corners[np.argsort(angles)]
    sides = np.roll(around, -1, axis=0) - around
    first = int(np.argmax(sides[:, 0] / np.maximum(np.hypot(sides[:, 0], sides[:, 1]), 1e-9)))
    return np.asarray(np.roll(around, -first, axis=0))


def side_lengths(corners: np.ndarray) -> np.ndarray:
    """Lengths of the top, right, bottom and left side, (4,)."""
    sides = np.roll(corners, -1, axis=0) - corners
    return np.asarray(np.hypot(sides[:, 0], sides[:, 1]))


def area(corners: np.ndarray) -> float:
    """In square pixels."""
    x, y = corners[:, 0], corners[:, 1]
    return float(abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2)


def overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Intersection over union of two convex quadrilaterals, [0, 1]."""
    shared, _ = cv2.intersectConvexConvex(one.astype(np.float32), other.astype(np.float32))
    union = area(one) + area(other) - shared
    return float(shared / union) if union > 0 else 0.0


def is_convex(corners: np.ndarray) -> bool:
    """Whether the corners turn one way all round."""
    sides = np.roll(corners, -1, axis=0) - corners
    following = np.roll(sides, -1, axis=0)
    return bool((sides[:, 0] * following[:, 1] - sides[:, 1] * following[:, 0] > 0).all())


def inside(corners: np.ndarray, height: int, width: int) -> Mask:
    """The pixels of a picture whose middle lies inside."""
    columns = np.arange(width, dtype=np.float32)[None] + np.float32(0.5)
    rows = np.arange(height, dtype=np.float32)[:, None] + np.float32(0.5)
    mask = np.ones((height, width), bool)
    for start, end in zip(corners, np.roll(corners, -1, axis=0), strict=True):
        dx, dy = (end - start).astype(np.float32)
        mask &= dx * (rows - np.float32(start[1])) - dy * (columns - np.float32(start[0])) >= 0
    return mask


def crossing(one: np.ndarray, other: np.ndarray) -> np.ndarray | None:
    """Where two lines (point, point) meet, (2,); None if they are nearly parallel."""
    (p, q), (r, s) = one, other
    d, e = q - p, s - r
    cross = d[0] * e[1] - d[1] * e[0]
    if not abs(cross) > 1e-3 * np.hypot(*d) * np.hypot(*e):  # a line of no length has no direction either
        return None
    share = ((r[0] - p[0]) * e[1] - (r[1] - p[1]) * e[0]) / cross
    return np.asarray(p + share * d)


def from_lines(lines: list[np.ndarray]) -> np.ndarray | None:
    """The corners between four lines: top, right, bottom, left; None if two neighbours are nearly
    parallel."""
    corners = [crossing(lines[index - 1], lines[index]) for index in range(4)]
    if any(corner is None for corner in corners):
        return None
    return np.array(corners)


def angle(corners: np.ndarray) -> float:
    """By how many degrees it is turned clockwise: the mean of its sides, in (-45, 45] for ordered corners."""
    sides = np.roll(corners, -1, axis=0) - corners
    turned = sides.copy()
    for index in range(4):
        for _ in range(index):
            turned[index] = [turned[index][1], -turned[index][0]]
    total = turned.sum(axis=0)
    return float(np.degrees(np.arctan2(total[1], total[0])))


def skew(corners: np.ndarray) -> float:
    """By how many degrees the corner that is furthest from a right angle strays from one."""
    sides = np.roll(corners, -1, axis=0) - corners
    before = np.roll(sides, 1, axis=0)
    cosines = (sides * before).sum(axis=1) / np.maximum(side_lengths(corners) * np.roll(side_lengths(corners), 1), 1e-9)
    return float(np.degrees(np.arcsin(np.clip(np.abs(cosines), 0, 1))).max())
