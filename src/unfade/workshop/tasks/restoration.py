"""The paper's restoration: a masked photograph (holes, scratches) -> the whole one, every pixel made anew.

"Recovering Old or Damaged Images using GAN".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

from unfade import ageing
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.recipe import Recipe
from unfade.workshop.tasks import Batch, Exported
from unfade.workshop.tasks._check import check_losses, read_options
from unfade.workshop.tasks._plain import PLAIN_LOSSES, build_plain, exported_plain, judged_pair, plain_losses, plain_sheet


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    hole_value: float = Field(default=1.0, ge=0, le=1, description="what the twin shows where it is masked: 1 = white, as torn paper")


class RestorationTask:
    """See the module. The network sees no mask: it must see for itself what is lost."""

    name: ClassVar[str] = "translate"
    losses: ClassVar[frozenset[str]] = PLAIN_LOSSES
    judged_channels = 6
    pairs: Pairs = "none"
    zooms = False

    def __init__(self, recipe: Recipe) -> None:
        check_losses(recipe, self.losses)
        self._recipe, self._options = recipe, read_options(recipe, Options)

    def prepare(self, pictures: Pictures) -> None:
        """Nothing to learn beforehand."""

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        target = crop.astype(np.float32) / 255
        masked = target.copy()
        masked[ageing.masks(rng, crop.shape[:2])] = self._options.hole_value
        return {"input": masked.transpose(2, 0, 1) * 2 - 1, "target": target.transpose(2, 0, 1) * 2 - 1}

    def build(self) -> nn.Module:
        return build_plain(self._recipe, inputs=3, outputs=3)

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        generated: Tensor = generator(batch["input"])
        return generated

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        return plain_losses(generated, batch["target"])

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        return judged_pair(generated, batch)

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        return plain_sheet(generated, batch)

    def exported(self, generator: nn.Module) -> Exported:
        return exported_plain(self._recipe, generator, inputs=3, outputs=3)


TASK: Callable[[Recipe], RestorationTask] = RestorationTask
