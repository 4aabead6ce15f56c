"""What judges generated pictures for the loss `features` of any task: ResNet-18's features, frozen."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor

from unfade.errors import RecipeError
from unfade.workshop import losses
from unfade.workshop.networks.backbones import ResNet18
from unfade.workshop.recipe import Recipe


class FeatureJudge:
    """How far pictures are from their targets in ResNet-18's features.

    After `stages` stages: 2 are strides 2 to 8, 3 go to stride 16.

    Raises `ModelError` if the file of weights cannot be read.
    """

    def __init__(self, weights: Path, *, stages: int) -> None:
        self._network = ResNet18(stages=stages)
        self._network.load(weights)
        self._network.requires_grad_(False).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, generated: Tensor, target: Tensor) -> Tensor:
        """The feature distance of two batches of pictures (n, 3, h, w), sRGB in [0, 1].

        Gradients pass to `generated`.

        Both are cut by up to a pixel, by chance: the judge halves pictures at once, and a generator that
        makes its pixels two by two would learn a fine grid that a judge always in step with it does not see.
        """
        network = self._network.to(target.device)
        down, across = torch.randint(2, (2,)).tolist()
        generated, target = generated[..., down:, across:], target[..., down:, across:]
        with torch.autocast(target.device.type, dtype=torch.bfloat16):  # half the time, and a judge need not be exact
            with torch.no_grad():
                wanted = network(target)
            seen = network(generated)
        return losses.feature_distance(seen, wanted)


def judge_for(recipe: Recipe, weights: str, *, stages: int) -> FeatureJudge | None:
    """What judges the recipe's loss `features`; none if it has no such loss."""
    return FeatureJudge(Path(weights), stages=stages) if "features" in recipe.losses else None


def require_weights(recipe: Recipe, weights: str) -> None:
    """Raise `RecipeError` if the recipe asks for the loss `features` without the file that it needs."""
    if "features" in recipe.losses and not weights:
        raise RecipeError(f"{recipe.name}: losses.features compares ResNet-18's features: give its file as options.feature_weights")
