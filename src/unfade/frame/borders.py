"""Borders of one print: from each side inwards, a plain strip that ends along a straight line is no picture.

Works on a small view in which the print lies straight. White and dark borders, mounts, film rebate,
letterboxes and the frames of screenshots are all such strips; they may lie within each other.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from unfade.arrays import Lab
from unfade.frame import quads

# A strip is plain if this share of its outer end has one color; it ends at a line if this share of its length
# does, and if no more than EARLY of it ends before: what is written or torn on a border.
PLAIN = 0.85
ENDS_TOGETHER = 0.6
EARLY = 0.12
DEEPEST = 0.4  # of the view: deeper strips are walls and skies
STEEPEST = 0.05
SIGMAS = 5.0
REACH_RANGE = (3.0, 12.0)  # in L*a*b*: what differs by less than the first is the strip for certain, by more than the second never
DEAD_EVEN, EARLY_DEAD = 0.3, 0.02  # on a surround this even nothing is written or torn: what differs is picture
EVEN = 1.2  # a surround whose pixels stray less is even enough to be followed where it ends in no line,
FIRST_SHOWS = 0.015  # to the first row of which this share differs
EXACT_REACH = 1.0
ONE_COLOR = 9.0  # strips of one paper differ by less
# A strip on a single side, and on two, must end in one line along more of its length, and be shallower: a
# horizon is one too.
SINGLE = (0.92, 0.05)
DOUBLE = (0.75, 0.15)
TRIPLE = (0.75, 0.25)
SCANNED_BLACK = 26.0  # L* of film's black on a scan that is not quite dark
PAPER_WHITE, FILM_BLACK = 84.0, 14.0  # L* of what single strips are: lid, paper, film, tape
FILLED = 0.6  # a "picture" of which more than this has the border's color is a page of text


@dataclass(frozen=True, eq=False)
class Strip:
    """A plain strip along one side: where it ends at the side's start and end, pixels inwards; its `color`;
    how much of it ends `together`; and the `deviation` of its pixels."""

    low: float
    high: float
    color: np.ndarray
    together: float
    deviation: float

    @property
    def depth(self) -> float:
        """In the middle, in pixels."""
        return (self.low + self.high) / 2


@dataclass(frozen=True, eq=False)
class Bordered:
    """What lies inside the borders: (4, 2) `corners` in pixels of the view, the borders' `color`, and whether
    they are beyond doubt."""

    corners: np.ndarray
    color: np.ndarray
    sure: bool


def peeled(lab: Lab, rough_px: int = 0) -> Iterator[Bordered]:
    """Borders taken off one after the other, outermost first; each yields what it leaves. `rough_px` of the
    view's edge are skipped."""
    height, width = lab.shape[:2]
    left, top, right, bottom = rough_px, rough_px, width - rough_px, height - rough_px
    for _ in range(3):
        part = lab[top:bottom, left:right]
        if min(part.shape[:2]) < 24:
            return
        strips = _completed([strip_along(np.rot90(part, side)) for side in range(4)], part)  # turned left: top, right, bottom, left
        kept, sure = chosen(strips, part)
        if kept is None:
            return
        inner = _inner(kept, part.shape[0], part.shape[1])
        color = next(strip.color for strip in kept if strip is not None)
        yield Bordered(inner + np.array([left, top]), color, sure)
        if not sure:
            return
        inside_left, inside_right = np.ceil(max(inner[0, 0], inner[3, 0])), np.floor(min(inner[1, 0], inner[2, 0]))
        inside_top, inside_bottom = np.ceil(max(inner[0, 1], inner[1, 1])), np.floor(min(inner[2, 1], inner[3, 1]))
        left, right = left + int(inside_left) + 1, left + int(inside_right) - 1
        top, bottom = top + int(inside_top) + 1, top + int(inside_bottom) - 1


