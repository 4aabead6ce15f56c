"""EXIF blocks: checked, set upright, given a resolution, freed of the place. Every byte that is not meant
stays where it was."""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from fractions import Fraction

import numpy as np

from unfade.files.codec import Contents
from unfade.files.tags import (
    EXIF,
    GPS,
    HEIGHT,
    ORIENTATION,
    RESOLUTION_UNIT,
    WIDTH,
    X_RESOLUTION,
    Y_RESOLUTION,
    Entry,
    Header,
    Tag,
    directory,
    directory_bytes,
    first_number,
    first_tags,
    header_of,
    without_entry,
)

_PIXEL_WIDTH, _PIXEL_HEIGHT = 0xA002, 0xA003
_THUMBNAIL = (0x0201, 0x0202)  # where its JPEG lies, and its bytes


def exif_of(tags: Mapping[int, Tag]) -> bytes | None:
    """An EXIF block that holds `tags`; None for none."""
    return b"II*\0\x08\0\0\0" + directory_bytes(tags, 8) if tags else None


def dpi_of(tags: Mapping[int, Tag]) -> tuple[float, float] | None:
    """The dots per inch that the tags state; None where they state none, or none in inches or centimetres."""
    if X_RESOLUTION not in tags or Y_RESOLUTION not in tags:
        return None
    unit = first_number(tags, RESOLUTION_UNIT, 2)
    x, y = (tags[tag].numbers()[0] if tags[tag].count else 0.0 for tag in (X_RESOLUTION, Y_RESOLUTION))
    if unit not in (2, 3) or not (0 < x < 1e6 and 0 < y < 1e6):
        return None
    return (x, y) if unit == 2 else (x * 2.54, y * 2.54)


def dpi_tags(dpi: tuple[float, float]) -> dict[int, Tag]:
    """The tags that state these dots per inch."""

    def rational(number: float) -> Tag:
        share = Fraction(number).limit_denominator(10_000)
        return Tag(5, 1, struct.pack("<II", min(share.numerator, 2**32 - 1), share.denominator))

    return {X_RESOLUTION: rational(dpi[0]), Y_RESOLUTION: rational(dpi[1]), RESOLUTION_UNIT: Tag(3, 1, struct.pack("<H", 2))}


def dpi_in(exif: bytes | None) -> tuple[float, float] | None:
    """The dots per inch that an EXIF block states."""
    return dpi_of(first_tags(exif)) if exif else None


