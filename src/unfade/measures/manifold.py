"""Improved precision and recall of generated pictures (Kynkäänniemi et al. 2019, arXiv:1904.06991): balls around feature vectors as the
manifold."""

from __future__ import annotations

import numpy as np

from unfade.errors import DataError
from unfade.measures.measure import Observation, Rows

# The paper's k (section 3): each ball reaches to its centre's third neighbour.
NEIGHBOURS = 3


def _distances(first: Rows, second: Rows) -> np.ndarray:
    """Squared distances, which order as distances do."""
    return np.asarray(np.maximum(np.square(first).sum(axis=1)[:, None] + np.square(second).sum(axis=1)[None, :] - 2 * first @ second.T, 0))


def coverage(points: Rows, manifold: Rows, *, neighbours: int = NEIGHBOURS) -> float:
    """The share of `points` (n, c) within the manifold that `manifold` (m, c) spans: within some ball that reaches to its centre's k-th
    neighbour.

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
    """How much of what is generated looks real: the share of generated pictures within the real ones' manifold."""
    return coverage(generated, real)


def recall(generated: Rows, real: Rows) -> float:
    """How much of what is real can be generated: the share of real pictures within the generated ones' manifold."""
    return coverage(real, generated)


def observe_result(seen: Observation) -> np.ndarray:
    """A result's pooled features, as one row."""
    if seen.result_features is None:
        raise ValueError("this measure needs features")
    return seen.result_features.pooled.astype(np.float64)


def given_reference(reference: Rows | None) -> Rows:
    """The reference; `ValueError` if the evaluation did not check the measure's needs."""
    if reference is None:
        raise ValueError("this measure needs the features of real pictures other than the truths")
    return reference
