"""How colorful a picture is.

Hasler and Süsstrunk 2003, doi:10.1117/12.477378, equation 4's simpler form (M3).
"""

from __future__ import annotations

import numpy as np

from unfade.arrays import Image
from unfade.measures.measure import Measure, Observation, Rows, given_images, mean


def colorfulness(image: Image) -> float:
    """sigma_rgyb + 0.3 mu_rgyb of an sRGB picture in [0, 1].

    The scale is the paper's for samples from 0 to 255: 0 is gray, 33 moderately colorful, 82 highly colorful.

    >>> colorfulness(np.full((4, 4, 3), 0.3, np.float32))
    0.0
    >>> halves = np.zeros((2, 2, 3), np.float32)
    >>> halves[0, :, 0] = halves[1, :, 2] = 1  # red above blue
    >>> round(colorfulness(halves), 1)
    272.6
    """
    red, green, blue = np.moveaxis(image.astype(np.float64) * 255, -1, 0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    return float(np.hypot(red_green.std(), yellow_blue.std()) + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def _observe(seen: Observation) -> np.ndarray:
    """The colorfulness of the result and of its truth."""
    return np.array([colorfulness(image) for image in given_images(seen)])


def _observe_distance(seen: Observation) -> np.ndarray:
    result, truth = _observe(seen)
    return np.array([abs(result - truth)])


def _ratio(rows: Rows, reference: Rows | None) -> float:
    result, truth = rows.mean(axis=0)
    return float(result / truth) if truth > 0 else float("nan")


FAMILY = {
    "colorfulness": Measure(
        label="colorfulness",
        unit="",
        better="higher",
        tasks=frozenset({"colorization"}),
        needs=frozenset({"images"}),
        statement="Hasler and Süsstrunk 2003, M3, samples in 0 to 255, the mean over pictures. "
        "Best where it is the truth's: see the ratio.",
        observe=_observe,
        summarize=mean,
        decimals=1,
    ),
    "colorfulness-distance": Measure(
        label="colorfulness distance",
        unit="",
        better="lower",
        tasks=frozenset({"colorization"}),
        needs=frozenset({"images"}),
        statement="|colorfulness of the result - colorfulness of its truth|, the mean over pictures.",
        observe=_observe_distance,
        summarize=mean,
        decimals=1,
    ),
    "colorfulness-ratio": Measure(
        label="colorfulness ratio",
        unit="",
        better="one",
        tasks=frozenset({"colorization"}),
        needs=frozenset({"images"}),
        statement="The mean colorfulness of the results over that of the truths: 1 = as colorful as the truth, 0 = gray.",
        observe=_observe,
        summarize=_ratio,
        decimals=2,
    ),
}
