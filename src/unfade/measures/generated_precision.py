"""Precision of generated pictures (Kynkäänniemi et al. 2019)."""

from __future__ import annotations

from unfade.measures.manifold import given_reference, observe_result, precision
from unfade.measures.measure import Measure, Rows


def _summarize(rows: Rows, reference: Rows | None) -> float:
    return precision(rows, given_reference(reference))


MEASURE = Measure(
    label="generated precision",
    unit="",
    better="higher",
    tasks=frozenset({"restoration", "colorization"}),
    needs=frozenset({"images", "features", "reference"}),
    statement="The share of results within the manifold of other real pictures (k = 3; Kynkäänniemi et al. 2019): do they look real?",
    observe=observe_result,
    summarize=_summarize,
    resampling="jackknife",
)
