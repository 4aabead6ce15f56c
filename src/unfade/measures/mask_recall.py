"""Recall of the damage mask."""

from __future__ import annotations

from unfade.measures.detection import observe_detection, recall
from unfade.measures.measure import Measure, Rows


def _summarize(rows: Rows, reference: Rows | None) -> float:
    return recall(rows)


MEASURE = Measure(
    label="mask recall",
    unit="",
    better="higher",
    tasks=frozenset({"damage"}),
    needs=frozenset({"mask", "found"}),
    statement="The share of lost pixels within 2 px of a found one, over all pictures together; stains do not count as lost.",
    observe=observe_detection,
    summarize=_summarize,
)
