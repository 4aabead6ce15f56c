"""What a model is trained to do: one task, one file.

A task makes samples, builds the generator, states the losses and says how it is exported.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import ClassVar, Protocol, runtime_checkable

import numpy as np
import torch
from torch import Tensor, nn

from unfade.models.card import Port
from unfade.registry import Registry
from unfade.workshop.data import Pairs, Pictures, Sample
from unfade.workshop.marked import Marked
from unfade.workshop.recipe import Recipe

Batch = Mapping[str, Tensor]


@dataclass(frozen=True)
class Exported:
    """How a generator leaves the workshop: a module whose inputs and outputs are the card's.

    `example` gives inputs of any size, even an odd one, to try it with.

    `example(height, width)` gives inputs for one picture of that size, both multiples of `multiple`.
    """

    module: nn.Module
    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]
    example: Callable[[int, int], tuple[Tensor, ...]]
    multiple: int
    tile_px: int
    overlap_px: int
    working_px: int | None = None
    calibration: Mapping[str, object] = field(default_factory=dict)
    limits: tuple[str, ...] = ()


class Task(Protocol):
    """One task, made for one recipe.

    The recipe's losses and options are checked when it is made: `RecipeError`.
    """

    name: ClassVar[str]
    losses: ClassVar[frozenset[str]]
    judged_channels: int
    pairs: Pairs
    zooms: bool

    def prepare(self, pictures: Pictures) -> None:
        """Look at the data once, in the main process, before training begins or goes on.

        The same data gives the same.
        """

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample:
        """A crop (h, w, 3) uint8 becomes named arrays, channels first."""

    def build(self) -> nn.Module:
        """The generator."""

    def generate(self, generator: nn.Module, batch: Batch) -> Tensor:
        """What the generator makes of a batch."""

    def score(self, generated: Tensor, batch: Batch) -> dict[str, Tensor]:
        """Each of `losses`, unweighted."""

    def judged(self, generated: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """What the discriminator sees of the generated and of the target, each (n, judged_channels, h, w).

        Condition and picture stand side by side in the channels.
        """

    def sheet(self, generated: Tensor, batch: Batch) -> list[list[np.ndarray]]:
        """Rows of pictures (h, w, 3) float32 to look at."""

    def exported(self, generator: nn.Module) -> Exported:
        """The generator in the form that ships."""


@runtime_checkable
class LearnsFromMarked(Protocol):
    """A task that learns from photographs with masks as well."""

    def take(self, marked: Marked) -> None:
        """Samples are drawn from these, too, by the shares of the recipe's `[data.real]`."""


TASKS: Registry[Callable[[Recipe], Task]] = Registry("unfade.workshop.tasks", "TASK", "task")


def sheet_rows(count: int, *columns: Tensor) -> list[list[np.ndarray]]:
    """The first `count` of each of several (n, 1 or 3, h, w) side by side: rows of pictures for a sheet."""
    return [list(row) for row in zip(*(pictures_of(column, count) for column in columns), strict=True)]


def pictures_of(batch: Tensor, count: int) -> list[np.ndarray]:
    """The first `count` of (n, 1 or 3, h, w) as (h, w, 3) float32 in [0, 1], for sheets."""
    planes = batch[:count].detach().float().clamp(0, 1).cpu()
    return [np.ascontiguousarray(torch.broadcast_to(plane, (3, *plane.shape[1:])).permute(1, 2, 0).numpy()) for plane in planes]
