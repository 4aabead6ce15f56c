"""The record of one restoration as a file of its own: all that `verify` proves and that `replay` needs.

It lies beside the result as `NAME.unfade.json`, its mask beside it as `NAME.mask.png`. The form has a version
(`record`) and a published JSON Schema (docs/reference/record.schema.json). A digest over everything else in
it shows that nothing was changed since. It is no signature: who can change the record can make a new digest.
"""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unfade.errors import RecordError
from unfade.files.names import escaped_json
from unfade.files.photo import Photo
from unfade.frame.geometry import Frame
from unfade.masks import mask_sha256
from unfade.pipeline import Result
from unfade.record import Framed

SUFFIX = ".unfade.json"  # as the command line names it
SIZE_MAX = 16 << 20  # a record with 500 hints has about 60 kB
_ESCAPED_BYTE = re.compile(r"\\ud[cC][89a-fA-F]")  # of a name that is no UTF-8, see `escaped_json`

Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MasterFacts(_Frozen):
    """The photograph that was restored."""

    name: str = Field(description="its file's name")
    width: int = Field(ge=1)
    height: int = Field(ge=1)
    sha256: Sha256 | None = Field(description="of its file; null where there was none")
    samples_sha256: Sha256 = Field(description="of its samples, see `samples_sha256`")
    page: int | None = Field(default=None, ge=1, description="the page that was asked for; null: the largest")


class FrameFacts(_Frozen):
    """How the photograph was cut and turned as it was opened."""

    corners: tuple[tuple[float, float], ...] | None = Field(
        description="four, x and y, clockwise from that which became the top left, in pixels of the master; null: all of it"
    )
    turn: Literal[0, 90, 180, 270] = Field(description="degrees clockwise, after that")
    width: int = Field(ge=1, description="of the master")
    height: int = Field(ge=1, description="of the master")

    def framed(self) -> Framed:
        """The same as a report has it."""
        return Framed(self.corners, self.turn, self.width, self.height)

    def frame(self) -> Frame:
        """The frame that it stands for. Raises `UsageError` for one that makes no sense."""
        return Frame.recorded(self.framed())


class ResultFacts(_Frozen):
    """What was written."""

    name: str = Field(description="its file's name")
    format: str = Field(description="the format that it was written in")
    quality: int | None = Field(description="the quality that was asked for; null: the photograph's own")
    sha256: Sha256 = Field(description="of its file")
    samples_sha256: Sha256 = Field(description="of the samples before they were written")
    decoded_sha256: Sha256 = Field(description="of the samples as the file gives them back; another where the format is lossy")
    profile_sha256: Sha256 | Literal["none"] | None = Field(
        default=None, description='of its color profile; "none": it has none, which is sRGB; null: an older version did not say'
    )


class MaskFacts(_Frozen):
    """What was taken for lost: a mask of the size of the master, or of what was cut from it."""

    name: str = Field(description="its file's name, beside the record")
    sha256: Sha256 = Field(description="of the mask, see `mask_sha256`")
    given: bool = Field(description="whether it was given; else it was found")


class ModelFacts(_Frozen):
    """A model that took part."""

    name: str
    version: str
    sha256: Sha256 = Field(description="of its weights' file")


class DoubtFacts(_Frozen):
    """Something that a step left alone because it was not sure."""

    what: str
    box: tuple[int, int, int, int] = Field(description="left, top, right, bottom, in pixels of the photograph")
    outline: tuple[tuple[int, int], ...] = Field(default=(), description="what to mark if it is right: a closed line of x, y")


class StepFacts(_Frozen):
    """What one step did."""

    step: str
    options: dict[str, Any]
    outcome: str
    facts: dict[str, Any]
    models: tuple[ModelFacts, ...]
    pixels_changed: int = Field(ge=0)
    seconds: float = Field(ge=0)
    notes: tuple[str, ...]
    doubts: tuple[DoubtFacts, ...] = ()


class Sidecar(_Frozen):
    """The record of one restoration."""

    record: Literal[1] = Field(default=1, description="the version of this form")
    software: str = "Unfade"
    software_version: str
    master: MasterFacts
    result: ResultFacts
    mask: MaskFacts | None = Field(description="null where nothing was looked for and none was given")
    treatment: dict[str, Any] = Field(description="what was asked: every option")
    cut: FrameFacts | None = Field(default=None, description="the part of the master that was the photograph; null: all of it")
    frame: FrameFacts | None = Field(default=None, description="of the photograph; null where it was neither cut nor turned")
    steps: tuple[StepFacts, ...]
    pixels_changed: int = Field(ge=0)
    notes: tuple[str, ...] = Field(description="what reading the photograph and writing the result noticed")
    digital_source_type: str = Field(description="IPTC's term for how the result came about")
    digest: str = Field(default="", description="SHA-256 of all the rest, see `digest_of`")

    def to_json(self) -> str:
        """As the file holds it: UTF-8, two spaces of indent, with its digest."""
        sealed = self.model_copy(update={"digest": digest_of(self)})
        return escaped_json(json.dumps(sealed.model_dump(mode="json"), indent=2, ensure_ascii=False)) + "\n"

    @property
    def is_intact(self) -> bool:
        """Whether nothing was changed since the digest was made."""
        return self.digest == digest_of(self)

    def photograph(self, master: Photo) -> Photo:
        """The photograph that was restored: the master, or what was cut from it. Raises `UsageError` for a
        cut that makes no sense."""
        return master if self.cut is None else self.cut.frame().apply(master)

    def changed_by(self) -> frozenset[str]:
        """The names of the steps that changed pixels."""
        return frozenset(step.step for step in self.steps if step.pixels_changed)


