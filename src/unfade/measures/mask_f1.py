"""The harmonic mean of precision and recall of the damage mask."""

from __future__ import annotations

from unfade.measures.detection import observe_detection, precision, recall
from unfade.measures.measure import Measure, Rows, harmonic_mean


def _summarize(rows: Rows, reference: Rows | None) -> float:
    return harmonic_mean(precision(rows), recall(rows))


MEASURE = Measure(
    label="mask F1",
    unit="",
    better="higher",
    tasks=frozenset({"damage"}),
    needs=frozenset({"mask", "found"}),
    statement="The harmonic mean of mask precision and mask recall.",
    observe=observe_detection,
    summarize=_summarize,
)