def with_dpi(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """The EXIF block with this resolution, for the files that keep it nowhere else. Unchanged, byte for byte,
    where it says so already."""
    if dpi is None:
        return exif
    stated = dpi_in(exif)
    if stated is not None and np.allclose(stated, dpi, atol=0.01):
        return exif
    return exif_of((first_tags(exif) if exif else {}) | dpi_tags(dpi))


def checked(data: bytes | None) -> Contents:
    """Check an EXIF block; give it back upright (its orientation set to 1), and the orientation it had."""
    if not data:
        return Contents()
    exif = bytearray(data.removeprefix(b"Exif\0\0"))
    try:
        header = header_of(exif)
        found, _ = directory(exif, header.first, header)
        entries = {entry.tag: entry for entry in found}
        orientation = 1
        if ORIENTATION in entries and entries[ORIENTATION].kind in (3, 4):
            code, place = _code(entries[ORIENTATION], header), entries[ORIENTATION].place
            orientation = struct.unpack_from(code, exif, place)[0]
            if orientation != 1:
                struct.pack_into(code, exif, place, 1)
        orientation = orientation if 1 <= orientation <= 8 else 1
        first_tags(bytes(exif))
    except (ValueError, struct.error):
        return Contents(notes=("its EXIF is damaged and was left out",))
    return Contents(exif=bytes(exif), orientation=orientation)


def _code(entry: Entry, header: Header) -> str:
    """`struct`'s letters for a whole number of an entry's kind."""
    return header.order + ("H" if entry.kind == 3 else "I")


def with_size(exif: bytes, width: int, height: int) -> bytes:
    """The EXIF block with this size wherever it tells the photograph's, every other byte in its place."""
    data = bytearray(exif)
    try:
        header = header_of(exif)
        first = {entry.tag: entry for entry in directory(exif, header.first, header)[0]}
        found = [first]
        if EXIF in first:
            found.append({entry.tag: entry for entry in directory(exif, _number(data, first[EXIF], header), header)[0]})
    except (ValueError, struct.error):
        return exif
    for entries in found:
        for tag, size in ((WIDTH, width), (HEIGHT, height), (_PIXEL_WIDTH, width), (_PIXEL_HEIGHT, height)):
            entry = entries.get(tag)
            if entry is not None and entry.kind in (3, 4) and entry.count == 1:
                struct.pack_into(header.order + "H", data, entry.at + 2, 4)  # 32 bits have room in the entry itself
                struct.pack_into(header.order + "I", data, entry.place, size)
    return bytes(data)


def _number(data: bytearray, entry: Entry, header: Header) -> int:
    return int(struct.unpack_from(_code(entry, header), data, entry.place)[0])


def without_orientation(exif: bytes) -> bytes:
    """The EXIF block without its orientation entry, every other byte in its place; no entry means upright.

    Pillow's AVIF writer takes the block apart and puts it together anew, losing maker notes, wherever the
    entry is there.
    """
    header = header_of(exif)
    entry = next((entry for entry in directory(exif, header.first, header)[0] if entry.tag == ORIENTATION), None)
    return exif if entry is None else without_entry(exif, header.first, entry.at, header)


def without_location(exif: bytes) -> bytes:
    """The EXIF block with its GPS directory overwritten with zeros, values and all, and the entry that leads
    to it taken out.

    A block whose first directory cannot be followed stays as it is. Where only the GPS directory cannot be,
    its entry is taken out.
    """
    try:
        header = header_of(exif)
        entries = directory(exif, header.first, header)[0]
    except (ValueError, struct.error):
        return exif
    pointer = next((entry for entry in entries if entry.tag == GPS), None)
    if pointer is None:
        return exif
    data = bytearray(exif)
    if pointer.size >= header.sizes[2]:
        _erase(data, struct.unpack_from(header.offset_code, data, pointer.place)[0], header)
    return without_entry(bytes(data), header.first, pointer.at, header)


def _erase(data: bytearray, offset: int, header: Header) -> None:
    """Overwrite a directory and the values that it points to."""
    try:
        entries = directory(data, offset, header)[0]
    except ValueError:
        return  # it lies outside: there is nothing to overwrite
    for entry in entries:
        data[entry.place : entry.place + entry.size] = bytes(entry.size)
    head, size, slot = header.sizes
    count = struct.unpack_from(header.order + ("Q" if header.big else "H"), data, offset)[0]
    end = min(offset + head + count * size + slot, len(data))
    data[offset:end] = bytes(end - offset)


def with_thumbnail(exif: bytes, made: Callable[[int], bytes | None]) -> bytes:
    """The EXIF block with another small picture in the place of its own, or without one. Nothing else moves.

    `made` gives a JPEG of at most so many bytes; None where it cannot.
    """
    try:
        header = header_of(exif)
        _, second = directory(exif, header.first, header)
    except ValueError:
        return exif
    if not second:
        return exif
    data = bytearray(exif)
    entries: dict[int, Entry] = {}
    jpeg, place, room = None, 0, 0
    try:
        entries = {entry.tag: entry for entry in directory(exif, second, header)[0]}
        place, room = (struct.unpack_from(_code(entries[tag], header), exif, entries[tag].place)[0] for tag in _THUMBNAIL)
        jpeg = made(room) if place + room <= len(exif) else None
    except (KeyError, ValueError, struct.error):
        pass  # no JPEG, or none that can be found: what there is is taken out below
    data[place : place + room] = bytes(len(data[place : place + room]))
    if jpeg is not None:
        data[place : place + len(jpeg)] = jpeg  # and zeros behind it: its length stays, so that the next one has as much room
        if ORIENTATION in entries and entries[ORIENTATION].kind == 3:
            struct.pack_into(header.order + "H", data, entries[ORIENTATION].place, 1)
        return bytes(data)
    _erase_strips(data, entries, header)
    _erase(data, second, header)
    head, size, _ = header.sizes
    count = struct.unpack_from(header.order + ("Q" if header.big else "H"), data, header.first)[0]
    struct.pack_into(header.offset_code, data, header.first + head + count * size, 0)
    return bytes(data)


def _erase_strips(data: bytearray, entries: Mapping[int, Entry], header: Header) -> None:
    """Overwrite a small picture that is not compressed."""
    if not {273, 279} <= entries.keys():
        return
    codes = [f"{header.order}{entries[tag].count}{'H' if entries[tag].kind == 3 else 'I'}" for tag in (273, 279)]
    places, sizes = (struct.unpack_from(code, data, entries[tag].place) for code, tag in zip(codes, (273, 279), strict=True))
    for place, size in zip(places, sizes, strict=False):
        data[place : place + size] = bytes(len(data[place : place + size]))
