"""WHAT A PHOTOGRAPH IS TO UNDERGO: every option of a restoration, and the steps that follow from them, in
their order.

Every door builds a `Treatment`: `unfade.restore`, the command line, the web API. Nothing here names a step or
an option: they come from the steps themselves (`unfade.steps`), so that a new step is one new file. Importing
this is quick: no numpy, no OpenCV.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, is_dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar, Unpack

from unfade.errors import UnknownNameError, nearest
from unfade.options import Option, options_of
from unfade.steps import STEPS

if TYPE_CHECKING:
    from unfade.keywords import TreatmentOptions
    from unfade.work import Step

_Given = ParamSpec("_Given")
_Made = TypeVar("_Made")


@lru_cache(maxsize=1)
def parts() -> tuple[type[Step], ...]:
    """The steps that a restoration may consist of, in their order."""
    return tuple(sorted((step for step in STEPS.values() if step.place is not None), key=lambda step: (step.place, step.name)))


@lru_cache(maxsize=1)
def options() -> tuple[Option, ...]:
    """Every option of a restoration, step by step. Two of one name are a mistake in a step: `ValueError`."""
    found: dict[str, Option] = {}
    for declared in (declared for step in parts() for declared in options_of(step)):
        if declared.name in found:
            raise ValueError(f"{declared.step} and {found[declared.name].step} both have an option {declared.name!r}; give one `called`")
        found[declared.name] = declared
    return tuple(found.values())


def step_options(name: str) -> tuple[Option, ...]:
    """The options of one step alone: without its switch. Raises `UnknownNameError`."""
    return tuple(declared for declared in options_of(STEPS[name]) if declared.field is not None)


def make_step(name: str, given: Mapping[str, Any]) -> Step:
    """One step alone, with options by their names at the doors; those that are not given have their defaults.
    Raises `UsageError`."""
    own = step_options(name)
    values = _checked(own, given)
    return STEPS[name](**{str(declared.field): values[declared.name] for declared in own})


def alone_options(name: str) -> tuple[Option, ...]:
    """The options of one step done alone, outside of a restoration: those of `frame`, which finds the picture
    for it, and its own. Raises `UnknownNameError`."""
    return (*step_options("frame"), *step_options(name))


def steps_alone(name: str, given: Mapping[str, Any]) -> tuple[Step, ...]:
    """One step done alone: the picture is found, if that is wanted, and the step looks at it. Raises
    `UsageError`."""
    values = _checked(alone_options(name), given)
    finding, step = (make_step(each, {declared.name: values[declared.name] for declared in step_options(each)}) for each in ("frame", name))
    return (finding, step) if finding.is_wanted else (step,)


def _checked(known: Iterable[Option], given: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each known option, that given or its default. Raises `UsageError` for one out of range, or
    an unknown name."""
    by_name = {declared.name: declared for declared in known}
    for name in given:
        if name not in by_name:
            raise UnknownNameError(f"there is no option {name!r}; {nearest(name, by_name)}")
    return {name: declared.checked(given.get(name, declared.default)) for name, declared in by_name.items()}


