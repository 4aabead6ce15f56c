"""Precision of the damage mask."""

from __future__ import annotations

from unfade.measures.detection import observe_detection, precision
from unfade.measures.measure import Measure, Rows


def _summarize(rows: Rows, reference: Rows | None) -> float:
    return precision(rows)


MEASURE = Measure(
    label="mask precision",
    unit="",
    better="higher",
    tasks=frozenset({"damage"}),
    needs=frozenset({"mask", "found"}),
    statement="The share of found pixels within 2 px of a lost one, over all pictures together; stains do not count.",
    observe=observe_detection,
    summarize=_summarize,
)
