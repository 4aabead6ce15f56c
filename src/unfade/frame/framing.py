"""What was asked of a photograph's frame becomes four corners and a turn, applied once, as it is opened."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import cv2
import numpy as np

from unfade.errors import UsageError
from unfade.files.photo import Photo
from unfade.frame import quads
from unfade.frame.geometry import Frame, straight_box
from unfade.frame.prints import Found, find_prints
from unfade.frame.upright import which_way

if TYPE_CHECKING:
    from unfade.models.session import Session
    from unfade.record import ModelUse

OUTSIDE_PX = 1.0  # how far a corner may lie beyond the photograph: what rounding makes
STRAIGHT_DEGREES = 0.05  # a print that is turned by less lies straight


@dataclass(frozen=True, eq=False)
class Opening:
    """How a photograph of `width` by `height` pixels was framed as it was opened.

    `notes` say what was decided, and what could not be. `is_picture`: the frame is the picture proper, so
    that none is looked for in it. `models` took part.
    """

    frame: Frame
    width: int
    height: int
    notes: tuple[str, ...] = ()
    is_picture: bool = False
    models: tuple[ModelUse, ...] = ()

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the framed photograph, in pixels."""
        return self.frame.size(self.width, self.height)

    def moved(self, x: float, y: float) -> tuple[float, float, float]:
        """Where the pixel at (x, y) of the photograph lies in the frame: x, y, and how much larger things are
        there."""
        place = self.frame.homography(self.width, self.height)
        ends = np.array([[x + 0.5, y + 0.5], [x + 1.5, y + 0.5], [x + 0.5, y + 1.5]])
        at, right, below = cv2.perspectiveTransform(ends[None], place)[0]
        (a, b), (c, d) = right - at, below - at
        return float(at[0] - 0.5), float(at[1] - 0.5), math.sqrt(abs(a * d - b * c))


def set_upright(opening: Opening, photo: Photo, session: Session) -> Opening:
    """The opening, turned until the photograph is upright, if the model is sure which way that is."""
    way = which_way(photo, opening.frame, session)
    frame = replace(opening.frame, turn=way.turn) if way.sure else opening.frame
    return replace(opening, frame=frame, notes=(*opening.notes, f"rotate: {way.sentence}"), models=(session.use,))


def framed(
    photo: Photo,
    *,
    crop: Literal["auto"] | tuple[int, int, int, int] | None = None,
    straighten: Literal["auto"] | float | None = None,
    rotate: int | None = None,
    corners: tuple[tuple[float, float], ...] | None = None,
) -> Opening:
    """The frame that the options of the step `frame` mean for this photograph. Raises `UsageError` for one
    that reaches beyond it."""
    whole = quads.box(photo.width, photo.height)
    notes: list[str] = []
    is_picture = corners is not None or isinstance(crop, tuple)
    cut, room = whole, whole
    require_within(photo.name, photo.width, photo.height, crop=crop, corners=corners)
    if corners is not None:
        cut = np.asarray(corners, float)
    elif isinstance(crop, tuple):
        cut = quads.box(*crop[2:]) + np.array(crop[:2])
    elif crop == "auto":
        found = find_prints(photo)
        cut, said, is_picture = _picture_of(found)
        room = cut
        notes.append(f"crop: {said}")
    if straighten is not None:
        degrees = straighten
        if degrees == "auto":
            degrees, said = (0.0, "") if crop == "auto" else _askew(photo, cut)
            notes += [f"straighten: {said}"] if said else []
        cut = _turned(cut, room, float(degrees))
    is_whole = np.array_equal(cut, whole)
    return Opening(_frame(cut, photo, is_whole=is_whole, turn=rotate or 0), photo.width, photo.height, tuple(notes), is_picture)


