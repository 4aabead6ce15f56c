"""Structural similarity, of the whole picture and of what was lost.

Wang, Bovik, Sheikh and Simoncelli 2004, doi:10.1109/TIP.2003.819861.
"""

from __future__ import annotations

import cv2
import numpy as np
from jaxtyping import Float64

from unfade.arrays import Image
from unfade.measures.measure import Measure, Observation, given_images, given_lost, mean

WINDOW_PX = 7
_C1, _C2 = 0.01**2, 0.03**2  # the paper's K1 and K2, for samples in [0, 1]


def ssim_map(result: Image, truth: Image) -> Float64[np.ndarray, "h w"]:
    """The structural similarity around each pixel, the mean of the three channels, in [-1, 1].

    Two sRGB pictures (h, w, 3) in [0, 1]. Uniform 7x7 windows with sample covariance, as scikit-image's
    default; the border is reflected.
    """
    # Half is taken away first, and given back to the means: squares of small numbers keep float32 exact
    # enough (1e-5).
    x, y = result.astype(np.float32) - np.float32(0.5), truth.astype(np.float32) - np.float32(0.5)

    def around(values: np.ndarray) -> np.ndarray:
        return cv2.blur(values, (WINDOW_PX, WINDOW_PX), borderType=cv2.BORDER_REFLECT)

    unbiased = WINDOW_PX**2 / (WINDOW_PX**2 - 1)
    mean_x, mean_y = around(x), around(y)
    variance_x = unbiased * (around(x * x) - mean_x * mean_x)
    variance_y = unbiased * (around(y * y) - mean_y * mean_y)
    covariance = unbiased * (around(x * y) - mean_x * mean_y)
    mean_x, mean_y = mean_x + np.float32(0.5), mean_y + np.float32(0.5)
    similarity = ((2 * mean_x * mean_y + _C1) * (2 * covariance + _C2)) / (
        (mean_x * mean_x + mean_y * mean_y + _C1) * (variance_x + variance_y + _C2)
    )
    return np.asarray(similarity.mean(axis=2), np.float64)


def ssim(result: Image, truth: Image) -> float:
    """The mean of `ssim_map` where the window lies wholly inside the picture.

    The mean of all of it if the picture is smaller than a window.

    >>> gray = np.full((9, 9, 3), 0.5, np.float32)
    >>> ssim(gray, gray)
    1.0
    """
    similarity = ssim_map(result, truth)
    edge = WINDOW_PX // 2
    if min(similarity.shape) >= WINDOW_PX:
        similarity = similarity[edge:-edge, edge:-edge]
    return float(similarity.mean())


def _observe(seen: Observation) -> np.ndarray:
    return np.array([ssim(*given_images(seen))])


def _observe_in_mask(seen: Observation) -> np.ndarray:
    lost = given_lost(seen)
    return np.array([ssim_map(*given_images(seen))[lost].mean() if lost.any() else np.nan])


FAMILY = {
    "ssim": Measure(
        label="SSIM",
        unit="",
        better="higher",
        tasks=frozenset({"restoration", "colorization", "harm"}),
        needs=frozenset({"images"}),
        statement="Wang et al. 2004 over RGB, uniform 7×7 windows, sample covariance (scikit-image's default), the mean over pictures.",
        observe=_observe,
        summarize=mean,
    ),
    "ssim-in-mask": Measure(
        label="SSIM in mask",
        unit="",
        better="higher",
        tasks=frozenset({"restoration"}),
        needs=frozenset({"images", "mask"}),
        statement="SSIM's map (7×7 windows, so with 3 px of surroundings) over the lost pixels only, the mean over pictures that lost any.",
        observe=_observe_in_mask,
        summarize=mean,
    ),
}
