"""What judges generated pictures, frozen.

ResNet-18's features for the loss `features` of any task, VGG16's, weighed by people's judgements, for the
loss `perceptual` of fills.
"""

from __future__ import annotations

from pathlib import Path

import torch
from torch import Tensor
from torch.nn import functional

from unfade.errors import RecipeError
from unfade.workshop import losses
from unfade.workshop.networks.backbones import ResNet18
from unfade.workshop.recipe import Recipe
from unfade.workshop.shift_tolerant import TrunkMaps

JUDGE_BLOCK_PX = 8  # ResNet-18's stride where it tells textures, and the largest block that generators paint in step
JUDGED_PX = 96  # the side of the window in which a fill is judged
JUDGED_LAYERS = 4  # of VGG16's five: to stride 8
JUDGED_STEP_PX = 16  # between the places that a window may have


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

        Both are cut by up to seven pixels, by chance: the judge halves pictures thrice, and a generator that
        makes its pixels in blocks would learn a lattice that a judge always in step with it does not see.
        """
        network = self._network.to(target.device)
        down, across = torch.randint(JUDGE_BLOCK_PX, (2,)).tolist()
        generated, target = generated[..., down:, across:], target[..., down:, across:]
        with torch.autocast(target.device.type, dtype=torch.bfloat16):  # half the time, and a judge need not be exact
            with torch.no_grad():
                wanted = network(target)
            seen = network(generated)
        return losses.feature_distance(seen, wanted)


class PerceptualJudge:
    """How different fills look from what was lost.

    ST-LPIPS with VGG16's trunk, at and beside the lost places.

    Of each picture a window of `JUDGED_PX` is judged, the one that has most of the mask in it. A fill that is
    judged by ST-LPIPS afterwards has seen its examiner: look at other measures too. Raises
    `MissingExtraError` if the package with the weights is not there.
    """

    def __init__(self) -> None:
        self._network = TrunkMaps("vgg", layers=JUDGED_LAYERS).to(memory_format=torch.channels_last)  # type: ignore[call-overload]

    def __call__(self, generated: Tensor, target: Tensor, mask: Tensor) -> Tensor:
        """The mean over the places of each layer that see something lost, summed over layers.

        Both pictures (n, 3, h, w), sRGB in [0, 1]; `mask` (n, 1, h, w), 1 = lost. Gradients pass to
        `generated`.
        """
        network = self._network.to(target.device)
        windows = _windows(mask)
        lost = _cut(mask, windows)
        with torch.autocast(target.device.type, dtype=torch.bfloat16):
            with torch.no_grad():
                wanted = network(_cut(target, windows) * 2 - 1)
            seen = network(_cut(generated, windows) * 2 - 1)
        parts = []
        for one, other in zip(seen, wanted, strict=True):
            near = functional.max_pool2d(functional.adaptive_max_pool2d(lost, one.shape[-2:]), 3, stride=1, padding=1)
            parts.append(((one - other).square().sum(dim=1, keepdim=True) * near).sum() / near.sum().clamp(min=1))
        return torch.stack(parts).sum()


def _windows(mask: Tensor) -> list[tuple[slice, slice]]:
    """Where each picture of a batch has most of its mask (n, 1, h, w), moved by chance by less than a step.

    By chance, so that the judge is not always in step with a generator that makes its pixels two by two.
    """
    height, width = mask.shape[-2:]
    side = min(JUDGED_PX, height, width)
    share = functional.avg_pool2d(mask, side, stride=JUDGED_STEP_PX)[:, 0]
    moved = torch.randint(JUDGED_STEP_PX, (len(mask), 2)).tolist()
    windows = []
    for best, (down, across) in zip(share.flatten(1).argmax(1).tolist(), moved, strict=True):
        row, column = divmod(best, share.shape[2])
        top = min(row * JUDGED_STEP_PX + down, height - side)
        left = min(column * JUDGED_STEP_PX + across, width - side)
        windows.append((slice(top, top + side), slice(left, left + side)))
    return windows


def _cut(pictures: Tensor, windows: list[tuple[slice, slice]]) -> Tensor:
    """A window of each picture, (n, c, side, side)."""
    return torch.stack([picture[:, rows, columns] for picture, (rows, columns) in zip(pictures, windows, strict=True)])


def judge_for(recipe: Recipe, weights: str, *, stages: int) -> FeatureJudge | None:
    """What judges the recipe's loss `features`; none if it has no such loss."""
    return FeatureJudge(Path(weights), stages=stages) if "features" in recipe.losses else None


def require_weights(recipe: Recipe, weights: str) -> None:
    """Raise `RecipeError` if the recipe asks for the loss `features` without the file that it needs."""
    if "features" in recipe.losses and not weights:
        raise RecipeError(f"{recipe.name}: losses.features compares ResNet-18's features: give its file as options.feature_weights")
