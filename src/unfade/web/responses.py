"""What the API answers: the ledger's records as the world may see them."""

from __future__ import annotations

import math
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from unfade.options import Option
from unfade.queue.options import Options
from unfade.queue.records import JobRecord, MaskRecord, PhotoRecord, State, StepOutcome, StepProgress
from unfade.treatment import options, parts


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC)


def _sure_time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


Corners = Annotated[list[tuple[float, float]], Field(min_length=4, max_length=4)]
"""Clockwise from the top left, x then y, in pixels from the outer edge of the photograph's first."""


class ProblemResponse(BaseModel):
    """Something could not be done (RFC 9457); `detail` is one sentence for a person."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
    code: str


class MaskResponse(BaseModel):
    """A damage mask of a photograph."""

    id: str
    created: datetime
    origin: Literal["upload", "job"]
    width: int
    height: int
    share: float
    objects: int


class ArchiveEntryResponse(BaseModel):
    """A result of an archive, to be reviewed. `risk` in [0, 1], with its reasons in sentences, the strongest
    first; `place`: whether it is delivered, held back or taken out; `made`: another word once it is made
    anew, or its master is another."""

    id: int
    made: str
    name: str
    risk: float
    reasons: tuple[str, ...]
    notes: tuple[str, ...]
    share: float
    megapixels: float
    place: Literal["delivered", "held", "refused"]
    decision: Literal["accepted", "refused"] | None


class ArchiveResponse(BaseModel):
    """How many results of an archive are open (of them held back), accepted and refused; how many masters
    wait or failed; and some of the results."""

    open: int
    held: int
    accepted: int
    refused: int
    waiting: int
    failed: int
    entries: list[ArchiveEntryResponse]


class FrameResponse(BaseModel):
    """How a photograph of `width` by `height` pixels was cut and turned before anything else was done: what
    lies between four corners (null: all of it), then a turn of so many degrees clockwise."""

    corners: Corners | None
    turn: Literal[0, 90, 180, 270]
    width: int
    height: int


class ResultResponse(BaseModel):
    """What came out of a job. `width` and `height` are the frame's, if there is one."""

    format: str
    bytes: int
    width: int
    height: int
    pixels_changed: int
    share_changed: float
    notes: list[str]
    steps: list[StepOutcome]
    frame: FrameResponse | None


class JobResponse(BaseModel):
    """A job, and how far it has come."""

    id: str
    photo_id: str
    state: State
    position: int | None
    progress: float
    step: str | None
    steps: list[StepProgress]
    attempts: int
    created: datetime
    started: datetime | None
    finished: datetime | None
    error: str | None
    options: Options
    mask_id: str | None
    result: ResultResponse | None


class PhotoResponse(BaseModel):
    """A photograph, its jobs and its masks."""

    id: str
    name: str
    created: datetime
    expires: datetime
    width: int
    height: int
    megapixels: float
    bits: int
    channels: int
    format: str
    bytes: int
    has_color: bool
    has_location: bool
    frame: FrameResponse | None
    notes: list[str]
    jobs: list[JobResponse]
    masks: list[MaskResponse]


class PhotosResponse(BaseModel):
    """Those of the photographs asked for that there are."""

    photos: list[PhotoResponse]


class LeftOutResponse(BaseModel):
    """A job whose result is not in a zip, and why: a problem's code, and a sentence. `name`: of its
    photograph; null where that is gone."""

    job: str
    name: str | None
    code: str
    why: str


class ZipResponse(BaseModel):
    """A zip file that was ordered: where it is for an hour, how many results it holds, and what is left out
    of it."""

    url: str
    files: int
    left_out: list[LeftOutResponse]


class TilesResponse(BaseModel):
    """How a picture is cut into tiles; levels are Deep Zoom's."""

    width: int
    height: int
    tile_px: int
    overlap_px: int = 0
    min_level: int
    max_level: int
    url: str


class ComponentResponse(BaseModel):
    """One connected piece of damage."""

    id: int
    kind: Literal["scratch", "spot", "hole"]
    x: int
    y: int
    width: int
    height: int
    size_px: int
    area_px: int
    outline: list[tuple[int, int]]


class ComponentsResponse(BaseModel):
    """A mask's pieces, largest first."""

    mask_id: str
    total: int
    objects: list[ComponentResponse]


class ComponentAtResponse(BaseModel):
    """The piece of damage at a place."""

    object: int | None


class PrintResponse(BaseModel):
    """One print: the corners of its paper and of the picture proper in it, and what lies around each."""

    corners: Corners
    picture: Corners
    around: Literal["none", "light", "dark", "colored"]
    border: Literal["none", "light", "dark", "colored"]
    sure: bool


class PrintsResponse(BaseModel):
    """The prints on a photograph, row by row; `doubt` says what is not sure, and steps then look at the
    whole."""

    prints: list[PrintResponse]
    doubt: str | None


class UpResponse(BaseModel):
    """By how many degrees clockwise a part of a photograph is to be turned until it is upright: the most
    likely guess. Turn it only where that is `sure`."""

    turn: Literal[0, 90, 180, 270]
    probability: float
    sure: bool


class SourceResponse(BaseModel):
    """A place to fill a hole from, so many pixels to the right and down of it.

    The lower `cost`, the better it fits.
    """

    dx: int
    dy: int
    cost: float


