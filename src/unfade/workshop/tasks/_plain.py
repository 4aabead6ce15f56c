"""What tasks that turn one whole picture into another share.

Networks that take and give [-1, 1], and L1 (Isola et al. 2017).
"""

from __future__ import annotations

from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.models.card import Port
from unfade.workshop.data import Pairs, Pictures
from unfade.workshop.networks.lean import LeanUNet
from unfade.workshop.networks.pix2pix import Pix2PixUNet
from unfade.workshop.recipe import LeanGenerator, Pix2PixGenerator, Recipe
from unfade.workshop.tasks import Batch, Exported, sheet_rows
from unfade.workshop.tasks._check import check_losses, generator_of


class PlainTask:
    """A task of samples that are an `input` and a `target`, (c, h, w) in [-1, 1]; a subclass makes them."""

    name: ClassVar[str] = "translate"
    losses: ClassVar[frozenset[str]] = frozenset({"l1"})
    pairs: Pairs = "none"
    zooms = False

    def __init__(self, recipe: Recipe, *, inputs: int, outputs: int) -> None:
        """`inputs`, `outputs`: channels."""
        check_losses(recipe, self.losses)
        self._recipe, self._inputs, self._outputs = recipe, inputs, outputs
        self.judged_channels = inputs + outputs

    def prepare(self, pictures: Pictures) -> None:
        """Nothing to learn beforehand."""

    def build(self) -> nn.Module:
        """The recipe's generator. Raises `RecipeError` for a kind that needs hints."""
        spec = generator_of(self._recipe, Pix2PixGenerator, LeanGenerator)
        if isinstance(spec, Pix2PixGenerator):
            return Pix2PixUNet(self._inputs, self._outputs, channels=spec.channels, depth=spec.depth, dropout=spec.dropout)
        return LeanUNet(self._inputs, self._outputs, channels=spec.channels, blocks=spec.blocks)

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        """The picture that the network makes of the input."""
        generated: Tensor = generator(batch["input"])
        return generated

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        """L1 over the whole picture, in the network's numbers."""
        return {"l1": functional.l1_loss(generated.float(), batch["target"])}

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Input and picture side by side: a conditional discriminator."""
        return torch.cat([batch["input"], generated], 1), torch.cat([batch["input"], batch["target"]], 1)

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        """input | generated | target."""
        shown = (batch["input"], generated, batch["target"])
        return sheet_rows(8, *((tensor[:, :3] if tensor.shape[1] >= 3 else tensor[:, :1]).float() / 2 + 0.5 for tensor in shown))

    def exported(self, generator: nn.Module) -> Exported:
        """The generator as it ships."""
        assert isinstance(generator, Pix2PixUNet | LeanUNet)
        inputs, outputs = self._inputs, self._outputs

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


class _Shipped(nn.Module):
    """[0, 1] in and out, whatever the network's own numbers."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        result: Tensor = (self.network(image * 2 - 1) / 2 + 0.5).clamp(0, 1)
        return result
