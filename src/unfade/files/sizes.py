"""What metadata say of a photograph's size, of the way it is to be shown, and of places in it, once it was
cut or turned.

EXIF is told the new size, and XMP's copy of it is left out. XMP's orientation is upright, as EXIF's is:
programs that read XMP first would turn the picture again. Regions move along.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from unfade.files import exif, regions, xmp
from unfade.files.codec import Metadata
from unfade.files.raster import upright
from unfade.files.regions import Move

_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_ORIENTATION = xmp.Name(_TIFF, "Orientation")
_SIZES = frozenset(
    {
        xmp.Name(_TIFF, "ImageWidth"),
        xmp.Name(_TIFF, "ImageLength"),
        xmp.Name(_EXIF, "PixelXDimension"),
        xmp.Name(_EXIF, "PixelYDimension"),
    }
)


def moved(metadata: Metadata, move: Move) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata of a photograph that was cut or turned so, and notes on what was left out of them. What
    cannot be read stays as it is."""
    resized = move.before != move.after
    block = exif.with_size(metadata.exif, *move.after) if metadata.exif is not None and resized else metadata.exif
    packet, notes = metadata.xmp, tuple[str, ...]()
    if packet is not None:
        try:
            packet = _shown_as_it_lies(packet)
            packet = xmp.without(packet, _SIZES.__contains__) if resized else packet
            packet, notes = (packet, ()) if move.is_none else regions.moved(packet, move)
        except ValueError:
            packet = metadata.xmp
    return replace(metadata, exif=block, xmp=packet), notes


def moved_upright(metadata: Metadata, orientation: int, width: int, height: int) -> tuple[Metadata, tuple[str, ...]]:
    """The metadata of a picture of `width` by `height` that was turned upright from EXIF's `orientation` (1
    to 8); else as `moved`."""
    before = (height, width) if orientation >= 5 else (width, height)
    corners = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * before
    lie = upright(np.array([[0, 1], [3, 2]]), orientation)  # which corner of the picture before lies where
    return moved(metadata, Move(corners[[lie[0, 0], lie[0, 1], lie[1, 1], lie[1, 0]]], before, (width, height)))


def shown_as_it_lies(packet: bytes) -> bytes:
    """The packet with an orientation of 1, if it states one. A packet that cannot be read stays as it is."""
    try:
        return _shown_as_it_lies(packet)
    except ValueError:
        return packet


def _shown_as_it_lies(packet: bytes) -> bytes:
    found = xmp.values_of(packet)
    stated = [value for value in found.values if value.path == (_ORIENTATION,) and value.text.strip() != "1"]
    return xmp.edited(found.data, [(value.start, value.end, b"1") for value in stated]) if stated else packet
