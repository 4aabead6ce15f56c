"""Peak signal-to-noise ratio of what was lost."""

from __future__ import annotations

import numpy as np

from unfade.measures.measure import Measure, Observation, given_images, given_lost, mean
from unfade.measures.psnr import psnr


def _observe(seen: Observation) -> np.ndarray:
    result, truth = given_images(seen)
    lost = given_lost(seen)
    return np.array([psnr(result[lost], truth[lost]) if lost.any() else np.nan])


MEASURE = Measure(
    label="PSNR in mask",
    unit="dB",
    better="higher",
    tasks=frozenset({"restoration"}),
    needs=frozenset({"images", "mask"}),
    statement="PSNR over the lost pixels only (stains are not lost), the mean over pictures that lost any.",
    observe=_observe,
    summarize=mean,
    decimals=1,
)
