"""The steps of a restoration, one file each: damage is found, what is lost is filled, ageing is cleaned, color is put in."""

from __future__ import annotations

from unfade.registry import Registry
from unfade.work import Step

STEPS: Registry[type[Step]] = Registry("unfade.steps", "STEP", "step")
"""Every step's class by its name."""
