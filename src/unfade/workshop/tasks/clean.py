"""A photograph's detail brought back: grain, blur, halftone and JPEG undone in tiles.

The network is not told how much; the tone is left as it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from unfade import ageing, color
from unfade.models.card import Port
from unfade.workshop import losses
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.networks.lean import LeanUNet
from unfade.workshop.recipe import LeanGenerator, Recipe
from unfade.workshop.tasks import Batch, Exported, sheet_rows
from unfade.workshop.tasks._check import check_losses, generator_of, read_options, textures_in
from unfade.workshop.tasks._judge import FeatureJudge, judge_for, require_weights


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    untouched_share: float = Field(
        default=0.25, ge=0, le=1, description="share of samples that are good photographs as they are, color or gray"
    )
    tile_px: int = Field(default=160, ge=32, description="side of the part that the network sees in training")
    feature_weights: str = Field(default="", description="file of ResNet-18's weights, whose features the loss `features` compares")
    textures: str = Field(default="", description="folder of real paper and stains to lay in; empty: none")


class Cleaner(nn.Module):
    """The picture and what the network adds to it."""

    def __init__(self, network: LeanUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        cleaned: Tensor = image + self.network(image * 2 - 1)
        return cleaned


class CleanTask:
    """See the module."""

    name: ClassVar[str] = "clean"
    losses: ClassVar[frozenset[str]] = frozenset({"charbonnier", "gradient", "features"})
    judged_channels = 6
    pairs: Pairs = "none"
    zooms = False

    def __init__(self, recipe: Recipe) -> None:
        check_losses(recipe, self.losses)
        self._recipe, self._spec, self._options = recipe, generator_of(recipe, LeanGenerator), read_options(recipe, Options)
        self._ageing = ageing.Ageing.preset("clean")
        self._textures = textures_in(self._options.textures)
        self._judge: FeatureJudge | None = None
        require_weights(recipe, self._options.feature_weights)

    def prepare(self, pictures: Pictures) -> None:
        """Load what judges features."""
        self._judge = judge_for(self._recipe, self._options.feature_weights, stages=3)

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        image = target = crop.astype(np.float32) / 255
        if rng.random() >= self._options.untouched_share:
            aged = self._ageing(image, rng, textures=self._textures)
            image, target = np.clip(aged.image, 0, 1), aged.sharp
        elif rng.random() < 0.5:
            image = target = np.repeat(color.luma(image)[..., None], 3, axis=-1)
        image = np.round(image * 255) / np.float32(255)
        side = min(self._options.tile_px, *crop.shape[:2])
        top, left = (int(rng.integers(full - side + 1)) for full in crop.shape[:2])
        part = np.s_[top : top + side, left : left + side]
        return {"image": image[part].transpose(2, 0, 1), "target": target[part].transpose(2, 0, 1)}

    def build(self) -> nn.Module:
        return Cleaner(LeanUNet(3, 3, channels=self._spec.channels, blocks=self._spec.blocks))

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        generated: Tensor = generator(batch["image"])
        return generated

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        generated, target = generated.float(), batch["target"]
        parts = {"charbonnier": losses.charbonnier(generated, target), "gradient": losses.gradient_l1(generated, target)}
        if self._judge:
            parts["features"] = self._judge(generated, target)
        return parts

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        image = batch["image"] * 2 - 1
        return torch.cat([image, generated * 2 - 1], 1), torch.cat([image, batch["target"] * 2 - 1], 1)

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        return sheet_rows(8, batch["image"], generated, batch["target"])

    def exported(self, generator: nn.Module) -> Exported:
        assert isinstance(generator, Cleaner)

        def example(height: int, width: int) -> tuple[Tensor, ...]:
            return (torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)),)

        return Exported(
            _Shipped(generator),
            (Port(name="image", axes="n 3 h w", meaning="a tile, sRGB in [0, 1]"),),
            (Port(name="cleaned", axes="n 3 h w", meaning="the tile cleaned, sRGB in [0, 1]"),),
            example,
            multiple=generator.network.multiple,
            tile_px=640,
            overlap_px=32,
            limits=("fine texture below the grain is gone and stays gone",),
        )


class _Shipped(nn.Module):
    def __init__(self, cleaner: Cleaner) -> None:
        super().__init__()
        self.cleaner = cleaner

    def forward(self, image: Tensor) -> Tensor:
        cleaned: Tensor = self.cleaner(image).clamp(0, 1)
        return cleaned


TASK: Callable[[Recipe], CleanTask] = CleanTask
