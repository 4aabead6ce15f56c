"""An option is declared once, as a field of its step: its default, limits, help, and name at the doors.

    @dataclass(frozen=True)
    class Clean(Step):
        strength: float = option(1.0, "How far fading is undone.", least=0, most=1, called="clean")

`options_of(Clean)` gives the declarations. The command line, `unfade.restore`, the web API and the page's
settings are made from them. Importing this module and the steps is quick, so that `unfade --help` answers at
once: no numpy, no OpenCV.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field, fields, replace
from functools import cache
from types import NoneType
from typing import Any, Literal, Protocol, Self, get_args, get_origin, get_type_hints

from unfade.errors import UsageError

FARTHEST_PX = 1e6
"""No place on a photograph lies farther out than this."""

_DECLARED = "unfade"


class Entry(Protocol):
    """One entry of an option that holds several, such as a hint."""

    @classmethod
    def parse(cls, text: str) -> Self:
        """An entry as it is written on the command line. Raises `UsageError`."""

    def scaled(self, factor: float) -> Self:
        """The entry on a copy of the photograph that is `factor` times as large."""


@dataclass(frozen=True)
class Mixed:
    """The form of an option that is one of some `words` or so many numbers: "auto", or 10,20,300,200.

    One number is held as it is, several as a tuple, `pairs` as a tuple of (x, y). `is_whole`: the numbers are
    whole. `in_pixels`: they are places on the photograph, x and y in turn (`is_whole`: a box), and scaled
    with it. `allowed`: the numbers that there are, where they are few.
    """

    words: tuple[str, ...] = ()
    count: int = 1
    is_whole: bool = False
    pairs: bool = False
    in_pixels: bool = False
    allowed: tuple[int, ...] = ()

    @property
    def annotation(self) -> str:
        """The type, as Python writes it."""
        word = [f"Literal[{', '.join(map(repr, self.words))}]"] if self.words else []
        return " | ".join([*word, self._numbers])

    @property
    def _numbers(self) -> str:
        number = "int" if self.is_whole else "float"
        if self.allowed:
            return f"Literal[{', '.join(map(str, self.allowed))}]"
        if self.pairs:
            return f"Sequence[tuple[{number}, {number}]]"
        return number if self.count == 1 else f"tuple[{', '.join([number] * self.count)}]"

    def checked(self, option: Option, value: object) -> Any:
        """The value as the step takes it. Raises `UsageError`."""
        if isinstance(value, str):
            if value in self.words:
                return value
            raise UsageError(f"{option.name} is written {option.written}, not {value!r}")
        given: list[Any] = list(value) if isinstance(value, Iterable) else [value]
        if self.pairs and all(isinstance(pair, Iterable) and not isinstance(pair, str) for pair in given):
            given = [number for pair in given for number in pair]
        wanted = (int,) if self.is_whole else (int, float)
        if len(given) != self.count or any(isinstance(number, bool) or not isinstance(number, wanted) for number in given):
            raise UsageError(f"{option.name} is written {option.written}, not {value!r}")
        for number in given:
            require_range(option.name, number, option.least, option.most)
            if self.allowed and number not in self.allowed:
                raise UsageError(f"{option.name} must be one of {', '.join(map(str, (*self.allowed, *self.words)))}, not {number:g}")
        return self._held([int(number) if self.is_whole else float(number) for number in given])

    def parse(self, option: Option, text: str) -> Any:
        """The value as it is written on the command line and in forms. Raises `UsageError`."""
        if text in self.words:
            return text
        try:
            numbers = [int(part) if self.is_whole else float(part) for part in text.split(",")]
        except ValueError:
            numbers = []
        if len(numbers) != self.count:
            raise UsageError(f"{option.name} is written {option.written}, not {text!r}")
        return self.checked(option, numbers)

    def scaled(self, value: Any, factor: float) -> Any:
        """The value on a copy of the photograph that is `factor` times as large. A box keeps within it, and
        to whole pixels."""
        if value is None or isinstance(value, str) or not self.in_pixels or factor == 1:
            return value
        if self.is_whole:
            left, top, width, height = value
            low = (math.floor(left * factor), math.floor(top * factor))
            high = (math.floor((left + width) * factor), math.floor((top + height) * factor))
            return (*low, max(1, high[0] - low[0]), max(1, high[1] - low[1]))
        return tuple((x * factor, y * factor) for x, y in value)

    def _held(self, numbers: list[Any]) -> Any:
        if self.pairs:
            return tuple(zip(numbers[::2], numbers[1::2], strict=True))
        return numbers[0] if self.count == 1 else tuple(numbers)


@dataclass(frozen=True)
class _Declared:
    """What `option` notes at a dataclass field."""

    help: str
    least: float | None
    most: float | None
    called: str | None
    written: str | None
    form: Mixed | None = None
    group: str | None = None


@dataclass(frozen=True)
class Switch:
    """The option that turns a whole step on or off: `Fill` has the switch `fill`."""

    name: str
    default: bool
    help: str


@dataclass(frozen=True)
class Option:
    """A declared option.

    `name`: its name at the doors; `step`: the name of its step; `field`: the field of the step that it sets,
    none for a switch. `type` is `bool`, `int`, `float`, a `Literal` of words, a class with `parse` and
    `scaled` (see `Entry`; the option then holds a tuple of them). `optional`: None is a value too. `least`
    and `most` are the limits, included. `written`: how an entry is written. `form`: of one that is a word or
    numbers. `group`: the object that holds it, with others, in the API's JSON; none: it stands by itself.
    """

    name: str
    step: str
    field: str | None
    type: Any
    default: Any
    help: str
    least: float | None = None
    most: float | None = None
    optional: bool = False
    many: bool = False
    written: str | None = None
    form: Mixed | None = None
    group: str | None = None

    @property
    def choices(self) -> tuple[str, ...]:
        """The words that may be chosen from; empty where the option is no choice."""
        if self.form is not None:
            return self.form.words
        return get_args(self.type) if get_origin(self.type) is Literal else ()

    @property
    def annotation(self) -> str:
        """The type, as Python writes it: "float", "int | None", "Sequence[Hint]", "Literal['low',
        'high']"."""
        if self.form is not None:
            written = self.form.annotation
        elif self.choices:
            written = f"Literal[{', '.join(map(repr, self.choices))}]"
        else:
            written = f"Sequence[{self.type.__name__}]" if self.many else self.type.__name__
        return f"{written} | None" if self.optional else written

    def checked(self, value: object) -> Any:
        """The value as the step takes it: entries as a tuple, whole numbers as float where that is asked.

        Raises `UsageError` for a value of another type or outside the limits.
        """
        if value is None and self.optional:
            return None
        if self.form is not None:
            return self.form.checked(self, value)
        if self.many:
            return self._entries(value)
        if self.choices:
            if value not in self.choices:
                raise UsageError(f"{self.name} must be one of {', '.join(self.choices)}, not {value!r}")
            return value
        if self.type is bool:
            if not isinstance(value, bool):
                raise UsageError(f"{self.name} must be true or false, not {value!r}")
            return value
        if isinstance(value, bool) or not isinstance(value, int if self.type is int else (int, float)):
            kind = "a whole number" if self.type is int else "a number"
            raise UsageError(f"{self.name} must be {kind}, not {value!r}")
        require_range(self.name, value, self.least, self.most)
        return self.type(value)

    def scaled(self, value: Any, factor: float) -> Any:
        """The value for a copy of the photograph that is `factor` times as large: pixels are scaled,
        everything else stays."""
        if self.form is not None:
            return self.form.scaled(value, factor)
        if self.many:
            return tuple(entry.scaled(factor) for entry in value)
        if value is None or not self.name.endswith("_px"):
            return value
        scaled = value * factor
        if self.type is int:
            scaled = round(scaled)
        return scaled if self.least is None else max(self.type(self.least), scaled)

    def entry(self, given: object) -> Any:
        """One entry as JSON has it: its fields by name, lists for tuples. Raises `UsageError`."""
        if not isinstance(given, dict):
            raise UsageError(f"{self.name} must hold {self.type.__name__} with its fields by name, not {given!r}")
        try:
            return self.type(**{name: tuple(value) if isinstance(value, list) else value for name, value in given.items()})
        except TypeError as error:
            raise UsageError(f"{self.name} holds no {self.type.__name__}: {error}") from error

    def _entries(self, value: object) -> tuple[Any, ...]:
        if isinstance(value, str | bytes) or not isinstance(value, Iterable):
            raise UsageError(f"{self.name} must be a list of {self.type.__name__}, not {value!r}")
        entries = tuple(value)
        for entry in entries:
            if not isinstance(entry, self.type):
                raise UsageError(f"{self.name} must hold {self.type.__name__}, not {entry!r}")
        return entries


