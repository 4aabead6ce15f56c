"""Chroma is evened where the lightness is flat: a flat place has one color."""

from __future__ import annotations

import numpy as np

from unfade.arrays import Float32, Plane

# Chroma is evened over this share of the short side, where L* / 100 does not step by more than this. Of 60
# color photographs: PSNR 22.68 -> 22.70 dB, the chroma's deviation in flat places 1.49 -> 1.14, the
# colorfulness 37.6 -> 37.3 of 41.4.
EVEN_SHARE = 1 / 12
EVEN_STEP = 0.02
EVEN_ROUNDS = 3


def evened(planes: Float32[np.ndarray, "h w c"], lightness: Plane) -> Float32[np.ndarray, "h w c"]:
    """`planes` (h, w, c), such as chroma, without blotches where `lightness` (h, w), L* / 100, is flat.

    The recursive filter in the transformed domain (Gastal and Oliveira 2011, doi:10.1145/2010324.1964964),
    guided by lightness: what is smoothed over ends at a step of lightness.
    """
    even = planes.copy()
    reach = EVEN_SHARE * min(lightness.shape)
    down, across = (1 + reach / EVEN_STEP * np.abs(np.diff(lightness, axis=axis))[:, :, None] for axis in (0, 1))
    for number in range(EVEN_ROUNDS):
        spread = reach * 3**0.5 * 2 ** (EVEN_ROUNDS - number - 1) / (4**EVEN_ROUNDS - 1) ** 0.5
        kept = np.float32(np.exp(-(2**0.5) / spread))
        along, below = kept**across, kept**down
        for column in range(1, even.shape[1]):
            even[:, column] += along[:, column - 1] * (even[:, column - 1] - even[:, column])
        for column in range(even.shape[1] - 2, -1, -1):
            even[:, column] += along[:, column] * (even[:, column + 1] - even[:, column])
        for row in range(1, len(even)):
            even[row] += below[row - 1] * (even[row - 1] - even[row])
        for row in range(len(even) - 2, -1, -1):
            even[row] += below[row] * (even[row + 1] - even[row])
    return even
