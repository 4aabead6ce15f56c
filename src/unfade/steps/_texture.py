"""A wide fill gets the texture of what surrounds it.

A network's fill of a wide hole is smooth where hair, cloth, grass or stone was. Its detail (what a Gaussian
takes away) is exchanged for that of known patches which look like it, laid from the rim inwards so that each
goes on where its neighbors end (image quilting: Efros and Freeman 2001, section 2); a patch hands its source
on to the next (PatchMatch: Barnes et al. 2009, section 3.2). Calm patches are taken: strong detail is
structure, and structure out of its place is debris. Nothing is laid into faces, and nothing taken from them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from unfade import color, tiles
from unfade.arrays import Mask, Plane
from unfade.faces import Face
from unfade.files.photo import Photo

WORKING_PX = 800  # texture is made on a copy whose shorter side is about this
LEAST_PX = 5  # how far from what is known texture begins, and over how many more pixels it grows to its full share
AMOUNT = 0.7  # of a fill's detail that is exchanged
SIGMA_PX = 3.0  # what a Gaussian of this takes away is detail
COARSE_PX = 4  # what is left below that is compared at so many pixels' distance
PATCH_PX = 16
STEP_PX = PATCH_PX // 2
TRIES, DRAWN = 64, 192  # patches compared for each place, out of so many drawn near it
NEAREST_PX, REACH = 48, 3  # they are sought up to so far away, or up to so many times as far as the hole is deep there
CALM = 0.5  # of the median energy around: what is above counts against a patch,
CALM_WEIGHT = 5.0  # by so much
TONE_WEIGHT = 0.5
AT_ONCE = 32  # places: with their candidates 2 MB
FEWEST = 4  # from fewer patches than this nothing is chosen


def add_texture(photo: Photo, mask: Mask, faces: Sequence[Face]) -> Photo:
    """The photograph, filled under `mask` (h, w), with texture where the fill is wide.

    The same photograph and mask give the same texture. Nothing outside the mask changes.
    """
    shrink = max(1, round(min(mask.shape) / WORKING_PX))
    height, width = (-(-side // shrink) for side in mask.shape)
    if min(height, width) < 2 * PATCH_PX:
        return photo
    lost = mask if shrink == 1 else cv2.resize(mask.view(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA) >= 128
    depth = cv2.distanceTransform(lost.view(np.uint8), cv2.DIST_L2, 5)
    if not (depth > LEAST_PX).any():
        return photo
    luma = color.luma(tiles.reduce(photo.srgb, photo.height, photo.width, height, width))
    spared = _boxes(faces, height, width, shrink)
    added = _difference(luma, lost, depth, spared) * cv2.GaussianBlur(1 - spared.astype(np.float32), (0, 0), SIGMA_PX)
    return _with(photo, mask, added.astype(np.float32))


def _boxes(faces: Sequence[Face], height: int, width: int, shrink: int) -> Mask:
    """Where faces are."""
    inside = np.zeros((height, width), bool)
    for face in faces:
        inside[face.top // shrink : -(-face.bottom // shrink), face.left // shrink : -(-face.right // shrink)] = True
    return inside


def _difference(luma: Plane, lost: Mask, depth: Plane, spared: Mask) -> Plane:
    """What texture adds to each pixel's luma."""
    coarse = cv2.GaussianBlur(luma, (0, 0), SIGMA_PX)
    detail = luma - coarse
    known = cv2.dilate(lost.view(np.uint8), np.ones((3, 3), np.uint8)) == 0
    takable = _all_within(known & ~spared)
    if not takable.any():
        return np.zeros_like(luma)
    laid, is_laid = _quilt(_Patches(coarse, detail, takable, depth), lost)
    share = np.clip((depth - LEAST_PX) / LEAST_PX, 0, 1) * AMOUNT
    return np.where(is_laid, share * (laid - detail), 0)


def _all_within(plane: Mask) -> Mask:
    """Whether a patch with its top left here lies within `plane` whole."""
    within: Mask = cv2.erode(plane.view(np.uint8), np.ones((PATCH_PX, PATCH_PX), np.uint8), anchor=(0, 0), borderValue=0) > 0
    within[-PATCH_PX + 1 :] = False
    within[:, -PATCH_PX + 1 :] = False
    return within


