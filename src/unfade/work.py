"""What flows through the pipeline (`Work`), and what a step is (`Step`). Quick to import: see `options`."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, ClassVar

from unfade.options import Switch, check_fields
from unfade.record import Doubt, ModelUse, StepRecord

if TYPE_CHECKING:
    from unfade.arrays import Mask
    from unfade.files.photo import Photo
    from unfade.models.session import Sessions

Progress = Callable[[float], None]
"""Called with the share done of one step, rising, from 0 to 1."""


@dataclass(frozen=True)
class Work:
    """A photograph on its way: the photograph as it stands, the damage mask once there is one, and what was
    done so far.

    `mask` is bool (h, w), True = lost, of the photograph's size.
    """

    photo: Photo
    mask: Mask | None = None
    records: tuple[StepRecord, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """What a step made of its work: the photograph and the mask as they are now, and its account (see
    `StepRecord`)."""

    photo: Photo
    mask: Mask | None
    outcome: str
    pixels_changed: int = 0
    models: tuple[ModelUse, ...] = ()
    facts: Mapping[str, float] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()


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
    one and none was given.
    """

    name: ClassVar[str]
    label: ClassVar[str]
    weight: ClassVar[float] = 0.1
    place: ClassVar[int | None] = None
    switch: ClassVar[Switch | None] = None
    needs_mask: ClassVar[bool] = False
    gives_mask: ClassVar[bool] = False

    def __post_init__(self) -> None:
        check_fields(self)

    @property
    def is_wanted(self) -> bool:
        """Whether its options ask for anything at all; asked only of a step without a switch."""
        return True

    def __call__(self, work: Work, sessions: Sessions, progress: Progress) -> Work:
        """Do the step. Raises what `run` raises."""
        began = time.perf_counter()
        done = self.run(work, sessions, progress)
        progress(1.0)
        record = StepRecord(
            self.name,
            asdict(self),
            done.outcome,
            dict(done.facts),
            done.models,
            done.pixels_changed,
            time.perf_counter() - began,
            done.notes,
            done.doubts,
        )
        return Work(done.photo, done.mask, (*work.records, record))

    @abstractmethod
    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """What the step does."""
