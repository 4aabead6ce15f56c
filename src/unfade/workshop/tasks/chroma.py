"""The paper's colorization by regression: L in, ab out (L/50 - 1, ab/110).

First L1 alone, then L1 + adversarial.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from unfade import color
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.networks.backbone_unet import FullSizeUNet, build_full_size_unet
from unfade.workshop.recipe import BackboneGenerator, Recipe
from unfade.workshop.tasks import Batch, Exported
from unfade.workshop.tasks._check import check_losses, generator_of, read_options
from unfade.workshop.tasks._colorizer import exported_colorizer, sheet_row


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    backbone_weights: str = Field(default="", description="file of pre-trained weights for the backbone")
    working_px: float = Field(default=256, ge=64)


class Regressor(nn.Module):
    """Lightness (n, 1, h, w) in [-1, 1] -> chroma (n, 2, h, w) in [-1, 1]."""

    def __init__(self, network: FullSizeUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, lightness: Tensor) -> Tensor:
        return torch.tanh(self.network((lightness / 2 + 0.5).expand(-1, 3, -1, -1)))


class _Shipped(nn.Module):
    """The form that the colorize step runs: a quarter of the size, CIE units.

    Hints and temperature are taken and have no effect.
    """

    def __init__(self, regressor: Regressor) -> None:
        super().__init__()
        self.regressor = regressor

    def forward(self, lightness: Tensor, hints: Tensor, temperature: Tensor) -> tuple[Tensor, Tensor]:
        chroma = self.regressor(lightness * 2 - 1 + 0 * hints[:, :1])
        small = functional.avg_pool2d(chroma, 4) * color.CHROMA_SCALE
        return small, torch.ones_like(small[:, :1]) + 0 * temperature.view(1, 1, 1, 1)


class ChromaTask:
    """See the module."""

    name: ClassVar[str] = "colorize"
    losses: ClassVar[frozenset[str]] = frozenset({"l1"})
    judged_channels = 3
    pairs: Pairs = "none"
    zooms = False

    def __init__(self, recipe: Recipe) -> None:
        check_losses(recipe, self.losses)
        self._recipe, self._spec, self._options = recipe, generator_of(recipe, BackboneGenerator), read_options(recipe, Options)

    def prepare(self, pictures: Pictures) -> None:
        """Nothing to learn beforehand."""

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        lab = color.lab_from_srgb(crop.astype(np.float32) / 255)
        lightness = color.network_from_lightness(lab[..., 0])
        return {"lightness": lightness[None], "chroma": color.network_from_chroma(lab[..., 1:]).transpose(2, 0, 1)}

    def build(self) -> nn.Module:
        return Regressor(build_full_size_unet(self._spec, self._options.backbone_weights, 2))

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        generated: Tensor = generator(batch["lightness"])
        return generated

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        return {"l1": functional.l1_loss(generated.float(), batch["chroma"])}

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        return torch.cat([batch["lightness"], generated], 1), torch.cat([batch["lightness"], batch["chroma"]], 1)

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        lightness = batch["lightness"].float() / 2 + 0.5
        chromas = generated.float() * color.CHROMA_SCALE, batch["chroma"].float() * color.CHROMA_SCALE
        return [sheet_row(lightness[[number]], *(chroma[[number]] for chroma in chromas)) for number in range(min(8, len(generated)))]

    def exported(self, generator: nn.Module) -> Exported:
        assert isinstance(generator, Regressor)
        return exported_colorizer(
            _Shipped(generator),
            multiple=generator.network.multiple,
            working_px=int(self._options.working_px),
            hints="has no effect",
            temperature="has no effect",
            confidence="always 1: regression has none",
            limits=("regression grays what it is not sure of",),
        )


TASK: Callable[[Recipe], ChromaTask] = ChromaTask
