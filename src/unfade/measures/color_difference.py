"""How far colors lie from the true ones: CIEDE2000, and the distance in a* and b*.

CIEDE2000: Sharma, Wu and Dalal 2005, doi:10.1002/col.20070.
"""

from __future__ import annotations

import numpy as np
from jaxtyping import Float64

from unfade.arrays import Lab
from unfade.color import lab_from_srgb
from unfade.measures.measure import Measure, Observation, given_images, mean


def ciede2000(first: Lab, second: Lab) -> Float64[np.ndarray, "h w"]:
    """The difference of two L*a*b* arrays (..., 3), color by color; about 1 is just noticeable.

    k_L = k_C = k_H = 1.

    >>> round(float(ciede2000(np.array([50.0, 2.6772, -79.7751]), np.array([50.0, 0.0, -82.7485]))), 4)
    2.0425
    """
    lightness_1, a_1, b_1 = np.moveaxis(first.astype(np.float64), -1, 0)
    lightness_2, a_2, b_2 = np.moveaxis(second.astype(np.float64), -1, 0)

    # Equations 2 to 7: a* stretched for grays, then chroma and hue.
    chroma_7 = ((np.hypot(a_1, b_1) + np.hypot(a_2, b_2)) / 2) ** 7
    stretch = 1 + (1 - np.sqrt(chroma_7 / (chroma_7 + 25.0**7))) / 2
    a_1, a_2 = a_1 * stretch, a_2 * stretch
    chroma_1, chroma_2 = np.hypot(a_1, b_1), np.hypot(a_2, b_2)
    hue_1, hue_2 = np.degrees(np.arctan2(b_1, a_1)) % 360, np.degrees(np.arctan2(b_2, a_2)) % 360

    # Equations 8 to 11: differences. A gray has no hue, so its hue differs from none.
    colored = chroma_1 * chroma_2 != 0
    turn = np.where(colored, (hue_2 - hue_1 + 180) % 360 - 180, 0.0)
    turn = np.where(colored & (turn == -180) & (hue_2 > hue_1), 180.0, turn)
    hue_difference = 2 * np.sqrt(chroma_1 * chroma_2) * np.sin(np.radians(turn) / 2)

    # Equations 12 to 14: means. Of hues on both sides of 0 the mean goes round through 0.
    lightness, chroma = (lightness_1 + lightness_2) / 2, (chroma_1 + chroma_2) / 2
    total = hue_1 + hue_2
    wraps = np.abs(hue_1 - hue_2) > 180
    hue = np.where(wraps, np.where(total < 360, total + 360, total - 360), total) / 2
    hue = np.where(colored, hue, total)

    # Equations 15 to 22: weights.
    weight_t = (
        1
        - 0.17 * np.cos(np.radians(hue - 30))
        + 0.24 * np.cos(np.radians(2 * hue))
        + 0.32 * np.cos(np.radians(3 * hue + 6))
        - 0.20 * np.cos(np.radians(4 * hue - 63))
    )
    rotation = 30 * np.exp(-np.square((hue - 275) / 25))
    scale_lightness = 1 + 0.015 * np.square(lightness - 50) / np.sqrt(20 + np.square(lightness - 50))
    scale_chroma = 1 + 0.045 * chroma
    scale_hue = 1 + 0.015 * chroma * weight_t
    blue = -np.sin(np.radians(2 * rotation)) * 2 * np.sqrt(chroma**7 / (chroma**7 + 25.0**7))
    by_lightness = (lightness_2 - lightness_1) / scale_lightness
    by_chroma = (chroma_2 - chroma_1) / scale_chroma
    by_hue = hue_difference / scale_hue
    squared = by_lightness**2 + by_chroma**2 + by_hue**2 + blue * by_chroma * by_hue
    return np.asarray(np.sqrt(np.maximum(squared, 0)))


def _observe_ciede2000(seen: Observation) -> np.ndarray:
    result, truth = given_images(seen)
    return np.array([ciede2000(lab_from_srgb(result), lab_from_srgb(truth)).mean()])


def _observe_ab(seen: Observation) -> np.ndarray:
    result, truth = (lab_from_srgb(image)[..., 1:].astype(np.float64) for image in given_images(seen))
    return np.array([np.hypot(*np.moveaxis(result - truth, -1, 0)).mean()])


FAMILY = {
    "ciede2000": Measure(
        label="ΔE2000",
        unit="",
        better="lower",
        tasks=frozenset({"colorization"}),
        needs=frozenset({"images"}),
        statement="CIEDE2000 (Sharma et al. 2005), the mean over pixels, then over pictures; L*a*b* under D65.",
        observe=_observe_ciede2000,
        summarize=mean,
        decimals=2,
    ),
    "ab-error": Measure(
        label="ab error",
        unit="",
        better="lower",
        tasks=frozenset({"colorization"}),
        needs=frozenset({"images"}),
        statement="Euclidean distance in the a*b* plane (CIE units), the mean over pixels, then over pictures.",
        observe=_observe_ab,
        summarize=mean,
        decimals=1,
    ),
}
