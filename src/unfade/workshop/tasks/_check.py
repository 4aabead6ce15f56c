"""What every task checks of its recipe."""

from __future__ import annotations

from typing import TypeVar

from pydantic import BaseModel, ValidationError

from unfade.errors import RecipeError
from unfade.workshop.recipe import Recipe

Options = TypeVar("Options", bound=BaseModel)


def check_losses(recipe: Recipe, known: frozenset[str]) -> None:
    """Raises `RecipeError` if the recipe weighs a loss that its task does not have."""
    for name in recipe.losses:
        if name not in known | {"adversarial"}:
            raise RecipeError(
                f"{recipe.name}: losses.{name}: the task {recipe.task} has no such loss; it has {', '.join(sorted(known))} and adversarial"
            )


def read_options(recipe: Recipe, kind: type[Options]) -> Options:
    """The recipe's options as the task's own type. Raises `RecipeError` naming the key."""
    try:
        return kind.model_validate(recipe.options)
    except ValidationError as error:
        first = error.errors()[0]
        raise RecipeError(f"{recipe.name}: options.{'.'.join(map(str, first['loc']))}: {first['msg']}") from error
