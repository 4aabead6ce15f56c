"""The picture proper is found: prints on a scanner's glass, an album page or a table, and the picture within
a print's borders. `frame` says how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from unfade.options import option
from unfade.work import Outcome, Step

if TYPE_CHECKING:
    from unfade.frame.prints import Found
    from unfade.models.session import Sessions
    from unfade.work import Progress, Work


@dataclass(frozen=True)
class Frame(Step):
    """Find what is the picture. The steps that follow look at it alone; lid, page, mount and borders around
    it stay as they are.

    Where that is not sure, the whole is taken for the picture, and the record says so.
    """

    name = "frame"
    label = "Finding the picture"
    weight = 0.05
    place = 50
    prepares = True

    whole: bool = option(False, "Take the whole for the picture: do not look for prints on a scan and for borders.")

    @property
    def is_wanted(self) -> bool:
        """Whether anything is to be looked for."""
        return not self.whole

    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """Find the pictures; the photograph and its mask stay as they are."""
        if self.whole:
            return Outcome(work.photo, work.mask, "off")
        from unfade.frame.prints import find_prints

        found = find_prints(work.photo)
        facts = {"prints": float(len(found.prints)), "share": found.share}
        if found.whole:
            note = "" if not found.doubt else f"not sure what is the picture: {found.doubt}; the whole was taken for it"
            return Outcome(work.photo, work.mask, "not-sure" if note else "whole", facts=facts, notes=(note,) if note else ())
        return Outcome(work.photo, work.mask, "found", facts=facts | _corners(found), notes=(found.sentence,), pictures=found.pictures)


STEP = Frame


def _corners(found: Found) -> dict[str, float]:
    """Where each picture lies, as numbers by name: "1.x1", "1.y1" is the first picture's top left, then
    clockwise."""
    return {
        f"{number}.{axis}{corner}": round(float(value), 2)
        for number, picture in enumerate(found.pictures, 1)
        for corner, point in enumerate(picture, 1)
        for axis, value in zip("xy", point, strict=True)
    }
