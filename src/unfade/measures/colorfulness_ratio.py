"""The results' colorfulness as a share of the truths'."""

from __future__ import annotations

from unfade.measures.colorfulness import observe_colorfulness
from unfade.measures.measure import Measure, Rows


def _summarize(rows: Rows, reference: Rows | None) -> float:
    result, truth = rows.mean(axis=0)
    return float(result / truth) if truth > 0 else float("nan")


MEASURE = Measure(
    label="colorfulness ratio",
    unit="",
    better="one",
    tasks=frozenset({"colorization"}),
    needs=frozenset({"images"}),
    statement="The mean colorfulness of the results over that of the truths: 1 = as colorful as the truth, 0 = gray.",
    observe=observe_colorfulness,
    summarize=_summarize,
    decimals=2,
)
