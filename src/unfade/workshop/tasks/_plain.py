"""What tasks that turn one whole picture into another share.

Networks that take and give [-1, 1], and L1 (Isola et al. 2017).
"""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.models.card import Port
from unfade.workshop.networks.lean import LeanUNet
from unfade.workshop.networks.pix2pix import Pix2PixUNet
from unfade.workshop.recipe import LeanGenerator, Pix2PixGenerator, Recipe
from unfade.workshop.tasks import Batch, Exported, sheet_rows
from unfade.workshop.tasks._check import generator_of

PLAIN_LOSSES = frozenset({"l1"})


def build_plain(recipe: Recipe, *, inputs: int, outputs: int) -> nn.Module:
    """The recipe's generator from pictures to pictures. Raises `RecipeError` for a kind that needs hints."""
    spec = generator_of(recipe, Pix2PixGenerator, LeanGenerator)
    if isinstance(spec, Pix2PixGenerator):
        return Pix2PixUNet(inputs, outputs, channels=spec.channels, depth=spec.depth, dropout=spec.dropout)
    return LeanUNet(inputs, outputs, channels=spec.channels, blocks=spec.blocks)


def plain_losses(generated: Tensor, target: Tensor) -> dict[str, Tensor]:
    """L1 over the whole picture, in the network's numbers."""
    return {"l1": functional.l1_loss(generated.float(), target)}


def judged_pair(generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
    """Input and picture side by side: a conditional discriminator."""
    return torch.cat([batch["input"], generated], 1), torch.cat([batch["input"], batch["target"]], 1)


def plain_sheet(generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
    """input | generated | target."""
    shown = (batch["input"], generated, batch["target"])
    return sheet_rows(8, *((tensor[:, :3] if tensor.shape[1] >= 3 else tensor[:, :1]).float() / 2 + 0.5 for tensor in shown))


class _Shipped(nn.Module):
    """[0, 1] in and out, whatever the network's own numbers."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = (self.network(image * 2 - 1) / 2 + 0.5).clamp(0, 1)
        return result


def exported_plain(recipe: Recipe, generator: nn.Module, *, inputs: int, outputs: int) -> Exported:
    """A picture-to-picture generator as it ships."""
    assert isinstance(generator, Pix2PixUNet | LeanUNet)

    def example(height: int, width: int) -> tuple[Tensor, ...]:
        return (torch.rand(1, inputs, height, width, generator=torch.Generator().manual_seed(0)),)

    return Exported(
        _Shipped(generator),
        (Port(name="image", axes=f"n {inputs} h w", meaning="in [0, 1]"),),
        (Port(name="translated", axes=f"n {outputs} h w", meaning="in [0, 1]"),),
        example,
        multiple=generator.multiple,
        tile_px=max(256, generator.multiple),
        overlap_px=64,
        limits=("works as well as its pairs of pictures taught it",),
    )
