"""Losses that more than one task uses. Each gives one number, a mean over what it judges."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor
from torch.nn import functional

Game = Literal["cross-entropy", "hinge"]


def masked_l1(restored: Tensor, target: Tensor, mask: Tensor) -> Tensor:
    """Mean absolute difference where `mask` (n, 1, h, w) is 1; every lost sample weighs the same."""
    return ((restored - target).abs() * mask).sum() / (mask.sum() * restored.shape[1]).clamp(min=1)


def charbonnier(restored: Tensor, target: Tensor, *, softness: float = 1e-3) -> Tensor:
    """A smooth L1 (Charbonnier et al. 1994)."""
    return torch.sqrt((restored - target) ** 2 + softness**2).mean()


def lattice(restored: Tensor, target: Tensor, mask: Tensor, block: int) -> Tensor:
    """What the same place of many blocks of `block` x `block` pixels is wrong by on the mean, under `mask`.

    The root of its square, over places, channels and pictures (n, c, h, w), whose sides must be multiples of
    `block`.

    A network that paints in blocks learns a lattice where other losses ask for texture; what a picture
    shows keeps no step with blocks.
    """

    def places(planes: Tensor) -> Tensor:
        sums: Tensor = functional.pixel_unshuffle(planes, block).sum((2, 3))
        return sums.reshape(len(planes), planes.shape[1], -1)

    count = places(mask).clamp(min=1)  # (n, 1, places)
    wrong = places((restored - target) * mask) / count
    apart = wrong - (wrong * count).sum(2, keepdim=True) / count.sum(2, keepdim=True)
    strength: Tensor = torch.sqrt(apart.square().mean((1, 2)) + 1e-8).mean()
    return strength


def gradient_l1(restored: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference of the horizontal and vertical differences.

    It keeps edges that L1 alone would soften.
    """
    difference = restored - target
    return difference.diff(dim=-1).abs().mean() + difference.diff(dim=-2).abs().mean()


def feature_distance(first: Sequence[Tensor], second: Sequence[Tensor]) -> Tensor:
    """The squared distance between unit feature vectors, the mean over places and layers; in [0, 4].

    LPIPS without its learned weights (Zhang et al. 2018, section 3). Both are layers' maps, each (n, c, h,
    w).
    """
    layers = [
        (functional.normalize(one.float(), dim=1) - functional.normalize(other.float(), dim=1)).square().sum(dim=1).mean()
        for one, other in zip(first, second, strict=True)
    ]
    return torch.stack(layers).mean()


def discriminator_loss(on_target: Tensor, on_generated: Tensor, game: Game) -> Tensor:
    """Cross-entropy on logits (Goodfellow et al. 2014), halved (Isola et al. 2017, §3.3); or hinge (Lim and
    Ye 2017)."""
    if game == "hinge":
        return (functional.relu(1 - on_target).mean() + functional.relu(1 + on_generated).mean()) / 2
    return (functional.softplus(-on_target).mean() + functional.softplus(on_generated).mean()) / 2


def generator_adversarial_loss(on_generated: Tensor, game: Game) -> Tensor:
    """The generator's side: what it made should be taken for real."""
    return -on_generated.mean() if game == "hinge" else functional.softplus(-on_generated).mean()


def accuracy(on_target: Tensor, on_generated: Tensor) -> Tensor:
    """The share of patches the discriminator judges right; 0.5 = it no longer tells them apart."""
    return ((on_target > 0).float().mean() + (on_generated < 0).float().mean()) / 2