def strip_along(view: Lab) -> Strip | None:
    """The plain strip along the top of `view`, or None."""
    height, width = view.shape[:2]
    outer = view[: edge_rows(height)].mean(axis=0)
    found = _plain(outer)
    if found is None:
        return None
    color, near = found
    deviation = float(np.median(np.sqrt(((outer[near] - color) ** 2).sum(axis=1)))) / 1.538
    reach = _reach(deviation)
    slow = cv2.blur(np.where(near[:, None], outer, color).astype(np.float32)[None], (max(3, width // 6) | 1, 1))[0]
    deepest = int(DEEPEST * height)
    differs = np.sqrt(((view[: deepest + 4] - slow) ** 2).sum(axis=2)) > reach
    stays = sum(differs[shift : deepest + shift].astype(np.int8) for shift in range(4)) >= 3
    stays &= differs[:deepest]
    ends = np.where(stays.any(axis=0), np.argmax(stays, axis=0), -1)
    return _line(ends, width, color, deviation)


def edge_rows(length: int) -> int:
    """How many rows of a view of `length` rows are its edge."""
    return max(1, min(3, length // 100 + 1))


def may_be(rim: list[Lab]) -> bool:
    """Whether any of a view's edges (few, long, 3) is plain, as a border's outer end is."""
    return any(_plain(side.mean(axis=0)) is not None for side in rim)


def _plain(outer: np.ndarray) -> tuple[np.ndarray, np.ndarray] | None:
    """The one color of nearly all of an edge (n, 3), and which of it have that color; None if they differ."""
    color = np.median(outer, axis=0)
    near = np.zeros(len(outer), bool)
    for _ in range(2):
        near = np.sqrt(((outer - color) ** 2).sum(axis=1)) < REACH_RANGE[1]
        if near.mean() < PLAIN:
            return None
        color = np.median(outer[near], axis=0)
    return color, near


def _reach(deviation: float) -> float:
    """How far a pixel of a surround may be from its color. One that is made by a program has one color,
    exactly."""
    return EXACT_REACH if deviation < 1e-3 else float(np.clip(SIGMAS * deviation, *REACH_RANGE))


def _line(ends: np.ndarray, width: int, color: np.ndarray, deviation: float) -> Strip | None:
    """The line along which most of the strip ends."""
    first, last = int(0.02 * width), int(np.ceil(0.98 * width))
    columns = np.arange(first, last)
    places = ends[first:last]
    ended = places >= 0
    if ended.sum() < 0.4 * len(columns):
        return None
    tolerance = max(1.0, 0.004 * width)
    x, y = columns[ended].astype(float), places[ended].astype(float)
    pairs = np.random.default_rng(0).integers(0, len(x), (160, 2))
    pairs = pairs[np.abs(x[pairs[:, 0]] - x[pairs[:, 1]]) > 0.2 * width]
    begin, finish = pairs[:, 0], pairs[:, 1]
    slopes = (y[finish] - y[begin]) / (x[finish] - x[begin])
    begin, slopes = begin[np.abs(slopes) < STEEPEST], slopes[np.abs(slopes) < STEEPEST]
    levels = np.append(y[begin] - slopes * x[begin], float(np.bincount(y.astype(int)).argmax()))  # and the commonest level line
    slopes = np.append(slopes, 0.0)
    on = np.abs(y[None] - levels[:, None] - slopes[:, None] * x[None]) <= tolerance
    best = on[int(np.argmax(on.sum(axis=1)))]
    slope, level = np.polyfit(x[best], y[best], 1)
    near = np.abs(y - level - slope * x) <= tolerance
    span = columns[ended][near]
    if len(span) < 8:
        return None
    within = (columns >= span.min()) & (columns <= span.max())
    together = float(near.sum() / within.sum())
    early = float(((places >= 0) & (places < level + slope * columns - 2 * tolerance) & within).sum() / within.sum())
    if together < ENDS_TOGETHER or early > (EARLY if deviation > DEAD_EVEN else EARLY_DEAD) or within.mean() < 0.55:
        return None
    return Strip(float(level), float(level + slope * width), color, together, deviation)


def _completed(strips: list[Strip | None], view: Lab) -> list[Strip | None]:
    """The strips, and those of sides on which the surround is as plain and of the same color, but ends in no
    line: the picture is as dark (or white) there. Such a strip ends where the first of the picture shows.

    Two sides must have shown the surround, or the whole edge of the view be of its color.
    """
    outers = [np.rot90(view, side)[: edge_rows(len(view))].reshape(-1, 3) for side in range(4)]
    shown = [strip for strip in strips if strip is not None and strip.deviation < EVEN]
    edge = np.concatenate(outers)
    color = np.median([strip.color for strip in shown], axis=0) if len(shown) >= 2 else np.median(edge, axis=0)
    least = 0.97 if len(shown) >= 2 else 0.995
    near = [float((np.sqrt(((outer - color) ** 2).sum(axis=1)) < REACH_RANGE[0]).mean()) for outer in outers]
    if len(shown) < 2 and min(near) < least:
        return strips
    reach = _reach(max((strip.deviation for strip in shown), default=0.0) if shown else float(edge.std()))
    completed: list[Strip | None] = []
    for side, strip in enumerate(strips):
        if strip is not None or near[side] < least:
            completed.append(strip)
            continue
        turned = np.rot90(view, side)
        differs = np.sqrt(((turned[: int(DEEPEST * len(turned))] - color) ** 2).sum(axis=2)) > reach
        rows = np.flatnonzero(differs.mean(axis=1) > FIRST_SHOWS)
        completed.append(Strip(float(rows[0]), float(rows[0]), color, 1.0, 0.0) if len(rows) else None)
    return completed


def chosen(strips: list[Strip | None], view: Lab) -> tuple[list[Strip | None] | None, bool]:
    """Which strips are borders, for each side; None if none is; and whether that is beyond doubt."""
    sides = [strip if strip is not None and strip.depth >= 0.75 else None for strip in strips]
    found = [strip for strip in sides if strip is not None]
    if not found:
        return None, True
    groups = [
        [strip is not None and float(np.sqrt(((strip.color - one.color) ** 2).sum())) < ONE_COLOR for strip in sides] for one in found
    ]
    group = max(groups, key=sum)
    count = sum(group)
    kept = [strip if member else None for strip, member in zip(sides, group, strict=True)]
    members = [strip for strip in kept if strip is not None]
    extents = [view.shape[0] if side % 2 == 0 else view.shape[1] for side in range(4)]
    deepest = max(strip.depth / extents[side] for side, strip in enumerate(kept) if strip is not None)
    together = min(strip.together for strip in members)
    lightness = float(np.mean([strip.color[0] for strip in members]))
    extreme = not FILM_BLACK <= lightness <= PAPER_WHITE
    if count <= 3:
        least, most = (SINGLE, DOUBLE, TRIPLE)[count - 1]
        if together < least or deepest > most or (count < 3 and not extreme):
            return None, deepest < 0.01
    if count <= 2 and any(not member and _is_extreme(np.rot90(view, side)) for side, member in enumerate(group)):
        return None, False
    inner = _inner(kept, view.shape[0], view.shape[1])
    top, bottom = int(inner[:2, 1].max()) + 2, int(inner[2:, 1].min()) - 2
    left, right = int(inner[[0, 3], 0].max()) + 2, int(inner[[1, 2], 0].min()) - 2
    inside = view[top:bottom, left:right]
    if inside.size == 0:
        return None, False
    color = np.mean([strip.color for strip in members], axis=0)
    alike = float((np.sqrt(((inside - color) ** 2).sum(axis=2)) < REACH_RANGE[0]).mean())
    return kept, alike < FILLED


def _is_extreme(view: Lab) -> bool:
    """Whether the top of `view` is white or black along most of its length: a border that ends in no line."""
    lightness = view[: max(1, min(3, len(view) // 100 + 1)), :, 0].mean(axis=0)
    return bool((lightness > PAPER_WHITE).mean() > PLAIN or (lightness < SCANNED_BLACK).mean() > PLAIN)


def _inner(strips: list[Strip | None], height: int, width: int) -> np.ndarray:
    """The corners that the strips (top, right, bottom, left) leave."""
    top, right, bottom, left = strips
    # rot90 turns left: along the right side the first column is the view's top; along the bottom, its right
    # end; along the left, its foot
    lines = [
        np.array([[0, top.low if top else 0], [width, top.high if top else 0]], float),
        np.array([[width - (right.low if right else 0), 0], [width - (right.high if right else 0), height]], float),
        np.array([[width, height - (bottom.low if bottom else 0)], [0, height - (bottom.high if bottom else 0)]], float),
        np.array([[left.low if left else 0, height], [left.high if left else 0, 0]], float),
    ]
    corners = quads.from_lines(lines)
    assert corners is not None  # the lines are within STEEPEST of level and upright
    return corners
