"""Color is put into a gray or toned photograph; its L* is kept. `_chroma` says how."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from unfade.errors import UsageError
from unfade.options import FARTHEST_PX, Switch, option, require_range
from unfade.work import Outcome, Step

if TYPE_CHECKING:
    from unfade.files.photo import Photo
    from unfade.frame.framing import Opening
    from unfade.models.card import Task
    from unfade.models.session import Sessions
    from unfade.work import Progress, Work

_WRITTEN = re.compile(r"([\d.]+),([\d.]+),([\d.]+),#([0-9a-fA-F]{6})")


@dataclass(frozen=True)
class Hint:
    """A color that is known: `color` (sRGB, each in [0, 1]) in a disc of `radius_px` around (`x`, `y`), in
    pixels of the photograph as it came, before it was framed."""

    x: float
    y: float
    radius_px: float
    color: tuple[float, float, float]

    def __post_init__(self) -> None:
        if len(self.color) != 3:
            raise UsageError(f"a hint's color has three parts, red, green and blue, not {len(self.color)}")
        for name, value in zip(("red", "green", "blue"), self.color, strict=True):
            require_range(f"a hint's {name}", value, 0, 1)
        for name, value in (("x", self.x), ("y", self.y), ("radius_px", self.radius_px)):
            require_range(f"a hint's {name}", value, None, FARTHEST_PX)
        if not self.radius_px > 0:
            raise UsageError(f"a hint's radius_px must be above 0, not {self.radius_px:g}")

    @classmethod
    def parse(cls, text: str) -> Self:
        """A hint as it is written on the command line. Raises `UsageError`.

        >>> Hint.parse("120,80,12.5,#3366cc")
        Hint(x=120.0, y=80.0, radius_px=12.5, color=(0.2, 0.4, 0.8))
        """
        found = _WRITTEN.fullmatch(text.replace(" ", ""))
        try:
            if found is None:
                raise ValueError
            x, y, radius_px = (float(found[part]) for part in (1, 2, 3))
        except ValueError:
            raise UsageError(f"a hint is written X,Y,RADIUS,#RRGGBB, such as 120,80,12,#3366cc, not {text!r}") from None
        red, green, blue = (int(found[4][at : at + 2], 16) / 255 for at in (0, 2, 4))
        return cls(x, y, radius_px, (red, green, blue))

    def scaled(self, factor: float) -> Self:
        """The hint on a copy of the photograph that is `factor` times as large."""
        return replace(self, x=self.x * factor, y=self.y * factor, radius_px=self.radius_px * factor)


@dataclass(frozen=True)
class Guide:
    """A color of another photograph: at `lightness` (L*), where the model guesses `guess` (a*, b*), it has
    `color` (a*, b*). `share`: of that photograph, in [0, 1]."""

    lightness: float
    guess: tuple[float, float]
    color: tuple[float, float]
    share: float

    def __post_init__(self) -> None:
        require_range("a guide's lightness", self.lightness, 0, 100)
        require_range("a guide's share", self.share, 0, 1)
        for name, pair in (("guess", self.guess), ("color", self.color)):
            if len(pair) != 2:
                raise UsageError(f"a guide's {name} has two parts, a* and b*, not {len(pair)}")
            for part in pair:
                require_range(f"a guide's {name}", part, -200, 200)

    @classmethod
    def parse(cls, text: str) -> Self:
        """A guide as it is written on the command line. Raises `UsageError`.

        >>> Guide.parse("40,6,-4,30,18,0.1")
        Guide(lightness=40.0, guess=(6.0, -4.0), color=(30.0, 18.0), share=0.1)
        """
        try:
            lightness, a, b, its_a, its_b, share = (float(part) for part in text.split(","))
        except ValueError:
            raise UsageError(f"a guide is written L,A,B,A,B,SHARE, such as 40,6,-4,30,18,0.1, not {text!r}") from None
        return cls(lightness, (a, b), (its_a, its_b), share)

    def scaled(self, factor: float) -> Self:
        """The guide itself: it has no place."""
        return self


@dataclass(frozen=True)
class Colorize(Step):
    """Put color into a gray or toned photograph.

    `strength`: from the photograph as it is (0) to colored (1). `saturation`: the factor on chroma.
    `liveliness`: from safe (0) to vivid (1) choices of the model. `suggestion`: 0 is the likeliest; each of
    the others gives the things whose color is open another one. `hints`: colors that are known; later ones
    lie on top. `guides`: colors of another photograph, which this one is to be like. `force`: color a color
    photograph anew, from its gray.
    """

    name = "colorize"
    label = "Coloring"
    weight = 0.1
    place = 500
    switch = Switch("colorize", False, "Put color in.")

    strength: float = option(1.0, "How much of the guessed color is put in.", least=0, most=1)
    saturation: float = option(1.0, "Paler below 1, stronger above.", least=0, most=2)
    liveliness: float = option(0.5, "From safe (0) to vivid (1) choices of color.", least=0, most=1)
    suggestion: int = option(0, "Another guess: 0 is the likeliest, 1 to 5 give what may have any color another one.", least=0, most=5)
    hints: tuple[Hint, ...] = option(
        (), "A color that is known, in a disc around a point, in pixels of the photograph.", written="X,Y,RADIUS,#RRGGBB"
    )
    guides: tuple[Guide, ...] = option(
        (),
        "A color of another photograph, as `like` finds it: L*, a* and b* as guessed, a* and b* as it is.",
        written="L,A,B,A,B,SHARE",
    )
    force: bool = option(False, "Color a photograph anew that is in color already.")

    @property
    def opens(self) -> tuple[Task, ...]:
        """The colorize model."""
        return ("colorize",)

    def check_on(self, photo: Photo) -> None:
        """Raise `UsageError` for a hint outside the photograph."""
        for hint in self.hints:
            if not (0 <= hint.x < photo.width and 0 <= hint.y < photo.height):
                size = f"{photo.width}x{photo.height}"
                raise UsageError(f"the hint at {hint.x:g}, {hint.y:g} lies outside {photo.name}, which is {size} pixels")

    @property
    def places(self) -> tuple[tuple[float, float], ...]:
        """Where the hints are."""
        return tuple((hint.x, hint.y) for hint in self.hints)

    def placed(self, left: int, top: int, width: int, height: int) -> Self:
        """With the hints that lie in the part, moved into it."""
        moved = [replace(hint, x=hint.x - left, y=hint.y - top) for hint in self.hints]
        return replace(self, hints=tuple(hint for hint in moved if 0 <= hint.x < width and 0 <= hint.y < height))

    def framed(self, opening: Opening) -> Self:
        """With the hints that lie in the frame, moved into it."""
        (width, height), hints = opening.size, []
        for hint in self.hints:
            if not (0 <= hint.x < opening.width and 0 <= hint.y < opening.height):
                raise UsageError(
                    f"the hint at {hint.x:g}, {hint.y:g} lies outside the photograph of {opening.width}x{opening.height} pixels"
                )
            x, y, scale = opening.moved(hint.x, hint.y)
            hints.append(replace(hint, x=x, y=y, radius_px=hint.radius_px * scale))
        inside = [hint for hint in hints if -0.5 <= hint.x < width - 0.5 and -0.5 <= hint.y < height - 0.5]
        kept = [replace(hint, x=min(max(hint.x, 0.0), width - 1.0), y=min(max(hint.y, 0.0), height - 1.0)) for hint in inside]
        return replace(self, hints=tuple(kept))

    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """Color the work's photograph. Raises `ModelError` if the model cannot be used."""
        from unfade.monochrome import measure_colors
        from unfade.steps._chroma import colorize, has_suggestions

        photo = work.photo
        if self.strength == 0:
            return Outcome(photo, work.mask, "off", notes=("strength 0: nothing was colored",))
        colors = measure_colors(photo, work.mask)
        facts = {"spread": colors.spread, "tint": colors.tint}
        if colors.is_color and not self.force:
            note = (
                f"it is a color photograph (its chroma strays from any one tone by {colors.spread:.1f} and, in another hue, by up to "
                f"{colors.tint:.1f}); nothing was colored: force it to color it anew"
            )
            return Outcome(photo, work.mask, "already-color", facts=facts, notes=(note,))
        session = self.model(sessions)
        notes: tuple[str, ...] = ()
        if self.suggestion and not has_suggestions(session):
            notes = (f"{session.card.name} has one guess for a photograph: suggestion {self.suggestion} is the same as 0",)
        colored, changed = colorize(photo, self, session, progress)
        return Outcome(colored, work.mask, "colored", changed, (session.use,), facts, notes)


STEP = Colorize
