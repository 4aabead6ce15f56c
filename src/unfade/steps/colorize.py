"""a*b* are predicted at working size and joined to full-size L*.

The network sees lightness alone, so a toned photograph is colored as its gray is. Its chroma, at a quarter of the working size, is joined
to the photograph's own L* along L*'s edges, and L* itself is kept: what comes out, made gray again, is what went in, within rounding.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import ClassVar

import cv2
import numpy as np

from unfade import color, tiles
from unfade.arrays import Chroma, Plane, Samples
from unfade.errors import UsageError
from unfade.files.photo import Photo
from unfade.models.card import Card
from unfade.models.session import Session, Sessions, batch_of, picture_of
from unfade.record import ModelUse, StepRecord
from unfade.steps._options import require_share
from unfade.work import Progress, Work

# The temperature of the distribution over colors at liveliness 0, 0.5 and 1 (Zhang et al. 2016, section 2.3), where a card says nothing.
TEMPERATURES = (0.45, 0.22, 0.1)
# A toned photograph's chroma is a function of its lightness; a color photograph's is not. The RMS of what a cubic in L* leaves of a* and
# b*, on a copy of COLOR_COPY_PX: of 641 color photographs, 7 lie below; of 103 gray and toned old ones 3 above, heavily stained.
COLOR_LEAST = 3.5
COLOR_COPY_PX = 96
# Chroma follows L* by its local slope on the chroma's own grid: the regularization in (L* / 100)^2 and the neighborhood's radius were
# chosen on 13 photographs of about 1 MP (RMS error of a*b* 2.79, against 3.14 for bicubic enlargement).
EDGE_REGULARIZATION = 0.01
EDGE_RADIUS = 1
HINT_LEAST_PX = 1.5
_BAND_PIXELS = 200_000  # intermediates of a band stay in the processor's cache


@dataclass(frozen=True)
class Hint:
    """A color that is known: `color` (sRGB, each in [0, 1]) in a disc of `radius_px` around (`x`, `y`), in pixels of the photograph."""

    x: float
    y: float
    radius_px: float
    color: tuple[float, float, float]

    def __post_init__(self) -> None:
        if len(self.color) != 3:
            raise UsageError(f"a hint's color has three parts, red, green and blue, not {len(self.color)}")
        for name, value in zip(("red", "green", "blue"), self.color, strict=True):
            require_share(f"a hint's {name}", value)
        if not self.radius_px > 0:
            raise UsageError(f"a hint's radius_px must be above 0, not {self.radius_px:g}")


@dataclass(frozen=True)
class Colorize:
    """Put color into a gray or toned photograph.

    `strength`: from the photograph as it is (0) to colored (1). `saturation`: the factor on chroma, 0 to 2. `liveliness`: from safe (0) to
    vivid (1) choices of the model. `hints`: colors that are known. `force`: color a photograph that is in color already, from its gray.
    Raises `UsageError` for an option out of range.
    """

    strength: float = 1.0
    saturation: float = 1.0
    liveliness: float = 0.5
    hints: Sequence[Hint] = field(default=())
    force: bool = False

    name: ClassVar[str] = "colorize"
    needs_mask: ClassVar[bool] = False
    gives_mask: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_share("strength", self.strength)
        require_share("saturation", self.saturation, 2.0)
        require_share("liveliness", self.liveliness)

    def __call__(self, work: Work, sessions: Sessions, progress: Progress) -> Work:
        """Color the work's photograph. Raises `UsageError` for a hint outside it, `ModelError` if the model cannot be used."""
        began = time.perf_counter()
        photo, changed = work.photo, 0
        models: tuple[ModelUse, ...] = ()
        for hint in self.hints:
            if not (0 <= hint.x < photo.width and 0 <= hint.y < photo.height):
                size = f"{photo.width}x{photo.height}"
                raise UsageError(f"the hint at {hint.x:g}, {hint.y:g} lies outside {photo.name}, which is {size} pixels")
        spread = measure_color(photo)
        if self.strength == 0:
            notes: tuple[str, ...] = ("strength 0: nothing was colored",)
        elif spread >= COLOR_LEAST and not self.force:
            notes = (
                f"it is a color photograph (its chroma strays from any one tone by {spread:.1f}, that of gray and toned ones by less than "
                f"{COLOR_LEAST}); nothing was colored: force it to color it anew",
            )
        else:
            session = sessions.get("colorize")
            models, notes = (session.use,), ()
            photo, changed = colorize(photo, self, session, progress)
        progress(1.0)
        record = StepRecord(self.name, asdict(self), models, changed, time.perf_counter() - began, notes)
        return Work(photo, work.mask, (*work.records, record))


STEP = Colorize


def temperature(liveliness: float, card: Card) -> float:
    """The model's temperature at a liveliness of [0, 1]: between those that its card has for safe, usual and vivid choices."""
    return float(np.interp(liveliness, (0.0, 0.5, 1.0), card.temperatures or TEMPERATURES))


def is_color(photo: Photo) -> bool:
    """Whether it is a color photograph, not a gray or a toned one."""
    return measure_color(photo) >= COLOR_LEAST


