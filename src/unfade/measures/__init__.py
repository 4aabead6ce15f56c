"""How good is it? One measure, one file; every figure with its N, its baseline and its interval.

A module that offers `MEASURE` is a measure, and found by its file's name. The others: `measure` (what one is), `features` (what a network
sees, computed elsewhere), `benches` (pictures whose truth is known), `baselines` (what anyone could do without us), `resampling`
(intervals), `evaluation` (all of it together), `report` (table, JSON, HTML).
"""

from __future__ import annotations

from unfade.measures.measure import Measure
from unfade.registry import Registry

MEASURES: Registry[Measure] = Registry("unfade.measures", "MEASURE", "measure")