def require_range(name: str, value: float, least: float | None, most: float | None) -> None:
    """Raise `UsageError` unless `value` is finite and within the limits, included; None: no limit on that
    side.

    >>> require_range("strength", 0.5, 0, 1)
    >>> require_range("strength", 3, 0, 1)
    Traceback (most recent call last):
        ...
    unfade.errors.UsageError: strength must lie between 0 and 1, not 3
    """
    if math.isfinite(value) and (least is None or value >= least) and (most is None or value <= most):
        return
    if least is not None and most is not None:
        raise UsageError(f"{name} must lie between {least:.9g} and {most:.9g}, not {value:.9g}")
    limit = f"{least:.9g} or more" if least is not None else f"{most:.9g} or less" if most is not None else "finite"
    raise UsageError(f"{name} must be {limit}, not {value:.9g}")


def option(
    default: Any,
    help: str,
    *,
    least: float | None = None,
    most: float | None = None,
    called: str | None = None,
    written: str | None = None,
    form: Mixed | None = None,
    group: str | None = None,
) -> Any:
    """A dataclass field that is an option.

    `least` and `most`: its limits, included. `called`: its name at the doors, where it is not the field's.
    `written`: how one entry is written on the command line, for an option that holds several. `form` and
    `group`: see `Option`.
    """
    return field(default=default, metadata={_DECLARED: _Declared(help, least, most, called, written, form, group)})


