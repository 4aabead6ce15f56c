"""DAMAGE IS FOUND: photograph -> mask.

`_evidence` says what the network sees, `_marking` how a mask is made of that.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from unfade.options import option
from unfade.record import Doubt
from unfade.work import Outcome, Step

if TYPE_CHECKING:
    from unfade.arrays import Mask
    from unfade.faces import Face
    from unfade.files.photo import Photo
    from unfade.models.calibration import DamageCalibration
    from unfade.models.card import Task
    from unfade.models.session import Sessions
    from unfade.record import ModelUse
    from unfade.steps._evidence import Seen
    from unfade.work import Progress, Work


MUCH = 0.3
"""A larger share of a photograph is seldom lost: its mask is worth a look."""
STRICTNESS_SPAN = 1.5
"""At sensitivity 0 and 1 pieces need so much more or less than the card's least score, in log-odds."""


@dataclass(frozen=True)
class Damage(Step):
    """Find what is lost. A sensitivity of 0.5 is the model's own calibrated threshold; higher marks more,
    lower marks less."""

    name = "damage"
    label = "Finding damage"
    weight = 0.3
    place = 100
    gives_mask = True

    sensitivity: float = option(0.5, "How readily something is taken for damage.", least=0, most=1)
    largest_dust_px: int | None = option(
        None, "Mark dust and specks only: leave alone what is larger than this many pixels, on its longer side.", least=1, most=1_000_000
    )

    @property
    def opens(self) -> tuple[Task, ...]:
        """The damage model, and that of faces, which are spared."""
        return ("damage", "faces")

    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """Add the damage found to the work's mask. Raises `ModelError` if the damage model cannot be used."""
        from unfade import tiles
        from unfade.faces import look_unless
        from unfade.models.calibration import DamageCalibration
        from unfade.steps._evidence import find_evidence, prior_shift, quantized, threshold_log_odds
        from unfade.steps._judging import spare_faces
        from unfade.steps._marking import decide
        from unfade.steps._rims import widen

        session = self.model(sessions)
        calibration = session.card.calibrated(DamageCalibration)
        seen = find_evidence(work.photo, session, progress)
        threshold = threshold_log_odds(calibration.threshold, self.sensitivity)
        if calibration.prior is not None:
            threshold -= prior_shift(seen.evidence, calibration.prior)
        doubts: tuple[Doubt, ...] = ()
        faces, spared = work.faces, 0
        models: tuple[ModelUse, ...] = (session.use,)
        # Faces are looked for while the mask is decided, where there will be one.
        at_once = sessions.threads if seen.evidence.max() >= quantized(threshold) else 1
        with tiles.beside(partial(look_unless, work.faces, work.photo, sessions), at_once) as looked:
            mask = decide(seen.evidence, threshold, calibration, largest_px=self.largest_dust_px, threads=sessions.threads)
            if mask.any():
                mask, doubts = self._judged(work.photo, seen, mask, calibration)
            if mask.any():
                faces, finders = looked()
                models += finders
        if faces and calibration.face_evidence is not None:
            spared = spare_faces(mask, seen.evidence, faces, threshold + calibration.face_evidence)
        widen(work.photo, mask)
        return self._account(work, _completed(mask, work), faces, spared, models, doubts)

    def _judged(self, photo: Photo, seen: Seen, mask: Mask, calibration: DamageCalibration) -> tuple[Mask, tuple[Doubt, ...]]:
        """The mask without what is no damage, and what large thing is in doubt. Changes `mask` in place."""
        from unfade.steps._judging import judge

        if calibration.pieces is None:
            return mask, ()
        strictness = calibration.pieces.least_score + (0.5 - self.sensitivity) * 2 * STRICTNESS_SPAN
        return judge(photo, seen.evidence, seen.least, mask, calibration.pieces, strictness)

    def _account(
        self, work: Work, mask: Mask, faces: tuple[Face, ...] | None, spared: int, models: tuple[ModelUse, ...], doubts: tuple[Doubt, ...]
    ) -> Outcome:
        """What is told of the mask that was found."""
        share = float(mask.mean())
        note = f"{share:.2%} of the picture is marked as lost"
        if share > MUCH:
            note += f": seldom is so much; look at the mask, or lower the sensitivity (now {self.sensitivity:g})"
        facts, notes = {"share": share}, [note, *(doubt.what for doubt in doubts)]
        if spared:
            facts["faces_spared"] = float(spared)
            notes.append(f"marks in {'a face' if spared == 1 else f'{spared} faces'} were dropped: nothing there is surely lost")
        said = "found" if share else "none"
        return Outcome(work.photo, mask, said, models=models, facts=facts, notes=tuple(notes), doubts=doubts, faces=faces)


def _completed(mask: Mask, work: Work) -> Mask:
    """With what was marked before, and what the file says is lost; without what it hides. Changes `mask` in
    place."""
    if work.mask is not None:
        mask |= work.mask
    if work.photo.lost is not None:
        mask |= work.photo.lost
    if work.photo.hidden is not None:
        mask &= ~work.photo.hidden
    return mask


STEP = Damage
