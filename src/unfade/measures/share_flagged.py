"""How much of a sound photograph is taken for damage."""

from __future__ import annotations

import numpy as np

from unfade.measures.measure import Measure, Observation, mean


def _observe(seen: Observation) -> np.ndarray:
    if seen.found is None:
        raise ValueError("this measure needs what was found")
    return np.array([seen.found.mean() * 100])


MEASURE = Measure(
    label="flagged",
    unit="%",
    better="lower",
    tasks=frozenset({"harm"}),
    needs=frozenset({"found"}),
    statement="Pixels of sound photographs taken for damage, per cent, the mean over pictures.",
    observe=_observe,
    summarize=mean,
)
