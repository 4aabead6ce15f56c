"""What a request may ask of a job. Unknown keys are refused; limits on size and number are the settings', never a request's."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from unfade.files.formats import FORMATS

RESULT_FORMATS = ("same", *FORMATS.names())
if TYPE_CHECKING:
    ResultFormat = str
else:
    ResultFormat = Literal[RESULT_FORMATS]
Location = Literal["keep", "drop"]
MAX_HINTS = 500
MAX_KEEP = 100_000
MAX_STROKES = 5_000
MAX_POINTS = 20_000
PREVIEW_RANGE_PX = (256, 1536)

Id = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{32}$", examples=["Jw0cVzv0mFtO3lC7mS1Vb8Jq6Yk2Nn4x"])]
Share = Annotated[float, Field(ge=0, le=1)]


class Asked(BaseModel):
    """The base of everything that comes in as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HintAsked(Asked):
    """A color that is known: `color` in a disc of `radius_px` around (`x`, `y`), in pixels of the photograph."""

    x: float = Field(ge=0, le=1e6)
    y: float = Field(ge=0, le=1e6)
    radius_px: float = Field(gt=0, le=1e5)
    color: str = Field(pattern="^#[0-9a-fA-F]{6}$", description="sRGB, as #rrggbb")

    @property
    def rgb(self) -> tuple[float, float, float]:
        """Red, green and blue in [0, 1]."""
        red, green, blue = (int(self.color[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return red, green, blue


class Options(Asked):
    """What is to be done to a photograph."""

    fill: bool = Field(default=True, description="Find damage (or take `mask`) and make whole what was lost.")
    clean: Share = Field(default=1.0, description="How far fading, yellowing, grain and blur are undone; 0: not at all.")
    colorize: bool = Field(default=False, description="Put color in.")
    strength: Share = Field(default=1.0, description="How much of the guessed color is put in.")
    saturation: float = Field(default=1.0, ge=0, le=2, description="Paler below 1, stronger above.")
    liveliness: Share = Field(default=0.5, description="From safe (0) to vivid (1) choices of color.")
    force: bool = Field(default=False, description="Color a photograph anew that is in color already.")
    sensitivity: Share = Field(default=0.5, description="How readily something is taken for damage.")
    largest_dust_px: int | None = Field(default=None, ge=1, le=1_000_000, description="Leave alone what is larger, on its longer side.")
    mask: Id | None = Field(default=None, description="A mask of this photograph, instead of looking for damage.")
    keep: tuple[Annotated[int, Field(ge=1, le=2**31 - 1)], ...] = Field(
        default=(), max_length=MAX_KEEP, description="Objects of `mask` that stay as they are."
    )
    hints: tuple[HintAsked, ...] = Field(default=(), max_length=MAX_HINTS)


class PreviewOptions(Options):
    """Options, and how large the answer is."""

    side_px: int = Field(default=768, ge=PREVIEW_RANGE_PX[0], le=PREVIEW_RANGE_PX[1], description="The preview's longer side.")


Coordinate = Annotated[float, Field(ge=-1e5, le=1e6)]


class StrokeAsked(Asked):
    """A stroke of a round brush along `points`, in pixels of the photograph; "clear" takes all that was marked before."""

    kind: Literal["brush", "eraser", "clear"]
    radius_px: float = Field(default=1, ge=0, le=1e5)
    points: tuple[tuple[Coordinate, Coordinate], ...] = Field(default=(), max_length=MAX_POINTS, description="Each x and y.")


Strokes = Annotated[tuple[StrokeAsked, ...], Field(max_length=MAX_STROKES, description="Oldest first.")]


class MaskEdit(Asked):
    """What to take out of a mask, and what to draw on it after that."""

    remove: tuple[Annotated[int, Field(ge=1, le=2**31 - 1)], ...] = Field(default=(), max_length=MAX_KEEP)
    largest_dust_px: int | None = Field(default=None, ge=1, le=1_000_000)
    strokes: Strokes = ()


class MaskDrawing(Asked):
    """What to draw on an empty mask."""

    strokes: Strokes


class PhotoQuery(Asked):
    """Which photographs are asked for."""

    ids: tuple[Id, ...] = Field(max_length=500)


class SignIn(Asked):
    """The server's token."""

    token: str = Field(min_length=1, max_length=1000)
