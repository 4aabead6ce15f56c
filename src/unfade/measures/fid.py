"""Fréchet distance between two sets of pictures (Heusel et al. 2017, arXiv:1706.08500)."""

from __future__ import annotations

import math

import numpy as np

from unfade.errors import DataError
from unfade.measures.measure import Measure, Observation, Rows

FEWEST = 2  # one picture has no spread


def frechet_distance(first: Rows, second: Rows) -> float:
    """The Fréchet distance of two sets of feature vectors (n, c) and (m, c), each taken as a Gaussian.

    |mean difference|² + tr(C1 + C2 - 2 (C1 C2)^½), C the covariances. Raises `DataError` for fewer than two
    vectors.

    >>> points = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0]])
    >>> round(frechet_distance(points, points + [3.0, 4.0]), 6)
    25.0

    With few pictures of many features C1 and C2 are singular, and a matrix square root of their product is
    unstable. The trace of that root is the sum of the singular values of X1 X2ᵀ, X the centred sets over (n -
    1)^½: exact, and only (n, m) large.
    """
    if min(len(first), len(second)) < FEWEST:
        raise DataError(f"FID compares two spreads and needs two pictures or more on each side; there are {len(first)} and {len(second)}")
    mean_first, mean_second = first.mean(axis=0), second.mean(axis=0)
    spread_first = (first - mean_first) / np.sqrt(len(first) - 1)
    spread_second = (second - mean_second) / np.sqrt(len(second) - 1)
    shared = np.linalg.svd(spread_first @ spread_second.T, compute_uv=False).sum()
    distance = np.square(mean_first - mean_second).sum() + np.square(spread_first).sum() + np.square(spread_second).sum() - 2 * shared
    return max(0.0, float(distance))


def _observe(seen: Observation) -> np.ndarray:
    if seen.result_features is None or seen.truth_features is None:
        raise ValueError("this measure needs features")
    return np.concatenate([seen.result_features.pooled, seen.truth_features.pooled]).astype(np.float64)


def _summarize(rows: Rows, reference: Rows | None) -> float:
    results, truths = np.split(rows, 2, axis=1)
    return frechet_distance(results, truths)


MEASURE = Measure(
    label="FID",
    unit="",
    better="lower",
    tasks=frozenset({"restoration", "colorization"}),
    needs=frozenset({"images", "features"}),
    statement="Fréchet distance (Heusel et al. 2017) between the pooled features of the results and of their truths. Biased upwards "
    "when N is small: compare within one bench only.",
    observe=_observe,
    summarize=_summarize,
    resampling="jackknife",
    within=(0.0, math.inf),
    fewest=FEWEST,
    decimals=1,
)
