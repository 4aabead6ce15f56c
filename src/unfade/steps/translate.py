"""A photograph becomes another kind of picture, by a model trained on pairs (Isola et al. 2017): the door for any image-to-image task."""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from typing import ClassVar

import numpy as np

from unfade import color, tiles
from unfade.models.session import Sessions, batch_of, picture_of
from unfade.record import StepRecord
from unfade.work import Progress, Work


@dataclass(frozen=True)
class Translate:
    """Run the model for `translate` over the whole photograph, at its own size, in tiles that are blended. It has no options.

    A model of one channel in sees luma; of one channel out, it gives gray. A gray photograph stays gray only if the model gives gray.
    """

    name: ClassVar[str] = "translate"
    needs_mask: ClassVar[bool] = False
    gives_mask: ClassVar[bool] = False

    def __call__(self, work: Work, sessions: Sessions, progress: Progress) -> Work:
        """Translate the work's photograph. Raises `ModelError` if no model was named or it cannot be used."""
        began = time.perf_counter()
        session = sessions.get("translate")
        card = session.card
        channels_in, channels_out = (int(port.axes.split()[1]) for port in (card.inputs[0], card.outputs[0]))
        photo = work.photo.as_rgb() if channels_out == 3 else work.photo

        def apply(part: np.ndarray, window: tiles.Window) -> np.ndarray:
            shown = color.luma(part)[:, :, None] if channels_in == 1 else part
            translated = picture_of(next(iter(session.run(image=batch_of(shown)).values())))
            return np.repeat(translated, 3, axis=2) if channels_out == 1 else translated

        samples = np.empty_like(photo.samples)
        grid = tiles.Grid(card.tile_px, card.overlap_px, card.multiple)
        for rows, band in tiles.run(photo.height, photo.width, photo.srgb, apply, grid, progress, threads=session.threads):
            samples[rows] = photo.encode(np.clip(band, 0.0, 1.0))
        before = np.broadcast_to(work.photo.samples, samples.shape)
        record = StepRecord(self.name, asdict(self), (session.use,), tiles.count_changed(before, samples), time.perf_counter() - began)
        progress(1.0)
        return Work(photo.with_samples(samples), work.mask, (*work.records, record))


STEP = Translate
