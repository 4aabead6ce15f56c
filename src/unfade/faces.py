"""Where the faces of a photograph are. What they look like is not read, and nobody is told from anybody
else."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from unfade import color
from unfade.files.photo import Photo
from unfade.models.calibration import FacesCalibration

if TYPE_CHECKING:
    from unfade.arrays import Mask, Plane
    from unfade.models.session import Session, Sessions
    from unfade.record import ModelUse

CELL_PX = 8.0
"""The model speaks of cells of this side."""
ENLARGED = 2.0
"""A small photograph is enlarged by no more than this."""
LONGEST_LOGARITHM = 5.0
"""Sides that a model makes longer are none: e^5 cells are more than any copy is long."""
SAME = 0.4
"""Two boxes are of one face if they have this much of their union in common,"""
WITHIN = 0.75
"""or this much of the smaller one."""
SHARPEST = 4
"""Boxes of one face are averaged by this power of their probability: the surest look has the last word."""
CANDIDATE = 0.15
"""A cell that no look gives this probability is no candidate, whatever the others say."""
SEEN_PX = 10, 200
"""A copy has a say on a face whose longer side is so many of its pixels;"""
UNSEEN = 0.05
"""where it sees none, it says this."""
LARGE_PX = 60
"""A face with a longer side than this may have its middle two cells away on another copy, else one."""
TONE_PX = 32
"""Of each face a copy of this side is enough to tell how its tone moved."""


@dataclass(frozen=True)
class Face:
    """A face in a photograph: its box in pixels, from the outer edge of the first, forehead to chin; how
    likely it is one."""

    left: int
    top: int
    right: int
    bottom: int
    probability: float

    @property
    def width(self) -> int:
        """In pixels."""
        return self.right - self.left

    @property
    def height(self) -> int:
        """In pixels."""
        return self.bottom - self.top

    def moved(self, x: int, y: int) -> Face:
        """The face in a photograph whose first pixel is this one's at (-`x`, -`y`)."""
        return replace(self, left=self.left + x, right=self.right + x, top=self.top + y, bottom=self.bottom + y)

    def cut(self, width: int, height: int) -> Face | None:
        """The face in a photograph of this size; None if no pixel of it lies there."""
        left, top, right, bottom = max(self.left, 0), max(self.top, 0), min(self.right, width), min(self.bottom, height)
        return replace(self, left=left, top=top, right=right, bottom=bottom) if left < right and top < bottom else None

    def part(self, plane: np.ndarray) -> np.ndarray:
        """What of an array of the photograph's size lies in the face."""
        return plane[self.top : self.bottom, self.left : self.right]


def faces_in(photo: Photo, session: Session) -> tuple[Face, ...]:
    """The faces of a photograph, the largest first. Raises `ModelTaskError` if the session is no model for
    that.

    Each copy of the photograph names candidates. One's log-odds are half those of its own copy, half the mean
    of all copies that have a say: what shows on one copy only is rarely a face.
    """
    calibration = session.card.calibrated(FacesCalibration)
    looks = [_look(photo, session, side) for side in calibration.looks_px]
    found = np.concatenate([look.candidates(min(CANDIDATE, calibration.least)) for look in looks])
    found[:, 4] = _agreed(found, looks)
    faces = []
    for left, top, right, bottom, probability in _apart(found[found[:, 4] >= calibration.least]).tolist():
        box = Face(round(left), round(top), round(right), round(bottom), round(probability, 3)).cut(photo.width, photo.height)
        if box is not None:
            faces.append(box)
    return tuple(sorted(faces, key=lambda face: -face.width * face.height))


def touched(faces: Iterable[Face], mask: Mask) -> int:
    """How many of the faces have a marked pixel in them."""
    return sum(bool(face.part(mask).any()) for face in faces)


def look_unless(known: tuple[Face, ...] | None, photo: Photo, sessions: Sessions) -> tuple[tuple[Face, ...], tuple[ModelUse, ...]]:
    """The faces that are `known`, or those of the photograph if nobody has looked; and the model if it was
    asked."""
    if known is not None:
        return known, ()
    session = sessions.get("faces")
    return faces_in(photo, session), (session.use,)


def tone_moved(before: Photo, after: Photo, faces: Iterable[Face]) -> float:
    """How far the faces' lightness moved, in L*, on average over all faces; 0 without any."""
    moves = [float(np.abs(_lightness(before, face) - _lightness(after, face)).mean()) for face in faces]
    return sum(moves) / len(moves) if moves else 0.0


def _lightness(photo: Photo, face: Face) -> Plane:
    """The L* of a face on a copy of `TONE_PX`."""
    samples = np.ascontiguousarray(photo.samples[face.top : face.bottom, face.left : face.right])
    small = cv2.resize(samples, (TONE_PX, TONE_PX), interpolation=cv2.INTER_AREA).reshape(TONE_PX, TONE_PX, -1)
    return color.lightness_from_srgb(replace(photo, samples=small, alpha=None, lost=None).srgb())


