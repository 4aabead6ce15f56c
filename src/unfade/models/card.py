"""A card says what a model takes, gives, was trained on, scored and cannot do. Each shipped model has one
(TOML)."""

from __future__ import annotations

import tomllib
from functools import lru_cache
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unfade.errors import ModelCorruptError, ModelMissingError, ModelTaskError
from unfade.files import disk
from unfade.models.calibration import Calibration, PlainCalibration, calibration_of

Task = Literal["damage", "fill", "tone", "clean", "colorize", "upright", "faces", "translate"]


_Kind = TypeVar("_Kind", bound=BaseModel)
# A card comes with a model from anywhere: it names a file beside it, and leads nowhere else.
_FILE_NAME = r"^[^/\\:\x00]+\.onnx$"
_LARGEST_BYTES = 1 << 20


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Port(_Frozen):
    """One input or output of the network: its name in the ONNX file, its axes, and what its numbers mean.

    Unfade's steps give and take float32, pictures and masks in [0, 1]. A network made elsewhere may want
    other numbers: `range` says which it has for 0 and for 1, `dtype` their type, `role` what Unfade calls the
    port.
    """

    name: str
    axes: str = Field(description='such as "n 3 h w"; h and w are the tile\'s, "h/4" a quarter of it')
    meaning: str = Field(description='range and space, such as "sRGB in [0, 1]"')
    role: str | None = Field(default=None, description="what Unfade calls it; none: its name")
    range: tuple[float, float] = Field(default=(0.0, 1.0), description="the network's numbers for 0 and for 1, such as [0, 255]")
    dtype: Literal["float32", "uint8"] = "float32"

    @property
    def called(self) -> str:
        """The name that a step uses."""
        return self.role or self.name


class Score(_Frozen):
    """One measured figure. A figure without its bench, N and baseline is not one."""

    measure: str
    value: float
    interval: tuple[float, float] | None = Field(default=None, description="95 % bootstrap")
    bench: str
    n: int
    baseline: str = Field(description="what it is compared with and what that scored")


class Card(_Frozen):
    """The facts about one model."""

    name: str
    version: str
    task: Task
    weights: str = Field(description="file name of the ONNX weights, beside the card or in models/weights", pattern=_FILE_NAME)
    sha256: str = Field(pattern="^[0-9a-f]{64}$")
    licence: str = "not known"
    summary: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    multiple: int = Field(ge=1, description="sides must be multiples of this; `tiles` pads by reflection, the session refuses")
    tile_px: int = Field(ge=16, description="side of the windows it is run in")
    overlap_px: int = Field(ge=0, description="how far neighbouring windows overlap")
    working_px: int | None = Field(default=None, description="short side to which a picture is reduced first; none: at its own size")
    parameters: int = Field(ge=0)
    recipe: str = Field(description="the recipe that trained it, as it ships, and for how long")
    data: str = Field(description="what it was trained on")
    scores: tuple[Score, ...] = ()
    limits: tuple[str, ...] = Field(description="what it cannot do")
    calibration: Calibration = Field(default=PlainCalibration(), validate_default=False, description="see models.calibration")

    @model_validator(mode="before")
    @classmethod
    def _has_its_own_calibration(cls, facts: Any) -> Any:
        """Read `[calibration]` as its task has it; the numbers that stood above it in older cards are pointed
        out."""
        if not isinstance(facts, dict):
            return facts
        for name in ("threshold", "temperatures"):
            if name in facts:
                raise ValueError(f"{name} stands under [calibration]; move it there")
        given = facts.get("calibration", {})
        return facts | {"calibration": calibration_of(str(facts.get("task")), given if isinstance(given, dict) else dict(given))}

    @model_validator(mode="after")
    def _ranges_have_a_width(self) -> Self:
        for port in (*self.inputs, *self.outputs):
            if port.range[0] == port.range[1]:
                raise ValueError(f"the port {port.name}: its range must be two different numbers, not {list(port.range)}")
        return self

    def calibrated(self, kind: type[_Kind]) -> _Kind:
        """The calibration, as the step for this task knows it. Raises `ModelTaskError` if it is another
        task's."""
        if not isinstance(self.calibration, kind):
            raise ModelTaskError(f"{self.name} is a model for {self.task}, which has no {kind.__name__}; name a model for the task")
        return self.calibration


def read_card(path: Path) -> Card:
    """Read and validate the card at `path`. Raises `ModelMissingError` if there is none, `ModelCorruptError`
    if it does not validate."""
    try:
        with disk.open_regular(path) as file:
            content = file.read(_LARGEST_BYTES + 1)
    except OSError as error:
        raise ModelMissingError(
            f"{path.name}: no model card can be read there ({error.strerror}); name a model that `unfade models` lists, or a .toml "
            "beside your .onnx"
        ) from error
    if len(content) > _LARGEST_BYTES:
        raise ModelCorruptError(f"{path.name} is no model card: it is larger than {_LARGEST_BYTES:,} bytes; export the model again")
    return _parsed(content, path.name)


@lru_cache(maxsize=64)
def _parsed(content: bytes, name: str) -> Card:
    """The card in a file of this `name`: each is parsed once per process."""
    try:
        return Card.model_validate(tomllib.loads(content.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelCorruptError(f"{name} is not TOML: {error}; export the model again") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = "".join(f"{part}: " for part in (".".join(map(str, first["loc"])),) if part)
        said = str(first["msg"]).removeprefix("Value error, ")
        raise ModelCorruptError(f"{name}: {where}{said}; mend the card, or export the model again") from error
