"""Which of the lines near an outline's side is the paper's edge.

An outline is found on a small copy, on which the paper's edge, the rim of its shadow and the edge of the
picture within a white border are hard to tell apart. Here they are told apart at full size, by what lies on
both sides of each line: the paper is what the ground, in light or in shadow, lies outside of, and what begins
abruptly.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.arrays import Mask, Samples
from unfade.frame import edges, quads

# Relative to the print's short side: how far outside of the outline the paper may reach (a border as white as
# the lid), and how far inside of it (a shadow was taken for a part of the print).
OUTWARDS, INWARDS = 0.13, 0.06
MOVED = 1.6  # times OUTWARDS: a corner that moves farther was found wrong
ROOM_SHARES, ROOM_PX = np.linspace(0.05, 0.95, 10), 2.0  # where along a side it is looked how far away the next print is, but for so much
NEAR = 0.25  # of a print's long side: the ground within this has the color of that around it
STEPS = 140  # across a side
PROFILES = 160
LINES_MOST = 9  # of one side that are looked at
APART = 3.0  # steps: nearer lines are one
BACKED = 0.35  # of a side's profiles change at the line
HUE = 4.5 / 255  # the ground in another light differs by no more from a multiple of its color
UNEVEN = 3.0 / 255  # and varies no more than this along a side, or 2.5 times as much as the ground does
DARKEST, LIGHTEST = 0.3, 1.2  # the ground in shadow, and where the light falls
STEP_LEAST = 1.6 / 255  # paper that differs less from the ground cannot be seen
NOISE, GRAIN = 4.0, 4.5  # times what changes anyway from one row of the ground to the next, and from place to place
CRISP, ABRUPT, SOFTEST = (
    0.72,
    0.5,
    0.34,
)  # of a line's change so much lies in its two middle steps, at least, with ground, and with something else, inside
VALLEY = 0.3  # paper lighter than its shadow is so much sharper than the shadow's rim
SHADOW = 0.024  # of the short side: how far outside of the paper its shadow's rim lies at most
BORDER_ALIKE = 7 / 255
GRAINY = 1.2 / 255  # a ground with more texture has streaks or fibers
DECKLED_PX, DECKLED = 1.3, 0.0022  # how far a deckled edge strays at least, in pixels and of the short side
DECKLED_REACH = 0.013
DECKLED_STEP, DECKLED_EVEN = 5 / 255, 0.2  # the paper differs so much from what lies around, and varies no more than this share of it
TIPS = 4.0  # percent of a deckled edge lie outside of its tips' line


@dataclass(frozen=True, eq=False)
class Surround:
    """What lies around a print: the ground's `color` (c,), [0, 1], how much it varies from place to place
    (`texture`), and how far outwards of each side nothing else lies, in pixels (`room`, (4,))."""

    color: np.ndarray
    texture: float
    room: np.ndarray


def surround(number: int, outlines: list[np.ndarray], mask: Mask, small: Samples, scale: float) -> Surround:
    """What lies around one of the outlines on a copy (h, w, c), which is the scan reduced by `scale`; `mask`
    (h, w) is True on the ground. The room is in pixels of the scan."""
    height, width = mask.shape
    corners, lengths = outlines[number], quads.side_lengths(outlines[number])
    taken = np.zeros((height, width), bool)
    for other, one in enumerate(outlines):
        if other != number:
            taken |= quads.inside(one, height, width)
    offsets = np.arange(1.0, OUTWARDS * float(lengths.min()) + 1)
    room = np.empty(4)
    for side, (start, end) in enumerate(zip(corners, np.roll(corners, -1, axis=0), strict=True)):
        normal = np.array([end[1] - start[1], start[0] - end[0]]) / max(float(lengths[side]), 1e-9)
        places = (start + (end - start) * ROOM_SHARES[:, None])[:, None] + normal * offsets[None, :, None]
        x, y = np.floor(places[..., 0]).astype(int), np.floor(places[..., 1]).astype(int)
        within = (x >= 0) & (y >= 0) & (x < width) & (y < height)
        hit = ~within | taken[np.clip(y, 0, height - 1), np.clip(x, 0, width - 1)]
        free = np.where(hit.any(axis=1), np.argmax(hit, axis=1), len(offsets)).min()
        room[side] = max(0.0, float(free) - ROOM_PX) / scale
    low = np.maximum(corners.min(axis=0) - NEAR * lengths.max(), 0).astype(int)
    high = np.ceil(corners.max(axis=0) + NEAR * lengths.max()).astype(int)
    part, near = small[low[1] : high[1], low[0] : high[0]], mask[low[1] : high[1], low[0] : high[0]]
    if not near.any():
        part, near = small, mask
    top = float(np.iinfo(small.dtype).max)
    steps = np.abs(np.diff(part.astype(np.float32).mean(axis=2), axis=0))[near[1:] & near[:-1]]
    texture = 1.48 * float(np.median(steps)) / top if steps.size else 0.0
    return Surround(np.median(part[near].astype(np.float32), axis=0) / top, texture, room)


def outlined(samples: Samples, corners: np.ndarray, around: Surround, coarse_px: float) -> edges.Refined:
    """The outline moved onto the paper's edge. `corners` are those found on a copy of which a pixel is as
    large as `coarse_px` of these samples."""
    height, width = samples.shape[:2]
    short = float(quads.side_lengths(corners).min())
    inwards = INWARDS * short + 2 * coarse_px
    ends = list(zip(corners, np.roll(corners, -1, axis=0), strict=True))
    limits = [edges.on_edge(start, end, width, height, 1.5 * coarse_px) for start, end in ends]
    sides: list[_Side | None] = [None] * 4
    for number, (start, end) in enumerate(ends):
        if limits[number] is None:
            outwards = min(OUTWARDS * short, float(around.room[number])) + 2 * coarse_px
            sides[number] = _Side(samples, start, end, outwards, inwards, around, coarse_px)
    chosen = _chosen(sides, short, coarse_px)
    bows = _at_tips(sides, chosen, short)
    lines, backed = [], np.ones(4)
    for number, (limit, side, line) in enumerate(zip(limits, sides, chosen, strict=True)):
        if side is not None and line is not None:
            lines.append(side.tangents(bows[number]))
            backed[number] = line.backed
        else:
            lines.append(np.array([limit, limit]))
    found = [quads.crossing(lines[number - 1][1], lines[number][0]) for number in range(4)]
    moved = np.array([before if corner is None else corner for before, corner in zip(corners, found, strict=True)])
    if not quads.is_convex(moved) or np.abs(moved - corners).max() > MOVED * OUTWARDS * short + 4 * coarse_px:
        return edges.Refined(corners, np.zeros(4))
    return edges.Refined(moved, backed)


@dataclass(frozen=True, eq=False)
class _Line:
    """One line along a side: its `bow`, a parabola of offsets in steps over the side's share; its `score`;
    the share of profiles that back it; the colors just outside and inside of it along the side, (n, c); its
    `sharpness`, the share of its change that lies in the two middle steps; how far outside of the outline it
    lies, in pixels."""

    bow: np.ndarray
    score: float
    backed: float
    outer: np.ndarray
    inner: np.ndarray
    sharpness: float
    outside_px: float

    def apart(self, other: _Line) -> float:
        """How far they are from each other at their ends, in steps, in the mean."""
        return float(np.mean([abs(np.polyval(self.bow, at) - np.polyval(other.bow, at)) for at in (0.0, 0.5, 1.0)]))

    @property
    def contrast(self) -> float:
        return float(np.abs(np.median(self.inner - self.outer, axis=0)).max())


class _Side:
    """The lines near one side of an outline, outermost first."""

    def __init__(
        self, samples: Samples, start: np.ndarray, end: np.ndarray, outwards: float, inwards: float, around: Surround, coarse_px: float
    ) -> None:
        self.start, self.end, self.around = start, end, around
        self.length = float(np.hypot(*(end - start)))
        self.step = max(1.0, (outwards + inwards) / STEPS)
        self.shares = np.linspace(edges.ENDS, 1 - edges.ENDS, int(min(PROFILES, max(12, self.length / 2))))
        self.middle = int(np.ceil(outwards / self.step)) + 6
        offsets = np.arange(-self.middle, int(np.ceil(inwards / self.step)) + 7) * self.step
        self.taken = edges.profiles(samples, start, end, offsets, self.shares)
        self.change, self.vote = edges.votes(self.taken, crowded=True)
        self.tilt = int(np.ceil(3 * coarse_px / self.step)) + 2
        self.lines = self._found()
        self.quiet = self._quiet()

    def _found(self) -> list[_Line]:
        vote = self.vote
        spread = np.maximum(vote, np.maximum(np.roll(vote, 1, axis=1), np.roll(vote, -1, axis=1)) * 0.7)
        lows = np.arange(5, vote.shape[1] - 5)
        tilts = np.arange(-self.tilt, self.tilt + 1, 2)
        rows = np.arange(len(self.shares))
        scores = np.zeros((len(tilts), len(lows)))
        for index, tilt in enumerate(tilts):
            places = np.clip(np.rint(lows[:, None] + tilt * (self.shares - 0.5)).astype(int), 0, vote.shape[1] - 1)
            scores[index] = spread[rows[None], places].mean(axis=1)
        quiet, most = float(np.median(scores.max(axis=0))), float(scores.max())
        begins, ends = lows[None] - tilts[:, None] / 2, lows[None] + tilts[:, None] / 2
        found: list[_Line] = []
        for _ in range(2 * LINES_MOST):
            if len(found) == LINES_MOST or scores.max() < max(quiet + 0.12 * (most - quiet), 0.12):
                break
            tilt, low = np.unravel_index(int(np.argmax(scores)), scores.shape)
            line = self._line(lows[low] + tilts[tilt] * (self.shares - 0.5), float(scores[tilt, low]))
            if all(line.apart(other) > APART / 2 for other in found):
                found.append(line)
            before, after = begins - begins[tilt, low], ends - ends[tilt, low]
            scores[(np.minimum(np.abs(before), np.abs(after)) < APART) | (before * after < 0)] = 0
        return sorted(found, key=lambda line: -line.outside_px)

    def _line(self, expected: np.ndarray, score: float) -> _Line:
        places, weights = edges.peaks(self.change, self.vote, expected)
        bow = edges.curve(self.shares, places, weights)
        course = np.polyval(bow, self.shares)
        backed = float(((weights > edges.VOTE_LEAST) & (np.abs(places - course) < 1.6)).mean())
        around = self._along(course, np.arange(-3.0, 3.5))
        outer, inner = around[:, :2].mean(axis=1), around[:, -2:].mean(axis=1)
        direction = np.median(inner - outer, axis=0)
        along = around @ (direction / max(float(np.linalg.norm(direction)), 1e-6))
        total = float(np.median(along[:, -2:].mean(axis=1) - along[:, :2].mean(axis=1)))
        near = float(np.median(along[:, 4] - along[:, 2]))
        outside = (self.middle - float(np.polyval(bow, 0.5))) * self.step
        return _Line(bow, score, backed, outer, inner, near / max(total, 1e-6), outside)

    def _along(self, course: np.ndarray, offsets: np.ndarray) -> np.ndarray:
        """The samples along a course of offsets, and so many steps beside it, (n, offsets, channels)."""
        places = np.clip(course[:, None] + offsets, 0, self.taken.shape[1] - 1.001)
        left = places.astype(int)
        share = (places - left)[..., None].astype(np.float32)
        rows = np.arange(len(course))[:, None]
        return np.asarray(self.taken[rows, left] * (1 - share) + self.taken[rows, left + 1] * share)

    def crossings(self, bow: np.ndarray, reach: float) -> np.ndarray | None:
        """How far inside of a line each profile turns from what lies outside to the paper, in steps, (n,).
        None where no even paper lies inside, or it begins more than `reach` away."""
        steps = max(3, round(reach / self.step))
        offsets = np.arange(-steps - 1.0, steps + 2)
        around = self._along(np.polyval(bow, self.shares), offsets)
        outer, inner = (np.median(around[:, part].reshape(-1, around.shape[2]), axis=0) for part in (slice(0, 2), slice(-2, None)))
        change = inner - outer
        if np.abs(change).max() < DECKLED_STEP:
            return None
        level = (around - outer) @ change / float(change @ change)
        if np.percentile(np.abs(level[:, -2:] - 1), 75) > DECKLED_EVEN or (level >= 0.5).any(axis=1).mean() < 0.95:
            return None
        first = np.clip(np.argmax(level >= 0.5, axis=1), 1, None)
        rows = np.arange(len(level))
        before, after = level[rows, first - 1], level[rows, first]
        return np.asarray(offsets[first] - (after - 0.5) / np.maximum(after - before, 1e-3).clip(0.05))

    def _quiet(self) -> np.ndarray:
        """How much the ground changes abruptly from one offset to the next, up to each: (offsets,)."""
        means = np.median(self.taken.mean(axis=2), axis=0)
        wide = np.pad(means, 4, mode="edge")
        jumps = np.abs(means - (wide[:-8] + wide[8:]) / 2)
        return np.array([np.percentile(jumps[: max(3, end - 5)], 75) for end in range(len(jumps))])

    def like_ground(self, strip: np.ndarray) -> bool:
        """Whether a strip along the side may be the ground, in whatever light."""
        color = np.maximum(self.around.color, 1 / 255)
        shade = strip @ color / float(color @ color)
        hue = float(np.median(np.abs(strip - shade[:, None] * color).max(axis=1)))
        level = shade * float(color.max())
        even = np.abs(level - np.polyval(np.polyfit(self.shares, level, 2), self.shares))
        middle = float(np.median(shade))
        dark = float(color.max()) < 0.25
        return (
            hue < HUE
            and float(np.percentile(even, 60)) < max(UNEVEN, 2.5 * self.around.texture)
            and (dark or DARKEST < middle < LIGHTEST)
            and (not dark or middle * float(color.max()) < float(color.max()) + 12 / 255)
        )

    def noise(self, line: _Line) -> float:
        """What changes anyway from one row of the ground outside of the line to the next."""
        at = int(np.clip(np.polyval(line.bow, 0.5), 0, len(self.quiet) - 1))
        return float(self.quiet[at])

    def tangents(self, bow: np.ndarray) -> np.ndarray:
        """The tangents of a line at the side's start and end, (2, 2, 2)."""
        direction = (self.end - self.start) / max(self.length, 1e-9)
        normal = np.array([-direction[1], direction[0]])
        slope = np.polyder(bow)
        made = []
        for at in (0.0, 1.0):
            offset = (float(np.polyval(bow, at)) - self.middle) * self.step
            incline = float(np.polyval(slope, at)) * self.step / max(self.length, 1e-9)
            place = self.start + (self.end - self.start) * at + normal * offset
            made.append([place, place + direction + normal * incline])
        return np.array(made)


