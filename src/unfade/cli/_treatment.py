"""The options of a treatment on the command line: made from the steps, so that a new one needs no line
here."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Annotated, Any

import typer

from unfade.options import Option
from unfade.treatment import Treatment, alone_options, options, steps_alone
from unfade.work import Step

Command = Callable[..., None]


def takes_treatment(command: Command) -> Command:
    """Give a command every option of a restoration; it is called with the `Treatment` that they make, as its
    parameter `treatment`."""

    def made(given: dict[str, Any]) -> Treatment:
        return Treatment(**given)

    return _taking(command, "treatment", options(), made)


def takes_step(name: str) -> Callable[[Command], Command]:
    """Give a command the options of one step done alone; it is called with the steps that they make, as its
    parameter `steps`."""

    def decorate(command: Command) -> Command:
        made: Callable[[dict[str, Any]], tuple[Step, ...]] = partial(steps_alone, name)
        return _taking(command, "steps", alone_options(name), made)

    return decorate


def _taking(command: Command, parameter: str, declared: Sequence[Option], make: Callable[[dict[str, Any]], object]) -> Command:
    """The command with `declared` in the place of its parameter."""
    signature = inspect.signature(command, eval_str=True)

    def called(**given: Any) -> None:
        values = {option.name: _value(option, given.pop(option.name)) for option in declared}
        command(**given, **{parameter: make(values)})

    named: list[inspect.Parameter] = []
    for each in signature.parameters.values():
        named += [_parameter(option) for option in declared] if each.name == parameter else [each]
    keywords = [each.replace(kind=inspect.Parameter.KEYWORD_ONLY) for each in named]
    called.__signature__ = signature.replace(parameters=keywords)  # type: ignore[attr-defined]  # what typer reads
    called.__doc__ = command.__doc__
    return called


def _parameter(option: Option) -> inspect.Parameter:
    """An option as typer takes it: `largest_dust_px` is --largest-dust-px, `hints` is --hint, given once for
    each, and what is on unless told otherwise has a --no-."""
    name = option.name.replace("_", "-")
    flag, default = f"--{name}", option.default
    kind: Any = option.type
    shown: dict[str, Any] = {"help": option.help}
    if option.form is not None:
        kind = str
        shown |= {"metavar": option.written}
    elif option.many:
        flag, kind, default = flag.removesuffix("s"), list[str] | None, None
        shown |= {"metavar": option.written, "help": f"{option.help} May be given again."}
    elif option.type is bool:
        flag = f"--{name}/--no-{name}" if option.default else flag
    elif not option.choices:
        shown |= {"min": option.least, "max": option.most}
    if option.optional:
        kind = kind | None
    annotation = Annotated[kind, typer.Option(flag, **shown)]
    return inspect.Parameter(option.name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)


def _value(option: Option, given: Any) -> Any:
    if option.form is not None:
        return given if given is None else option.form.parse(option, given)
    return [option.type.parse(text) for text in given or ()] if option.many else given
