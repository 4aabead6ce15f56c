"""Where a photograph was taken, forgotten: GPS data leaves EXIF and XMP; everything else in them stays where it was."""

from __future__ import annotations

import re
import struct
from dataclasses import replace

from unfade.files.photo import Metadata

_GPS_POINTER = 0x8825  # EXIF 2.32, 4.6.3: in the first directory, where the GPS directory begins
_SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}
_XMP_ELEMENT = re.compile(rb"<((?:exif|exifEX):GPS\w*)\b[^>]*?(?:/>|>.*?</\1\s*>)", re.DOTALL)
_XMP_ATTRIBUTE = re.compile(rb"""\s(?:exif|exifEX):GPS\w*\s*=\s*(?:"[^"]*"|'[^']*')""")


def has_location(metadata: Metadata) -> bool:
    """Whether there is GPS data."""
    return without_location(metadata) != metadata


def without_location(metadata: Metadata) -> Metadata:
    """The metadata without GPS data."""
    exif = None if metadata.exif is None else _exif_without(metadata.exif)
    xmp = None if metadata.xmp is None else _XMP_ATTRIBUTE.sub(b"", _XMP_ELEMENT.sub(b"", metadata.xmp))
    return replace(metadata, exif=exif, xmp=xmp)


def _exif_without(exif: bytes) -> bytes:
    """EXIF with its GPS directory overwritten with zeros, values and all, and the entry that leads to it taken out.

    Nothing moves but the entries behind that one and the pointer after them, so that maker notes, which count from the beginning, stay
    right. EXIF too broken to be followed loses the pointer's entry alone, or stays as it is.
    """
    data = bytearray(exif)
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None:
        return exif
    try:
        (first,) = struct.unpack_from(f"{order}I", data, 4)
        (count,) = struct.unpack_from(f"{order}H", data, first)
        at = next((first + 2 + 12 * number for number in range(count) if _tag(data, order, first + 2 + 12 * number) == _GPS_POINTER), None)
        if at is None:
            return exif
        (gps,) = struct.unpack_from(f"{order}I", data, at + 8)
        end = first + 2 + 12 * count + 4
        tail = bytes(data[at + 12 : end])
    except struct.error:
        return exif
    _erase(data, order, gps)
    data[at:end] = tail + bytes(12)
    struct.pack_into(f"{order}H", data, first, count - 1)
    return bytes(data)


def _tag(data: bytearray, order: str, at: int) -> int:
    return int(struct.unpack_from(f"{order}H", data, at)[0])


def _erase(data: bytearray, order: str, directory: int) -> None:
    """Overwrite a directory and the values that it points to."""
    try:
        (count,) = struct.unpack_from(f"{order}H", data, directory)
        for at in range(directory + 2, directory + 2 + 12 * count, 12):
            _, kind, number, place = struct.unpack_from(f"{order}HHII", data, at)
            length = _SIZES.get(kind, 1) * number
            if length > 4 and place + length <= len(data):
                data[place : place + length] = bytes(length)
        end = min(directory + 2 + 12 * count + 4, len(data))
        data[directory:end] = bytes(end - directory)
    except struct.error:
        return  # the directory ends outside the data: there is nothing more to overwrite
