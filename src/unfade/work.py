"""What flows through the pipeline (`Work`), and what a step is (`Step`)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar, Protocol

from unfade.arrays import Mask
from unfade.files.photo import Photo
from unfade.models.session import Sessions
from unfade.record import StepRecord

Progress = Callable[[float], None]
"""Called with the share done of one step, rising, from 0 to 1."""


@dataclass(frozen=True)
class Work:
    """A photograph on its way: the photograph as it stands, the damage mask once there is one, and what was done so far.

    `mask` is bool (h, w), True = lost, of the photograph's size.
    """

    photo: Photo
    mask: Mask | None = None
    records: tuple[StepRecord, ...] = ()


class Step(Protocol):
    """One step: a frozen dataclass whose fields are its options, called on the work.

    It gives new Work and leaves what it was given untouched, sample for sample. It checks its options when it is made
    (`UsageError`), calls `progress` until 1, and appends exactly one `StepRecord`.
    """

    name: ClassVar[str]
    needs_mask: ClassVar[bool]
    gives_mask: ClassVar[bool]

    def __call__(self, work: Work, sessions: Sessions, progress: Progress) -> Work: ...
