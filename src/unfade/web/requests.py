"""What comes in: the bodies of requests, and what may be asked in an address. Unknown keys are refused."""

from __future__ import annotations

import re
import unicodedata
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import FailFast, Field, model_validator

from unfade.files.formats import FORMATS
from unfade.frame.geometry import Frame
from unfade.queue.options import MAX_KEEP, Id, Options, RequestModel, Strokes
from unfade.queue.stages import PREVIEW_SIDE_PX

RESULT_FORMATS = ("same", *FORMATS.names())
if TYPE_CHECKING:
    ResultFormat = str
else:
    ResultFormat = Literal[RESULT_FORMATS]
Location = Literal["keep", "drop"]
PREVIEW_RANGE_PX = (256, 1536)


class PreviewOptions(Options):
    """Options, brush work that is in no mask yet, and how large the answer is."""

    side_px: int = Field(default=PREVIEW_SIDE_PX, ge=PREVIEW_RANGE_PX[0], le=PREVIEW_RANGE_PX[1], description="The preview's longer side.")
    strokes: Strokes = ()


class MaskEdit(RequestModel):
    """What to take out of a mask, and what to draw on it after that."""

    remove: Annotated[tuple[Annotated[int, Field(ge=1, le=2**31 - 1)], ...], FailFast()] = Field(default=(), max_length=MAX_KEEP)
    largest_dust_px: int | None = Field(default=None, ge=1, le=1_000_000)
    strokes: Strokes = ()


class MaskDrawing(RequestModel):
    """What to draw on an empty mask."""

    strokes: Strokes


class SourceQuery(RequestModel):
    """Where a hole could be filled from: the strokes that are the hole, and what else is lost."""

    strokes: Strokes = Field(min_length=1)
    mask: Id | None = Field(default=None, description="A mask of this photograph: what it marks is no source.")


class Cut(RequestModel):
    """What of a photograph becomes a photograph of its own."""

    corners: tuple[tuple[float, float], ...] | None = Field(
        default=None,
        min_length=4,
        max_length=4,
        description="Clockwise from the one that becomes the top left, in pixels from the outer edge of the first; null: the whole.",
    )
    turn: Literal[0, 90, 180, 270] = Field(default=0, description="Degrees clockwise, after that.")
    number: int | None = Field(default=None, ge=1, le=999, description="Of several that are cut out of one: it goes into the name.")

    @model_validator(mode="after")
    def _is_a_frame(self) -> Self:
        """Raises a `UsageError` for corners of no convex quadrilateral."""
        Frame(self.corners, self.turn)
        return self


class UpQuery(RequestModel):
    """What of a photograph is asked which way it is up."""

    corners: tuple[tuple[float, float], ...] | None = Field(
        default=None, min_length=4, max_length=4, description="As of a cut, before its turn; null: the whole."
    )

    @model_validator(mode="after")
    def _is_a_frame(self) -> Self:
        """Raises a `UsageError` for corners of no convex quadrilateral."""
        Frame(self.corners)
        return self


class PhotoQuery(RequestModel):
    """Which photographs are asked for."""

    ids: Annotated[tuple[Id, ...], FailFast()] = Field(max_length=500)


class ZipOrder(RequestModel):
    """Which jobs' results are wanted in one zip file, and how."""

    jobs: Annotated[tuple[Id, ...], FailFast()] = Field(min_length=1, max_length=2000)
    format: ResultFormat = "same"
    quality: int | None = Field(default=None, ge=0, le=100, description="Of lossy formats.")
    location: Location | None = None


class ShelfChange(RequestModel):
    """What to put on a shelf, and what to take off it."""

    add: Annotated[tuple[Id, ...], FailFast()] = Field(default=(), max_length=500)
    remove: Annotated[tuple[Id, ...], FailFast()] = Field(default=(), max_length=500)


class SignIn(RequestModel):
    """The server's token."""

    token: str = Field(min_length=1, max_length=1000)


def clean_name(name: str | None) -> str:
    """A user's file name as text that does no harm: no folders, no control or direction characters, not too
    long.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name or ""))[-1]
    kept = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C").strip(" .")
    if len(kept) > 120:
        stem, dot, ending = kept.rpartition(".")
        kept = stem[:110] + dot + ending[:9] if dot else kept[:120]
    return kept or "photograph"