def measure_color(photo: Photo) -> float:
    """How far the photograph's chroma strays from being a function of its lightness: the RMS in units of a*b*, 0 for a gray one."""
    if photo.channels == 1:
        return 0.0
    scale = min(1.0, COLOR_COPY_PX / max(photo.height, photo.width))
    copy = tiles.reduce(photo.srgb, photo.height, photo.width, max(1, round(photo.height * scale)), max(1, round(photo.width * scale)))
    lab = color.lab_from_srgb(copy).reshape(-1, 3)
    lightness = lab[:, 0] / np.float32(color.LIGHTNESS_MAX)
    powers = np.stack([lightness**power for power in range(4)], axis=1)
    if len(lab) < 16:  # too few pixels to tell a tone from colors: only a tint shows
        return float(np.sqrt(((lab[:, 1:] - lab[:, 1:].mean(axis=0)) ** 2).sum(axis=1).mean()))
    tone, *_ = np.linalg.lstsq(powers, lab[:, 1:], rcond=None)
    return float(np.sqrt(((lab[:, 1:] - powers @ tone) ** 2).sum(axis=1).mean()))


def colorize(photo: Photo, options: Colorize, session: Session, progress: Progress) -> tuple[Photo, int]:
    """The photograph in color (a gray one becomes RGB), and how many of its pixels changed."""
    height, width = photo.height, photo.width
    lightness = _working_lightness(photo, session)
    hints = _hint_planes(options.hints, height, width, lightness.shape)
    joined = _edge_following(predict(lightness, hints, temperature(options.liveliness, session.card), session), lightness)
    progress(0.4)
    target = photo.as_rgb() if photo.channels == 1 else photo
    samples = np.empty((height, width, 3), photo.samples.dtype)
    everywhere = slice(0, width)
    share, gain = np.float32(options.strength), np.float32(options.strength * options.saturation)

    def colored(rows: slice) -> tuple[slice, Samples]:
        lab = color.lab_from_srgb(photo.srgb(rows, everywhere))
        slopes = tiles.enlarged(joined, rows, everywhere, height, width)
        found = slopes[:, :, :2] * (lab[:, :, :1] / np.float32(color.LIGHTNESS_MAX)) + slopes[:, :, 2:]
        lab[:, :, 1:] = (1 - share) * lab[:, :, 1:] + gain * found
        return rows, target.encode(color.srgb_from_lab(color.into_gamut(lab)))

    for rows, encoded in tiles.in_order(colored, tiles.bands(height, width, _BAND_PIXELS), session.threads):
        samples[rows] = encoded
        progress(0.4 + 0.6 * rows.stop / height)
    return target.with_samples(samples), tiles.count_changed(photo.samples, samples)


def _working_lightness(photo: Photo, session: Session) -> Plane:
    """L* / 100 of the photograph at the model's working size, (h, w), both multiples of the card's."""
    card = session.card
    size = tiles.working_size(photo.height, photo.width, card.working_px or card.tile_px, card.multiple)
    return color.lightness_from_srgb(tiles.reduce(photo.srgb, photo.height, photo.width, *size)) / np.float32(color.LIGHTNESS_MAX)


def predict(lightness: Plane, hints: np.ndarray, heat: float, session: Session) -> Chroma:
    """What the network makes of `lightness` (h, w) in [0, 1] and `hints` (h, w, 3): a* and b* at a quarter of the size."""
    outputs = session.run(lightness=batch_of(lightness[:, :, None]), hints=batch_of(hints), temperature=np.array([heat], np.float32))
    return picture_of(outputs["chroma"])


def _hint_planes(hints: Sequence[Hint], height: int, width: int, working: tuple[int, ...]) -> np.ndarray:
    """Hints as the network takes them, (h, w, 3) at working size: a*, b* as network numbers, and 1 where hinted; later ones lie on top."""
    planes = np.zeros((*working, 3), np.float32)
    down, across = working[0] / height, working[1] / width
    rows, columns = np.mgrid[: working[0], : working[1]].astype(np.float32) + np.float32(0.5)
    for hint in hints:
        lab = color.lab_from_srgb(np.array([[hint.color]], np.float32))[0, 0]
        radius = max(hint.radius_px * (down + across) / 2, HINT_LEAST_PX)
        disc = (rows - (hint.y + 0.5) * down) ** 2 + (columns - (hint.x + 0.5) * across) ** 2 <= radius**2
        planes[disc] = (*color.network_from_chroma(lab[1:]), 1.0)
    return planes


def _edge_following(chroma: Chroma, lightness: Plane) -> np.ndarray:
    """Chroma as a linear function of lightness around each of its grid's pixels, (h, w, 4): slopes of a* and b* on L* / 100, then offsets.

    The slopes are those of the fast guided filter (He and Sun 2015, arXiv:1505.00996), found on the chroma's own grid; the offsets let the
    chroma through unchanged at that grid's resolution, where the guided filter would blur it, so that only what is finer is added.
    """
    guide = tiles.resize(lightness, chroma.shape[0], chroma.shape[1])

    def mean(plane: np.ndarray) -> np.ndarray:
        return cv2.blur(plane, (2 * EDGE_RADIUS + 1,) * 2, borderType=cv2.BORDER_REPLICATE)

    average = mean(guide)
    variance = np.maximum(mean(guide * guide) - average * average, 0)
    covariance = mean(chroma * guide[:, :, None]) - mean(chroma) * average[:, :, None]
    slopes = mean(covariance / (variance + np.float32(EDGE_REGULARIZATION))[:, :, None])
    return np.concatenate([slopes, chroma - slopes * guide[:, :, None]], axis=2)
