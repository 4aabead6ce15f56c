"""What is lost is made again, under the mask only.

`_painting` says how, `_bleeding` what lies beside the mask, `_grain` how fine it must be.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfade.options import Switch
from unfade.steps._needs import require_mask
from unfade.work import Outcome, Step

if TYPE_CHECKING:
    from unfade.models.session import Sessions
    from unfade.work import Progress, Work


@dataclass(frozen=True)
class Fill(Step):
    """Paint what the mask says is lost. Every sample outside the mask comes back bit for bit; with nothing
    lost no model is opened."""

    name = "fill"
    label = "Filling"
    weight = 0.25
    place = 200
    switch = Switch("fill", True, "Find scratches, tears, stains and holes (or take a mask), and make whole what was lost.")
    needs_mask = True

    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """Fill the work's mask. Raises `UsageError` if there is none of the photograph's size, `ModelError`
        if the model cannot be used."""
        mask = require_mask(work, self.name)
        if not mask.any():
            return Outcome(work.photo, mask, "nothing-lost", notes=("nothing is lost; nothing was filled",))
        if mask.all():
            note = "the whole photograph is marked as lost; there is nothing to fill it from"
            return Outcome(work.photo, mask, "all-lost", notes=(note,))
        from unfade.steps._painting import fill

        session = sessions.get("fill")
        photo, changed = fill(work.photo, mask, session, progress)
        return Outcome(photo, mask, "filled", changed, (session.use,))


STEP = Fill
