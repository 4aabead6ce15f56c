"""What is lost is made again, under the mask only.

Windows are laid around groups of damage. In each, a classical fill (`inpainting.biharmonic`) comes first and
the network adds what that cannot know. A hole too large for a window is filled on a reduced copy first, where
it fits; at its own size only its rim is painted again. The lattice that a network leaves in wide holes is
taken out (`_lattice`). Then the finest detail is made as strong as it is around the hole (`_grain`). Where
the damage's tone or color has bled beyond the mask, the pixels beside it are not believed either, though they
stay as they are (`_bleeding`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from itertools import accumulate, pairwise

import cv2
import numpy as np

from unfade import tiles
from unfade.arrays import Float32, Image, Mask, Samples
from unfade.files.photo import Photo
from unfade.inpainting import biharmonic
from unfade.models.calibration import FillCalibration
from unfade.models.card import Card
from unfade.models.session import Session, batch_of, picture_of
from unfade.steps._bleeding import disc, measure_bleeding, with_chroma_from_afar
from unfade.steps._grain import Grain, add_grain, measure_grain, without_excess
from unfade.steps._lattice import without_lattice
from unfade.work import Progress

# If the largest disc in a hole has a radius above THICK_SHARE of the context that a window sees around the
# hole, the hole is first filled on a copy reduced by COARSE. At full size only its rim is painted again: half
# of that radius. Where one window sees the whole picture, THICK_SHARE_ALONE holds.
THICK_SHARE = 2 / 3
THICK_SHARE_ALONE = 4 / 3
COARSE = 4
SMALLEST_PX = 24  # a copy below this is not reduced again

NEUTRAL_PROBE_PX = 16  # pixels this far apart are looked at first

Colors = Float32[np.ndarray, "k 3"]
"""The sRGB colors of some pixels, in reading order."""


def fill(photo: Photo, mask: Mask, session: Session, progress: Progress) -> Photo:
    """The photograph with every pixel under `mask` (h, w) painted anew. Some pixels must be sound."""
    samples = photo.samples.copy()
    neutral = is_neutral(photo, mask)
    unknown = mask
    with tiles.beside(partial(_reduced, photo.srgb, mask, session), session.threads) as reduced:
        grain, bleeding = measure_grain(photo, mask), measure_bleeding(photo, mask, color_too=not neutral)
        if bleeding.has_bled:
            grown = cv2.dilate(mask.view(np.uint8), disc(1)) > 0
            unknown = mask if grown.all() else grown
        coarse = reduced()
    if unknown is not mask:
        coarse = _reduced(photo.srgb, unknown, session)
    progress(0.1)
    for rows, band in _paint(photo.srgb, unknown, coarse, session, progress, grain, bleeding.believed_chroma_px):
        lost = mask[rows]
        if not lost.any():
            continue
        painted = np.clip(band[lost[unknown[rows]]][None], 0.0, 1.0)
        if neutral:
            painted = np.repeat(painted.mean(axis=2, keepdims=True), 3, axis=2)
        samples[rows][lost] = photo.encode(painted)[0]
    return photo.with_samples(samples)


def is_neutral(photo: Photo, mask: Mask) -> bool:
    """Whether everything outside the mask is gray without a tint, so that what is painted must be too."""
    if photo.channels == 1:
        return True

    def gray(samples: Samples, lost: Mask) -> bool:
        known = samples[~lost]
        return bool((known[:, :2] == known[:, 1:]).all())

    apart = np.s_[::NEUTRAL_PROBE_PX, ::NEUTRAL_PROBE_PX]  # a tint is nearly always everywhere
    if not gray(photo.shown[apart], mask[apart]):
        return False
    return all(gray(photo.shown[rows], mask[rows]) for rows in tiles.bands(photo.height, photo.width))


def fill_image(image: Image, mask: Mask, session: Session) -> Image:
    """A picture in memory with the pixels under `mask` painted anew, without grain; what lies under the mask
    does not matter."""
    if not mask.any():
        return image
    if mask.all():
        return np.full_like(image, 0.5)
    filled = image.copy()

    def fetch(rows: slice, columns: slice) -> Image:
        return image[rows, columns]

    for rows, band in _paint(fetch, mask, _reduced(fetch, mask, session), session, None, None, 0):
        filled[rows][mask[rows]] = np.clip(band, 0.0, 1.0)
    return filled


@dataclass(frozen=True)
class _Coarse:
    """A reduced copy with its holes filled, and where in a large hole (`deep`, on the copy's grid) it is the
    last word."""

    image: Image
    deep: Mask


def _groups(occupied: np.ndarray, tile_px: int, context: int) -> list[slice]:
    """Along an axis (length,), the stretches that hold each True, such that a window of `tile_px` holds each
    with its context.

    A gap of more than two contexts parts them; a longer stretch is cut into as few as fit, of about one
    length.
    """
    at = np.flatnonzero(occupied)
    groups = []
    for stretch in np.split(at, np.flatnonzero(np.diff(at) > 2 * context) + 1):
        low, high = max(int(stretch[0]) - context, 0), min(int(stretch[-1]) + 1 + context, len(occupied))
        grid = tiles.Grid(tile_px, 2 * context)
        side = grid.side(high - low)
        cuts = [low + (before + side + start) // 2 for before, start in pairwise(grid.starts(high - low))]
        groups += [slice(int(part[0]), int(part[-1]) + 1) for part in np.split(stretch, np.searchsorted(stretch, cuts)) if part.size]
    return groups


def _around(group: slice, context: int, multiple: int, length: int) -> tuple[slice, int]:
    """A window along an axis of `length` pixels with `context` on both sides of a group: where it lies, and
    its side with its padding."""
    low, high = max(group.start - context, 0), min(group.stop + context, length)
    side = tiles.round_up(high - low, multiple)
    start = max(min(low, length - side), 0)
    return slice(start, min(start + side, length)), side


def _windows(mask: Mask, card: Card) -> list[list[tiles.Window]]:
    """Windows around groups of damage, in strips from top to bottom: no larger than the card's, and no larger
    than the group needs."""
    height, width = mask.shape
    context = min(card.overlap_px, card.tile_px // 3)
    strips = []
    for band in _groups(np.any(mask, axis=1), card.tile_px, context):
        strip = []
        for part in _groups(np.any(mask[band], axis=0), card.tile_px, context):
            down = np.flatnonzero(np.any(mask[band, part], axis=1)) + band.start
            rows, tall = _around(slice(int(down[0]), int(down[-1]) + 1), context, card.multiple, height)
            columns, wide = _around(part, context, card.multiple, width)
            strip.append(tiles.Window(rows, columns, tall, wide))
        strips.append(strip)
    return strips


def _paint(
    fetch: tiles.Fetch,
    mask: Mask,
    coarse: _Coarse | None,
    session: Session,
    progress: Progress | None,
    grain: Grain | None,
    chroma_px: int,
) -> Iterator[tuple[slice, Colors]]:
    """Bands of rows, top to bottom, each with what to put under the mask there, (k, 3) in reading order; rows
    without loss are left out. Within `chroma_px` of the mask, chroma is not believed."""
    height, width = mask.shape

    def made(window: tiles.Window) -> Colors:
        rows, columns = window.rows, window.columns
        lost = mask[rows, columns]
        part = fetch(rows, columns)
        painted, near = _paint_window(part, lost, window, (height, width), coarse, session)
        if chroma_px:
            painted = with_chroma_from_afar(painted, part, lost, chroma_px, near)
        if grain is not None:
            painted = add_grain(without_excess(painted, lost), lost, (rows.start, columns.start), grain)
        made_there: Colors = painted[lost]
        return made_there

    strips = _windows(mask, session.card)
    parts = tiles.in_order(made, [window for strip in strips for window in strip], session.threads)
    own = [min(window.rows.start for window in strip) for strip in strips]
    tops = list(accumulate(reversed(own), min))[::-1]  # none below the next one's: bands come in order
    total = np.zeros((0, width, 4), np.float32)
    for index, (top, strip) in enumerate(zip(tops, strips, strict=True)):
        sums = np.zeros((max(len(total), max(window.rows.stop for window in strip) - top), width, 4), np.float32)
        sums[: len(total)] = total
        for window in strip:
            lost = mask[window.rows, window.columns]
            weight = tiles.feather(window.inner_height, window.inner_width, session.card.overlap_px)[lost][:, None]
            part = sums[window.rows.start - top : window.rows.stop - top, window.columns]
            part[lost] += np.hstack([next(parts) * weight, weight])
        finished = min(tops[index + 1] - top, len(sums)) if index + 1 < len(tops) else len(sums)
        rows = slice(top, top + finished)
        done = sums[:finished][mask[rows]]
        yield rows, done[:, :3] / np.maximum(done[:, 3:], 1e-12)
        total = sums[finished:]
        if progress is not None:
            progress(0.1 + 0.9 * (index + 1) / len(strips))


def _reduced(fetch: tiles.Fetch, mask: Mask, session: Session) -> _Coarse | None:
    """The filled reduced copy, if some hole is too large for a window."""
    height, width = mask.shape
    thick_px = session.card.overlap_px * (THICK_SHARE_ALONE if max(height, width) <= session.card.tile_px else THICK_SHARE)
    small = -(-height // COARSE), -(-width // COARSE)
    if min(small) < SMALLEST_PX or mask.sum() < thick_px**2:
        return None
    known = tiles.reduce(lambda rows, columns: (~mask[rows, columns]).astype(np.float32)[:, :, None], height, width, *small)[:, :, 0]
    lost = known < 1e-3
    if not lost.any() or lost.all():
        return None
    depth = cv2.distanceTransform(lost.view(np.uint8), cv2.DIST_L2, 5) * COARSE
    thick = (depth > thick_px).astype(np.uint8)
    if not thick.any():
        return None
    reach = round(thick_px / 2 / COARSE)
    near = cv2.dilate(thick, disc(reach))
    deep = (near > 0) & (depth > thick_px / 2)

    def weighted(rows: slice, columns: slice) -> np.ndarray:
        kept: np.ndarray = fetch(rows, columns) * ~mask[rows, columns][:, :, None]
        return kept

    image = tiles.reduce(weighted, height, width, *small) / np.maximum(known, 1e-3)[:, :, None]
    return _Coarse(fill_image(image, known < 0.5, session), deep)


def _begin(image: Image, lost: Mask, calibration: FillCalibration) -> Image:
    """The picture as the network is to see it: something in the hole, as the model's card says."""
    if calibration.start == "biharmonic":
        return biharmonic(image, lost)
    begun = image.copy()
    if calibration.start != "as-is":
        begun[lost] = 0.0 if calibration.start == "zeros" else 0.5
    return begun


def _paint_window(
    image: Image, lost: Mask, window: tiles.Window, size: tuple[int, int], coarse: _Coarse | None, session: Session
) -> tuple[Image, Image | None]:
    """What to put under `lost` in one window, (h, w, 3); elsewhere the picture. With it the smooth fill of
    all of `lost` that it began with, if it did."""
    asked = lost
    if coarse is not None:
        deep = lost & (tiles.enlarged(coarse.deep[:, :, None].astype(np.float32), window.rows, window.columns, *size)[:, :, 0] > 0.5)
        image = np.where(deep[:, :, None], tiles.enlarged(coarse.image, window.rows, window.columns, *size), image)
        asked = lost & ~deep
    calibration = session.card.calibrated(FillCalibration)
    start = _begin(image, asked, calibration)
    painted = start
    if asked.any():
        padded = tiles.pad(start, window.height, window.width)
        hole = tiles.pad(asked[:, :, None].astype(np.float32), window.height, window.width)
        outputs = session.run(image=batch_of(padded), mask=batch_of(hole))
        painted = start.copy()
        made = picture_of(next(iter(outputs.values())))[: lost.shape[0], : lost.shape[1]]
        added = np.where(asked[:, :, None], made - start, 0)
        painted[asked] += without_lattice(added, asked, session.card.multiple)[asked]
    smooth = calibration.start == "biharmonic" and np.array_equal(asked, lost)
    return painted, start if smooth else None