class SourcesResponse(BaseModel):
    """Places to fill a hole from, best first."""

    sources: list[SourceResponse]


class ModelResponse(BaseModel):
    """A model that is installed."""

    name: str
    version: str


class OptionResponse(BaseModel):
    """An option of a restoration: what it may be, and what it does.

    `group`: the object of a job's options that holds it; null: it stands there by itself. `mixed` is one of
    `choices`, or numbers, as `written` says.
    """

    name: str
    step: str
    group: str | None
    kind: Literal["switch", "number", "whole-number", "choice", "list", "mixed"]
    default: Any
    optional: bool
    minimum: float | None
    maximum: float | None
    choices: list[str]
    written: str | None
    help: str


class StepResponse(BaseModel):
    """A step of a restoration. `switch` is the option that turns it on; null: its other options do."""

    name: str
    label: str
    switch: str | None


class SettingsResponse(BaseModel):
    """What a page must know of the server."""

    version: str
    max_upload_bytes: int
    max_megapixels: float
    max_queue: int
    preview_side_px: int
    keep_hours: float
    drop_location: bool
    formats: list[str]
    reads: list[str]
    models: dict[str, ModelResponse | None]
    defaults: Options
    steps: list[StepResponse]
    options: list[OptionResponse]


class ShelfResponse(BaseModel):
    """The photographs of a household, by their ids."""

    id: str
    photos: list[str]


class SessionResponse(BaseModel):
    """Whether the server wants its token, and has it. `shelf`: the id of the one shelf of all who know it."""

    token_needed: bool
    signed_in: bool
    shelf: str | None


class HealthResponse(BaseModel):
    """Whether the server works."""

    status: Literal["ok", "no-worker", "storage-away", "ledger-away"]
    version: str
    queued: int
    running: int
    workers: int


def step_responses() -> list[StepResponse]:
    """The steps of a restoration in their order."""
    return [StepResponse(name=step.name, label=step.label, switch=None if step.switch is None else step.switch.name) for step in parts()]


def option_responses() -> list[OptionResponse]:
    """Every option of a restoration, step by step."""
    return [
        OptionResponse(
            name=declared.name,
            step=declared.step,
            group=declared.group,
            kind=_kind(declared),
            default=declared.default,
            optional=declared.optional,
            minimum=declared.least,
            maximum=declared.most,
            choices=list(declared.choices),
            written=declared.written,
            help=declared.help,
        )
        for declared in options()
    ]


def _kind(declared: Option) -> Literal["switch", "number", "whole-number", "choice", "list", "mixed"]:
    if declared.form is not None:
        return "mixed"
    if declared.many:
        return "list"
    if declared.choices:
        return "choice"
    if declared.type is bool:
        return "switch"
    return "whole-number" if declared.type is int else "number"


def mask_response(mask: MaskRecord) -> MaskResponse:
    """A mask as the world sees it."""
    return MaskResponse(
        id=mask.id,
        created=_sure_time(mask.created),
        origin=mask.origin,
        width=mask.width,
        height=mask.height,
        share=mask.share,
        objects=mask.objects,
    )


def job_response(job: JobRecord, position: int | None) -> JobResponse:
    """A job as the world sees it."""
    result = None
    if job.result is not None:
        pixels = job.result.width * job.result.height
        result = ResultResponse(
            format=job.result.format,
            bytes=job.result.bytes,
            width=job.result.width,
            height=job.result.height,
            pixels_changed=job.result.pixels_changed,
            share_changed=job.result.pixels_changed / pixels,
            notes=list(job.result.notes),
            steps=list(job.result.steps),
            frame=None if job.result.frame is None else FrameResponse.model_validate(asdict(job.result.frame)),
        )
    return JobResponse(
        id=job.id,
        photo_id=job.photo_id,
        state=job.state,
        position=position,
        progress=math.floor(job.progress * 1000) / 1000,
        step=job.step,
        steps=job.steps(),
        attempts=job.attempts,
        created=_sure_time(job.created),
        started=_time(job.started),
        finished=_time(job.finished),
        error=job.error,
        options=job.options,
        mask_id=job.mask_id,
        result=result,
    )


def _photo_frame(photo: PhotoRecord) -> FrameResponse | None:
    """What of its file a photograph is; none: all of it."""
    if photo.frame is None or photo.file_size is None:
        return None
    width, height = photo.file_size
    return FrameResponse.model_validate(photo.frame.model_dump() | {"width": width, "height": height})


def photo_response(photo: PhotoRecord, jobs: list[JobResponse], masks: list[MaskResponse]) -> PhotoResponse:
    """A photograph as the world sees it."""
    return PhotoResponse(
        id=photo.id,
        name=photo.name,
        created=_sure_time(photo.created),
        expires=_sure_time(photo.expires),
        width=photo.width,
        height=photo.height,
        megapixels=photo.width * photo.height / 1e6,
        bits=photo.bits,
        channels=photo.channels,
        format=photo.format,
        bytes=photo.bytes,
        has_color=photo.has_color,
        has_location=photo.has_location,
        frame=_photo_frame(photo),
        notes=list(photo.notes),
        jobs=jobs,
        masks=masks,
    )