def _chosen(sides: list[_Side | None], short: float, coarse_px: float) -> list[_Line | None]:
    """The paper's edge of each side."""
    chosen = [None if side is None else _edge(side, short, coarse_px) for side in sides]
    strips = [None if line is None else _even(line.inner) for line in chosen]
    for number, (side, line) in enumerate(zip(sides, chosen, strict=True)):
        if side is not None and line is not None:
            others = [strips[other] for other in range(4) if other != number and sides[other] is not None]
            chosen[number] = _in_accord(side, line, others, short)
    return chosen


def _in_accord(side: _Side, line: _Line, others: list[np.ndarray | None], short: float) -> _Line:
    """The edge of one side, in accord with what was found of the `others`: the color of the even strip that
    begins at each, None where it is not even."""
    if side.around.texture > GRAINY and side.like_ground(line.inner):
        # Nothing but a border begins at such a line, and a border is on the other sides, too; else it is a
        # streak of the ground.
        inner = np.median(line.inner, axis=0)
        ends = [each for each in side.lines if each.outside_px < line.outside_px and _ends_plainly(side, each)]
        if ends and sum(strip is not None and _alike(strip, inner) for strip in others) < min(2, len(others)):
            return max(ends, key=lambda each: each.score)
    # Where other sides have a border of the color that lies outside of this line, the line is the picture's
    # edge, and the paper's is farther out.
    outside = _even(line.outer)
    same = [] if outside is None else [strip for strip in others if strip is not None and _alike(strip, outside)]
    if outside is None or len(same) < 2 or np.abs(outside - np.mean(same, axis=0)).max() > np.abs(outside - side.around.color).max():
        return line
    farther = [each for each in side.lines if each.outside_px > line.outside_px + SHADOW * short / 2 and each.backed >= BACKED]
    farther = [each for each in farther if side.like_ground(each.outer) and _alike(np.median(each.inner, axis=0), outside)]
    return max(farther, key=lambda each: each.score, default=line)


