"""Precision and recall of generated pictures: balls around feature vectors stand for the manifold.

Kynkäänniemi et al. 2019, arXiv:1904.06991.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from unfade.errors import DataError
from unfade.measures.measure import Measure, Observation, Rows, harmonic_mean

# The paper's k (section 3): each ball reaches to its centre's third neighbour.
NEIGHBOURS = 3


def _distances(first: Rows, second: Rows) -> np.ndarray:
    """Squared distances, which order as distances do."""
    return np.asarray(np.maximum(np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)[None, :] - 2 * first @ second.T, 0))


def coverage(points: Rows, manifold: Rows, *, neighbours: int = NEIGHBOURS) -> float:
    """The share of `points` (n, c) within the manifold that `manifold` (m, c) spans.

    A point is within it if it lies in the ball of some vector of `manifold`; the ball reaches to that
    vector's k-th neighbour.

    >>> line = np.array([[0.0], [1.0], [2.0], [3.0]])
    >>> coverage(np.array([[1.5], [9.0]]), line, neighbours=1)
    0.5

    Raises `DataError` if `manifold` has no k-th neighbour.
    """
    if len(manifold) <= neighbours:
        raise DataError(
            f"precision and recall of generated pictures look at the {neighbours} nearest neighbours and need {neighbours + 1} pictures; "
            f"there are {len(manifold)}"
        )
    among = _distances(manifold, manifold)
    np.fill_diagonal(among, 0)  # rounding leaves a trace there; the centre itself comes first in the order
    radii = np.partition(among, neighbours, axis=1)[:, neighbours]
    return float((_distances(points, manifold) <= radii[None, :]).any(axis=1).mean())


def precision(generated: Rows, real: Rows) -> float:
    """The share of generated pictures within the real ones' manifold: do they look real?"""
    return coverage(generated, real)


def recall(generated: Rows, real: Rows) -> float:
    """The share of real pictures within the generated ones' manifold: are all kinds there?"""
    return coverage(real, generated)


def _observe(seen: Observation) -> np.ndarray:
    """A result's pooled features, as one row."""
    if seen.result_features is None:
        raise ValueError("this measure needs features")
    return seen.result_features.pooled.astype(np.float64)


def _given(reference: Rows | None) -> Rows:
    """The reference; `ValueError` if the evaluation did not check the measure's needs."""
    if reference is None:
        raise ValueError("this measure needs the features of real pictures other than the truths")
    return reference


def _precision(rows: Rows, reference: Rows | None) -> float:
    return precision(rows, _given(reference))


def _recall(rows: Rows, reference: Rows | None) -> float:
    return recall(rows, _given(reference))


def _f1(rows: Rows, reference: Rows | None) -> float:
    return harmonic_mean(_precision(rows, reference), _recall(rows, reference))


def _measure(label: str, statement: str, summarize: Callable[[Rows, Rows | None], float]) -> Measure:
    return Measure(
        label=label,
        unit="",
        better="higher",
        tasks=frozenset({"restoration", "colorization"}),
        needs=frozenset({"images", "features", "reference"}),
        statement=statement,
        observe=_observe,
        summarize=summarize,
        resampling="jackknife",
        within=(0.0, 1.0),
        fewest=NEIGHBOURS + 1,
    )


_BY = f"(k = {NEIGHBOURS}; Kynkäänniemi et al. 2019)"
FAMILY = {
    "generated-precision": _measure(
        "generated precision", f"The share of results within the manifold of other real pictures {_BY}: do they look real?", _precision
    ),
    "generated-recall": _measure(
        "generated recall", f"The share of other real pictures within the manifold of the results {_BY}: are all kinds there?", _recall
    ),
    "generated-f1": _measure("generated F1", "The harmonic mean of generated precision and generated recall.", _f1),
}
