"""The options of a restoration, for type checkers and editors. Written by docs/generate.py: `make docs`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, TypedDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from unfade.steps.colorize import Guide, Hint
    from unfade.steps.fill import Heal


class FrameOptions(TypedDict, total=False):
    """Of the step frame."""

    whole: bool
    """Take the whole for the picture: do not look for prints on a scan and for borders."""
    crop: Literal["auto"] | tuple[int, int, int, int] | None
    """Cut to this box of the photograph, in pixels; auto: to the picture on its lid or in its borders."""
    straighten: Literal["auto"] | float | None
    """Turn by so many degrees clockwise, cut to what stays full; auto: set the print on it straight."""
    rotate: Literal["auto"] | Literal[90, 180, 270] | None
    """Turn clockwise by a quarter, a half or three quarters; auto: until it is upright, if that is sure."""
    corners: Sequence[tuple[float, float]] | None
    """Make a rectangle of what lies between four corners, in pixels, clockwise from the top left."""


class DamageOptions(TypedDict, total=False):
    """Of the step damage."""

    sensitivity: float
    """How readily something is taken for damage."""
    largest_dust_px: int | None
    """Mark dust and specks only: leave alone what is larger than this many pixels, on its longer side."""


class FillOptions(TypedDict, total=False):
    """Of the step fill."""

    heals: Sequence[Heal]
    """Take what is lost under a stroke from DX, DY pixels away; RADIUS 0: what the points enclose."""


class CleanOptions(TypedDict, total=False):
    """Of the step clean."""

    clean: float
    """How far fading, yellowing, grain and blur are undone; 0: not at all."""
    force_clean: bool
    """Clean a photograph that seems sound, too."""
    lightness: float
    """Darker below 0, lighter above, on top of the cleaning."""
    contrast: float
    """Softer below 0, harder above, on top of the cleaning."""
    warmth: float
    """Colder below 0, warmer above, on top of the cleaning."""


class ColorizeOptions(TypedDict, total=False):
    """Of the step colorize."""

    strength: float
    """How much of the guessed color is put in."""
    saturation: float
    """Paler below 1, stronger above."""
    liveliness: float
    """From safe (0) to vivid (1) choices of color."""
    suggestion: int
    """Another guess: 0 is the likeliest, 1 to 5 give what may have any color another one."""
    hints: Sequence[Hint]
    """A color that is known, in a disc around a point, in pixels of the photograph."""
    guides: Sequence[Guide]
    """A color of another photograph, as `like` finds it: L*, a* and b* as guessed, a* and b* as it is."""
    force: bool
    """Color a photograph anew that is in color already."""


class TreatmentOptions(FrameOptions, DamageOptions, FillOptions, CleanOptions, ColorizeOptions, total=False):
    """Every option, and the switches of the steps."""

    fill: bool
    """Find scratches, tears, stains and holes (or take a mask), and make whole what was lost."""
    colorize: bool
    """Put color in."""
