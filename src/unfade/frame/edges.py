"""The sides of an outline are moved onto the edges in the samples, to a fraction of a pixel.

Across each side, profiles are taken from the samples. Each profile votes for the places where it changes
most; the line with the most votes is the side. A bent side (curl, a lens) is then followed by a parabola, so
that the corners come out where they are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.arrays import Samples
from unfade.frame import quads

PROFILES = 192
ENDS = 0.03  # of a side, where its neighbours' edges would mislead
QUIET = 2.5 / 255  # a change below this, a step, has hardly a vote
OUTER_SHARE = 0.5  # a line farther out wins if it has this share of the best line's votes, counted from what any line has
EDGES_APART = 4.0  # steps: nearer edges are one
ALIKE, EVEN = 8 / 255, 5 / 255  # colors of one paper, and how much they vary along it
SHADOW_EVEN = 12 / 255  # how much a shadow varies along a side
BEHIND = 0.5  # the edge behind a shadow's has at least this share of its votes
SOFT = 0.33  # an edge with less of its change in one step is a shadow's
VOTE_LEAST = 0.3  # a profile backs a line if its vote there is at least this


@dataclass(frozen=True, eq=False)
class Refined:
    """Corners on the edges, and the share of each side that an edge backs (4,); 1 for a side on the picture's
    own edge."""

    corners: np.ndarray
    backed: np.ndarray


def refine(
    samples: Samples, corners: np.ndarray, reach_px: float, step_px: float = 1.0, *, of_paper: bool = False, least_backed: float = 0.0
) -> Refined:
    """Move each side to the edge within `reach_px` of it, looked at in steps of `step_px`.

    `of_paper`: of several edges that most profiles back, the one farthest out that is no shadow's, not the
    strongest: that of the paper, not of its border. `least_backed`: once no edge of a side has this share of
    its profiles behind it, the corners stay as they are, with nothing behind them.
    """
    height, width = samples.shape[:2]
    limits = [on_edge(corners[side], corners[(side + 1) % 4], width, height, max(1.0, step_px)) for side in range(4)]
    sides: list[_Side | None] = []
    for index, limit in enumerate(limits):
        side = None if limit is not None else _Side(samples, corners[index], corners[(index + 1) % 4], reach_px, step_px)
        if side is not None and max(edge.backed for edge in side.edges) < least_backed:
            return Refined(corners, np.zeros(4))
        sides.append(side)
    chosen = _outermost(sides) if of_paper else [0 if side is None else side.strongest for side in sides]
    lines: list[np.ndarray] = []
    backed = np.ones(4)
    for index, (limit, side) in enumerate(zip(limits, sides, strict=True)):
        if side is not None:
            tangents, backed[index] = side.fitted(chosen[index])
            lines.append(tangents)
        elif limit is not None:
            lines.append(np.array([*limit, *limit]).reshape(2, 2, 2))
    found = []
    for index in range(4):
        # each side comes as two tangents, (begin, end) of each: at its start and at its end
        corner = quads.crossing(lines[index - 1][1], lines[index][0])
        found.append(corners[index] if corner is None else corner)
    moved = np.array(found)
    allowed = 3 * reach_px + 0.03 * float(quads.side_lengths(corners).min())
    if not quads.is_convex(moved) or np.abs(moved - corners).max() > allowed:
        return Refined(corners, np.zeros(4))
    return Refined(moved, backed)


def on_edge(start: np.ndarray, end: np.ndarray, width: int, height: int, near: float) -> tuple[np.ndarray, np.ndarray] | None:
    """The picture's own edge, as two points in the side's direction, if the side lies on it or outside; None
    if it lies within."""
    for axis, limit in ((0, 0.0), (0, float(width)), (1, 0.0), (1, float(height))):
        sign = 1 if limit == 0 else -1
        if sign * (start[axis] - limit) <= near and sign * (end[axis] - limit) <= near:
            first, last = start.copy(), end.copy()
            first[axis] = last[axis] = limit
            return first, last
    return None


def profiles(samples: Samples, start: np.ndarray, end: np.ndarray, offsets: np.ndarray, shares: np.ndarray) -> np.ndarray:
    """Samples across a side, (shares, offsets, channels) float32 in [0, 1]: at each share of its length, at
    each offset inwards."""
    direction = (end - start) / max(float(np.hypot(*(end - start))), 1e-9)
    normal = np.array([-direction[1], direction[0]])
    places = (start + (end - start) * shares[:, None])[:, None] + normal * offsets[None, :, None]
    height, width = samples.shape[:2]
    x = np.clip(places[..., 0] - 0.5, 0, width - 1)
    y = np.clip(places[..., 1] - 0.5, 0, height - 1)
    left, top = np.minimum(x.astype(int), max(width - 2, 0)), np.minimum(y.astype(int), max(height - 2, 0))
    right, below = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = (x - left)[..., None].astype(np.float32), (y - top)[..., None].astype(np.float32)
    upper = samples[top, left] * (1 - across) + samples[top, right] * across
    lower = samples[below, left] * (1 - across) + samples[below, right] * across
    return np.asarray((upper * (1 - down) + lower * down) / np.float32(np.iinfo(samples.dtype).max), np.float32)


def votes(taken: np.ndarray, *, crowded: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """How much each profile changes at each offset, (shares, offsets), and its vote, [0, 1]: how sharp that
    change is.

    A soft shadow changes as much around a place as at it and has no vote. `crowded`: an edge close beside
    another keeps its vote.
    """
    smooth = taken.copy()
    smooth[:, 1:-1] = (taken[:, :-2] + 2 * taken[:, 1:-1] + taken[:, 2:]) / 4
    change = np.zeros(taken.shape[:2], np.float32)
    change[:, 1:-1] = np.sqrt(((smooth[:, 2:] - smooth[:, :-2]) ** 2).mean(axis=2))
    padded = np.pad(change, ((0, 0), (4, 4)), mode="edge")
    before, after = padded[:, :-8], padded[:, 8:]
    around = np.minimum(before, after) if crowded else (before + after) / 2
    sharp = np.maximum(change - around, 0)
    return change, sharp / (sharp + np.float32(QUIET))


@dataclass(frozen=True, eq=False)
class _Edge:
    """An edge along a side: a parabola of its offsets, in steps, over the side's share; its `score`, and the
    share of profiles behind it."""

    bow: np.ndarray
    score: float
    backed: float


class _Side:
    """The `edges` near one side of an outline, outermost first; which of them is the `strongest`."""

    def __init__(self, samples: Samples, start: np.ndarray, end: np.ndarray, reach: float, step: float) -> None:
        self.start, self.end, self.step = start, end, step
        self.length = float(np.hypot(*(end - start)))
        self.shares = np.linspace(ENDS, 1 - ENDS, int(min(PROFILES, max(8, self.length / 2))))
        self.steps = int(np.ceil(reach / step))
        offsets = np.arange(-self.steps - 4, self.steps + 5) * step
        self.middle = self.steps + 4
        self.taken = profiles(samples, start, end, offsets, self.shares)
        self.change, self.vote = votes(self.taken)
        self.edges, self.strongest = self._found()

    def _found(self) -> tuple[list[_Edge], int]:
        vote = self.vote
        spread = np.maximum(vote, np.maximum(np.roll(vote, 1, axis=1), np.roll(vote, -1, axis=1)) * 0.7)
        candidates = np.arange(4, vote.shape[1] - 4)
        candidates = candidates[:: max(1, len(candidates) // 56)]
        rows = np.arange(len(self.shares))
        tilt = 0.4 * self.steps + 3
        scores = np.full((len(candidates), len(candidates)), -1.0)
        for index, low in enumerate(candidates):
            near = np.abs(candidates - low) <= tilt
            places = np.rint(low + (candidates[near][:, None] - low) * self.shares).astype(int)
            scores[index, near] = spread[rows[None], places].mean(axis=1)
        middles = (candidates[:, None] + candidates[None]) / 2
        quiet = float(np.median(scores[scores >= 0]))
        least = quiet + OUTER_SHARE * (float(scores.max()) - quiet)
        left = np.where(scores >= least, scores, -1.0)
        found: list[tuple[float, float, float]] = []
        while left.max() > 0 and len(found) < 4:
            low_at, high_at = np.unravel_index(int(np.argmax(left)), left.shape)
            low, high = float(candidates[low_at]), float(candidates[high_at])
            away = abs((low + high) / 2 - self.middle) / max(self.steps, 1)
            found.append((low, high, float(left[low_at, high_at]) - 0.15 * away))
            between = np.minimum(np.abs(candidates[:, None] - low), np.abs(candidates[None] - high))
            left[(np.abs(middles - (low + high) / 2) < EDGES_APART) | (between < 2)] = -1.0
        if not found:  # nothing changes anywhere: the side stays where it is
            return [_Edge(np.array([0.0, 0.0, float(self.middle)]), 0.0, 0.0)], 0
        tilt = found[0][1] - found[0][0]
        found = [one for one in found if abs(one[1] - one[0] - tilt) <= 3]  # the edges of one side run nearly parallel
        found.sort(key=lambda one: one[0] + one[1])
        strongest = int(np.argmax([score for _, _, score in found]))
        return [self._curve(low, high, score) for low, high, score in found], strongest

    def _curve(self, low: float, high: float, score: float) -> _Edge:
        places, weights = peaks(self.change, self.vote, low + (high - low) * self.shares)
        bow = curve(self.shares, places, weights)
        strays = np.abs(places - np.polyval(bow, self.shares))
        return _Edge(bow, score, float(((weights > VOTE_LEAST) & (strays < 1.6)).mean()))

    def strip(self, index: int) -> _Strip:
        """What lies along an edge."""
        places = np.rint(np.polyval(self.edges[index].bow, self.shares)).astype(int)
        around = np.clip(places[:, None] + np.arange(-3, 4), 0, self.vote.shape[1] - 1)
        aligned = self.taken[np.arange(len(places))[:, None], around]
        inner = np.median(aligned[:, 5], axis=0)
        steps = np.abs(np.diff(aligned, axis=1)).mean(axis=2)
        sharpness = float(steps.max(axis=1).mean() / max(float(steps.sum(axis=1).mean()), 1e-6))
        return _Strip(np.median(aligned[:, 0], axis=0), inner, float(np.median(np.abs(aligned[:, 5] - inner).mean(axis=1))), sharpness)

    def fitted(self, index: int) -> tuple[np.ndarray, float]:
        """The tangents of an edge at the side's start and end, (2, 2, 2), and the share of the profiles that
        back it."""
        bow = self.edges[index].bow
        direction = (self.end - self.start) / max(self.length, 1e-9)
        normal = np.array([-direction[1], direction[0]])
        slope = np.polyder(bow)
        tangents = []
        for at in (0.0, 1.0):
            offset = (np.polyval(bow, at) - self.middle) * self.step
            incline = float(np.polyval(slope, at)) * self.step / max(self.length, 1e-9)
            place = self.start + (self.end - self.start) * at + normal * offset
            tangents.append([place, place + direction + normal * incline])
        return np.array(tangents), self.edges[index].backed


@dataclass(frozen=True, eq=False)
class _Strip:
    """The colors just outside (`outer`) and just inside (`inner`) of an edge, medians along it; how much the
    inner one varies along it; and the `sharpness`: the share of the change that one step has."""

    outer: np.ndarray
    inner: np.ndarray
    variation: float
    sharpness: float

    @property
    def like_shadow(self) -> bool:
        """Whether the inner strip may be a shadow on the outer one: even, darker, of its hue; or the edge too
        soft for paper's."""
        shares = self.inner / np.maximum(self.outer, 1 / 255)
        darker = self.variation < SHADOW_EVEN and shares.mean() < 0.99 and shares.max() - shares.min() < 0.06
        return bool(darker or self.sharpness < SOFT)

    def like_paper(self, color: np.ndarray) -> bool:
        """Whether the inner strip is even and of that color."""
        return self.variation < EVEN and float(np.abs(self.inner - color).max()) < ALIKE