def _ends_plainly(side: _Side, line: _Line) -> bool:
    """Whether ground that is none inside ends at this line, beyond doubt."""
    return line.backed > 0.6 and line.sharpness > ABRUPT and side.like_ground(line.outer) and not side.like_ground(line.inner)


def _even(strip: np.ndarray) -> np.ndarray | None:
    """The one color of a strip along a side, (n, c); None if it has several."""
    color = np.median(strip, axis=0)
    return color if float(np.percentile(np.abs(strip - color).max(axis=1), 75)) < BORDER_ALIKE else None


def _alike(one: np.ndarray, other: np.ndarray) -> bool:
    return float(np.abs(one - other).max()) < BORDER_ALIKE


def _edge(side: _Side, short: float, coarse_px: float) -> _Line:
    """The paper's edge: the outermost line at which the ground may end, unless it is more likely the rim of a
    shadow whose paper lies just behind."""
    fit = [line for line in side.lines if _may_end_ground(side, line)]
    if not fit:
        return _likeliest(side, coarse_px)
    chosen = fit[0]
    for line in [each for each in side.lines if each.outside_px < chosen.outside_px and side.like_ground(each.outer)]:
        behind = chosen.outside_px - line.outside_px
        if behind > SHADOW * short or line.backed < BACKED:
            continue
        sharper = line.sharpness > chosen.sharpness + 0.08 or line.contrast > 3 * chosen.contrast
        same = behind < 4 * side.step and line.score > 1.6 * chosen.score
        valley = line.sharpness > chosen.sharpness + VALLEY
        if same or valley or (sharper and (chosen.sharpness < CRISP or side.like_ground(chosen.inner))):
            chosen = line
    return chosen