def digest_of(sidecar: Sidecar) -> str:
    """SHA-256 of the record without its digest, and without a frame, a cut or the result's profile where it
    names none, as JSON with sorted keys and no spaces."""
    without: dict[str, Any] = {name: True for name, value in (("frame", sidecar.frame), ("cut", sidecar.cut)) if value is None}
    if sidecar.result.profile_sha256 is None:
        without["result"] = {"profile_sha256"}
    rest = sidecar.model_dump(mode="json", exclude={"digest": True} | without)
    text = escaped_json(json.dumps(rest, sort_keys=True, separators=(",", ":"), ensure_ascii=False))
    return hashlib.sha256(text.encode()).hexdigest()


def samples_sha256(photo: Photo) -> str:
    """SHA-256 of a photograph's samples: its size, channels and depth, then the samples row by row, 16 bits
    with the low byte first, then alpha's.

    >>> samples_sha256(Photo(np.zeros((1, 2, 1), np.uint8)))[:8]
    '401e1208'
    """
    hashed = hashlib.sha256(f"{photo.height} {photo.width} {photo.channels} {photo.bits}\n".encode())
    for plane in (photo.samples, photo.alpha):
        if plane is not None:
            hashed.update(np.ascontiguousarray(plane, plane.dtype.newbyteorder("<")).data)
    return hashed.hexdigest()


def profile_sha256(photo: Photo) -> str:
    """SHA-256 of a photograph's color profile; "none" where it has none."""
    return "none" if photo.profile is None else hashlib.sha256(photo.profile).hexdigest()


@dataclass(frozen=True)
class Written:
    """How a photograph was read and its result written: in which `format` and with which `quality` asked for,
    from which `page`; and whether its mask was `given`."""

    format: str
    quality: int | None = None
    page: int | None = None
    given: bool = False


def of_result(master: Photo, result: Result, decoded: Photo, target: Path, mask_file: Path | None, how: Written) -> Sidecar:
    """The record of a `result` that was written to `target`, and its mask to `mask_file`. `decoded`: the
    written file, read again.

    Raises `RecordError` for a run without a treatment, which cannot be made again.
    """
    report = result.report
    if report.treatment is None:
        raise RecordError(f"{master.name}: only a whole treatment is recorded; use `unfade restore` or `pipeline.treat`")
    if decoded.sha256 is None:
        raise RecordError(f"{target.name}: the result must be read from its file, so that its hash is known")
    mask = None
    lost = result.unframed_mask
    if lost is not None and mask_file is not None:
        mask = MaskFacts(name=mask_file.name, sha256=mask_sha256(lost), given=how.given)
    return Sidecar(
        software_version=report.software_version,
        master=MasterFacts(
            name=master.name,
            width=master.width,
            height=master.height,
            sha256=master.sha256,
            samples_sha256=samples_sha256(master),
            page=how.page,
        ),
        result=ResultFacts(
            name=target.name,
            format=how.format,
            quality=how.quality,
            sha256=decoded.sha256,
            samples_sha256=samples_sha256(result.photo),
            decoded_sha256=samples_sha256(decoded),
            profile_sha256=profile_sha256(decoded),
        ),
        mask=mask,
        treatment=report.treatment,
        cut=None if report.cut is None else FrameFacts.model_validate(asdict(report.cut)),
        frame=None if report.frame is None else FrameFacts.model_validate(asdict(report.frame)),
        steps=tuple(StepFacts.model_validate_json(json.dumps(asdict(step), default=str)) for step in report.steps),
        pixels_changed=report.pixels_changed,
        notes=report.notes,
        digital_source_type=report.digital_source_type,
    )


def read_sidecar(path: Path) -> Sidecar:
    """Read a record. Raises `RecordError` where it cannot be read, is larger than 16 MiB, or is of another
    form."""
    try:
        size = path.stat().st_size
        if size > SIZE_MAX:
            raise RecordError(f"{path.name} has {size:,} bytes; a record has at most {SIZE_MAX:,}: name the record's own file")
        data = path.read_bytes()
    except OSError as error:
        raise RecordError(f"the record {path} cannot be read ({error.strerror}); see whether its name is right") from error
    return parse_sidecar(data, path.name)


def parse_sidecar(data: bytes, name: str) -> Sidecar:
    """A record from its file's bytes; `name` is what messages call it. Raises `RecordError`."""
    try:
        text = data.decode()
        if _ESCAPED_BYTE.search(text) is None:
            return Sidecar.model_validate_json(text)
        return Sidecar.model_validate(json.loads(text))  # pydantic's own reader refuses such a name
    except UnicodeDecodeError as error:
        raise RecordError(f"{name} is no record: it is not text; name a file that ends in {SUFFIX}") from error
    except (json.JSONDecodeError, RecursionError) as error:
        raise RecordError(f"{name} is no record of this version: the whole: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise RecordError(f"{name} is no record of this version: {where}: {first['msg']}") from error


def beside(result: Path) -> Path:
    """Where the record of a result lies: beside it, its name without its ending."""
    return result.with_name(result.stem + SUFFIX)
