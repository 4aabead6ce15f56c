"""Structural similarity of what was lost."""

from __future__ import annotations

import numpy as np

from unfade.measures.measure import Measure, Observation, given_images, given_lost, mean
from unfade.measures.ssim import ssim_map


def _observe(seen: Observation) -> np.ndarray:
    lost = given_lost(seen)
    return np.array([ssim_map(*given_images(seen))[lost].mean() if lost.any() else np.nan])


MEASURE = Measure(
    label="SSIM in mask",
    unit="",
    better="higher",
    tasks=frozenset({"restoration"}),
    needs=frozenset({"images", "mask"}),
    statement="SSIM's map (7×7 windows, so with 3 px of surroundings) over the lost pixels only, the mean over pictures that lost any.",
    observe=_observe,
    summarize=mean,
)
