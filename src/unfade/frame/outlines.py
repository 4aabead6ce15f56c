"""Outlines of prints: what is not ground becomes components, and a component becomes a quadrilateral if its
sides are straight."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from unfade.arrays import Mask
from unfade.frame import quads

LEAST_SIDE = 0.04  # of the picture's long side: smaller things are dust, captions, photo corners
# A component is a print if it and its quadrilateral share this much, and this much of each side, and of all
# of them, is straight.
SURE_OVERLAP = 0.94
SURE_SIDE = 0.45
SURE_SIDES = 0.75
STRAIGHT_SHARE = 0.006  # of the short side: how far a straight side strays
CUTS_MOST = 40  # how many cuts are tried on one component
CORNERS_MOST = 24  # a component with more is no heap of prints
POINTS_MOST = 700  # of an outline, to which lines are fitted
ROUGHLY_STRAIGHT = 0.35  # of each side, within three times as much, once its line is half found
JOINED_LEAST, JOINED_STRAIGHT = 0.9, 0.6  # of a print in two parts: how much of it they fill, and of each side they run along
FILLED_LEAST = 0.7  # of the smallest rectangle around it: what fills less is no quadrilateral that a print could be
HEAP_STRAIGHT = 0.7  # of the outline of prints that touch, so much runs along sides; of a person's, less
MAYBE_FILLED, MAYBE_STRAIGHT = 0.6, 0.6  # the same on a small copy, where all is blurred
CUT_LEAST = 0.012  # a notch shallower than this, of the component's short side, is no place to cut


@dataclass(frozen=True, eq=False)
class Outline:
    """A quadrilateral around a component: its `corners`, how much they share with it (`fit`), the straight
    share of each side (`straight`, (4,)), and the `component`'s mask."""

    corners: np.ndarray
    fit: float
    straight: np.ndarray
    component: Mask

    @property
    def sure(self) -> bool:
        """Whether it is a print beyond doubt, as far as its shape tells."""
        return self.fit >= SURE_OVERLAP and bool(self.straight.min() >= SURE_SIDE and self.straight.mean() >= SURE_SIDES)

    @cached_property
    def contour(self) -> np.ndarray:
        """The middles of the component's outermost pixels, (n, 2) float32."""
        return _contour(self.component).astype(np.float32)

    @cached_property
    def size(self) -> int:
        """The component's pixels."""
        return int(np.count_nonzero(self.component))


def components(foreground: Mask) -> list[Mask]:
    """What stands out from the ground, filled, without what is thin or small; largest first."""
    height, width = foreground.shape
    least = LEAST_SIDE * max(height, width)
    size = max(3, int(least / 4) | 1)
    filled = _filled(foreground)
    opened = cv2.morphologyEx(filled, cv2.MORPH_OPEN, np.ones((size, size), np.uint8))
    count, labels, stats, _ = cv2.connectedComponentsWithStats(opened, connectivity=4)
    order = sorted(range(1, count), key=lambda index: -int(stats[index, cv2.CC_STAT_AREA]))
    return [labels == index for index in order if stats[index, cv2.CC_STAT_AREA] > least**2]


