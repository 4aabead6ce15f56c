"""Intersection over union of the damage mask."""

from __future__ import annotations

from unfade.measures.detection import intersection_over_union, observe_detection
from unfade.measures.measure import Measure, Rows


def _summarize(rows: Rows, reference: Rows | None) -> float:
    return intersection_over_union(rows)


MEASURE = Measure(
    label="mask IoU",
    unit="",
    better="higher",
    tasks=frozenset({"damage"}),
    needs=frozenset({"mask", "found"}),
    statement="Pixels in both masks over pixels in either, without tolerance, over all pictures together; stains do not count.",
    observe=observe_detection,
    summarize=_summarize,
)