def _outermost(sides: list[_Side | None]) -> list[int]:
    """For each side the outermost edge that is not a shadow's.

    What may be a shadow and has another edge behind it is one, unless two other sides have a strip of the
    same color: a border of the paper is on all sides, a shadow on two at most.
    """
    strips = [[] if side is None else [side.strip(index) for index in range(len(side.edges))] for side in sides]
    chosen = []
    for number, side in enumerate(sides):
        index = 0
        while side is not None and index + 1 < len(side.edges):
            here, behind = strips[number][index], strips[number][index + 1]
            soft = here.sharpness < SOFT and behind.sharpness > here.sharpness + 0.08
            if not soft and not (here.like_shadow and side.edges[index + 1].score > BEHIND * side.edges[index].score):
                break
            color = strips[number][index].inner
            others = [strips[other] for other in range(4) if other != number]
            if sum(any(strip.like_paper(color) for strip in other) for other in others) >= 2:
                break
            index += 1
        chosen.append(index)
    return chosen


def peaks(change: np.ndarray, vote: np.ndarray, expected: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Where each profile changes most near the line, to a fraction of a step, and how much it counts."""
    rows = np.arange(len(change))
    middle = np.clip(np.rint(expected).astype(int), 3, change.shape[1] - 4)
    window = middle[:, None] + np.arange(-3, 4)
    window = np.clip(window, 1, change.shape[1] - 2)
    local = change[rows[:, None], window] * (1 - 0.08 * np.abs(np.arange(-3, 4)))
    peak = window[rows, np.argmax(local, axis=1)]
    before, at, after = change[rows, peak - 1], change[rows, peak], change[rows, peak + 1]
    bend = before - 2 * at + after
    shift = np.where(bend < -1e-9, np.clip((before - after) / np.where(bend < -1e-9, 2 * bend, 1), -0.5, 0.5), 0)
    return peak + shift, vote[rows, peak]


def curve(shares: np.ndarray, places: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Coefficients of a parabola through the peaks, robust against strays; a line where few profiles
    agree."""
    fit = np.array([0.0, 0.0, float(np.average(places, weights=weights + 1e-6))])
    for degree in (1, 1, 1, 2, 2, 2):
        rest = np.abs(places - np.polyval(fit, shares))
        robust = weights / np.maximum(rest, 0.15) if rest.any() else weights + 1e-6
        agree = rest < 1.5
        if degree == 2 and agree.mean() < 0.5:
            break
        keep = rest < (6 if degree == 1 else 3)
        if keep.sum() < 6:
            break
        solved = np.polyfit(shares[keep], places[keep], degree, w=np.sqrt(robust[keep] + 1e-9))
        fit = np.concatenate([np.zeros(3 - len(solved)), solved])
    return fit
