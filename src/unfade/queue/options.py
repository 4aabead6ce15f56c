"""What a job may be asked.

Unknown keys are refused; limits on size and number are the settings', never a request's.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, FailFast, Field, ValidationError, create_model, model_validator

from unfade import brush
from unfade.options import Mixed, Option
from unfade.steps.colorize import Guide, Hint
from unfade.steps.fill import Heal
from unfade.treatment import Treatment
from unfade.treatment import options as treatment_options

MAX_HINTS = 500
MAX_HEALS = 500
MAX_GUIDES = 100
MAX_KEEP = 100_000
MAX_STROKES = 5_000
MAX_POINTS, MAX_POINTS_ALL = 20_000, 50_000

Id = Annotated[str, Field(pattern="^[A-Za-z0-9_-]{32}$", examples=["Jw0cVzv0mFtO3lC7mS1Vb8Jq6Yk2Nn4x"])]
Share = Annotated[float, Field(ge=0, le=1)]


class RequestModel(BaseModel):
    """The base of everything that comes in as JSON."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class HintRequest(RequestModel):
    """A color that is known, in a disc of `radius_px` around (`x`, `y`), in pixels of the photograph."""

    x: float = Field(ge=0, le=1e6)
    y: float = Field(ge=0, le=1e6)
    radius_px: float = Field(gt=0, le=1e5)
    color: str = Field(pattern="^#[0-9a-fA-F]{6}$", description="sRGB, as #rrggbb")

    @property
    def rgb(self) -> tuple[float, float, float]:
        """Red, green and blue in [0, 1]."""
        red, green, blue = (int(self.color[at : at + 2], 16) / 255 for at in (1, 3, 5))
        return red, green, blue

    def entry(self) -> Hint:
        """The hint as its step takes it."""
        return Hint(self.x, self.y, self.radius_px, self.rgb)


Coordinate = Annotated[float, Field(ge=-1e5, le=1e6)]


class StrokeRequest(RequestModel):
    """A stroke of a round brush along `points`, or an "area" that they enclose, in pixels of the photograph.

    "clear" takes all that was marked before.
    """

    kind: brush.Kind
    radius_px: float = Field(default=1, ge=0, le=1e5)
    points: Annotated[tuple[tuple[Coordinate, Coordinate], ...], FailFast()] = Field(
        default=(), max_length=MAX_POINTS, description="Each x and y."
    )

    def drawn(self) -> brush.Stroke:
        """The stroke as the brush takes it."""
        return {"kind": self.kind, "radius_px": self.radius_px, "points": list(self.points)}


Away = Annotated[float, Field(ge=-1e6, le=1e6)]


class HealRequest(RequestModel):
    """What is lost under a stroke is taken from the place that lies (`dx`, `dy`) pixels from it.

    `radius_px` 0: what `points` enclose.
    """

    points: Annotated[tuple[tuple[Coordinate, Coordinate], ...], FailFast()] = Field(min_length=1, max_length=MAX_POINTS)
    radius_px: float = Field(ge=0, le=1e5)
    dx: Away
    dy: Away

    def entry(self) -> Heal:
        """The heal as its step takes it."""
        return Heal(self.points, self.radius_px, self.dx, self.dy)


Chroma = Annotated[float, Field(ge=-200, le=200)]


class GuideRequest(RequestModel):
    """A color of another photograph: at `lightness` (L*), where the model guesses `guess` (a*, b*), it has
    `color` (a*, b*).

    `share`: of that photograph.
    """

    lightness: float = Field(ge=0, le=100)
    guess: tuple[Chroma, Chroma]
    color: tuple[Chroma, Chroma]
    share: Share

    def entry(self) -> Guide:
        """The guide as its step takes it."""
        return Guide(self.lightness, self.guess, self.color, self.share)


def _few_points(strokes: tuple[StrokeRequest, ...]) -> tuple[StrokeRequest, ...]:
    points = sum(len(stroke.points) for stroke in strokes)
    if points > MAX_POINTS_ALL:
        raise ValueError(f"the strokes have {points:,} points together; the limit is {MAX_POINTS_ALL:,}")
    return strokes


Strokes = Annotated[
    tuple[StrokeRequest, ...],
    FailFast(),
    Field(max_length=MAX_STROKES, description=f"Oldest first; {MAX_POINTS_ALL:,} points together."),
    AfterValidator(_few_points),
]

_ENTRIES: Mapping[type, tuple[Any, int]] = {
    Hint: (HintRequest, MAX_HINTS),
    Heal: (HealRequest, MAX_HEALS),
    Guide: (GuideRequest, MAX_GUIDES),
}
"""How an entry of an option that holds several comes in, and how many may."""


