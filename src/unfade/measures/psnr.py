"""Peak signal-to-noise ratio."""

from __future__ import annotations

import numpy as np

from unfade.arrays import Image
from unfade.measures.measure import Measure, Observation, given_images, mean

# Equal pictures have no noise at all. 100 dB stands for that: an infinite figure would make every mean infinite.
CEILING_DB = 100.0


def psnr(result: Image, truth: Image) -> float:
    """10 log10(1 / mean squared error) in dB over all samples of two sRGB arrays (..., 3) in [0, 1] of one shape, at most 100."""
    error = float(np.mean(np.square(result.astype(np.float64) - truth)))
    return CEILING_DB if error <= 10 ** (-CEILING_DB / 10) else float(-10 * np.log10(error))


def _observe(seen: Observation) -> np.ndarray:
    return np.array([psnr(*given_images(seen))])


MEASURE = Measure(
    label="PSNR",
    unit="dB",
    better="higher",
    tasks=frozenset({"restoration", "colorization", "harm"}),
    needs=frozenset({"images"}),
    statement="10 log10(1 / MSE) over all samples, sRGB in [0, 1], the mean over pictures; equal pictures count as 100 dB.",
    observe=_observe,
    summarize=mean,
    decimals=1,
)
