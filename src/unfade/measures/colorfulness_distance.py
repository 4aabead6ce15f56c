"""How far each result's colorfulness lies from its truth's."""

from __future__ import annotations

import numpy as np

from unfade.measures.colorfulness import observe_colorfulness
from unfade.measures.measure import Measure, Observation, mean


def _observe(seen: Observation) -> np.ndarray:
    result, truth = observe_colorfulness(seen)
    return np.array([abs(result - truth)])


MEASURE = Measure(
    label="colorfulness distance",
    unit="",
    better="lower",
    tasks=frozenset({"colorization"}),
    needs=frozenset({"images"}),
    statement="|colorfulness of the result - colorfulness of its truth|, the mean over pictures.",
    observe=_observe,
    summarize=mean,
    decimals=1,
)
