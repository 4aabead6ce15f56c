"""An aged photograph -> itself when it was new: tone from a small copy of the whole, grain, blur and JPEG in tiles, blind to the amount."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from unfade import ageing, color
from unfade.errors import RecipeError
from unfade.models.card import Port
from unfade.workshop import losses
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.networks.lean import LeanUNet
from unfade.workshop.networks.tone import THUMBNAIL_PX, ToneNetwork
from unfade.workshop.recipe import LeanGenerator, Recipe
from unfade.workshop.tasks import Batch, Exported, pictures_of
from unfade.workshop.tasks._check import check_losses, read_options

# A photograph whose PSNR to its new self is below the first needs cleaning for certain; above the second it does not.
NEED_DB_RANGE = (27.0, 36.0)


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    untouched_share: float = Field(
        default=0.25, ge=0, le=1, description="share of samples that are good photographs as they are, color or gray"
    )
    tile_px: float = Field(default=160, ge=32, description="side of the part that the local network sees in training")
    textures: str = Field(default="", description="folder of real paper and stains to lay in; empty: none")


class Cleaner(nn.Module):
    """Tone first, then the local network's difference; it sees the tile before and after the tone."""

    def __init__(self, local: LeanUNet) -> None:
        super().__init__()
        self.tone = ToneNetwork()
        self.local = local

    def forward(self, image: Tensor, thumbnail: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        toned, need = self.tone(thumbnail, image, place)
        return toned + self.local(torch.cat([toned * 2 - 1, image * 2 - 1], dim=1)), need


class _Shipped(nn.Module):
    def __init__(self, cleaner: Cleaner) -> None:
        super().__init__()
        self.cleaner = cleaner

    def forward(self, image: Tensor, thumbnail: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        cleaned, need = self.cleaner(image, thumbnail, place)
        return cleaned.clamp(0, 1), torch.sigmoid(need)


class CleanTask:
    """See the module."""

    name: ClassVar[str] = "clean"
    losses: ClassVar[frozenset[str]] = frozenset({"charbonnier", "gradient", "need"})
    judged_channels = 6
    pairs: Pairs = "none"
    zooms = False

    def __init__(self, recipe: Recipe) -> None:
        check_losses(recipe, self.losses)
        if not isinstance(recipe.generator, LeanGenerator):
            raise RecipeError(f"{recipe.name}: generator.kind: the task clean needs a lean generator, not {recipe.generator.kind}")
        self._recipe, self._spec, self._options = recipe, recipe.generator, read_options(recipe, Options)
        self._ageing = ageing.Ageing.preset("clean")
        self._textures = ageing.Textures(Path(self._options.textures)) if self._options.textures else None
        self._need = torch.zeros(0)

    def prepare(self, pictures: Pictures) -> None:
        """Nothing to learn beforehand."""

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        image = target = crop.astype(np.float32) / 255
        if rng.random() >= self._options.untouched_share:
            aged = self._ageing(image, rng, textures=self._textures)
            image, target = np.clip(aged.image, 0, 1), aged.clean
        elif rng.random() < 0.5:
            image = target = np.repeat(color.luma(image)[..., None], 3, axis=-1)
        image = np.round(image * 255) / np.float32(255)
        error = float(np.mean((image - target) ** 2))
        low, high = NEED_DB_RANGE
        need = np.clip((high + 10 * np.log10(max(error, 1e-10))) / (high - low), 0, 1)
        side = min(int(self._options.tile_px), *crop.shape[:2])
        top, left = (int(rng.integers(full - side + 1)) for full in crop.shape[:2])
        height, width = crop.shape[:2]
        thumbnail = cv2.resize(image, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        return {
            "image": image[top : top + side, left : left + side].transpose(2, 0, 1),
            "target": target[top : top + side, left : left + side].transpose(2, 0, 1),
            "thumbnail": thumbnail.transpose(2, 0, 1),
            "place": np.array([top / height, left / width, (top + side) / height, (left + side) / width], np.float32),
            "need": np.array([need], np.float32),
        }

    def build(self) -> nn.Module:
        return Cleaner(LeanUNet(6, 3, channels=self._spec.channels, blocks=self._spec.blocks))

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        cleaned, need = generator(batch["image"], batch["thumbnail"], batch["place"])
        self._need = need
        generated: Tensor = cleaned
        return generated

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        generated, target = generated.float(), batch["target"]
        return {
            "charbonnier": losses.charbonnier(generated, target),
            "gradient": losses.gradient_l1(generated, target),
            "need": functional.binary_cross_entropy_with_logits(self._need.float(), batch["need"]),
        }

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        image = batch["image"] * 2 - 1
        return torch.cat([image, generated * 2 - 1], 1), torch.cat([image, batch["target"] * 2 - 1], 1)

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        columns = [pictures_of(tensor, 8) for tensor in (batch["image"], generated, batch["target"])]
        return [list(row) for row in zip(*columns, strict=True)]

    def exported(self, generator: nn.Module) -> Exported:
        assert isinstance(generator, Cleaner)

        def example(height: int, width: int) -> tuple[Tensor, ...]:
            chance = torch.Generator().manual_seed(0)
            thumbnail = torch.rand(1, 3, THUMBNAIL_PX, THUMBNAIL_PX, generator=chance)
            return torch.rand(1, 3, height, width, generator=chance), thumbnail, torch.tensor([[0.1, 0.2, 0.6, 0.9]])

        return Exported(
            _Shipped(generator),
            (
                Port(name="image", axes="n 3 h w", meaning="a tile, sRGB in [0, 1]"),
                Port(name="thumbnail", axes=f"n 3 {THUMBNAIL_PX} {THUMBNAIL_PX}", meaning="the whole photograph, reduced by area"),
                Port(name="place", axes="n 4", meaning="the tile's y0, x0, y1, x1 as shares of the whole"),
            ),
            (
                Port(name="cleaned", axes="n 3 h w", meaning="the tile cleaned, sRGB in [0, 1]"),
                Port(name="need", axes="n 1", meaning="how aged the photograph is, 0 to 1"),
            ),
            example,
            multiple=generator.local.multiple,
            tile_px=640,
            overlap_px=32,
            limits=(
                "fine texture below the grain is gone and stays gone",
                "a toned print is brought to neutral gray; lower --clean keeps some of its tone",
            ),
        )


TASK: Callable[[Recipe], CleanTask] = CleanTask
