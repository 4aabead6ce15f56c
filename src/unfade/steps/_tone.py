"""How ageing is undone. One model reads the tone of the whole picture from a small copy of it, and how aged
it is. The other undoes grain, blur and JPEG, in tiles."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unfade import tiles
from unfade.files.photo import Photo
from unfade.models.session import Session, batch_of, picture_of
from unfade.work import Progress

PLAIN_TILE_PX = 640  # of tone alone, which needs no windows: this much is in memory at once
# Below this tone a power goes on as a straight line, as in training, so that nothing is clipped on the way.
_FLOOR = np.float32(1 / 64)


@dataclass(frozen=True, eq=False)
class Tone:
    """What brings the tone of one whole photograph back: see `apply_tone`; and how aged that is, in [0, 1].

    `field` (8, 8, 6): gains of red, green and blue over the photograph, then offsets; `power` (3,); `mixing`
    (3, 4): matrix and offset.
    """

    field: np.ndarray
    power: np.ndarray
    mixing: np.ndarray
    need: float


def gate(need: float, span: tuple[float, float]) -> float:
    """How much of the strength a need of [0, 1] calls for: 0 below `span`, 1 above, a smoothstep between."""
    low, high = span
    share = min(max((need - low) / (high - low), 0.0), 1.0)
    return share * share * (3 - 2 * share)


def read_tone(photo: Photo, session: Session) -> Tone:
    """What the tone model reads from a thumbnail of the photograph, reduced by area."""
    side = int(session.card.inputs[0].axes.split()[-1])
    thumbnail = tiles.reduce(photo.srgb, photo.height, photo.width, side, side)
    outputs = session.run(thumbnail=batch_of(thumbnail))
    need = float(np.clip(outputs["need"][0, 0], 0.0, 1.0))
    return Tone(picture_of(outputs["field"]), outputs["power"][0], outputs["mixing"][0], need)


def apply_tone(part: np.ndarray, tone: Tone, window: tiles.Window, height: int, width: int) -> np.ndarray:
    """Give `part` (h, w, 3), which lies at `window` of a photograph of `height` x `width`, its tone back; not
    clipped.

    Gain and offset from the field (bilinear), then each channel's power, then the mixing of the three.
    """
    down = _bilinear(window.rows.start, window.height, height, len(tone.field))
    across = _bilinear(window.columns.start, window.width, width, tone.field.shape[1])
    grown = across @ np.tensordot(down, tone.field, 1)  # (h, w, 6)
    lit = part * grown[..., :3]
    lit += grown[..., 3:]
    below = np.minimum(lit - _FLOOR, 0)
    np.maximum(lit, _FLOOR, out=lit)
    bent = cv2.merge([cv2.pow(lit[..., channel], float(power)) for channel, power in enumerate(tone.power)]).reshape(lit.shape)
    below *= _FLOOR ** (tone.power - 1)
    bent += below
    return cv2.transform(bent, tone.mixing).reshape(lit.shape)


def _bilinear(first: int, count: int, whole: int, knots: int) -> np.ndarray:
    """Weights (count, knots) of a coarse row of `knots` at each of `count` pixels from `first` on, of
    `whole`; the ends go on level."""
    places = np.clip((np.arange(first, first + count) + 0.5) / whole * knots - 0.5, 0, knots - 1)
    weights: np.ndarray = np.maximum(1 - np.abs(places[:, None] - np.arange(knots)), 0).astype(np.float32)
    return weights


def clean(
    photo: Photo, tone: Tone, tone_strength: float, session: Session | None, detail_strength: float, progress: Progress, threads: int
) -> tuple[Photo, int]:
    """The photograph moved towards what the models make of its detail (`session`; none: left as it is), then
    of its tone, and how many pixels changed."""
    height, width = photo.height, photo.width

    def apply(part: np.ndarray, window: tiles.Window) -> np.ndarray:
        if session:
            part = part + np.float32(detail_strength) * (picture_of(session.run(image=batch_of(part))["cleaned"]) - part)
        moved: np.ndarray = part + np.float32(tone_strength) * (apply_tone(part, tone, window, height, width) - part)
        return moved

    samples = np.empty_like(photo.samples)
    grid = tiles.Grid(session.card.tile_px, session.card.overlap_px, session.card.multiple) if session else tiles.Grid(PLAIN_TILE_PX, 0)
    for rows, band in tiles.run(height, width, photo.srgb, apply, grid, progress, threads=threads):
        samples[rows] = photo.encode(band)
    toned = photo.with_samples(samples)
    return toned, tiles.count_changed(photo.samples, toned.samples)
