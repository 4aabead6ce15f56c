"""Which way a photograph is up: told from photographs that are upright, turned by chance."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import cv2
import numpy as np
import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn
from torch.nn import functional

from unfade.models.card import Port
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.networks.backbone_unet import packaged_lite0
from unfade.workshop.networks.upright import THUMBNAIL_PX, UprightNetwork
from unfade.workshop.recipe import Recipe, UprightGenerator
from unfade.workshop.tasks import Batch, Exported, sheet_rows
from unfade.workshop.tasks._check import check_losses, check_no_adversary, generator_of, read_options
from unfade.workshop.tasks._worn import worn


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    gray_share: float = Field(default=0.65, ge=0, le=1, description="share of samples without color, a part of them toned")
    framed_share: float = Field(default=0.15, ge=0, le=1, description="share of samples with a plain border")
    narrowest: float = Field(default=0.6, gt=0, le=1, description="the least of short side to long side that a crop has")


class UprightTask:
    """See the module. What is generated is a logit for each quarter turn."""

    name: ClassVar[str] = "upright"
    losses: ClassVar[frozenset[str]] = frozenset({"turn"})
    judged_channels = 3
    pairs: Pairs = "none"
    zooms = False

    def __init__(self, recipe: Recipe) -> None:
        check_losses(recipe, self.losses)
        check_no_adversary(recipe, "it makes no picture")
        self._spec, self._options = generator_of(recipe, UprightGenerator), read_options(recipe, Options)

    def prepare(self, pictures: Pictures) -> None:
        """Nothing to learn beforehand."""

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        part = _part(crop, float(rng.uniform(self._options.narrowest, 1.0)), rng).astype(np.float32) / 255
        small = cv2.resize(part, (THUMBNAIL_PX, THUMBNAIL_PX), interpolation=cv2.INTER_AREA)
        small = worn(small, rng, gray_share=self._options.gray_share)
        if rng.random() < self._options.framed_share:
            _frame(small, rng)
        turn = int(rng.integers(4))
        turned = np.ascontiguousarray(np.rot90(small, -turn).transpose(2, 0, 1))
        return {"thumbnail": turned.astype(np.float32), "turn": np.array([turn], np.int64)}

    def build(self) -> nn.Module:
        return UprightNetwork(packaged_lite0(self._spec.frozen_blocks))

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        logits: Tensor = generator(batch["thumbnail"])
        return logits

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        return {"turn": functional.cross_entropy(generated, batch["turn"].flatten())}

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        return batch["thumbnail"], batch["thumbnail"]

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        """Each as it came, and turned back as the network says."""
        turns = generated.argmax(dim=1).tolist()
        back = torch.stack([torch.rot90(picture, turn, (1, 2)) for picture, turn in zip(batch["thumbnail"], turns, strict=True)])
        return sheet_rows(12, batch["thumbnail"], back)

    def exported(self, generator: nn.Module) -> Exported:
        def example(height: int, width: int) -> tuple[Tensor, ...]:
            chance = torch.Generator().manual_seed(height * width)
            return (torch.rand(1, 3, THUMBNAIL_PX, THUMBNAIL_PX, generator=chance),)

        side = THUMBNAIL_PX
        return Exported(
            generator,
            (Port(name="thumbnail", axes=f"n 3 {side} {side}", meaning="the whole photograph, reduced by area, sRGB in [0, 1]"),),
            (Port(name="turns", axes="n 4", meaning="logits: turned clockwise by 0, 1, 2 or 3 quarters"),),
            example,
            multiple=side,
            tile_px=side,
            overlap_px=0,
            limits=("a photograph from straight above, and one of a pattern, has no up; it decides only where it is sure",),
        )


def _part(crop: np.ndarray, narrow: float, rng: np.random.Generator) -> np.ndarray:
    """A part of a crop that is `narrow` times as wide as it is high, or the other way round."""
    side = crop.shape[0]
    short = round(side * narrow)
    at = int(rng.integers(side - short + 1))
    return crop[at : at + short] if rng.random() < 0.5 else crop[:, at : at + short]


def _frame(picture: np.ndarray, rng: np.random.Generator) -> None:
    """Lay a plain border over the edges of `picture`, in place."""
    widths = np.rint(rng.uniform(0, 0.1, 4) * len(picture)).astype(int)
    tone = rng.uniform(0.75, 1) if rng.random() < 0.7 else rng.uniform(0, 0.12)
    height, width = picture.shape[:2]
    inside = np.zeros((height, width), bool)
    inside[widths[0] : height - widths[1], widths[2] : width - widths[3]] = True
    picture[~inside] = tone


TASK: Callable[[Recipe], UprightTask] = UprightTask
