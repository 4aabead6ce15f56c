"""How far the colors lie from the true ones in a* and b*."""

from __future__ import annotations

import numpy as np

from unfade.color import lab_from_srgb
from unfade.measures.measure import Measure, Observation, given_images, mean


def _observe(seen: Observation) -> np.ndarray:
    result, truth = (lab_from_srgb(image)[..., 1:].astype(np.float64) for image in given_images(seen))
    return np.array([np.hypot(*np.moveaxis(result - truth, -1, 0)).mean()])


MEASURE = Measure(
    label="ab error",
    unit="",
    better="lower",
    tasks=frozenset({"colorization"}),
    needs=frozenset({"images"}),
    statement="Euclidean distance in the a*b* plane (CIE units), the mean over pixels, then over pictures.",
    observe=_observe,
    summarize=mean,
    decimals=1,
)
