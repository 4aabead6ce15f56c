"""What the ledger keeps of photographs, masks, jobs and results.

A record that a newer version wrote can still be read.
"""

from __future__ import annotations

import json
import secrets
from contextlib import suppress
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from unfade.frame.geometry import Frame
from unfade.queue.options import Options, StrokeRequest, read_stored
from unfade.record import Framed

State = Literal["queued", "running", "done", "failed", "cancelled"]
Kind = Literal["restore", "preview"]

OVER: frozenset[State] = frozenset({"done", "failed", "cancelled"})
SAVING, SAVING_WEIGHT = "saving", 0.05  # what follows the steps, and about how long it takes beside them


def new_id() -> str:
    """An id that nobody can guess: 192 bits of chance, 32 characters that may stand in an address."""
    return secrets.token_urlsafe(24)


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")  # a record that a newer version wrote can still be read


class StepProgress(_Record):
    """How far one step has come."""

    name: str
    progress: float


class MaskRecord(_Record):
    """A mask; its pixels are a file."""

    id: str
    created: float
    origin: Literal["upload", "job"]
    width: int
    height: int
    share: float
    objects: int


class FrameRecord(_Record):
    """What of a file is the photograph: see `frame.geometry.Frame`."""

    corners: tuple[tuple[float, float], ...] | None
    turn: int

    def frame(self) -> Frame:
        """The frame that it stands for."""
        return Frame(self.corners, self.turn)


class PhotoRecord(_Record):
    """A photograph; its bytes are a file. Times are seconds since 1970.

    `frame`: it was cut out of that file. `width`, `height`, masks and results are then those of the frame.
    """

    id: str
    name: str
    created: float
    expires: float
    width: int
    height: int
    bits: int
    channels: int
    format: str
    bytes: int
    has_color: bool
    has_location: bool
    notes: tuple[str, ...]
    masks: tuple[MaskRecord, ...] = ()
    frame: FrameRecord | None = None
    file_size: tuple[int, int] | None = None  # width and height of the whole file, where it was cut out of it


class DoubtOutcome(_Record):
    """What a step left alone because it was not sure: see `record.Doubt`."""

    what: str
    box: tuple[int, int, int, int]
    outline: tuple[tuple[int, int], ...] = ()


class StepOutcome(_Record):
    """What a step did: a code for what came of it, its numbers, and sentences; and what it left to a
    person."""

    name: str
    outcome: str
    facts: dict[str, float]
    pixels_changed: int
    notes: tuple[str, ...]
    doubts: tuple[DoubtOutcome, ...] = ()


class ResultRecord(_Record):
    """What came out of a job; `folder` is where its files lie. `frame`: how the photograph was framed; none:
    it was not."""

    folder: str
    format: str
    has_master: bool
    bytes: int
    width: int
    height: int
    pixels_changed: int
    notes: tuple[str, ...]
    steps: tuple[StepOutcome, ...] = ()
    frame: Framed | None = None


class JobRecord(_Record):
    """A job. `holder` is the word of whoever works on it; `side_px` and `strokes` are a preview's.

    `foreign`: the options as they are stored, where another version wrote them and this one does not know
    all. They stay stored, and a version that knows them reads them. `unread` names what is not known.
    """

    id: str
    photo_id: str
    client: str = ""  # who asked for it, not to be read back: a hash
    rank: float = 0.0  # where it stands in the queue
    kind: Kind = "restore"
    side_px: int = 0
    strokes: tuple[StrokeRequest, ...] = ()
    state: State = "queued"
    options: Options
    foreign: dict[str, Any] | None = None
    unread: tuple[str, ...] = ()
    created: float
    started: float | None = None
    finished: float | None = None
    attempts: int = 0
    holder: str | None = None
    lease_until: float = 0.0
    step: str | None = None
    step_progress: float = 0.0
    error: str | None = None
    mask_id: str | None = None
    result: ResultRecord | None = None

    @classmethod
    def read(cls, document: str) -> JobRecord:
        """A job as it is stored, whatever version wrote it. Raises `ValueError` where it cannot be read."""
        with suppress(ValidationError):
            job = cls.model_validate_json(document)
            if job.foreign is None:
                return job
        stored = json.loads(document)
        if isinstance(stored, dict) and isinstance(stored.get("options"), dict):
            written = stored.get("foreign") or stored["options"]
            options, unread = read_stored(written)
            stored |= {"options": options, "foreign": written if unread else None, "unread": unread}
        return cls.model_validate(stored)

    def weights(self) -> dict[str, float]:
        """The steps of this job in their order, and about how long each takes beside the others."""
        steps = self.options.treatment().steps(has_mask=self.options.mask is not None)
        return {step.name: step.weight for step in steps} | {SAVING: SAVING_WEIGHT}

    def steps(self) -> list[StepProgress]:
        """How far each step has come."""
        names = list(self.weights())
        at = names.index(self.step) if self.step in names else -1
        shares = [1.0 if self.state == "done" or index < at else self.step_progress if index == at else 0.0 for index in range(len(names))]
        return [StepProgress(name=name, progress=round(share, 3)) for name, share in zip(names, shares, strict=True)]

    @property
    def progress(self) -> float:
        """The share of the whole that is done."""
        weights = self.weights()
        return sum(weights[step.name] * step.progress for step in self.steps()) / sum(weights.values())
