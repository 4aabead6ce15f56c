"""How ageing is undone.

One model reads the tone of the whole picture from a small copy of it, and how aged the picture is. The other
undoes grain, blur and JPEG, in tiles.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from unfade import tiles
from unfade.arrays import Image, Mask
from unfade.files.photo import Photo
from unfade.models.calibration import CleanCalibration, ToneCalibration
from unfade.models.session import Session, batch_of, picture_of
from unfade.monochrome import NO_COLORS, Colors, measure_colors
from unfade.steps._dials import Dials
from unfade.steps._noise import find_noise
from unfade.steps._prints import Levels, find_levels, gate, look_at, print_need
from unfade.work import Progress

PLAIN_TILE_PX = 640  # of tone alone, which needs no windows: this much is in memory at once
# Below this tone each power goes on as a straight line, as in training: nothing is clipped on the way.
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


def read_tone(thumbnail: Image, session: Session) -> Tone:
    """What the tone model reads from a photograph's thumbnail."""
    outputs = session.run(thumbnail=batch_of(thumbnail))
    need = float(np.clip(outputs["need"][0, 0], 0.0, 1.0))
    return Tone(picture_of(outputs["field"]), outputs["power"][0], outputs["mixing"][0], need)


def thumbnail_of(photo: Photo, session: Session) -> Image:
    """The photograph as the tone model sees it: a square, reduced by area."""
    side = int(session.card.inputs[0].axes.split()[-1])
    return tiles.reduce(photo.srgb, photo.height, photo.width, side, side)


@dataclass(frozen=True)
class Plan:
    """What is done to one photograph: the strength of its tone and of its detail, a print's levels, and the
    dials. `colors`: how its chroma behaves. `noise`: see `_noise`; none: it was not looked for."""

    tone: Tone | None
    tone_strength: float
    detail_strength: float
    levels: Levels | None
    dials: Dials
    colors: Colors = NO_COLORS
    noise: float | None = None

    @property
    def does_anything(self) -> bool:
        """Whether any pixel is touched."""
        return self.tone_strength > 0 or self.detail_strength > 0 or self.dials.are_turned

    @property
    def is_noisy(self) -> bool:
        """Whether its noise is why its detail is cleaned."""
        return self.noise is not None and self.detail_strength > 0

    @property
    def is_yellow(self) -> bool:
        """Whether a color photograph has yellow whites that are left to it."""
        left = self.tone_strength == 0 and self.dials.warmth == 0
        return left and self.colors.is_color and self.colors.has_yellow_lights


def plan(photo: Photo, lost: Mask | None, session: Session, cleaner: Session, strength: float, dials: Dials, *, force: bool) -> Plan:
    """Look at a photograph, of which `lost` (h, w) was filled, and decide what its tone and its detail need.
    `cleaner`: the model for detail. `force`: all of it."""
    calibration = session.card.calibrated(ToneCalibration)
    thumbnail = thumbnail_of(photo, session)
    tone = read_tone(thumbnail, session)
    need, levels = gate(tone.need, calibration.tone_range), None
    prints, colors = calibration.prints, measure_colors(photo, lost)
    look = look_at(thumbnail, colors)
    is_plain = prints is not None and look.range < prints.plain
    sure = gate(tone.need, calibration.detail_range)
    detail, noise = (1.0, None) if force else _detail_need(photo, cleaner, sure, is_plain=is_plain)
    if prints is not None and not colors.is_color:
        need = 1.0 if force else print_need(look, tone.need, prints)
        if need > 0:
            side = slice(0, len(thumbnail))
            window = tiles.Window(side, side, len(thumbnail), len(thumbnail))
            lifted = _lift(thumbnail, tone, strength * need, window, len(thumbnail), len(thumbnail))
            levels = find_levels(lifted, strength * need, plain=is_plain)
    return Plan(tone, strength * (1.0 if force else need), strength * detail, levels, dials, colors, noise)


def _detail_need(photo: Photo, cleaner: Session, sure: float, *, is_plain: bool) -> tuple[float, float | None]:
    """How far the detail is to be cleaned, in [0, 1], and the noise, if that was looked for.

    `sure`: how sure the tone model is that the photograph is aged. `is_plain`: there is hardly any range of
    lightness: asphalt looks like noise, so that the tone model must agree.
    """
    calibration = cleaner.card.calibrated(CleanCalibration)
    if calibration.noise_range is None:
        return sure, None
    noise = find_noise(photo, cleaner, enough=calibration.noise_range[0])
    found = gate(noise, calibration.noise_range) * calibration.noise_taken
    return (min(found, sure) if is_plain else found), noise


def _lift(part: Image, tone: Tone, strength: float, window: tiles.Window, height: int, width: int) -> Image:
    """A part of a photograph moved towards its tone; not clipped."""
    lifted: Image = part + np.float32(strength) * (apply_tone(part, tone, window, height, width) - part)
    return lifted


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


def clean(photo: Photo, plan: Plan, session: Session | None, progress: Progress, threads: int) -> tuple[Photo, int]:
    """The photograph with its plan carried out, and how many pixels changed. `session`: the model for detail.

    Detail comes first, then tone, levels and dials. A gray photograph becomes RGB if it is to be warmer or
    colder.
    """
    height, width = photo.height, photo.width
    matrix = None if plan.levels is None else plan.levels.matrix()

    def apply(part: np.ndarray, window: tiles.Window) -> np.ndarray:
        if session:
            part = part + np.float32(plan.detail_strength) * (picture_of(session.run(image=batch_of(part))["cleaned"]) - part)
        if plan.tone is not None and plan.tone_strength > 0:
            part = _lift(part, plan.tone, plan.tone_strength, window, height, width)
        if matrix is not None:
            part = cv2.transform(part, matrix).reshape(part.shape)
        return plan.dials.apply(part) if plan.dials.are_turned else part

    target = photo.as_rgb() if photo.channels == 1 and plan.dials.warmth else photo
    samples = np.empty_like(target.samples)
    grid = tiles.Grid(session.card.tile_px, session.card.overlap_px, session.card.multiple) if session else tiles.Grid(PLAIN_TILE_PX, 0)
    for rows, band in tiles.run(height, width, photo.srgb, apply, grid, progress, threads=threads):
        samples[rows] = target.encode(band)
    cleaned = target.with_samples(samples)
    return cleaned, tiles.count_changed(np.broadcast_to(photo.samples, samples.shape), cleaned.samples)