@cache
def options_of(step: type) -> tuple[Option, ...]:
    """The options of a step in the order in which it declares them, its switch first."""
    name: str = getattr(step, "name", step.__name__)
    switch: Switch | None = getattr(step, "switch", None)
    found = [] if switch is None else [Option(switch.name, name, None, bool, switch.default, switch.help)]
    hints = get_type_hints(step)
    for each in fields(step):
        declared: _Declared = each.metadata[_DECLARED]
        kind, many = hints[each.name], False
        optional = NoneType in get_args(kind)
        if declared.form is not None:
            kind, optional = object, each.default is None
        elif optional:
            (kind,) = (part for part in get_args(kind) if part is not NoneType)
        if get_origin(kind) is tuple:
            kind, many = get_args(kind)[0], True
        called = declared.called or each.name
        limits = declared.least, declared.most
        own = Option(called, name, each.name, kind, each.default, declared.help, *limits, optional, many, declared.written)
        found.append(replace(own, form=declared.form, group=declared.group))
    return tuple(found)


def check_fields(step: object) -> None:
    """Check a step's options where the step is made, by the names of its fields. Raises `UsageError`."""
    for declared in options_of(type(step)):  # type: ignore[arg-type]  # a class is hashable, whatever its instances are
        if declared.field is not None:
            own = replace(declared, name=declared.field)
            object.__setattr__(step, declared.field, own.checked(getattr(step, declared.field)))
