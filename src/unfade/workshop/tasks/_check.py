"""What every task checks of its recipe."""

from __future__ import annotations

from pathlib import Path
from typing import TypeVar, get_args, overload

from pydantic import BaseModel, ValidationError

from unfade.ageing import Textures
from unfade.errors import RecipeError
from unfade.workshop.recipe import Recipe

Options = TypeVar("Options", bound=BaseModel)
Spec = TypeVar("Spec", bound=BaseModel)
Other = TypeVar("Other", bound=BaseModel)


def check_losses(recipe: Recipe, known: frozenset[str]) -> None:
    """Raises `RecipeError` if the recipe weighs a loss that its task does not have."""
    for name in recipe.losses:
        if name not in known | {"adversarial"}:
            raise RecipeError(
                f"{recipe.name}: losses.{name}: the task {recipe.task} has no such loss; it has {', '.join(sorted(known))} and adversarial"
            )


def check_no_adversary(recipe: Recipe, why: str) -> None:
    """Raises `RecipeError`, with the reason, if the recipe has an adversary."""
    if recipe.adversary:
        raise RecipeError(f"{recipe.name}: adversary: the task {recipe.task} has none; {why}")


def read_options(recipe: Recipe, kind: type[Options]) -> Options:
    """The recipe's options as the task's own type. Raises `RecipeError` naming the key."""
    try:
        return kind.model_validate(recipe.options)
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(f"{recipe.name}: options.{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


@overload
def generator_of(recipe: Recipe, kind: type[Spec], /) -> Spec: ...
@overload
def generator_of(recipe: Recipe, kind: type[Spec], other: type[Other], /) -> Spec | Other: ...
def generator_of(recipe: Recipe, *kinds: type[BaseModel]) -> BaseModel:
    """The recipe's generator, which must be of one of these kinds. Raises `RecipeError`."""
    if isinstance(recipe.generator, kinds):
        return recipe.generator
    names = " or ".join(get_args(kind.model_fields["kind"].annotation)[0] for kind in kinds)
    raise RecipeError(f"{recipe.name}: generator.kind: the task {recipe.task} needs a {names} generator, not {recipe.generator.kind}")


def textures_in(folder: str) -> Textures | None:
    """The textures of the folder that an option names; None if it names none.

    Raises `DataError` if there are none in it.
    """
    return Textures(Path(folder)) if folder else None
