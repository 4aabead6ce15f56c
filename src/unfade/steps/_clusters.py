"""What is alike is put together: k-means that is the same each time."""

from __future__ import annotations

import numpy as np

from unfade.arrays import Float32

ROUNDS = 10  # it hardly moves after that


def clustered(features: Float32[np.ndarray, "n f"], count: int) -> tuple[Float32[np.ndarray, "n k"], Float32[np.ndarray, "k f"]]:
    """Membership (n, k) of the rows of `features` (n, f), 0 or 1, and the clusters' centers (k, f). k is
    `count`, or n if that is less; a cluster may be empty.

    It starts from the row farthest from the mean, and goes on to that which is farthest from those before.
    """
    centers = [features[squares(features, features.mean(axis=0)).argmax()]]
    nearest = squares(features, centers[0])
    while len(centers) < min(count, len(features)):
        centers.append(features[nearest.argmax()])
        nearest = np.minimum(nearest, squares(features, centers[-1]))
    middle = np.array(centers)
    for _ in range(ROUNDS):
        label = ((middle**2).sum(axis=1) - 2 * features @ middle.T).argmin(axis=1)
        parts = np.eye(len(middle), dtype=np.float32)[label]
        middle = (parts.T @ features) / np.maximum(parts.sum(axis=0), 1)[:, None]
    return parts, middle


def squares(these: np.ndarray, those: np.ndarray) -> np.ndarray:
    """Squared distances along the last axis."""
    found: np.ndarray = ((these - those) ** 2).sum(axis=-1)
    return found
