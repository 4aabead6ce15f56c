"""Peak signal-to-noise ratio, of the whole picture and of what was lost."""

from __future__ import annotations

import numpy as np

from unfade.arrays import Image
from unfade.measures.measure import Measure, Observation, given_images, given_lost, mean

# Equal pictures have no noise at all. 100 dB stands for that: an infinite figure would make every mean
# infinite.
CEILING_DB = 100.0


def psnr(result: Image, truth: Image) -> float:
    """10 log10(1 / mean squared error) in dB, at most 100.

    Over all samples of two sRGB arrays (..., 3) in [0, 1] of one shape.

    >>> truth = np.zeros((2, 2, 3), np.float32)
    >>> round(psnr(truth + np.float32(0.1), truth), 3)
    20.0
    >>> psnr(truth, truth)
    100.0
    """
    error = float(np.mean(np.square(result.astype(np.float64) - truth)))
    return CEILING_DB if error <= 10 ** (-CEILING_DB / 10) else float(-10 * np.log10(error))


def _observe(seen: Observation) -> np.ndarray:
    return np.array([psnr(*given_images(seen))])


def _observe_in_mask(seen: Observation) -> np.ndarray:
    result, truth = given_images(seen)
    lost = given_lost(seen)
    return np.array([psnr(result[lost], truth[lost]) if lost.any() else np.nan])


FAMILY = {
    "psnr": Measure(
        label="PSNR",
        unit="dB",
        better="higher",
        tasks=frozenset({"restoration", "colorization", "harm"}),
        needs=frozenset({"images"}),
        statement="10 log10(1 / MSE) over all samples, sRGB in [0, 1], the mean over pictures; equal pictures count as 100 dB.",
        observe=_observe,
        summarize=mean,
        decimals=1,
    ),
    "psnr-in-mask": Measure(
        label="PSNR in mask",
        unit="dB",
        better="higher",
        tasks=frozenset({"restoration"}),
        needs=frozenset({"images", "mask"}),
        statement="PSNR over the lost pixels only (stains are not lost), the mean over pictures that lost any.",
        observe=_observe_in_mask,
        summarize=mean,
        decimals=1,
    ),
}
