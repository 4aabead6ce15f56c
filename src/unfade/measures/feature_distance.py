"""How different two pictures look to a network: LPIPS without its learned weights.

Zhang et al. 2018, section 3, arXiv:1801.03924.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from unfade.measures.measure import Measure, Observation, mean

_TINY = 1e-10


def feature_distance(first: Sequence[np.ndarray], second: Sequence[np.ndarray]) -> float:
    """The squared distance between unit feature vectors, the mean over places, then over layers.

    0 = alike, at most 4.

    Both are layers' maps, each (c, h, w), layer by layer of one shape. With unit vectors the squared distance
    is 2 (1 - cosine).
    """
    layers = []
    for one, other in zip(first, second, strict=True):
        unit_one = one / (np.linalg.norm(one, axis=0, keepdims=True) + _TINY)
        unit_other = other / (np.linalg.norm(other, axis=0, keepdims=True) + _TINY)
        layers.append(float(np.square(unit_one - unit_other).sum(axis=0).mean()))
    return float(np.mean(layers))


def _observe(seen: Observation) -> np.ndarray:
    if seen.result_features is None or seen.truth_features is None:
        raise ValueError("this measure needs features")
    if not seen.result_features.maps:  # an extractor that gives pooled features only
        return np.array([np.nan])
    return np.array([feature_distance(seen.result_features.maps, seen.truth_features.maps)])


def _observe_st_lpips(seen: Observation) -> np.ndarray:
    if seen.result_perceptual is None or seen.truth_perceptual is None:
        raise ValueError("this measure needs what a network taught on people's judgements sees")
    pairs = zip(seen.result_perceptual.maps, seen.truth_perceptual.maps, strict=True)
    return np.array([sum(float(np.square(one - other).sum(axis=0).mean()) for one, other in pairs)])


FAMILY = {
    "feature-distance": Measure(
        label="feature distance",
        unit="",
        better="lower",
        tasks=frozenset({"restoration", "colorization"}),
        needs=frozenset({"images", "features"}),
        statement="Squared distance of unit feature vectors, the mean over places, layers and pictures: LPIPS (Zhang et al. 2018) "
        "without its learned weights, so not comparable with published LPIPS.",
        observe=_observe,
        summarize=mean,
    ),
    "st-lpips": Measure(
        label="ST-LPIPS",
        unit="",
        better="lower",
        tasks=frozenset({"restoration", "colorization"}),
        needs=frozenset({"images", "perceptual"}),
        statement="Shift-tolerant LPIPS (Ghildyal and Liu 2022), lin-weighted, the mean over pictures. Not LPIPS itself.",
        observe=_observe_st_lpips,
        summarize=mean,
    ),
}
