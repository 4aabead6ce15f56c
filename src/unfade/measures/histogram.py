"""Are the colors as often used as in truth? Histogram intersection in L*a*b*.

pix2pix: Isola et al. 2017, arXiv:1611.07004, table 5.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from unfade.color import lab_from_srgb
from unfade.measures.measure import Measure, Observation, Rows, given_images

BINS = 64
Axis = Literal["L", "a", "b"]
# Bins of 4 steps of 8-bit L*a*b* (L* of 100 / 255, a* and b* of 1), with bounds halfway between steps: gray
# lies inside a bin, not on its bound.
_LIGHTNESS_BOUNDS = (np.arange(BINS + 1) * 4 - 0.5) * 100 / 255
_CHROMA_BOUNDS = np.arange(BINS + 1) * 4 - 128.5
_BOUNDS: dict[Axis, np.ndarray] = {"L": _LIGHTNESS_BOUNDS, "a": _CHROMA_BOUNDS, "b": _CHROMA_BOUNDS}


def intersection(first: np.ndarray, second: np.ndarray) -> float:
    """The shared area of two histograms (bins,) after each is scaled to 1; in [0, 1], 1 = alike."""
    return float(np.minimum(first / first.sum(), second / second.sum()).sum())


def _histogram_measure(axis: Axis) -> Measure:
    """The measure for one axis of L*a*b*."""
    plane, bounds = "Lab".index(axis), _BOUNDS[axis]

    def observe(seen: Observation) -> np.ndarray:
        counts = []
        for image in given_images(seen):
            values = np.clip(lab_from_srgb(image)[..., plane], bounds[0], bounds[-1])
            counted = np.histogram(values, bounds)[0].astype(np.float64)
            counts.append(counted / values.size)  # each picture counts alike, whatever its size
        return np.concatenate(counts)

    def summarize(rows: Rows, reference: Rows | None) -> float:
        result, truth = np.split(rows.sum(axis=0), 2)
        return intersection(result, truth)

    return Measure(
        label=f"histogram {axis}",
        unit="",
        better="higher",
        tasks=frozenset({"colorization"}),
        needs=frozenset({"images"}),
        statement=f"Intersection of the results' and the truths' {axis}* histograms over all pictures (pix2pix, table 5), {BINS} bins.",
        observe=observe,
        summarize=summarize,
        decimals=2,
    )


FAMILY = {f"histogram-{axis.lower()}": _histogram_measure(axis) for axis in _BOUNDS}
