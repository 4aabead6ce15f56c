"""Fading, yellowing, grain, blur and JPEG are undone, with a strength.

One model does both parts: tone and tint from a small copy of the whole picture, grain, blur and JPEG in tiles. It also says how aged the
whole picture is; a sound photograph is left as it is.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from unfade import tiles
from unfade.models.session import Session, Sessions, batch_of, picture_of
from unfade.photo import Photo
from unfade.record import ModelUse, StepRecord
from unfade.steps._options import require_share
from unfade.work import Progress, Work

THUMBNAIL_PX = 128
# Below the first need nothing is done, above the second all of the strength; a smoothstep between, so that no photograph is on an edge.
NEED_RANGE = (0.15, 0.45)


@dataclass(frozen=True)
class Clean:
    """Undo ageing. `strength`: 0 changes nothing and opens no model, 1 is all the model does. Raises `UsageError` outside [0, 1]."""

    strength: float = 1.0

    name: ClassVar[str] = "clean"
    needs_mask: ClassVar[bool] = False
    gives_mask: ClassVar[bool] = False

    def __post_init__(self) -> None:
        require_share("strength", self.strength)

    def __call__(self, work: Work, sessions: Sessions, progress: Progress) -> Work:
        """Clean the work's photograph. Raises `ModelError` if the model cannot be used."""
        began = time.perf_counter()
        photo, changed = work.photo, 0
        models: tuple[ModelUse, ...] = ()
        notes: tuple[str, ...] = ("strength 0: nothing was cleaned",)
        if self.strength > 0:
            session = sessions.get("clean")
            models = (session.use,)
            thumbnail = tiles.reduce(photo.srgb, photo.height, photo.width, THUMBNAIL_PX, THUMBNAIL_PX)
            need = measure_need(thumbnail, session)
            share = gate(need)
            if share > 0:
                photo, changed = clean(photo, thumbnail, self.strength * share, session, progress)
                notes = (f"aged {need:.0%}: cleaned at a strength of {self.strength * share:.2f}",)
            else:
                notes = (f"aged {need:.0%}: nothing to clean",)
        progress(1.0)
        record = StepRecord(self.name, asdict(self), models, changed, time.perf_counter() - began, notes)
        return Work(photo, work.mask, (*work.records, record))


STEP = Clean


def gate(need: float) -> float:
    """How much of the strength a need of [0, 1] calls for: 0 below `NEED_RANGE`, 1 above, a smoothstep between."""
    low, high = NEED_RANGE
    share = min(max((need - low) / (high - low), 0.0), 1.0)
    return share * share * (3 - 2 * share)


def measure_need(thumbnail: np.ndarray, session: Session) -> float:
    """How aged a whole picture is, in [0, 1], from its thumbnail (128, 128, 3): the model's own answer, asked before any tile is run."""
    outputs = session.run(image=batch_of(thumbnail), thumbnail=batch_of(thumbnail), place=np.array([[0, 0, 1, 1]], np.float32))
    return float(np.clip(outputs["need"][0, 0], 0.0, 1.0))


def clean(photo: Photo, thumbnail: np.ndarray, strength: float, session: Session, progress: Progress) -> tuple[Photo, int]:
    """The photograph moved by `strength` towards what the model makes of it, and how many pixels changed."""
    card, height, width = session.card, photo.height, photo.width
    whole = batch_of(thumbnail)

    def apply(part: np.ndarray, window: tiles.Window) -> np.ndarray:
        top, left = window.rows.start, window.columns.start
        place = np.array([[top / height, left / width, (top + window.height) / height, (left + window.width) / width]], np.float32)
        cleaned = picture_of(next(iter(session.run(image=batch_of(part), thumbnail=whole, place=place).values())))
        moved: np.ndarray = part + np.float32(strength) * (cleaned - part)
        return moved

    samples = np.empty_like(photo.samples)
    grid = tiles.Grid(card.tile_px, card.overlap_px, card.multiple)
    for rows, band in tiles.run(height, width, photo.srgb, apply, grid, progress, threads=session.threads):
        samples[rows] = photo.encode(np.clip(band, 0.0, 1.0))
    return photo.with_samples(samples), tiles.count_changed(photo.samples, samples)
