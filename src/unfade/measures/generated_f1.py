"""The harmonic mean of precision and recall of generated pictures."""

from __future__ import annotations

from unfade.measures.manifold import given_reference, observe_result, precision, recall
from unfade.measures.measure import Measure, Rows, harmonic_mean


def _summarize(rows: Rows, reference: Rows | None) -> float:
    real = given_reference(reference)
    return harmonic_mean(precision(rows, real), recall(rows, real))


MEASURE = Measure(
    label="generated F1",
    unit="",
    better="higher",
    tasks=frozenset({"restoration", "colorization"}),
    needs=frozenset({"images", "features", "reference"}),
    statement="The harmonic mean of generated precision and generated recall.",
    observe=observe_result,
    summarize=_summarize,
    resampling="jackknife",
)