def _may_end_ground(side: _Side, line: _Line) -> bool:
    """Whether the ground lies outside of this line and ends at it abruptly."""
    if line.backed < BACKED or line.contrast < STEP_LEAST or not side.like_ground(line.outer):
        return False
    noise = max(NOISE * side.noise(line), GRAIN * side.around.texture)
    if not side.like_ground(line.inner):
        return line.sharpness > SOFTEST and line.contrast > noise / 2
    return line.sharpness > ABRUPT and line.contrast > noise


def _at_tips(sides: list[_Side | None], chosen: list[_Line | None], short: float) -> list[np.ndarray]:
    """The bow of each side's edge. A deckled edge runs along its tips, so that none is cut off."""
    free = [(side, line) for side, line in zip(sides, chosen, strict=True) if side is not None and line is not None]
    cut = [side.crossings(line.bow, DECKLED_REACH * short) for side, line in free]
    deckled = [
        one is not None and float(np.diff(np.percentile(one, (5, 95)))[0]) * side.step > max(DECKLED_PX, DECKLED * short)
        for (side, _), one in zip(free, cut, strict=True)
    ]
    if sum(deckled) < min(3, len(free)) or not free:
        return [np.zeros(3) if line is None else line.bow for line in chosen]
    tips = iter(line.bow if one is None else _along_tips(side.shares, line.bow, one) for (side, line), one in zip(free, cut, strict=True))
    return [np.zeros(3) if line is None else next(tips) for line in chosen]


def _along_tips(shares: np.ndarray, bow: np.ndarray, strays: np.ndarray) -> np.ndarray:
    """The bow moved outwards to the tips of an edge that strays so far from it."""
    known = np.isfinite(strays)
    places = np.polyval(bow, shares)[known] + strays[known]
    middle = np.polyfit(shares[known], places, 2)
    tips = np.percentile(places - np.polyval(middle, shares[known]), TIPS)
    return np.asarray(middle + np.array([0.0, 0.0, tips]))


def _likeliest(side: _Side, coarse_px: float) -> _Line:
    """The line with the most behind it, near the outline; the outline itself where nothing changes."""
    best = max(
        side.lines,
        key=lambda line: line.score * (0.7 if side.like_ground(line.inner) else 1) - 0.15 * abs(line.outside_px) / (3 * coarse_px),
        default=None,
    )
    if best is not None:
        return best
    nothing = np.zeros((len(side.shares), side.taken.shape[2]), np.float32)
    return _Line(np.array([0.0, 0.0, float(side.middle)]), 0.0, 0.0, nothing, nothing, 0.0, 0.0)