@dataclass(frozen=True, eq=False)
class _Look:
    """What the model says of a copy of the photograph: `heat` (h, w), the probability that a face has its
    middle in a cell; `sides` (4, h, w), how far its sides are away, in cells; `scale` (2,), a pixel of the
    photograph in pixels of the copy, across and down."""

    heat: Plane
    sides: np.ndarray
    scale: np.ndarray

    def candidates(self, least: float) -> np.ndarray:
        """The cells that are more likely than those around them, and at least so likely, (n, 5): a box in
        pixels of the photograph, and its probability."""
        rows, columns = np.nonzero((self.heat >= least) & (self.heat == cv2.dilate(self.heat, np.ones((3, 3), np.uint8))))
        left, top, right, bottom = self.sides[:, rows, columns]
        across, down = columns + 0.5, rows + 0.5
        boxes = np.stack([across - left, down - top, across + right, down + bottom], axis=1) * CELL_PX / np.tile(self.scale, 2)
        return np.concatenate([boxes, self.heat[rows, columns, None]], axis=1)

    def says(self, boxes: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """How likely a face is at the middle of each box (n, 4), and whether the copy has a say on it."""
        longest = ((boxes[:, 2:4] - boxes[:, :2]) * self.scale).max(axis=1, initial=0)
        columns, rows = ((boxes[:, :2] + boxes[:, 2:4]) / 2 * self.scale // CELL_PX).astype(int).T
        rows, columns = rows.clip(0, self.heat.shape[0] - 1), columns.clip(0, self.heat.shape[1] - 1)
        near, far = (cv2.dilate(self.heat, np.ones((side, side), np.uint8))[rows, columns] for side in (3, 5))
        return np.where(longest < LARGE_PX, near, far), (longest >= SEEN_PX[0]) & (longest <= SEEN_PX[1])


def _look(photo: Photo, session: Session, longest_px: int) -> _Look:
    """What a copy of this longer side shows."""
    scale = min(longest_px / max(photo.height, photo.width), ENLARGED)
    size = max(1, round(photo.width * scale)), max(1, round(photo.height * scale))
    samples = cv2.resize(photo.shown, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR)
    picture = replace(photo, samples=samples.reshape(size[1], size[0], -1), alpha=None, lost=None).srgb()
    more_rows, more_columns = -size[1] % session.card.multiple, -size[0] % session.card.multiple
    padded = cv2.copyMakeBorder(picture, 0, more_rows, 0, more_columns, cv2.BORDER_REPLICATE)
    said = session.run(picture=np.ascontiguousarray(padded.transpose(2, 0, 1)[None]))
    sides = np.exp(np.minimum(said["sides"][0], LONGEST_LOGARITHM))
    return _Look(said["heat"][0, 0], sides, np.array([size[0] / photo.width, size[1] / photo.height]))


def _agreed(found: np.ndarray, looks: Sequence[_Look]) -> np.ndarray:
    """The probability of each candidate (n, 5), (n,), with what all looks say of it."""
    own = _log_odds(found[:, 4])
    total, count = np.zeros(len(found)), np.zeros(len(found))
    for look in looks:
        said, has_say = look.says(found)
        total += np.where(has_say, _log_odds(np.maximum(said, UNSEEN)), 0)
        count += has_say
    agreed: np.ndarray = 1 / (1 + np.exp(-(own + np.where(count > 0, total / np.maximum(count, 1), own)) / 2))
    return agreed


def _log_odds(probability: np.ndarray) -> np.ndarray:
    share = np.clip(probability, 1e-4, 1 - 1e-4)
    return np.asarray(np.log(share / (1 - share)))


def _apart(found: np.ndarray) -> np.ndarray:
    """Of boxes (n, 5) of one face one: their mean, the surer ones weighing more, and the highest probability.

    Looks of several sizes see more or less of a head: the mean is nearer to it than any of them.
    """
    left = found[np.argsort(-found[:, 4], kind="stable")]
    kept = []
    while len(left):
        first = left[0]
        common = np.minimum(first[2:4], left[:, 2:4]) - np.maximum(first[:2], left[:, :2])
        both = common.clip(0).prod(axis=1)
        own, others = (first[2:4] - first[:2]).prod(), (left[:, 2:4] - left[:, :2]).prod(axis=1)
        same = (both > SAME * (own + others - both)) | (both > WITHIN * np.minimum(own, others))
        same[0] = True  # a box without an area, too
        kept.append([*np.average(left[same, :4], axis=0, weights=left[same, 4] ** SHARPEST), first[4]])
        left = left[~same]
    return np.array(kept).reshape(-1, 5)
