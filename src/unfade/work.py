"""What flows through the pipeline (`Work`), and what a step is (`Step`). Quick to import: see `options`."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, ClassVar, Self, TypeAlias

from unfade.options import Switch, check_fields
from unfade.record import Doubt, ModelUse, StepRecord

if TYPE_CHECKING:
    import numpy as np

    from unfade.arrays import Mask
    from unfade.faces import Face
    from unfade.files.photo import Photo
    from unfade.frame.framing import Opening
    from unfade.models.card import Task
    from unfade.models.session import Session, Sessions

Progress = Callable[[float], None]
"""Called with the share done of one step, rising, from 0 to 1."""


Pictures: TypeAlias = "tuple[np.ndarray, ...]"
"""The corners (4, 2) of each picture proper on a photograph, clockwise from its top left, in pixels."""


@dataclass(frozen=True)
class Work:
    """A photograph on its way: the photograph as it stands, the damage mask once there is one, and what was
    done so far.

    `mask` is bool (h, w), True = lost, of the photograph's size. `pictures`: the corners (4, 2) of each
    picture proper on it, in its pixels; none: the whole is the picture. Steps look at these alone, and
    what lies around stays as it is, sample for sample. `opening`: how the photograph was framed before the
    first step; none: it was not. Places that options name are on the photograph before that. `faces`: where
    they are on the photograph; none: nobody has looked.
    """

    photo: Photo
    mask: Mask | None = None
    records: tuple[StepRecord, ...] = ()
    pictures: Pictures | None = None
    opening: Opening | None = None
    faces: tuple[Face, ...] | None = None


@dataclass(frozen=True)
class Outcome:
    """What a step made of its work: the photograph and the mask as they are now, its account (see
    `StepRecord`), and the pictures and faces if it looked for them."""

    photo: Photo
    mask: Mask | None
    outcome: str
    pixels_changed: int = 0
    models: tuple[ModelUse, ...] = ()
    facts: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()
    pictures: Pictures | None = None
    faces: tuple[Face, ...] | None = None


@dataclass(frozen=True)
class Step(ABC):
    """One step: a frozen dataclass whose fields are its options (`options.option`), called on the work.

    A step gives new Work and leaves what it was given untouched, sample for sample. It checks its options
    when it is made (`UsageError`), calls `progress` until 1, and appends exactly one `StepRecord`. A subclass
    writes `run`, and says of itself:

    - `name`: its name, that of its file. `label`: what a person reads while it runs. `weight`: about how long
    it takes beside the others.
    - `place`: where it comes in a restoration, lower numbers first; none: it is no part of one.
    - `switch`: the option that turns it on; none: `is_wanted` decides, from its options.
    - `needs_mask`: it works under a mask. `gives_mask`: it finds one, so it runs only if a later step needs
    one and none was given. `prepares`: it changes nothing itself, so it runs only where another step follows.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    weight: ClassVar[float] = 0.1
    place: ClassVar[int | None] = None
    switch: ClassVar[Switch | None] = None
    needs_mask: ClassVar[bool] = False
    gives_mask: ClassVar[bool] = False
    prepares: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def is_wanted(self) -> bool:
        """Whether its options ask for anything at all; asked only of a step without a switch."""
        return True

    @property
    def opens(self) -> tuple[Task, ...]:
        """The tasks whose models it may ask for, its own first, to be opened ahead; none: it needs none."""
        return ()

    def model(self, sessions: Sessions) -> Session:
        """The first model that it `opens`. Raises `ModelError` if it cannot be used."""
        if not self.opens:
            raise ValueError(f"the step {self.name} opens no model")
        return sessions.get(self.opens[0])

    @property
    def frames(self) -> bool:
        """Whether its options cut or turn the photograph as it is opened."""
        return False

    def opening(self, photo: Photo, sessions: Sessions) -> Opening | None:
        """How its options frame the photograph before the first step runs; none: they do not."""
        return None

    def __call__(self, work: Work, sessions: Sessions, progress: Progress) -> Work:
        """Do the step. Raises what `run` raises."""
        began = time.perf_counter()
        doing = self if work.opening is None else self.framed(work.opening)
        doing.check_on(work.photo)
        is_whole = work.pictures is None or self.prepares
        done = doing.run(work, sessions, progress) if is_whole else doing._within(work, sessions, progress)
        progress(1.0)
        record = StepRecord(
            self.name,
            asdict(self),
            done.outcome,
            {**done.facts, **({} if done.faces is None else _boxes(done.faces)), **_faces_changed(work, done)},
            done.models,
            done.pixels_changed,
            time.perf_counter() - began,
            done.notes,
            done.doubts,
        )
        return replace(
            work,
            photo=done.photo,
            mask=done.mask,
            records=(*work.records, record),
            pictures=done.pictures or work.pictures,
            faces=work.faces if done.faces is None else done.faces,
        )

    def check_on(self, photo: Photo) -> None:
        """Raise `UsageError` if its options do not fit the photograph."""
        return

    @property
    def places(self) -> tuple[tuple[float, float], ...]:
        """The places (x, y) of the photograph that its options name, one for each."""
        return ()

    def placed(self, left: int, top: int, width: int, height: int) -> Self:
        """The same step for a part of the photograph. A step whose options hold places moves them."""
        return self

    def framed(self, opening: Opening) -> Self:
        """The same step for a photograph that was framed. A step whose options hold places moves them."""
        return self

    def _within(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """The step done to each picture proper for itself. A mask that was given and marks more than the
        pictures is asked for: the step is then done to the whole."""
        from unfade.frame.regions import is_outside, put_together, regions

        parts = regions(work.pictures or (), work.photo)
        if not parts or (self.needs_mask and work.mask is not None and is_outside(work.mask, parts)):
            return self.run(work, sessions, progress)
        made, outcomes = [], []
        mask = None if work.mask is None else work.mask.copy()
        for number, region in enumerate(parts):

            def report(share: float, number: int = number) -> None:
                progress((number + share) / len(parts))

            height, width = region.shape
            step = self.placed(region.columns.start, region.rows.start, width, height)
            across, down = region.columns.start, region.rows.start
            known = None if work.faces is None else [face.moved(-across, -down).cut(width, height) for face in work.faces]
            faces = None if known is None else tuple(face for face in known if face is not None)
            inner = Work(region.cut(work.photo), None if mask is None else region.cut_mask(mask), faces=faces)
            done = step.run(inner, sessions, report)
            doubts = tuple(doubt.moved(across, down) for doubt in done.doubts)
            found = None if done.faces is None else tuple(face.moved(across, down) for face in done.faces)
            outcomes.append(replace(done, doubts=doubts, faces=found))
            made.append((region, inner.photo if done.photo is inner.photo else done.photo))
            if self.gives_mask and done.mask is not None:
                mask = region.put_mask(mask, done.mask, work.photo.height, work.photo.width)
        photo, changed = put_together(work.photo, [pair for pair, done in zip(made, outcomes, strict=True) if done.pixels_changed])
        joined = _joined(outcomes, photo, mask, changed)
        if self.gives_mask and mask is not None:
            joined = replace(joined, facts={**joined.facts, "share": float(mask.mean())})
        missed = sum(not any(region.holds(*place) for region in parts) for place in self.places)
        if missed:
            said = f"{missed} of {len(self.places)} places that were named lie in no picture: nothing was done there"
            joined = replace(joined, notes=(*joined.notes, said))
        return joined

    @abstractmethod
    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """What the step does."""


COUNTS = frozenset({"faces_touched", "faces_spared", "healed"})
"""Facts that are counts: of several pictures, their sum is told."""


def _boxes(faces: tuple[Face, ...]) -> dict[str, float]:
    """How many faces there are and where, as numbers by name: "1.left" is the first one's."""
    places = {
        f"{number}.{side}": float(getattr(face, side))
        for number, face in enumerate(faces, 1)
        for side in ("left", "top", "right", "bottom")
    }
    return {"faces": float(len(faces)), **places}


def _faces_changed(work: Work, done: Outcome) -> dict[str, float]:
    """The share of each known face's pixels that a step changed, as numbers by name: "1.changed". A face that
    it left alone has none."""
    faces, before, after = done.faces or work.faces or (), work.photo, done.photo
    if before is after or (before.height, before.width) != (after.height, after.width):
        return {}
    changed = {
        f"{number}.changed": float((face.part(before.samples) != face.part(after.samples)).any(axis=2).mean())
        for number, face in enumerate(faces, 1)
    }
    return {name: share for name, share in changed.items() if share}


def _joined(outcomes: list[Outcome], photo: Photo, mask: Mask | None, changed: int) -> Outcome:
    """One account of what a step made of several pictures: the outcome of that in which most changed, means
    of the numbers and sums of the counts, all notes, all faces."""
    most = max(outcomes, key=lambda one: one.pixels_changed)
    names = dict.fromkeys(name for one in outcomes for name in one.facts)
    facts = {}
    for name in names:
        values = [one.facts[name] for one in outcomes if name in one.facts]
        facts[name] = sum(values) / (1 if name in COUNTS else len(values))
    models = tuple(dict.fromkeys(model for one in outcomes for model in one.models))
    if len(outcomes) == 1:
        notes = most.notes
    else:
        notes = tuple(f"print {number}: {note}" for number, one in enumerate(outcomes, 1) for note in one.notes)
    doubts = tuple(doubt for one in outcomes for doubt in one.doubts)
    looked = [one.faces for one in outcomes if one.faces is not None]
    # Where one picture was not looked at, it is not known that there is no face.
    faces = tuple(face for found in looked for face in found) if len(looked) == len(outcomes) else None
    return Outcome(photo, mask, most.outcome, changed, models, facts, notes, doubts, faces=faces)
