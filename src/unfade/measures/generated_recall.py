"""Recall of generated pictures (Kynkäänniemi et al. 2019)."""

from __future__ import annotations

from unfade.measures.manifold import given_reference, observe_result, recall
from unfade.measures.measure import Measure, Rows


def _summarize(rows: Rows, reference: Rows | None) -> float:
    return recall(rows, given_reference(reference))


MEASURE = Measure(
    label="generated recall",
    unit="",
    better="higher",
    tasks=frozenset({"restoration", "colorization"}),
    needs=frozenset({"images", "features", "reference"}),
    statement="The share of other real pictures within the manifold of the results (k = 3; Kynkäänniemi et al. 2019): are all kinds there?",
    observe=observe_result,
    summarize=_summarize,
    resampling="jackknife",
)