def _frame(cut: np.ndarray, photo: Photo, *, is_whole: bool, turn: int) -> Frame:
    """The frame of these corners: whole pixels where they lie on them, none where it is the whole."""
    if is_whole:
        return Frame(turn=turn)
    box = straight_box(cut, photo.width, photo.height)
    if box is None:
        return Frame.of(cut, turn)
    left, top, right, bottom = box
    return Frame.of(quads.box(right - left, bottom - top) + np.array([left, top]), turn)


def require_within(
    name: str,
    width: int,
    height: int,
    *,
    crop: Literal["auto"] | tuple[int, int, int, int] | None,
    corners: tuple[tuple[float, float], ...] | None,
) -> None:
    """Raise `UsageError` for a frame that reaches beyond the photograph `name` of `width` by `height`."""
    if corners is not None:
        called, points = "corners", corners
    elif isinstance(crop, tuple):
        called, points = "crop", ((crop[0], crop[1]), (crop[0] + crop[2], crop[1] + crop[3]))
    else:
        return
    beyond = max(max(-x, -y, x - width, y - height) for x, y in points)
    if beyond > OUTSIDE_PX:
        raise UsageError(f"{called} reaches {beyond:.4g} pixels beyond {name}, which is {width}x{height}; give a frame within it")


def _picture_of(found: Found) -> tuple[np.ndarray, str, bool]:
    """The corners of the one picture on a scan, or of the whole; the sentence that says which; and whether
    that is sure."""
    if found.doubt:
        return found.whole_corners, f"not sure what is the picture: {found.doubt}; nothing was cut off", False
    if len(found.pictures) > 1:
        count = len(found.pictures)
        return (
            found.whole_corners,
            f"{count} prints lie here, and a frame holds one; `unfade split` cuts them apart; nothing was cut off",
            False,
        )
    if found.whole:
        return found.whole_corners, "no print and no border was found; nothing was cut off", True
    limit = np.array([found.width, found.height], float)
    return np.clip(found.pictures[0], 0, limit), f"cut to the picture; {found.sentence}", True


def _askew(photo: Photo, cut: np.ndarray) -> tuple[float, str]:
    """By how many degrees the print on a photograph is to be turned until it is straight; and the sentence
    that says why not."""
    found = find_prints(photo)
    sure = [one for one in found.prints if one.sure and one.around != "none"]
    if found.doubt or not sure:
        return 0.0, "no print was surely found whose sides could be set straight; nothing was turned"
    angles = np.array([quads.angle(one.corners) for one in sure])
    if np.ptp(angles) > 1.0:
        return 0.0, f"{len(sure)} prints lie here, each turned by another angle; `unfade split` sets each straight; nothing was turned"
    degrees = -float(angles.mean())
    return (0.0, "the print lies straight") if abs(degrees) < STRAIGHT_DEGREES else (degrees, f"turned by {degrees:.2f} degrees clockwise")


def _turned(cut: np.ndarray, room: np.ndarray, degrees: float) -> np.ndarray:
    """The corners of what shows the content of `cut` turned by `degrees` clockwise. It is as large as `cut`,
    or as large as `room` has place for it around the same middle."""
    if abs(degrees) < 1e-9:
        return cut
    lengths = quads.side_lengths(cut)
    width, height = (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2
    flat = quads.box(width, height)
    place = cv2.getPerspectiveTransform(cut.astype(np.float32), flat.astype(np.float32)).astype(float)
    limits = np.asarray(cv2.perspectiveTransform(room[None], place)[0])
    turn = math.radians(degrees)
    back = np.array([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    middle = np.array([width / 2, height / 2])
    reach = (flat - middle) @ back.T
    share = 1.0
    for start, end in zip(limits, np.roll(limits, -1, axis=0), strict=True):
        side = (end - start) / np.hypot(*(end - start))
        inwards = np.array([-side[1], side[0]])
        away, most = float((middle - start) @ inwards), float((-(reach @ inwards)).max())
        share = min(share, away / most) if most > 0 else share
    return np.asarray(cv2.perspectiveTransform((reach * share + middle)[None], np.linalg.inv(place))[0])
