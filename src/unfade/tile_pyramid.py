"""Tiles for the pan-and-zoom view: a photograph of any size, format and depth, as a browser can show it.

A tile pyramid is one file: JPEG tiles one after the other, an index (JSON), and the index's length in the
last 8 bytes. Levels are Deep Zoom's: the last is full size, each before it half of the next, rounded up.
Levels smaller than a tile are left out. Small whole pictures (`FITS_PX`) are in it too.
"""

from __future__ import annotations

import json
import math
import struct
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import BinaryIO

import cv2
import numpy as np

from unfade.files.photo import Photo, read

TILE_PX = 512
FITS_PX = (256, 512, 1024, 2048)
QUALITY = 88
FIT_QUALITY = 92  # previews are worked out from these, so they keep more

Read = Callable[[int | None, int | None], bytes]
"""Gives a file's bytes from one place to another; a negative one counts from the end."""


@dataclass(frozen=True)
class Index:
    """What lies where: name -> offset and length. Tiles are LEVEL/COLUMN/ROW, whole pictures fit/SIDE.
    `sizes`: width and height of the whole pictures by name."""

    width: int
    height: int
    min_level: int
    max_level: int
    at: dict[str, tuple[int, int]]
    sizes: dict[str, tuple[int, int]]


def levels(width: int, height: int) -> tuple[int, int]:
    """The first level kept, which is one tile, and the last, which is full size."""
    longer = max(width, height)
    last = math.ceil(math.log2(longer)) if longer > 1 else 0
    return max(0, last - max(0, math.ceil(math.log2(longer / TILE_PX)) if longer > TILE_PX else 0)), last


def _band(photo: Photo, rows: slice) -> np.ndarray:
    """Rows of a photograph as 8-bit sRGB (h, w, 3); what is transparent lies on white."""
    samples: np.ndarray = photo.samples[rows]
    shown: np.ndarray
    if photo.profile is not None:
        shown = np.rint(photo.srgb(rows) * 255).astype(np.uint8)
    else:
        shown = samples if samples.dtype == np.uint8 else ((samples.astype(np.uint32) + 128) // 257).astype(np.uint8)
        if shown.shape[2] == 1:
            shown = np.repeat(shown, 3, axis=2)
    if photo.alpha is not None:
        opacity = (photo.alpha[rows].astype(np.float32) / np.iinfo(photo.alpha.dtype).max)[:, :, None]
        shown = np.rint(shown * opacity + 255 * (1 - opacity)).astype(np.uint8)
    return shown


def _jpeg(shown: np.ndarray, quality: int) -> bytes:
    encoded, data = cv2.imencode(".jpg", cv2.cvtColor(np.ascontiguousarray(shown), cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert encoded
    return data.tobytes()


def small(photo: Photo, side_px: int) -> Photo:
    """A photograph reduced to `side_px`, as 8-bit sRGB without what else its file held."""
    shown = _band(photo.reduced(side_px), slice(None))
    return read(np.ascontiguousarray(shown[:, :, : photo.channels]), name=photo.name)


class _Writer:
    """Pictures one after the other, and where each lies."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.at: dict[str, tuple[int, int]] = {}
        self.sizes: dict[str, tuple[int, int]] = {}

    def add(self, name: str, shown: np.ndarray, quality: int = QUALITY) -> None:
        data = _jpeg(shown, quality)
        self.at[name] = (self._file.tell(), len(data))
        if name.startswith("fit/"):
            self.sizes[name] = (shown.shape[1], shown.shape[0])
        self._file.write(data)

    def add_row(self, level: int, row: int, band: np.ndarray) -> None:
        """One row of tiles."""
        for column in range(-(-band.shape[1] // TILE_PX)):
            self.add(f"{level}/{column}/{row}", band[:, column * TILE_PX : (column + 1) * TILE_PX])


def build(photo: Photo, target: Path) -> None:
    """Write a photograph's tile pyramid to `target`.

    A row of tiles is in memory at a time, and the half-size picture.
    """
    height, width = photo.height, photo.width
    first, last = levels(width, height)
    with target.open("wb") as file:
        writer = _Writer(file)
        half = np.empty((-(-height // 2), -(-width // 2), 3), np.uint8)
        whole: np.ndarray | None = None
        for row, top in enumerate(range(0, height, TILE_PX)):
            band = _band(photo, slice(top, min(top + TILE_PX, height)))
            writer.add_row(last, row, band)
            if last > first:
                reduced = half[top // 2 : top // 2 + -(-band.shape[0] // 2)]
                reduced[:] = cv2.resize(band, (half.shape[1], reduced.shape[0]), interpolation=cv2.INTER_AREA)
            else:
                whole = band
        picture = half if whole is None else whole
        fits = dict.fromkeys(min(side, max(width, height)) for side in FITS_PX)
        for level in range(last - (whole is None), first - 1, -1):
            if level < last:
                for row, top in enumerate(range(0, picture.shape[0], TILE_PX)):
                    writer.add_row(level, row, picture[top : top + TILE_PX])
            _add_fits(writer, photo, picture, fits, coarsest=level == first)
            if level > first:
                size = -(-picture.shape[1] // 2), -(-picture.shape[0] // 2)
                picture = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        index = json.dumps(asdict(Index(width, height, first, last, writer.at, writer.sizes))).encode()
        file.write(index + struct.pack("<Q", len(index)))


def _add_fits(writer: _Writer, photo: Photo, picture: np.ndarray, fits: dict[int, None], *, coarsest: bool) -> None:
    """Write each fit/SIDE from the smallest level that is still at least SIDE long."""
    longer = max(picture.shape[:2])
    for side in [side for side in fits if coarsest or side > longer // 2]:
        del fits[side]
        source = picture
        if side > longer:  # between full size and its half: rare, and small enough to be taken whole
            source = _band(photo, slice(None))
        scale = min(1.0, side / max(source.shape[:2]))
        size = max(1, round(source.shape[1] * scale)), max(1, round(source.shape[0] * scale))
        fitted = source if size == source.shape[1::-1] else cv2.resize(source, size, interpolation=cv2.INTER_AREA)
        writer.add(f"fit/{side}", fitted, FIT_QUALITY)


def read_index(fetch: Read) -> Index:
    """The index at the end of a tile pyramid."""
    (length,) = struct.unpack("<Q", fetch(-8, None))
    fields = json.loads(fetch(-8 - length, -8))
    pairs = {part: {name: (pair[0], pair[1]) for name, pair in fields.get(part, {}).items()} for part in ("at", "sizes")}
    return Index(fields["width"], fields["height"], fields["min_level"], fields["max_level"], pairs["at"], pairs["sizes"])


def fit_name(index: Index, side_px: int) -> str:
    """The smallest whole picture that is at least `side_px` long; where none is, the largest."""
    sides = sorted(int(name.removeprefix("fit/")) for name in index.at if name.startswith("fit/"))
    return f"fit/{next((side for side in sides if side >= side_px), sides[-1])}"
