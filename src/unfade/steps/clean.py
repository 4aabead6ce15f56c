"""Fading, yellowing, grain, blur and JPEG are undone, with a strength; a sound photograph is left as it is.

`_prints` says which print needs it, `_tone` how it is done, `_dials` what a person adds by hand.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfade.options import option
from unfade.work import Outcome, Step

if TYPE_CHECKING:
    from unfade.models.card import Task
    from unfade.models.session import Sessions
    from unfade.record import ModelUse
    from unfade.work import Progress, Work


LIKELY = 0.5
"""Of being aged: from here on it is said why nothing is cleaned all the same."""
TOLD_TONE = 3.0
"""What moves a face's lightness by less, in L*, is not seen."""


@dataclass(frozen=True)
class Clean(Step):
    """Undo ageing. A strength of 0 opens no model, 1 is all that the models do. The three dials come on
    top."""

    name = "clean"
    label = "Lifting the fading"
    weight = 0.3
    place = 300

    strength: float = option(1.0, "How far fading, yellowing, grain and blur are undone; 0: not at all.", least=0, most=1, called="clean")
    force: bool = option(False, "Clean a photograph that seems sound, too.", called="force_clean")
    lightness: float = option(0.0, "Darker below 0, lighter above, on top of the cleaning.", least=-1, most=1)
    contrast: float = option(0.0, "Softer below 0, harder above, on top of the cleaning.", least=-1, most=1)
    warmth: float = option(0.0, "Colder below 0, warmer above, on top of the cleaning.", least=-1, most=1)

    @property
    def is_wanted(self) -> bool:
        """Whether the strength is above 0, or a dial turned."""
        return self.strength > 0 or (self.lightness, self.contrast, self.warmth) != (0, 0, 0)

    @property
    def opens(self) -> tuple[Task, ...]:
        """The models of tone and detail, and of faces, whose tone is told; none if it only turns dials."""
        return ("tone", "clean", "faces") if self.strength > 0 else ()

    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """Clean the work's photograph. Raises `ModelError` if a model cannot be used."""
        if not self.is_wanted:
            return Outcome(work.photo, work.mask, "off", notes=("strength 0: nothing was cleaned",))
        from unfade.faces import look_unless, tone_moved
        from unfade.steps._dials import Dials
        from unfade.steps._tone import Plan, clean, plan

        dials = Dials(self.lightness, self.contrast, self.warmth)
        models: tuple[ModelUse, ...] = ()
        planned = Plan(None, 0.0, 0.0, None, dials)
        if self.strength > 0:
            session, cleaner = self.model(sessions), sessions.get("clean")
            planned = plan(work.photo, work.mask, session, cleaner, self.strength, dials, force=self.force)
            models = (session.use, cleaner.use)  # the second decides, too, if only by its card
        facts = {"tone": planned.tone_strength, "detail": planned.detail_strength}
        aged = ""
        if planned.tone is not None:
            facts["need"] = planned.tone.need
            unmoved = planned.tone.need >= LIKELY and not planned.does_anything
            why = ", but its tone needs no lifting" if unmoved else ", noisy" if planned.is_noisy else ""
            aged = f"aged {planned.tone.need:.0%}{why}: "
        if planned.noise is not None:
            facts["noise"] = planned.noise
        yellow: tuple[str, ...] = ()
        if planned.is_yellow:
            facts["yellow_lights"] = planned.colors.lights
            yellow = (f"its whites are yellow (b* {planned.colors.lights:.0f}), from age or from the light: a warmth below 0 cools them",)
        if not planned.does_anything:
            return Outcome(work.photo, work.mask, "sound", models=models, facts=facts, notes=(f"{aged}nothing to clean", *yellow))
        details = sessions.get("clean") if planned.detail_strength > 0 else None
        photo, changed = clean(work.photo, planned, details, progress, sessions.threads)
        faces = work.faces
        if planned.tone_strength > 0:
            faces, finders = look_unless(work.faces, work.photo, sessions)
            models += finders
        done = [f"tone at a strength of {planned.tone_strength:.2f}"] if planned.tone_strength > 0 else []
        done += [f"detail at a strength of {planned.detail_strength:.2f}"] if details else []
        said = "cleaned" if done else "adjusted"
        done += ["by hand"] if dials.are_turned else []
        notes = [f"{aged}{said}, {', '.join(done)}", *yellow]
        if faces and (moved := tone_moved(work.photo, photo, faces)) >= TOLD_TONE:
            facts["faces_moved"] = moved
            notes.append(f"the tone of {'the face' if len(faces) == 1 else f'{len(faces)} faces'} moved by {moved:.0f} of L*")
        return Outcome(photo, work.mask, said, changed, models, facts, tuple(notes), faces=faces if work.faces is None else None)


STEP = Clean
