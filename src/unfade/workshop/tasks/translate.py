"""Any image-to-image task (Isola et al. 2017).

The pairs are two folders with the same names, or pictures side by side.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from unfade import ageing
from unfade.workshop.data import Pairs, Sample
from unfade.workshop.recipe import Recipe
from unfade.workshop.tasks._check import read_options
from unfade.workshop.tasks._plain import PlainTask


class Options(BaseModel):
    """The task's own settings."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    pairs: Literal["folders", "side-by-side", "edges", "halftone"] = Field(
        default="folders",
        description="folders: --data INPUTS TARGETS, same names; side-by-side: input left; edges, halftone: made of the target",
    )
    inputs: int = Field(default=3, ge=1, le=3, description="channels in: 1 = gray, 3 = color")
    outputs: int = Field(default=3, ge=1, le=3, description="channels out")


class TranslateTask(PlainTask):
    """See the module. Samples come as six channels, input then target, whichever way they were given."""

    def __init__(self, recipe: Recipe) -> None:
        self._options = read_options(recipe, Options)
        super().__init__(recipe, inputs=self._options.inputs, outputs=self._options.outputs)
        given = self._options.pairs
        self.pairs: Pairs = given if given == "folders" or given == "side-by-side" else "none"

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        made = MADE.get(self._options.pairs)
        if made is not None:
            source, target = made(crop, rng)
        else:
            source, target = crop[..., :3], crop[..., 3:]
        return {"input": _numbers(source, self._options.inputs), "target": _numbers(target, self._options.outputs)}


def printed(picture: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The scan of a halftone print, and the photograph printed (gray if in black alone): (h, w, 3) uint8."""
    scan, photograph = (np.rint(image * 255).astype(np.uint8) for image in ageing.halftone_print(picture.astype(np.float32) / 255, rng))
    return scan, photograph


def edges_of(picture: np.ndarray) -> np.ndarray:
    """Black Canny edges on white, (h, w, 3) uint8."""
    gray = cv2.GaussianBlur(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY), (0, 0), 1.0)
    return np.repeat(255 - cv2.Canny(gray, 60, 150)[..., None], 3, axis=2)


MADE: Mapping[str, Callable[[np.ndarray, np.random.Generator], tuple[np.ndarray, np.ndarray]]] = {
    "edges": lambda picture, rng: (edges_of(picture), picture),
    "halftone": printed,
}
"""Pairs that are made of one picture as training goes, by the name of `pairs`: input and target."""


def _numbers(picture: np.ndarray, channels: int) -> np.ndarray:
    """(h, w, 3) uint8 -> (channels, h, w) in [-1, 1]."""
    if channels == 1:
        picture = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)[..., None]
    return (picture.astype(np.float32) / 255 * 2 - 1).transpose(2, 0, 1)


TASK: Callable[[Recipe], TranslateTask] = TranslateTask
