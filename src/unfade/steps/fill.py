"""What is lost is made again, under the mask only.

`_painting` says how, `_bleeding` what lies beside the mask, `_lattice` what a network leaves, `_grain` how
fine it must be, `_texture` what a wide fill gets.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Self

from unfade.errors import UsageError
from unfade.options import FARTHEST_PX, Switch, option, require_range
from unfade.steps._needs import require_mask
from unfade.work import Outcome, Step

if TYPE_CHECKING:
    from unfade.brush import Stroke
    from unfade.frame.framing import Opening
    from unfade.models.card import Task
    from unfade.models.session import Sessions
    from unfade.work import Progress, Work


_WRITTEN = re.compile(r"((?:[\d.]+,[\d.]+;?)+):([\d.]+):([+-]?[\d.]+),([+-]?[\d.]+)")


@dataclass(frozen=True)
class Heal:
    """What is lost under a stroke is taken from another place, `dx` pixels to the right of it and `dy` down.

    The stroke is a round brush of `radius_px` along `points`, each (x, y) in pixels of the photograph; with
    `radius_px` 0, what `points` enclose.
    """

    points: tuple[tuple[float, float], ...]
    radius_px: float
    dx: float
    dy: float

    def __post_init__(self) -> None:
        points = tuple((float(x), float(y)) for x, y in self.points)
        if len(points) < (1 if self.radius_px else 3):
            raise UsageError(f"a heal needs a point, and one that encloses an area three, not {len(points)}")
        if not all(math.isfinite(place) for point in points for place in point):
            raise UsageError("a heal's points must be numbers")
        require_range("a heal's radius_px", self.radius_px, 0, FARTHEST_PX)
        for name, value in (("dx", self.dx), ("dy", self.dy), *(("place", place) for point in points for place in point)):
            require_range(f"a heal's {name}", value, -FARTHEST_PX, FARTHEST_PX)
        object.__setattr__(self, "points", points)

    @property
    def stroke(self) -> Stroke:
        """What is painted, without where from."""
        return {"kind": "brush" if self.radius_px else "area", "radius_px": self.radius_px, "points": list(self.points)}

    @classmethod
    def parse(cls, text: str) -> Self:
        """A heal as it is written on the command line. Raises `UsageError`.

        >>> Heal.parse("40,30;60,32:8:120,-4")
        Heal(points=((40.0, 30.0), (60.0, 32.0)), radius_px=8.0, dx=120.0, dy=-4.0)
        """
        found = _WRITTEN.fullmatch(text.replace(" ", ""))
        try:
            if found is None:
                raise ValueError
            x_and_y = [point.split(",") for point in found[1].strip(";").split(";")]
            return cls(tuple((float(x), float(y)) for x, y in x_and_y), *(float(found[part]) for part in (2, 3, 4)))
        except ValueError:
            raise UsageError(f"a heal is written X,Y;X,Y:RADIUS:DX,DY, such as 40,30;60,32:8:120,0, not {text!r}") from None

    def scaled(self, factor: float) -> Self:
        """The heal on a copy of the photograph that is `factor` times as large."""
        points = tuple((x * factor, y * factor) for x, y in self.points)
        return replace(self, points=points, radius_px=self.radius_px * factor, dx=self.dx * factor, dy=self.dy * factor)

    def reaches(self, width: int, height: int) -> bool:
        """Whether any of it may lie on a photograph of this size."""
        xs, ys = zip(*self.points, strict=True)
        reach = self.radius_px + 1
        return bool(min(xs) - reach < width and max(xs) + reach >= 0 and min(ys) - reach < height and max(ys) + reach >= 0)

    def moved(self, x: float, y: float) -> Self:
        """The heal in a photograph whose first pixel is this one's at (-`x`, -`y`)."""
        return replace(self, points=tuple((left + x, top + y) for left, top in self.points))


@dataclass(frozen=True)
class Fill(Step):
    """Paint what the mask says is lost. Every sample outside the mask comes back bit for bit; with nothing
    lost no model is opened. `heals`: places of it that are taken from elsewhere in the photograph."""

    name = "fill"
    label = "Filling"
    weight = 0.25
    place = 200
    switch = Switch("fill", True, "Find scratches, tears, stains and holes (or take a mask), and make whole what was lost.")
    needs_mask = True

    heals: tuple[Heal, ...] = option(
        (),
        "Take what is lost under a stroke from DX, DY pixels away; RADIUS 0: what the points enclose.",
        written="X,Y;X,Y:RADIUS:DX,DY",
    )

    @property
    def opens(self) -> tuple[Task, ...]:
        """The fill model, and that of faces, which get no texture."""
        return ("fill", "faces")

    @property
    def places(self) -> tuple[tuple[float, float], ...]:
        """Where the heals' strokes begin."""
        return tuple(heal.points[0] for heal in self.heals)

    def placed(self, left: int, top: int, width: int, height: int) -> Self:
        """With the heals that reach into the part, moved into it; what of them lies outside has no effect."""
        moved = [heal.moved(-left, -top) for heal in self.heals]
        return replace(self, heals=tuple(heal for heal in moved if heal.reaches(width, height)))

    def framed(self, opening: Opening) -> Self:
        """With the heals moved into the frame."""
        heals = []
        for heal in self.heals:
            moved = [opening.moved(x, y) for x, y in heal.points]
            x, y = heal.points[0]
            from_x, from_y, scale = opening.moved(x + heal.dx, y + heal.dy)
            dx, dy = from_x - moved[0][0], from_y - moved[0][1]
            heals.append(replace(heal, points=tuple((x, y) for x, y, _ in moved), radius_px=heal.radius_px * scale, dx=dx, dy=dy))
        return replace(self, heals=tuple(heals))

    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """Fill the work's mask. Raises `UsageError` if there is none of the photograph's size, `ModelError`
        if the model cannot be used."""
        mask = require_mask(work, self.name)
        if not mask.any():
            return Outcome(work.photo, mask, "nothing-lost", notes=("nothing is lost; nothing was filled",))
        if mask.all():
            note = "the whole photograph is marked as lost; there is nothing to fill it from"
            return Outcome(work.photo, mask, "all-lost", notes=(note,))
        from unfade import tiles
        from unfade.faces import look_unless, touched
        from unfade.steps._painting import fill, is_neutral
        from unfade.steps._texture import add_texture

        session = self.model(sessions)
        photo = fill(work.photo, mask, session, progress)
        faces, finders = look_unless(work.faces, work.photo, sessions)
        facts, notes = _of_faces(touched(faces, mask))
        photo = add_texture(photo, mask, faces)
        if self.heals:
            from unfade.steps._healing import heal

            photo, healed = heal(photo, mask, self.heals, neutral=is_neutral(work.photo, mask))
            facts["healed"] = float(sum(healed))
            if without := healed.count(0):
                said = f"{without} of {len(healed)} heals took nothing: what they cover is not marked, or their source lies outside"
                notes = (*notes, said)
        changed = tiles.count_changed(work.photo.samples, photo.samples)
        return Outcome(photo, mask, "filled", changed, (session.use, *finders), facts, notes, faces=faces if finders else None)


def _of_faces(count: int) -> tuple[dict[str, float], tuple[str, ...]]:
    """What is told of repairs that touch so many faces."""
    if not count:
        return {}, ()
    said = "a repair touches a face: look at it" if count == 1 else f"repairs touch {count} faces: look at them"
    return {"faces_touched": float(count)}, (said,)


STEP = Fill