def may_hold_prints(foreground: Mask) -> bool:
    """Whether anything on a small copy stands out from the ground as a print or a heap of prints may: quick,
    and wrong only where it says yes."""
    least = (LEAST_SIDE * max(foreground.shape)) ** 2
    contours, _ = cv2.findContours(_filled(foreground), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    for contour in contours:
        area = cv2.contourArea(contour) + len(contour) / 2 + 1  # a contour runs through middles of pixels
        if area < least:
            continue
        _, (wide, tall), _ = cv2.minAreaRect(contour)
        _, _, across, down = cv2.boundingRect(contour)
        spans = across >= foreground.shape[1] - 2 or down >= foreground.shape[0] - 2  # a horizon ends a sky; a print has a corner
        if not spans and area >= MAYBE_FILLED * (wide + 1) * (tall + 1):
            filled = cv2.drawContours(np.zeros(foreground.shape, np.uint8), [contour], 0, 1, cv2.FILLED) > 0
            one = fitted(filled)
            if one is not None and one.straight.min() >= ROUGHLY_STRAIGHT:
                return True
        polygon = cv2.approxPolyDP(contour, 2.0, True)[:, 0].astype(np.float32)
        lengths = np.hypot(*(np.roll(polygon, -1, axis=0) - polygon).T)
        if lengths[lengths >= 1.5 * LEAST_SIDE * max(foreground.shape)].sum() >= MAYBE_STRAIGHT * lengths.sum():
            return True
    return False


def _filled(mask: Mask) -> np.ndarray:
    """Holes closed. A hole is what is not connected with the picture's edge."""
    around = np.pad(mask, 1).view(np.uint8)
    flooded = around.copy()
    cv2.floodFill(flooded, None, (0, 0), 1)
    return np.asarray(np.maximum(around, 1 - flooded)[1:-1, 1:-1], np.uint8)


def outlined(component: Mask) -> list[Outline]:
    """The component's outline; if it is no quadrilateral but falls into some by straight cuts, theirs."""
    whole = fitted(component)
    if whole is None:
        return []
    if whole.sure or _straight_share(component) < HEAP_STRAIGHT:
        return [whole]
    parts = _cut(component, [CUTS_MOST])
    return parts if parts else [whole]


def joined(one: Outline, other: Outline) -> Outline | None:
    """The outline of a print that something of the ground's color in it cuts in two; None if these are not
    its parts: together they must fill a quadrilateral, and its sides run along both."""
    points = np.concatenate([one.contour, other.contour])
    hull = cv2.convexHull(points)
    if one.size + other.size < JOINED_LEAST * cv2.contourArea(hull):  # it runs through middles of pixels: the hull holds more
        return None
    both = one.component | other.component
    filled = cv2.drawContours(np.zeros(both.shape, np.uint8), [np.rint(hull - 0.5).astype(np.int32)], 0, 1, cv2.FILLED) > 0
    if both.sum() < JOINED_LEAST * filled.sum():
        return None
    whole = fitted(filled)
    if whole is None or not whole.sure:
        return None
    tolerance = max(1.2, STRAIGHT_SHARE * float(quads.side_lengths(whole.corners).min()))
    straight = np.array([_straightness(points.astype(float), whole.corners, side, 2 * tolerance) for side in range(4)])
    if straight.min() < JOINED_STRAIGHT:
        return None
    return Outline(whole.corners, whole.fit, straight, filled)


def fitted(component: Mask) -> Outline | None:
    """The quadrilateral whose sides run along the component's own; None if there is none."""
    points = _contour(component)
    if len(points) < 16:
        return None
    corners = quads.ordered(cv2.boxPoints(cv2.minAreaRect(points.astype(np.float32))).astype(float))
    short = float(quads.side_lengths(corners).min())
    if short < 4:
        return None
    filled = float(component.sum()) / quads.area(corners)
    if filled < FILLED_LEAST:
        return Outline(corners, filled, np.zeros(4), component)
    tangents = np.roll(points, -4, axis=0) - np.roll(points, 4, axis=0)
    tangents /= np.maximum(np.hypot(tangents[:, 0], tangents[:, 1]), 1e-9)[:, None]
    every = max(1, len(points) // POINTS_MOST)
    fewer, theirs = points[::every], tangents[::every]
    tolerance = max(1.2, STRAIGHT_SHARE * short)
    for reach in (0.12, 0.06, 0.03, 0.015):
        if reach < 0.06:
            roughly = [_straightness(points, corners, side, 3 * tolerance) for side in range(4)]
            if min(roughly) < ROUGHLY_STRAIGHT:
                return Outline(corners, filled, np.zeros(4), component)
        lines = [_line(fewer, theirs, every, corners, side, max(reach * short, 1.5)) for side in range(4)]
        found = quads.from_lines(lines)
        if found is None or not quads.is_convex(found):
            break
        corners = found
    height, width = component.shape
    if not np.isfinite(corners).all() or float(quads.side_lengths(corners).min()) < 4:
        return None
    straight = np.array([_straightness(points, corners, side, tolerance) for side in range(4)])
    if straight.min() < SURE_SIDE or straight.mean() < SURE_SIDES:
        return Outline(corners, filled, straight, component)
    center = corners.mean(axis=0)
    out = (corners - center) * (1 + 1 / np.maximum(np.abs(corners - center).mean(), 1) / 2) + center  # a contour runs through middles
    inside = quads.inside(out, height, width)
    fit = float((inside & component).sum() / max((inside | component).sum(), 1))
    return Outline(out, fit, straight, component)


def _contour(component: Mask) -> np.ndarray:
    """The middles of the component's outermost pixels, in order, (n, 2)."""
    contours, _ = cv2.findContours(component.view(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return max(contours, key=len)[:, 0].astype(float) + 0.5 if contours else np.zeros((0, 2))


def _along(points: np.ndarray, corners: np.ndarray, side: int) -> tuple[np.ndarray, np.ndarray, float]:
    """Of each point the share of the side's length that it lies along, and its distance from the side (inside
    above 0); and the length."""
    start, end = corners[side], corners[(side + 1) % 4]
    length = float(max(np.hypot(*(end - start)), 1e-9))
    direction = (end - start) / length
    offset = points - start
    return offset @ direction / length, direction[0] * offset[:, 1] - direction[1] * offset[:, 0], length


def _line(points: np.ndarray, tangents: np.ndarray, every: int, corners: np.ndarray, side: int, reach: float) -> np.ndarray:
    """A line (2, 2) through the points (one of `every` so many) near a side; the side itself where there are
    too few."""
    start, end = corners[side], corners[(side + 1) % 4]
    along, distance, length = _along(points, corners, side)
    direction = (end - start) / length
    near = (np.abs(distance) < reach) & (along > 0.04) & (along < 0.96) & (np.abs(tangents @ direction) > 0.9)
    if near.sum() < max(4.0, 0.1 * length / every):
        return np.array([start, end])
    x, y = along[near] * length, distance[near]
    weights = np.ones(len(x))
    slope = level = 0.0
    for _ in range(6):
        total = weights.sum()
        mean_x, mean_y = (weights * x).sum() / total, (weights * y).sum() / total
        spread = (weights * (x - mean_x) ** 2).sum()
        slope = (weights * (x - mean_x) * (y - mean_y)).sum() / max(spread, 1e-9)
        level = mean_y - slope * mean_x
        rest = np.abs(y - level - slope * x)
        weights = 1 / np.maximum(rest, 0.3)
    normal = np.array([-direction[1], direction[0]])
    return np.array([start + normal * level, start + direction * length + normal * (level + slope * length)])


def _straightness(points: np.ndarray, corners: np.ndarray, side: int, tolerance: float) -> float:
    """The share of a side along which the contour runs on it."""
    along, distance, length = _along(points, corners, side)
    near = along[(np.abs(distance) < tolerance) & (along >= 0) & (along <= 1)]
    bins = max(4, int(length / 3))
    return len(np.unique((near * bins).astype(int))) / bins


def _straight_share(component: Mask) -> float:
    """The share of a component's outline that runs straight for as long as a print's least side."""
    points = _contour(component).astype(np.float32)
    short = min(cv2.minAreaRect(points)[1])
    polygon = cv2.approxPolyDP(points, max(1.5, 0.008 * short), True)[:, 0]
    lengths = np.hypot(*(np.roll(polygon, -1, axis=0) - polygon).T)
    least = LEAST_SIDE * max(component.shape)
    return float(lengths[lengths >= least].sum() / max(float(lengths.sum()), 1e-9))


def _cut(component: Mask, budget: list[int]) -> list[Outline]:
    """Outlines of the parts that straight cuts from a notch make of the component, all of them sure; none if
    there is no such cut.

    `budget` holds how many cuts may still be tried.
    """
    points = _contour(component)
    short = min(cv2.minAreaRect(points.astype(np.float32))[1])
    polygon = cv2.approxPolyDP(points.astype(np.float32), max(2.0, 0.012 * short), True)[:, 0]
    if len(polygon) > CORNERS_MOST:
        return []
    hull = cv2.convexHull(np.round(points).astype(np.int32), returnPoints=False)
    try:
        defects = cv2.convexityDefects(np.round(points).astype(np.int32), hull)
    except cv2.error:  # a contour that touches itself has no order of notches
        return []
    if defects is None:
        return []
    deep = [(int(far), depth / 256) for _, _, far, depth in defects.reshape(-1, 4) if depth / 256 > max(2.0, CUT_LEAST * short)]
    notches = [points[far] for far, _ in sorted(deep, key=lambda one: -one[1])[:4]]
    for notch in notches:
        for direction in _directions(polygon, notch, notches):
            if budget[0] == 0:
                return []
            budget[0] -= 1
            parts = _parts(component, notch, direction)
            fits = [fitted(part) for part in parts]
            sure = [fit is not None and fit.sure for fit in fits]
            if not any(sure):
                continue
            if all(sure):
                return [fit for fit in fits if fit is not None]
            further = _cut(parts[sure.index(False)], budget)
            first = fits[sure.index(True)]
            if further and first is not None:
                return [first, *further]
    return []


def _directions(polygon: np.ndarray, notch: np.ndarray, notches: list[np.ndarray]) -> list[np.ndarray]:
    """Ways to cut from a notch: on along the sides that meet there, and to each other notch."""
    nearest = int(np.argmin(((polygon - notch) ** 2).sum(axis=1)))
    ways = [notch - polygon[nearest - 1], notch - polygon[(nearest + 1) % len(polygon)]]
    ways += [other - notch for other in notches if other is not notch]
    return [way / np.hypot(*way) for way in ways if np.hypot(*way) > 3]


def _parts(component: Mask, notch: np.ndarray, direction: np.ndarray) -> list[Mask]:
    """The component cut from the notch on, until the cut leaves it: its large parts."""
    height, width = component.shape
    steps = np.arange(0, np.hypot(height, width), 0.5)
    path = (notch + direction * (2 + steps)[:, None]).astype(int)
    within = (path >= 0).all(axis=1) & (path[:, 0] < width) & (path[:, 1] < height)
    path = path[: int(np.argmin(within))] if not within.all() else path
    outside = ~component[path[:, 1], path[:, 0]]
    length = int(np.argmax(outside)) if outside.any() else len(path)
    if length < 4:
        return []
    cut = component.view(np.uint8).copy()
    begin, end = notch - direction * 3, path[max(length - 1, 0)] + direction * 2
    cv2.line(cut, tuple(np.round(begin - 0.5).astype(int).tolist()), tuple(np.round(end).astype(int).tolist()), 0, 2)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(cut, connectivity=4)
    least = 0.04 * component.sum()
    large = [index for index in range(1, count) if stats[index, cv2.CC_STAT_AREA] > least]
    return [labels == index for index in large] if len(large) == 2 else []
