"""The steps of a restoration, one file each: damage is found, what is lost is filled, ageing is cleaned,
color is put in.

A step's file says what it is: its options, its label, its place. It is quick to import. How the step works
lies beside it, in modules that begin with an underscore and are imported when it runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from unfade.registry import Registry

if TYPE_CHECKING:
    from unfade.work import Step

STEPS: Registry[type[Step]] = Registry("unfade.steps", "STEP", "step")
"""Every step's class by its name."""
