"""Fading, yellowing, grain, blur and JPEG are undone, with a strength; a sound photograph is left as it is.
`_tone` says how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfade.options import option
from unfade.work import Outcome, Step

if TYPE_CHECKING:
    from unfade.models.session import Sessions
    from unfade.work import Progress, Work


@dataclass(frozen=True)
class Clean(Step):
    """Undo ageing. A strength of 0 changes nothing and opens no model, 1 is all that the models do."""

    name = "clean"
    label = "Lifting the fading"
    weight = 0.3
    place = 300

    strength: float = option(1.0, "How far fading, yellowing, grain and blur are undone; 0: not at all.", least=0, most=1, called="clean")

    force: bool = option(False, "Clean a photograph that seems sound, too.", called="force_clean")

    @property
    def is_wanted(self) -> bool:
        """Whether the strength is above 0."""
        return self.strength > 0

    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """Clean the work's photograph. Raises `ModelError` if a model cannot be used."""
        if self.strength == 0:
            return Outcome(work.photo, work.mask, "off", notes=("strength 0: nothing was cleaned",))
        from unfade.models.calibration import ToneCalibration
        from unfade.steps._tone import clean, gate, read_tone

        session = sessions.get("tone")
        tone = read_tone(work.photo, session)
        gates = session.card.calibrated(ToneCalibration)
        opened = (1.0, 1.0) if self.force else (gate(tone.need, gates.tone_range), gate(tone.need, gates.detail_range))
        tone_strength, detail_strength = (self.strength * share for share in opened)
        facts = {"need": tone.need, "tone": tone_strength, "detail": detail_strength}
        if tone_strength == 0:
            note = f"aged {tone.need:.0%}: nothing to clean"
            return Outcome(work.photo, work.mask, "sound", models=(session.use,), facts=facts, notes=(note,))
        details = sessions.get("clean") if detail_strength > 0 else None
        photo, changed = clean(work.photo, tone, tone_strength, details, detail_strength, progress, sessions.threads)
        done = f"tone at a strength of {tone_strength:.2f}"
        done += f", detail at a strength of {detail_strength:.2f}" if details else ""
        models = (session.use, details.use) if details else (session.use,)
        return Outcome(photo, work.mask, "cleaned", changed, models, facts, (f"aged {tone.need:.0%}: cleaned, {done}",))


STEP = Clean
