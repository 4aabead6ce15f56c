"""How good is it? Every figure with its N, its baseline and its interval.

Families of measures, one file each (`MEASURE` or `FAMILY`): psnr, ssim, color_difference, colorfulness,
histogram, feature_distance, fid, manifold (precision and recall of generated pictures), detection (masks of
damage). The rest of the package: `measure` (what a measure is), `features` (what a network sees, computed
elsewhere), `benches` (pictures whose truth is known), `baselines` (what anyone could do without us),
`resampling` (intervals), `evaluation` (all of it together), `report` (table, JSON, HTML).
"""

from __future__ import annotations

from unfade.measures.measure import Measure
from unfade.registry import Registry

MEASURES: Registry[Measure] = Registry("unfade.measures", "MEASURE", "measure")