def _quilt(patches: _Patches, lost: Mask) -> tuple[Plane, Mask]:
    """Detail from known patches, and where any was laid."""
    window = np.outer(*[np.hanning(PATCH_PX + 2)[1:-1]] * 2).astype(np.float32) + np.float32(1e-3)
    sums = np.zeros((*lost.shape, 4), np.float32)  # of details, of weights, of their squares; the last is for moving a pixel as one number
    pixels, known = sums.reshape(-1).view(np.complex128), ~lost.reshape(-1)
    inside = (np.arange(PATCH_PX)[:, None] * lost.shape[1] + np.arange(PATCH_PX))[None]
    for tops, lefts in patches.turns():
        cells = (tops * lost.shape[1] + lefts)[:, None, None] + inside
        here = pixels.take(cells).view(np.float32).reshape(*cells.shape, 4)
        total, weight = here[..., 0], here[..., 1]
        is_there = weight > 0
        so_far = np.where(is_there, total / np.maximum(weight, 1e-6), patches.detail[tops, lefts])
        found, is_found = patches.best(tops, lefts, so_far, is_there | known.take(cells))
        for plane, laid in enumerate((window * found, window, window**2)):
            here[..., plane] += laid * is_found[:, None, None]
        pixels[cells] = here.view(np.complex128)[..., 0]
    total, weight, power = (sums[..., plane] for plane in range(3))
    # The mean of details that overlap would be weaker than they are.
    return total / np.sqrt(np.maximum(power, 1e-9)), weight > 0