@dataclass(frozen=True, init=False, repr=False)
class Treatment:
    """What a photograph is to undergo: a value for every option. Each is an attribute, too:
    `treatment.clean`.

    Raises `UsageError` for a value out of range, `UnknownNameError` for an option that there is not.

    >>> treatment = Treatment(clean=0.5, colorize=True)
    >>> [step.name for step in treatment.steps(has_mask=False)]
    ['frame', 'damage', 'fill', 'clean', 'colorize']
    >>> [step.name for step in treatment.changed(clean=0).steps(has_mask=True)]
    ['frame', 'fill', 'colorize']
    """

    values: tuple[tuple[str, Any], ...]

    def __init__(self, **options_given: Unpack[TreatmentOptions]) -> None:
        object.__setattr__(self, "values", tuple(_checked(options(), options_given).items()))
        self._made()  # what a step refuses is refused here

    def __getattr__(self, name: str) -> Any:
        for known, value in self.__dict__.get("values", ()):
            if known == name:
                return value
        raise AttributeError(f"a treatment has no option {name!r}")

    def __repr__(self) -> str:
        return f"Treatment({', '.join(f'{name}={value!r}' for name, value in self.values)})"

    def as_dict(self) -> dict[str, Any]:
        """The options by name, as values of Python."""
        return dict(self.values)

    def as_json(self) -> dict[str, Any]:
        """The options by name, as JSON has them."""
        return {name: _as_plain(value) for name, value in self.values}

    @classmethod
    def from_json(cls, given: Mapping[str, Any]) -> Treatment:
        """The treatment that `as_json` wrote. Raises `UsageError` for what it did not write.

        >>> Treatment.from_json(Treatment(clean=0.5).as_json()) == Treatment(clean=0.5)
        True
        """
        values = dict(given)
        for declared in options():
            if declared.many and isinstance(values.get(declared.name), list):
                values[declared.name] = tuple(declared.entry(entry) for entry in values[declared.name])
        return cls(**values)

    def changed(self, **options_given: Unpack[TreatmentOptions]) -> Treatment:
        """The same but for these options. Raises as `Treatment`."""
        return Treatment(**{**self.as_dict(), **options_given})

    def scaled(self, factor: float) -> Treatment:
        """The treatment of a copy of the photograph that is `factor` times as large: what is measured in
        pixels is scaled."""
        values = self.as_dict()
        return Treatment(**{declared.name: declared.scaled(values[declared.name], factor) for declared in options()})

    def steps(self, *, has_mask: bool) -> tuple[Step, ...]:
        """The steps that these options ask for, in their order. `has_mask`: a damage mask is given.

        A step that finds a mask takes part only if a later one needs it and none is given.
        """
        values = self.as_dict()
        chosen: list[Step] = []
        needed = False
        for step in reversed(self._made()):
            if step.gives_mask:
                wanted = needed and not has_mask
            elif step.prepares:
                wanted = step.is_wanted and (bool(chosen) or step.frames)
            else:
                wanted = step.is_wanted if step.switch is None else bool(values[step.switch.name])
            if wanted:
                chosen.insert(0, step)
                needed = step.needs_mask or (needed and not step.gives_mask)
        return tuple(chosen)

    def _made(self) -> tuple[Step, ...]:
        """Every step with its options, wanted or not."""
        values = self.as_dict()
        own = {step.name: [declared.name for declared in step_options(step.name)] for step in parts()}
        return tuple(make_step(step, {name: values[name] for name in names}) for step, names in own.items())


def _as_plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_as_plain(entry) for entry in value]
    return asdict(value) if is_dataclass(value) and not isinstance(value, type) else value


def has_pixels(step: Step) -> bool:
    """Whether an option of this step is measured in pixels of the photograph, so that it means something else
    on a reduced copy."""
    values = [(declared, getattr(step, str(declared.field))) for declared in step_options(step.name)]
    return any(declared.scaled(value, 0.5) != value for declared, value in values)


def with_options(known: Callable[[], tuple[Option, ...]]) -> Callable[[Callable[_Given, _Made]], Callable[_Given, _Made]]:
    """A decorator for a function that takes options as keywords (`**options`): its signature names each, with
    its default.

    `help`, editors and the reference then show them. Type checkers read `keywords` instead.
    """

    def decorate(function: Callable[_Given, _Made]) -> Callable[_Given, _Made]:
        own = [each for each in inspect.signature(function).parameters.values() if each.kind is not inspect.Parameter.VAR_KEYWORD]
        named = [
            inspect.Parameter(declared.name, inspect.Parameter.KEYWORD_ONLY, default=declared.default, annotation=declared.annotation)
            for declared in known()
        ]
        at = next((index for index, each in enumerate(own) if each.kind is inspect.Parameter.KEYWORD_ONLY), len(own))
        signature = inspect.signature(function).replace(parameters=[*own[:at], *named, *own[at:]])
        function.__signature__ = signature  # type: ignore[attr-defined]  # what `inspect.signature` reads first
        return function

    return decorate
