"""A card says what a model takes, gives, was trained on, scored and cannot do. One shipped model, one card (TOML)."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from unfade.errors import ModelCorruptError, ModelMissingError
from unfade.files import disk

Task = Literal["damage", "fill", "tone", "clean", "colorize", "translate"]


# A card comes with a model from anywhere: it names a file beside it, and leads nowhere else.
_FILE_NAME = r"^[^/\\:\x00]+\.onnx$"
_LARGEST_BYTES = 1 << 20


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Port(_Frozen):
    """One input or output of the network: its name in the ONNX file, its axes, and what its numbers mean."""

    name: str
    axes: str = Field(description='such as "n 3 h w"; h and w are the tile\'s, "h/4" a quarter of it')
    meaning: str = Field(description='range and space, such as "sRGB in [0, 1]"')


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
    licence: str = "Apache-2.0"
    summary: str
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    multiple: int = Field(ge=1, description="sides must be multiples of this; `tiles` pads by reflection, the session refuses")
    tile_px: int = Field(ge=16, description="side of the windows it is run in")
    overlap_px: int = Field(ge=0, description="how far neighbouring windows overlap")
    working_px: int | None = Field(default=None, description="short side to which a picture is reduced first; none: at its own size")
    threshold: float | None = Field(default=None, ge=0, le=1, description="damage models: the probability from which a pixel is lost")
    temperatures: tuple[float, float, float] | None = Field(
        default=None, description="colorizing models: of the distribution over colors, for safe, usual and vivid choices"
    )
    parameters: int = Field(ge=0)
    recipe: str = Field(description="the recipe that trained it, as it ships, and for how long")
    data: str = Field(description="what it was trained on")
    scores: tuple[Score, ...] = ()
    limits: tuple[str, ...] = Field(description="what it cannot do")


def read_card(path: Path) -> Card:
    """Read and validate the card at `path`. Raises `ModelMissingError` if there is none, `ModelCorruptError` if it does not validate."""
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
    try:
        return Card.model_validate(tomllib.loads(content.decode("utf-8")))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ModelCorruptError(f"{path.name} is not TOML: {error}; export the model again") from error
    except ValidationError as error:
        first = error.errors()[0]
        raise ModelCorruptError(f"{path.name}: {'.'.join(map(str, first['loc']))}: {first['msg']}; export the model again") from error
