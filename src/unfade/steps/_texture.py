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
    total, weight, power = (np.zeros(lost.shape, np.float32) for _ in range(3))
    for top, left in patches.places():
        cell = np.s_[top : top + PATCH_PX, left : left + PATCH_PX]
        is_there = weight[cell] > 0
        so_far = np.where(is_there, total[cell] / np.maximum(weight[cell], 1e-6), patches.detail[top, left])
        found = patches.best((top, left), so_far, is_there | ~lost[cell])
        if found is None:
            continue
        total[cell] += window * found
        weight[cell] += window
        power[cell] += window**2
    # The mean of details that overlap would be weaker than they are.
    return total / np.sqrt(np.maximum(power, 1e-9)), weight > 0


Place = tuple[int, int]
"""A patch's top and left."""


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
        self._sources: dict[Place, Place] = {}
        self._rng = np.random.default_rng(0)

    def places(self) -> list[Place]:
        """Where patches are to be laid, from the rim inwards."""
        tops, lefts = (np.unique([*range(0, last, STEP_PX), last]) for last in self._last)
        places = [(int(top), int(left)) for top in tops for left in lefts if self._deepest[top, left] > LEAST_PX]
        return sorted(places, key=lambda place: float(self._mean_depth[place]))

    def best(self, place: Place, so_far: Plane, binding: Mask) -> Plane | None:
        """The detail of the patch that looks most like the fill at `place`, goes on as the detail `so_far`
        does where that is `binding`, and is calm."""
        tops, lefts = self._candidates(place)
        if len(tops) < FEWEST:
            return None
        own = self._coarse[place]
        others = self._coarse[tops, lefts]
        tone = others.mean((1, 2)) - own.mean()
        cost = ((others - own - tone[:, None, None]) ** 2).mean((1, 2)) + TONE_WEIGHT * tone**2
        energy = self._energy[tops, lefts]
        cost += CALM_WEIGHT * np.maximum(energy - CALM * np.median(energy), 0)
        if binding.any():
            cost += (((self.detail[tops, lefts] - so_far) ** 2) * binding).sum((1, 2)) / binding.sum()
        best = int(cost.argmin())
        source = int(tops[best]), int(lefts[best])
        self._sources[place] = source
        found: Plane = self.detail[source]
        return found

    def _candidates(self, place: Place) -> tuple[np.ndarray, np.ndarray]:
        """Known patches: those that go on where a neighbor's source ends, and random ones near by."""
        top, left = place
        going_on = [
            (source[0] - down, source[1] - across)
            for down, across in ((-STEP_PX, 0), (STEP_PX, 0), (0, -STEP_PX), (0, STEP_PX))
            if (source := self._sources.get((top + down, left + across))) is not None
        ]
        reach = int(max(NEAREST_PX, REACH * float(self._deepest[place]) + 2 * PATCH_PX))
        ranges = ((max(0, at - reach), min(last, at + reach) + 1) for at, last in zip(place, self._last, strict=True))
        drawn = np.stack([self._rng.integers(*ends, size=DRAWN) for ends in ranges], axis=1)
        tops, lefts = np.concatenate([np.array(going_on, int).reshape(-1, 2), drawn]).T
        inside = (tops >= 0) & (tops <= self._last[0]) & (lefts >= 0) & (lefts <= self._last[1])
        tops, lefts = tops[inside], lefts[inside]
        known = np.flatnonzero(self._takable[tops, lefts])[:TRIES]
        return tops[known], lefts[known]


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
