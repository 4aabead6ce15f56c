"""A photograph becomes another kind of picture, by a model trained on pairs (Isola et al. 2017): the door for
any image-to-image task."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfade.work import Outcome, Step

if TYPE_CHECKING:
    import numpy as np

    from unfade.models.session import Sessions
    from unfade.tiles import Window
    from unfade.work import Progress, Work


@dataclass(frozen=True)
class Translate(Step):
    """Run the model for `translate` over the whole photograph, at its own size, in tiles that are blended. It
    has no options.

    A model of one channel in sees luma; of one channel out, it gives gray. A gray photograph stays gray only
    if the model gives gray. It is no part of a restoration.
    """

    name = "translate"
    label = "Translating"

    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """Translate the work's photograph. Raises `ModelError` if no model was named or it cannot be used."""
        import numpy as np

        from unfade import color, tiles
        from unfade.models.session import batch_of, picture_of

        session = sessions.get("translate")
        card = session.card
        channels_in, channels_out = (int(port.axes.split()[1]) for port in (card.inputs[0], card.outputs[0]))
        photo = work.photo.as_rgb() if channels_out == 3 else work.photo

        def apply(part: np.ndarray, window: Window) -> np.ndarray:
            shown = color.luma(part)[:, :, None] if channels_in == 1 else part
            translated = picture_of(next(iter(session.run(image=batch_of(shown)).values())))
            return np.repeat(translated, 3, axis=2) if channels_out == 1 else translated

        samples = np.empty_like(photo.samples)
        grid = tiles.Grid(card.tile_px, card.overlap_px, card.multiple)
        for rows, band in tiles.run(photo.height, photo.width, photo.srgb, apply, grid, progress, threads=session.threads):
            samples[rows] = photo.encode(np.clip(band, 0.0, 1.0))
        result = photo.with_samples(samples)
        before = np.broadcast_to(work.photo.samples, samples.shape)
        return Outcome(result, work.mask, "translated", tiles.count_changed(before, result.samples), (session.use,))


STEP = Translate
