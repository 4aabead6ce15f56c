"""Notes by eye: what a careful viewer sees on a real photograph, and what must be left alone.

A photograph that was really damaged has no clean original and no exact mask. What can be had is a person's
notes: each crack as a line, each loss as an outline, dust as specks, and beside them the sound things that
look like damage (a rope, a cane, a date stamp). One JSON file notes one photograph:

photo      the photograph's file name
complete   true if all damage that shows at full size is noted; only then can anything be found wrongly
lines      scratches, cracks, creases: `points`, `kind`, `sure`
areas      losses, tears: `polygon`, `kind`, `sure`; the picture under them is gone
specks     [x, y, radius]: dust, small flakes
zones      fields of fine damage too dense to note one by one: `polygon`, `kind`
stains     `polygon`: the picture still shows, so either answer is right
sound      what must not be marked: `what`, and `points` or `box` [left, top, right, bottom]

Places are in pixels of the photograph, from its top left corner. What is not `sure` is neither asked for nor
counted as found wrongly.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Self

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unfade.arrays import Mask
from unfade.errors import DataError
from unfade.measures.measure import EITHER, LOST, DamageTruth

Place = tuple[float, float]
Size = tuple[int, int]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class Line(_Part):
    """A scratch, crack, crease or hair."""

    points: tuple[Place, ...] = Field(min_length=1)
    kind: str = ""
    sure: bool = True
    width: float | None = Field(default=None, gt=0, description="in pixels, where it is known")
    snapped: bool = False

    def drawn(self, size: Size) -> Mask:
        """The line's pixels, one wide."""
        return _line(size, self.points)


class Area(_Part):
    """A loss, tear or hole."""

    polygon: tuple[Place, ...] = Field(min_length=1)
    kind: str = ""
    sure: bool = True

    def drawn(self, size: Size) -> Mask:
        """The area's pixels."""
        return _filled(size, self.polygon)


class Region(_Part):
    """A stain, or a field of fine damage."""

    polygon: tuple[Place, ...] = Field(min_length=1)
    kind: str = ""

    def drawn(self, size: Size) -> Mask:
        """The field's pixels."""
        return _filled(size, self.polygon)


class Sound(_Part):
    """Something that looks like damage and is part of the picture."""

    what: str
    points: tuple[Place, ...] | None = Field(default=None, min_length=1)
    box: tuple[float, float, float, float] | None = None

    @model_validator(mode="after")
    def _has_one_place(self) -> Self:
        if (self.points is None) == (self.box is None):
            raise ValueError("give points or box, not both")
        return self

    def drawn(self, size: Size) -> Mask:
        """Its pixels: the box, or a line three pixels wide."""
        if self.points is not None:
            return grown(_line(size, self.points), 1)
        assert self.box is not None
        left, top, right, bottom = (max(int(side), 0) for side in self.box)
        mask = np.zeros(size, bool)
        mask[top:bottom, left:right] = True
        return mask


class Notes(_Part):
    """The notes of one photograph."""

    photo: str
    complete: bool = False
    lines: tuple[Line, ...] = ()
    areas: tuple[Area, ...] = ()
    specks: tuple[tuple[float, float, float], ...] = ()
    zones: tuple[Region, ...] = ()
    stains: tuple[Region, ...] = ()
    sound: tuple[Sound, ...] = ()

    def specks_drawn(self, size: Size) -> list[Mask]:
        """Each speck's disc, of a radius of at least a pixel."""
        discs = []
        for x, y, radius in self.specks:
            disc = np.zeros(size, np.uint8)
            cv2.circle(disc, (round(x), round(y)), max(1, round(radius)), 1, -1)
            discs.append(disc > 0)
        return discs

    def drawn(self, size: Size) -> DamageTruth:
        """The notes as a picture to look at: `LOST`, `EITHER` for stains, fields and what is not sure."""
        either = union(size, [part.drawn(size) for part in (*self.stains, *self.zones)])
        parts: tuple[Line | Area, ...] = (*self.lines, *self.areas)
        either |= union(size, [part.drawn(size) for part in parts if not part.sure])
        lost = union(size, [part.drawn(size) for part in parts if part.sure] + self.specks_drawn(size))
        return np.where(lost, LOST, np.where(either, EITHER, 0)).astype(np.uint8)


def read_notes(path: Path) -> Notes:
    """The notes in a JSON file. Raises `DataError` that names the file, the key and what is wrong with it."""
    try:
        return Notes.model_validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); notes are one JSON file a photograph") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the file"
        raise DataError(f"{path}: {key}: {first['msg']}; see docs/howto/notes.md for what notes hold") from error


def union(size: Size, masks: Sequence[Mask]) -> Mask:
    """Where any of the masks is True; nowhere if there is none."""
    together = np.zeros(size, bool)
    for mask in masks:
        together |= mask
    return together


def grown(mask: Mask, radius_px: float) -> Mask:
    """`mask` and what lies within the radius of it."""
    radius = round(radius_px)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)


def _line(size: Size, points: Sequence[Place]) -> Mask:
    mask = np.zeros(size, np.uint8)
    cv2.polylines(mask, [np.round(points).astype(np.int32)], False, 1, 1)
    return mask > 0


def _filled(size: Size, polygon: Sequence[Place]) -> Mask:
    mask = np.zeros(size, np.uint8)
    cv2.fillPoly(mask, [np.round(polygon).astype(np.int32)], 1)
    return mask > 0