class _Patches:
    """The patches of a working copy by their places: those that are to be laid, and the best known one for
    each."""

    def __init__(self, coarse: Plane, detail: Plane, takable: Mask, depth: Plane) -> None:
        """`coarse` and `detail` (h, w) are the copy, `takable` says where a known patch may be taken,
        `depth` how far into the hole each pixel lies."""
        shape = (PATCH_PX, PATCH_PX)
        self.detail = np.lib.stride_tricks.sliding_window_view(detail, shape)
        self._coarse = np.lib.stride_tricks.sliding_window_view(coarse, shape)[:, :, ::COARSE_PX, ::COARSE_PX]
        self._energy = cv2.boxFilter(detail**2, -1, shape, anchor=(0, 0), borderType=cv2.BORDER_REFLECT)
        self._deepest = cv2.dilate(depth, np.ones(shape, np.uint8), anchor=(0, 0))
        self._mean_depth = cv2.boxFilter(depth, -1, shape, anchor=(0, 0))
        self._takable = takable
        self._last = depth.shape[0] - PATCH_PX, depth.shape[1] - PATCH_PX
        self._sources = np.full((*takable.shape, 2), -1)
        """The source of the patch with its top left here."""
        self._rng = np.random.default_rng(0)

    def turns(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Tops and lefts of the patches to be laid, from the rim inwards; those of one turn do not touch each
        other, and none of them one that is to be laid before."""
        all_tops, all_lefts = (np.unique([*range(0, last, STEP_PX), last]) for last in self._last)
        rows, columns = np.nonzero(self._deepest[np.ix_(all_tops, all_lefts)] > LEAST_PX)
        order = np.argsort(self._mean_depth[all_tops[rows], all_lefts[columns]], kind="stable")
        rows, columns = rows[order], columns[order]
        (above, below), (before, behind) = (_overlapping(ends) for ends in (all_tops, all_lefts))
        turn = np.zeros((len(all_tops), len(all_lefts)), int)
        for row, column in zip(rows.tolist(), columns.tolist(), strict=True):
            turn[row, column] = turn[above[row] : below[row], before[column] : behind[column]].max() + 1
        own = turn[rows, columns]
        return [(all_tops[rows[own == number]], all_lefts[columns[own == number]]) for number in range(1, turn.max(initial=0) + 1)]

    def best(self, tops: np.ndarray, lefts: np.ndarray, so_far: np.ndarray, binding: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """For each place (n,) the detail of the patch that looks most like the fill there, goes on as the
        detail `so_far` does where that is `binding`, and is calm, (n, PATCH_PX, PATCH_PX); and whether there
        is one, (n,)."""
        from_tops, from_lefts, count = self._candidates(tops, lefts)

        def chosen(part: slice) -> np.ndarray:
            cost = self._unlikeness(tops[part], lefts[part], from_tops[part], from_lefts[part], count[part])
            bound = binding[part].reshape(len(cost), -1, 1).astype(np.float32)
            off = (self.detail[from_tops[part], from_lefts[part]] - so_far[part][:, None]).reshape(*cost.shape, -1)
            cost += (off**2 @ bound)[:, :, 0] / np.maximum(bound.sum(axis=1), 1)
            least: np.ndarray = np.where(np.arange(cost.shape[1]) < count[part, None], cost, np.inf).argmin(axis=1)
            return least

        parts = [slice(start, start + AT_ONCE) for start in range(0, len(tops), AT_ONCE)]
        best = np.arange(len(tops)), np.concatenate(list(map(chosen, parts)))
        sources, is_found = np.stack([from_tops[best], from_lefts[best]], axis=1), count >= FEWEST
        self._sources[tops[is_found], lefts[is_found]] = sources[is_found]
        return self.detail[sources[:, 0], sources[:, 1]], is_found

    def _unlikeness(
        self, tops: np.ndarray, lefts: np.ndarray, from_tops: np.ndarray, from_lefts: np.ndarray, count: np.ndarray
    ) -> np.ndarray:
        """How far the first `count` patches (n, k) differ from the fill at each place in what is coarse, and
        how much livelier they are than most."""
        own, others = self._coarse[tops, lefts][:, None], self._coarse[from_tops, from_lefts]
        tone = others.mean(axis=(2, 3)) - own.mean(axis=(2, 3))
        cost = ((others - own - tone[:, :, None, None]) ** 2).mean(axis=(2, 3)) + TONE_WEIGHT * tone**2
        energy = self._energy[from_tops, from_lefts]
        ranked = np.sort(np.where(np.arange(energy.shape[1]) < count[:, None], energy, np.inf), axis=1)
        each = np.arange(len(count))
        median = (ranked[each, np.maximum(count - 1, 0) // 2] + ranked[each, np.minimum(count // 2, ranked.shape[1] - 1)]) / 2
        calm = np.where(count > 0, median, 0) * CALM
        unlikeness: np.ndarray = cost + CALM_WEIGHT * np.maximum(energy - calm[:, None], 0)
        return unlikeness

    def _candidates(self, tops: np.ndarray, lefts: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Known patches for each place: those that go on where a neighbor's source ends, and random ones near
        by; their tops and lefts (n, k), and how many of them there are, the first."""
        places = np.stack([tops, lefts], axis=1)
        going_on = []
        for step in ((-STEP_PX, 0), (STEP_PX, 0), (0, -STEP_PX), (0, STEP_PX)):
            beside = places + step
            inside = self._is_within(beside)
            sources = np.where(inside[:, None], self._sources[tuple(np.clip(beside, 0, self._last).T)], -1)
            going_on.append(np.where(sources[:, :1] >= 0, sources - step, -1))
        reach = np.maximum(NEAREST_PX, REACH * self._deepest[tops, lefts] + 2 * PATCH_PX).astype(int)[:, None]
        low, high = np.maximum(0, places - reach), np.minimum(self._last, places + reach) + 1
        drawn = self._rng.integers(low[:, None], high[:, None], size=(len(tops), DRAWN, 2))
        given = np.concatenate([np.stack(going_on, axis=1), drawn], axis=1)
        inside = self._is_within(given)
        given = np.clip(given, 0, self._last)
        known = inside & self._takable[given[:, :, 0], given[:, :, 1]]
        first = np.argsort(~known, axis=1, kind="stable")[:, :TRIES, None]
        chosen = np.take_along_axis(given, first, axis=1)
        return chosen[:, :, 0], chosen[:, :, 1], np.minimum(known.sum(axis=1), TRIES)

    def _is_within(self, places: np.ndarray) -> np.ndarray:
        """Which places (..., 2) are those of a patch on the copy."""
        return np.asarray(((places >= 0) & (places <= self._last)).all(axis=-1))


def _overlapping(ends: np.ndarray) -> tuple[list[int], list[int]]:
    """For each of the tops, or lefts, of patches the first of those that overlap it, and the one behind the
    last."""
    return np.searchsorted(ends, ends - PATCH_PX, side="right").tolist(), np.searchsorted(ends, ends + PATCH_PX, side="left").tolist()


def _with(photo: Photo, mask: Mask, added: Plane) -> Photo:
    """The photograph with `added`, of a smaller copy or of its own size, on the luma under `mask`."""
    samples = photo.samples.copy()
    down, across = (_span(np.asarray((added != 0).any(axis=axis)), side) for axis, side in ((1, photo.height), (0, photo.width)))
    for band in tiles.bands(down.stop - down.start, across.stop - across.start):
        rows = slice(down.start + band.start, down.start + band.stop)
        here = tiles.enlarged(added[:, :, None], rows, across, photo.height, photo.width)[:, :, 0]
        lost = mask[rows, across] & (here != 0)
        if lost.any():
            painted = np.clip(photo.srgb(rows, across)[lost] + here[lost][:, None], 0.0, 1.0)
            samples[rows, across][lost] = photo.encode(painted[None].astype(np.float32))[0]
    return photo.with_samples(samples)


def _span(is_there: np.ndarray, side: int) -> slice:
    """From the first to the last of a copy's rows or columns, in those of a photograph of `side` pixels."""
    there = np.flatnonzero(is_there)
    if not len(there):
        return slice(0, 0)
    scale = side / len(is_there)
    return slice(max(0, math.floor((there[0] - 1) * scale)), min(side, math.ceil((there[-1] + 2) * scale)))
