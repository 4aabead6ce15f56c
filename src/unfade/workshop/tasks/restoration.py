"""The paper's restoration: a masked photograph (holes, scratches) -> the whole one, every pixel made anew.

"Recovering Old or Damaged Images using GAN".
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from unfade import ageing
from unfade.workshop.data import Sample
from unfade.workshop.recipe import Recipe
from unfade.workshop.tasks._check import read_options
from unfade.workshop.tasks._plain import PlainTask


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    hole_value: float = Field(default=1.0, ge=0, le=1, description="what the twin shows where it is masked: 1 = white, as torn paper")


class RestorationTask(PlainTask):
    """See the module. The network sees no mask: it must see for itself what is lost."""

    def __init__(self, recipe: Recipe) -> None:
        super().__init__(recipe, inputs=3, outputs=3)
        self._options = read_options(recipe, Options)

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        target = crop.astype(np.float32) / 255
        masked = target.copy()
        masked[ageing.masks(rng, crop.shape[:2])] = self._options.hole_value
        return {"input": masked.transpose(2, 0, 1) * 2 - 1, "target": target.transpose(2, 0, 1) * 2 - 1}


TASK: Callable[[Recipe], RestorationTask] = RestorationTask
