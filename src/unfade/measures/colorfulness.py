"""How colorful a picture is (Hasler and Süsstrunk 2003, doi:10.1117/12.477378, equation 4's simpler form, M3)."""

from __future__ import annotations

import numpy as np

from unfade.arrays import Image
from unfade.measures.measure import Measure, Observation, given_images, mean


def colorfulness(image: Image) -> float:
    """sigma_rgyb + 0.3 mu_rgyb of an sRGB picture in [0, 1], on the paper's scale of 0 to 255: 0 gray, 33 moderately, 82 highly
    colorful."""
    red, green, blue = np.moveaxis(image.astype(np.float64) * 255, -1, 0)
    red_green, yellow_blue = red - green, (red + green) / 2 - blue
    return float(np.hypot(red_green.std(), yellow_blue.std()) + 0.3 * np.hypot(red_green.mean(), yellow_blue.mean()))


def observe_colorfulness(seen: Observation) -> np.ndarray:
    """The colorfulness of the result and of its truth."""
    return np.array([colorfulness(image) for image in given_images(seen)])


MEASURE = Measure(
    label="colorfulness",
    unit="",
    better="higher",
    tasks=frozenset({"colorization"}),
    needs=frozenset({"images"}),
    statement="Hasler and Süsstrunk 2003, M3, samples in 0 to 255, the mean over pictures. Best where it is the truth's: see the ratio.",
    observe=observe_colorfulness,
    summarize=mean,
    decimals=1,
)
