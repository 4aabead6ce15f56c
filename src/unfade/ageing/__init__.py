"""Damage made on purpose: one file per kind; all chance in `draw`, none in the plan it gives; exact masks.

Structured damage (scratches, dust, losses, stains, ...) has a mask; unstructured ageing (fading, grain, blur,
...) is everywhere. The split, and training on pictures aged like this, follow Wan et al. 2020, "Bringing Old
Photos Back to Life", section 3.
"""

from __future__ import annotations

from unfade.ageing._plan import Effect, Kind, Plan
from unfade.ageing._press import halftone_print
from unfade.ageing._recipe import KINDS, PRESETS, Aged, Ageing, age, damage_only, masks
from unfade.ageing.textures import Textures

__all__ = ["KINDS", "PRESETS", "Aged", "Ageing", "Effect", "Kind", "Plan", "Textures", "age", "damage_only", "halftone_print", "masks"]
