"""How figures are written: with the measure's decimals, its extractor, its interval and its sign."""

from __future__ import annotations

import math

from unfade.measures.evaluation import Difference, Evaluation
from unfade.measures.measure import Measure
from unfade.measures.resampling import Interval


def heading(evaluation: Evaluation) -> str:
    """What was measured on what, in one line; it belongs beside every figure."""
    extractor = "" if evaluation.extractor is None else f"; features {evaluation.extractor}"
    reference = f"; reference N {evaluation.reference_n}" if evaluation.reference_n else ""
    return f"{evaluation.task} on {evaluation.bench}, N {evaluation.n}, {evaluation.sizes}{extractor}{reference}; {evaluation.setting}"


def label(evaluation: Evaluation, measure: Measure) -> str:
    """A measure's name with its extractor, since a FID without one means nothing: `FID-lite0`."""
    seen_by = evaluation.extractor if "features" in measure.needs else evaluation.perceptual if "perceptual" in measure.needs else None
    named = measure.label if seen_by is None else f"{measure.label}-{seen_by}"
    return named + (f", {measure.unit}" if measure.unit else "") + {"higher": " ↑", "lower": " ↓", "one": " →1"}[measure.better]


def figure(measure: Measure, value: float) -> str:
    """A value with the measure's decimals; a dash where there was nothing to measure."""
    return "–" if math.isnan(value) else f"{value:.{measure.decimals}f}"


def span(measure: Measure, interval: Interval | None) -> str:
    """A 95 % interval; empty where there are too few pictures for one."""
    return "" if interval is None else f"[{figure(measure, interval[0])}, {figure(measure, interval[1])}]"


def signed(measure: Measure, difference: Difference) -> str:
    """A difference with its sign; a star where its interval leaves out zero."""
    if math.isnan(difference.value):
        return "–"
    certain = difference.interval is not None and (difference.interval[0] > 0 or difference.interval[1] < 0)
    return f"{difference.value:+.{measure.decimals}f}{'*' if certain else ''}"
