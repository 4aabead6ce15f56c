"""The tone of a whole photograph brought back from a small copy: contrast, neutral gray, even light."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import cv2
import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from unfade import ageing, color
from unfade.models.card import Port
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.networks.backbone_unet import packaged_lite0
from unfade.workshop.networks.tone import FIELD, THUMBNAIL_PX, ToneNetwork, apply_tone, quantiles
from unfade.workshop.recipe import Recipe, ToneGenerator
from unfade.workshop.tasks import Batch, Exported, sheet_rows
from unfade.workshop.tasks._check import check_losses, check_no_adversary, generator_of, read_options, textures_in

# Target of `need`, by the PSNR of the aged photograph against the sound one: 1 below the first number, 0
# above the second, linear between.
NEED_DB_RANGE = (27.0, 36.0)
# Below this error in tone nothing is to be seen; without a floor the sound photographs alone would be learned
# from.
LEAST_ERROR = 0.02


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    untouched_share: float = Field(
        default=0.25, ge=0, le=1, description="share of samples that are good photographs as they are, color or gray"
    )
    mounted_share: float = Field(
        default=0.15,
        ge=0,
        le=1,
        description="share of samples with a border of paper or of film, whose black and white are not the picture's",
    )
    fine_share: float = Field(
        default=0.3,
        ge=0,
        le=1,
        description="share of aged samples without grain, blur and the like: large photographs have none when small",
    )
    textures: str = Field(default="", description="folder of real paper and stains to lay in; empty: none")


class ToneTask:
    """See the module. What is generated is the thumbnail with its tone brought back."""

    name: ClassVar[str] = "tone"
    losses: ClassVar[frozenset[str]] = frozenset({"tone", "levels", "need"})
    judged_channels = 6
    pairs: Pairs = "none"
    zooms = False

    def __init__(self, recipe: Recipe) -> None:
        check_losses(recipe, self.losses)
        check_no_adversary(recipe, "a transform of a few numbers cannot invent")
        self._spec, self._options = generator_of(recipe, ToneGenerator), read_options(recipe, Options)
        self._ageing = ageing.Ageing.preset("faded")
        self._textures = textures_in(self._options.textures)
        self._need = torch.zeros(0)

    def prepare(self, pictures: Pictures) -> None:
        """Nothing to learn beforehand."""

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        image = crop.astype(np.float32) / 255
        inside = np.ones(image.shape[:2], np.float32)
        if rng.random() < self._options.mounted_share:
            inside = _mount(image, rng)
        target, need = image, 0.0
        if rng.random() >= self._options.untouched_share:
            aged = self._ageing(image, rng, textures=self._textures)
            veiled = aged.stained | aged.mask
            inside[veiled] = 0
            target, need = aged.clean, _need(aged.sharp[~veiled], aged.clean[~veiled])
            image = aged.sharp if rng.random() < self._options.fine_share else aged.image
        elif rng.random() < 0.5:
            image = target = np.repeat(color.luma(image)[..., None], 3, axis=-1)
        small = [
            cv2.resize(np.clip(plane, 0, 1), (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
            for plane in (image, target, inside)
        ]
        return {
            "thumbnail": small[0].transpose(2, 0, 1),
            "target": small[1].transpose(2, 0, 1),
            "inside": small[2][None],
            "need": np.array([need], np.float32),
        }

    def build(self) -> nn.Module:
        return ToneNetwork(packaged_lite0(self._spec.frozen_blocks))

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        field, power, mixing, self._need = generator(batch["thumbnail"])
        return apply_tone(batch["thumbnail"], field, power, mixing)

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        target, inside = batch["target"], batch["inside"]
        squared = ((generated - target).square() * inside).sum(dim=(1, 2, 3)) / (3 * inside.sum(dim=(1, 2, 3)))
        lost = (1 - inside).expand_as(generated) > 0.5
        levels = [quantiles(torch.where(lost, target, picture)) for picture in (generated, target)]
        return {
            # Decibels are what it is judged by, picture by picture; and a logarithm takes a likely tone, not
            # the mean of all likely ones, which would be flat.
            "tone": torch.log(torch.sqrt(squared + 1e-8) + LEAST_ERROR).mean(),
            "levels": (levels[0] - levels[1]).abs().mean(),
            "need": functional.binary_cross_entropy_with_logits(self._need.float(), batch["need"]),
        }

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        image = batch["thumbnail"] * 2 - 1
        return torch.cat([image, generated * 2 - 1], 1), torch.cat([image, batch["target"] * 2 - 1], 1)

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        return sheet_rows(12, batch["thumbnail"], generated, batch["target"])

    def exported(self, generator: nn.Module) -> Exported:
        assert isinstance(generator, ToneNetwork)

        def example(height: int, width: int) -> tuple[Tensor, ...]:
            chance = torch.Generator().manual_seed(height * width)
            return (torch.rand(1, 3, THUMBNAIL_PX, THUMBNAIL_PX, generator=chance),)

        return Exported(
            _Shipped(generator),
            (
                Port(
                    name="thumbnail",
                    axes=f"n 3 {THUMBNAIL_PX} {THUMBNAIL_PX}",
                    meaning="the whole photograph, reduced by area, sRGB in [0, 1]",
                ),
            ),
            (
                Port(name="field", axes=f"n 6 {FIELD} {FIELD}", meaning="gain of each channel over the photograph, then offset"),
                Port(name="power", axes="n 3", meaning="exponent of each channel"),
                Port(name="mixing", axes="n 3 4", meaning="matrix of the channels, and an offset"),
                Port(name="need", axes="n 1", meaning="how aged the photograph's tone is, 0 to 1"),
            ),
            example,
            multiple=THUMBNAIL_PX,
            tile_px=THUMBNAIL_PX,
            overlap_px=0,
            limits=(
                "what was clipped to black or white stays so",
                "a toned print is brought to neutral gray; lower --clean keeps some of its tone",
            ),
        )


class _Shipped(nn.Module):
    def __init__(self, network: ToneNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, thumbnail: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        field, power, mixing, need = self.network(thumbnail)
        return field, power, mixing, torch.sigmoid(need)


def _need(damaged: np.ndarray, sound: np.ndarray) -> float:
    """The target of `need`, in [0, 1]: see `NEED_DB_RANGE`."""
    low, high = NEED_DB_RANGE
    error = float(np.mean((damaged - sound) ** 2)) if damaged.size else 0.0
    return float(np.clip((high + 10 * np.log10(max(error, 1e-10))) / (high - low), 0, 1))


def _mount(picture: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Lay a border of paper, or of black film, over the edges of `picture`, in place.

    Gives where the picture is still seen, (h, w).
    """
    height, width = picture.shape[:2]
    inside = np.zeros((height, width), np.float32)
    top, bottom, left, right = (round(side * float(rng.uniform(0.0, 0.12))) for side in (height, height, width, width))
    inside[top : height - bottom, left : width - right] = 1
    tone = float(rng.uniform(0.8, 1.0)) if rng.random() < 0.75 else float(rng.uniform(0.0, 0.08))
    picture[inside == 0] = tone * np.array([1.0, rng.uniform(0.97, 1.0), rng.uniform(0.92, 1.0)], np.float32)
    return inside


TASK: Callable[[Recipe], ToneTask] = ToneTask
