"""The photograph is framed as it is opened; and the picture proper is found: prints on a scanner's glass, an
album page or a table, and the picture within a print's borders. `unfade.frame` says how."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from unfade.errors import UsageError
from unfade.options import FARTHEST_PX, Mixed, option
from unfade.work import Outcome, Step

if TYPE_CHECKING:
    from unfade.files.photo import Photo
    from unfade.frame.framing import Opening
    from unfade.frame.prints import Found
    from unfade.models.card import Task
    from unfade.models.session import Sessions
    from unfade.work import Progress, Work

STEEPEST = 45  # degrees: more is a quarter turn and the rest


@dataclass(frozen=True)
class Frame(Step):
    """Frame the photograph, and find what is the picture in it.

    `corners`, or `crop`, then `straighten`, then `rotate` frame the photograph as it is opened: its size is
    then the frame's. The steps that follow look at the picture proper alone; lid, page, mount and borders
    around it stay as they are. A frame that was given, or found, is the picture. Where it is not sure what
    is, the whole is taken for the picture, and the record says so.
    """

    name = "frame"
    label = "Finding the picture"
    weight = 0.05
    place = 50
    prepares = True

    whole: bool = option(False, "Take the whole for the picture: do not look for prints on a scan and for borders.")
    crop: Literal["auto"] | tuple[int, int, int, int] | None = option(
        None,
        "Cut to this box of the photograph, in pixels; auto: to the picture on its lid or in its borders.",
        least=0,
        most=FARTHEST_PX,
        written="auto|X,Y,WIDTH,HEIGHT",
        form=Mixed(words=("auto",), count=4, is_whole=True, in_pixels=True),
        group="frame",
    )
    straighten: Literal["auto"] | float | None = option(
        None,
        "Turn by so many degrees clockwise, cut to what stays full; auto: set the print on it straight.",
        least=-STEEPEST,
        most=STEEPEST,
        written="auto|DEGREES",
        form=Mixed(words=("auto",)),
        group="frame",
    )
    rotate: Literal["auto"] | int | None = option(
        None,
        "Turn clockwise by a quarter, a half or three quarters; auto: until it is upright, if that is sure.",
        least=90,
        most=270,
        written="auto|90|180|270",
        form=Mixed(words=("auto",), is_whole=True, allowed=(90, 180, 270)),
        group="frame",
    )
    corners: tuple[tuple[float, float], ...] | None = option(
        None,
        "Make a rectangle of what lies between four corners, in pixels, clockwise from the top left.",
        least=-FARTHEST_PX,
        most=FARTHEST_PX,
        written="X1,Y1,X2,Y2,X3,Y3,X4,Y4",
        form=Mixed(count=8, pairs=True, in_pixels=True),
        group="frame",
    )

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.corners is not None and (self.crop is not None or self.straighten is not None):
            raise UsageError("corners say already what is cut out and how it is turned; leave crop and straighten out")
        if self.corners is not None and not _is_convex(self.corners):
            raise UsageError(f"corners must be those of a convex quadrilateral, clockwise from its top left, not {self.corners}")
        if isinstance(self.crop, tuple) and min(self.crop[2:]) < 1:
            raise UsageError(f"crop is {self.crop[2]:g}x{self.crop[3]:g} pixels; a box is at least one pixel wide and high")

    @property
    def is_wanted(self) -> bool:
        """Whether anything is to be cut, turned or looked for."""
        return not self.whole or self.frames

    @property
    def frames(self) -> bool:
        """Whether the photograph is to be cut or turned on opening."""
        return any(value is not None for value in (self.crop, self.straighten, self.rotate, self.corners))

    @property
    def opens(self) -> tuple[Task, ...]:
        """The model that tells which way is up, where it is asked."""
        return ("upright",) if self.rotate == "auto" else ()

    def opening(self, photo: Photo, sessions: Sessions) -> Opening | None:
        """How the photograph is framed on opening. Raises `UsageError` for a frame that it does not fill."""
        if not self.frames:
            return None
        from unfade.frame.framing import framed, set_upright

        turn = None if self.rotate == "auto" else self.rotate
        found = framed(photo, crop=self.crop, straighten=self.straighten, rotate=turn, corners=self.corners)
        return set_upright(found, photo, self.model(sessions)) if self.rotate == "auto" else found

    def run(self, work: Work, sessions: Sessions, progress: Progress) -> Outcome:
        """Find the pictures; the photograph and its mask stay as they are."""
        said, models = ((), ()) if work.opening is None else (work.opening.notes, work.opening.models)
        if work.opening is not None and work.opening.is_picture:
            return Outcome(work.photo, work.mask, "framed", models=models, facts={"prints": 1.0, "share": 1.0}, notes=said)
        if self.whole:
            return Outcome(work.photo, work.mask, "off", models=models, notes=said)
        from unfade.frame.prints import find_prints

        found = find_prints(work.photo)
        facts = {"prints": float(len(found.prints)), "share": found.share}
        if found.whole:
            note = "" if not found.doubt else f"not sure what is the picture: {found.doubt}; the whole was taken for it"
            notes = (*said, note) if note else said
            return Outcome(work.photo, work.mask, "not-sure" if note else "whole", models=models, facts=facts, notes=notes)
        notes = (*said, found.sentence)
        facts |= _corners(found)
        return Outcome(work.photo, work.mask, "found", models=models, facts=facts, notes=notes, pictures=found.pictures)


STEP = Frame


def _is_convex(corners: tuple[tuple[float, float], ...]) -> bool:
    """Whether the corners turn clockwise all round."""
    turns = zip(corners, corners[1:] + corners[:1], corners[2:] + corners[:2], strict=True)
    return all((b[0] - a[0]) * (c[1] - b[1]) > (b[1] - a[1]) * (c[0] - b[0]) for a, b, c in turns)


def _corners(found: Found) -> dict[str, float]:
    """Where each picture lies, as numbers by name: "1.x1", "1.y1" is the first picture's top left, then
    clockwise."""
    return {
        f"{number}.{axis}{corner}": round(float(value), 2)
        for number, picture in enumerate(found.pictures, 1)
        for corner, point in enumerate(picture, 1)
        for axis, value in zip("xy", point, strict=True)
    }