def _field(declared: Option) -> tuple[Any, Any]:
    """An option as a field of a request: its type, and its default, limits and help."""
    if declared.form is not None:
        kind: Any = Annotated[_mixed(declared.form) | None, AfterValidator(partial(_checked, declared))]
        help = f"{declared.help} Written {declared.written} in forms."
        return kind, Field(default=declared.default, description=help)
    if declared.many:
        entry, most = _ENTRIES[declared.type]
        return Annotated[tuple.__class_getitem__((entry, ...)), FailFast()], Field(
            default=declared.default, max_length=most, description=declared.help
        )
    kind = declared.type
    limits: dict[str, Any] = {"ge": declared.least, "le": declared.most}
    given = {name: limit for name, limit in limits.items() if limit is not None}
    return kind | None if declared.optional else kind, Field(default=declared.default, description=declared.help, **given)


def _fields(these: Iterable[Option]) -> dict[str, Any]:
    return {declared.name: _field(declared) for declared in these}


def _mixed(form: Mixed) -> Any:
    """What JSON may hold for an option that is a word or numbers."""
    number: Any = int if form.is_whole else float
    if form.allowed:
        number = Literal.__getitem__(form.allowed)
    numbers: Any = number if form.count == 1 else tuple.__class_getitem__((number,) * form.count)
    if form.pairs:
        point = tuple.__class_getitem__((number, number))
        numbers = tuple.__class_getitem__((point,) * (form.count // 2))
    return numbers | Literal.__getitem__(form.words) if form.words else numbers


def _checked(declared: Option, value: Any) -> Any:
    return declared.checked(value)


class _Inputs(RequestModel):
    """What a job takes beside the options of its treatment."""

    mask: Id | None = Field(default=None, description="A mask of this photograph, instead of looking for damage.")
    keep: Annotated[tuple[Annotated[int, Field(ge=1, le=2**31 - 1)], ...], FailFast()] = Field(
        default=(), max_length=MAX_KEEP, description="Objects of `mask` that stay as they are."
    )


def _grouped() -> dict[str, tuple[Option, ...]]:
    """The options that one object of a request holds, by its name."""
    names = dict.fromkeys(declared.group for declared in treatment_options() if declared.group is not None)
    return {name: tuple(declared for declared in treatment_options() if declared.group == name) for name in names}


GROUPS = _grouped()
_FIELDS: dict[str, Any] = _fields(declared for declared in treatment_options() if declared.group is None)
for _name, _options in GROUPS.items():
    _model: Any = create_model(f"{_name.title()}Request", __base__=RequestModel, **_fields(_options))
    _FIELDS[_name] = (_model, Field(default=_model(), description=f"Options of the {_name}."))
_Treated: Any = create_model("_Treated", __base__=_Inputs, **_FIELDS)


class Options(_Treated):
    """What is to be done to a photograph: the options of a treatment, and what comes with them."""

    if TYPE_CHECKING:  # the fields are those of the steps, known when the program runs

        def __getattr__(self, name: str) -> Any: ...

    def treatment(self) -> Treatment:
        """The treatment that is asked for, in pixels of the photograph."""
        values: dict[str, Any] = {}
        for declared in treatment_options():
            value = getattr(self if declared.group is None else getattr(self, declared.group), declared.name)
            values[declared.name] = tuple(each.entry() for each in value) if declared.many else value
        return Treatment(**values)

    @model_validator(mode="after")
    def _go_together(self) -> Self:
        if self.model_fields_set & GROUPS.keys():
            self.treatment()
        return self


def read_stored(stored: Mapping[str, Any]) -> tuple[Options, tuple[str, ...]]:
    """The options of a job that another version may have written.

    Also the names of those that this version does not know, or not with such a value: they have their
    defaults.
    """
    known = {name: dict(value) if name in GROUPS and isinstance(value, dict) else value for name, value in stored.items()}
    unread: set[str] = set()
    while True:
        try:
            return Options.model_validate(known), tuple(sorted(unread))
        except ValidationError as error:
            places = [[str(part) for part in each["loc"]] for each in error.errors()]
        for place in places:
            if not place:  # they do not go together
                return Options(), tuple(sorted(stored))
            name, inner = place[0], place[1:2]
            if name in GROUPS and inner:
                known[name].pop(inner[0], None)
            else:
                known.pop(name, None)
            unread.add(".".join([name, *inner] if name in GROUPS else [name]))
