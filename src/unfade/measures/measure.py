"""What a measure is: `observe` notes numbers of each picture, `summarize` makes the figure of all notes."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np
from jaxtyping import Float64, UInt8

from unfade.arrays import Image, Mask
from unfade.measures.features import PictureFeatures

if TYPE_CHECKING:
    from unfade.measures.needs import Needs
    from unfade.measures.notes import Notes

Task = Literal["restoration", "colorization", "damage", "harm", "needs"]
Better = Literal["higher", "lower", "one"]

Rows = Float64[np.ndarray, "n k"]
"""One row of numbers a picture."""

DamageTruth = UInt8[np.ndarray, "h w"]
"""What is damaged in truth: `SOUND`, `EITHER` (only stained: either answer is right) or `LOST`."""

SOUND, EITHER, LOST = 0, 128, 255


@dataclass(frozen=True, eq=False)
class Observation:
    """One picture of a bench and what a method made of it. What the task does not have is None.

    `truth` and `result`: what it should be and what it became, of one size. `damage`: what was lost. `found`:
    what the method says was lost. `parts`: kinds of damage by name, True where damage of that kind lies.
    `truth_features`, `result_features`: what a network sees in them, for distances of sets.
    `truth_perceptual`, `result_perceptual`: what a network taught on people's judgements sees, for distances
    of pairs. `notes`: what a viewer noted. `needs`: what a viewer says the photograph needs. `colored`:
    whether the method put colors in.
    """

    truth: Image | None = None
    result: Image | None = None
    damage: DamageTruth | None = None
    found: Mask | None = None
    parts: Mapping[str, Mask] = field(default_factory=dict)
    truth_features: PictureFeatures | None = None
    result_features: PictureFeatures | None = None
    truth_perceptual: PictureFeatures | None = None
    result_perceptual: PictureFeatures | None = None
    notes: Notes | None = None
    needs: Needs | None = None
    colored: bool | None = None
    detail_strength: float | None = None


Need = Literal["images", "mask", "found", "features", "perceptual", "reference", "notes", "needs", "colored", "detail"]


@dataclass(frozen=True)
class Measure:
    """One measure.

    `observe` gives one picture's row of numbers (NaN: nothing to measure, such as a mask that is empty); rows
    of one measure are equally long. `summarize` gives the figure for rows (n, k) and, if `reference` is among
    the needs, the pooled features of other, real pictures (m, c). `statement` says what exactly is computed
    and after whom. `resampling`: intervals by the bootstrap, or, where a picture drawn twice would be its own
    nearest neighbour, by the jackknife. `within`: the least and the most that the figure can be. `fewest`:
    with fewer pictures, or fewer of the reference where that is needed, there is no figure.
    """

    label: str
    unit: str
    better: Better
    tasks: frozenset[Task]
    needs: frozenset[Need]
    statement: str
    observe: Callable[[Observation], np.ndarray]
    summarize: Callable[[Rows, Rows | None], float]
    resampling: Literal["bootstrap", "jackknife"] = "bootstrap"
    within: tuple[float, float] = (-math.inf, math.inf)
    fewest: int = 1
    decimals: int = 3


def mean(rows: Rows, reference: Rows | None = None) -> float:
    """The mean over the pictures that have a figure; NaN if none has."""
    return float(means(rows[None, :, 0])[0])


def means(figures: Float64[np.ndarray, "draws n"]) -> Float64[np.ndarray, " draws"]:
    """The mean of each row without its NaNs; NaN where nothing else is there."""
    there = ~np.isnan(figures)
    count = there.sum(axis=1)
    return np.where(count > 0, np.where(there, figures, 0).sum(axis=1) / np.maximum(count, 1), np.nan)


def given_images(seen: Observation) -> tuple[Image, Image]:
    """The result and the truth, in this order.

    Raises `ValueError` if the evaluation did not check the measure's needs.
    """
    if seen.result is None or seen.truth is None:
        raise ValueError("this measure needs a result and its truth")
    return seen.result, seen.truth


def given_lost(seen: Observation) -> Mask:
    """What was lost in truth; stains not counted."""
    if seen.damage is None:
        raise ValueError("this measure needs a mask of what was lost")
    return np.asarray(seen.damage == LOST)


def harmonic_mean(precision: float, recall: float) -> float:
    """F1: the harmonic mean of two shares; 0 if both are 0."""
    return 2 * precision * recall / (precision + recall) if precision + recall > 0 else 0.0
