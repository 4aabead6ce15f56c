"""TIFF directories, as TIFF, BigTIFF and EXIF have them: read into tags, and written again.

Offsets that a file claims are never believed unchecked. Sources: TIFF 6.0, BigTIFF, EXIF 2.32.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

_KIND_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_KIND_WORD = {3: 2, 8: 2, 4: 4, 5: 4, 9: 4, 10: 4, 11: 4, 13: 4, 12: 8, 16: 8, 17: 8, 18: 8}
_KIND_CODE = {1: "<u1", 2: "<u1", 3: "<u2", 4: "<u4", 6: "<i1", 7: "<u1", 8: "<i2", 9: "<i4", 11: "<f4", 12: "<f8", 13: "<u4"}
_KIND_CODE |= {16: "<u8", 17: "<i8", 18: "<u8"}

EXIF, GPS, INTEROPERABILITY = 34665, 34853, 40965
_POINTERS = {EXIF, GPS, INTEROPERABILITY}  # tags whose value is the place of another directory

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SUBFILE = 256, 257, 258, 259, 262, 274, 254
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
EXTRA_SAMPLES, SAMPLE_FORMAT, SUB_IFDS, DNG_VERSION = 338, 339, 330, 50706
XMP, IPTC, PHOTOSHOP, ICC, PHOTOSHOP_LAYERS = 700, 33723, 34377, 34675, 37724
STRIPS, TILES = (273, 279), (324, 325)

# Tags that say how the samples lie in this very file: never carried into another.
STRUCTURE = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293, 297}
    | {317, 320, 321, 322, 323, 324, 325, 326, 327, 328, 330, 332, 333, 334, 336, 338, 339, 340, 341, 342, 343, 344, 345, 346, 347}
    | {512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532}
)
# Tags that `Contents` holds under names of their own.
CARRIED_APART = frozenset({X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, XMP, IPTC, PHOTOSHOP, ICC, PHOTOSHOP_LAYERS})


@dataclass(frozen=True)
class Tag:
    """One entry of a directory. `data` is little-endian whatever the file was; `children` is the directory it
    points at."""

    kind: int
    count: int
    data: bytes
    children: Mapping[int, Tag] | None = None
    was_big_endian: bool = False

    @property
    def raw(self) -> bytes:
        """The value's bytes as they lie in the file: for what is no numbers, whatever the entry says."""
        if not self.was_big_endian or self.kind not in _KIND_WORD:
            return self.data
        word = _KIND_WORD[self.kind]
        return np.frombuffer(self.data, f"<u{word}").astype(f">u{word}").tobytes()

    def numbers(self) -> list[float]:
        """The values as numbers; rationals divided, 0/0 as 0."""
        if self.kind in (5, 10):
            pairs = np.frombuffer(self.data, "<u4" if self.kind == 5 else "<i4").reshape(-1, 2).tolist()
            return [above / below if below else 0.0 for above, below in pairs]
        values: list[float] = np.frombuffer(self.data, _KIND_CODE[self.kind]).tolist()
        return values


@dataclass(frozen=True)
class Entry:
    """Where an entry of a directory lies: `place` of its value and `at` of the entry itself, in bytes from
    the file's beginning."""

    tag: int
    kind: int
    count: int
    place: int
    at: int

    @property
    def size(self) -> int:
        """Bytes of the value."""
        return self.count * _KIND_BYTES[self.kind]


@dataclass(frozen=True)
class Header:
    """The first bytes of a TIFF: byte order ("<" or ">"), whether it is a BigTIFF, and where the first
    directory lies."""

    order: str
    big: bool
    first: int

    @property
    def sizes(self) -> tuple[int, int, int]:
        """Bytes of a directory's count, of an entry, and of an offset."""
        return (8, 20, 8) if self.big else (2, 12, 4)

    @property
    def offset_code(self) -> str:
        """`struct`'s letters for an offset."""
        return self.order + ("Q" if self.big else "I")


def header_of(data: bytes | bytearray) -> Header:
    """The header of a TIFF or an EXIF block. Raises `ValueError`."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        raise ValueError("no TIFF header")
    version = struct.unpack_from(order + "H", data, 2)[0]
    if version == 42:
        return Header(order, False, struct.unpack_from(order + "I", data, 4)[0])
    if version == 43 and len(data) >= 16:
        return Header(order, True, struct.unpack_from(order + "Q", data, 8)[0])
    raise ValueError("no TIFF header")


def directory(data: bytes | bytearray, offset: int, header: Header) -> tuple[list[Entry], int]:
    """The entries of the directory at `offset`, and where the next directory lies (0: there is none). Raises
    `ValueError`.

    Entries of unknown kinds, and entries whose value lies outside the file, are left out.
    """
    head, size, slot = header.sizes
    if offset < 8 or offset + head > len(data):
        raise ValueError("a directory lies outside the file")
    count = struct.unpack_from(header.order + ("Q" if header.big else "H"), data, offset)[0]
    if count > 65535 or offset + head + count * size > len(data):
        raise ValueError("a directory is cut off")
    found = []
    for index in range(count):
        at = offset + head + index * size
        tag, kind, number = struct.unpack_from(header.order + ("HHQ" if header.big else "HHI"), data, at)
        place = at + size - slot
        if kind not in _KIND_BYTES:
            continue
        if number * _KIND_BYTES[kind] > slot:
            place = struct.unpack_from(header.offset_code, data, place)[0]
        entry = Entry(tag, kind, number, place, at)
        if place + entry.size <= len(data):
            found.append(entry)
    after = offset + head + count * size
    following = struct.unpack_from(header.offset_code, data, after)[0] if after + slot <= len(data) else 0
    return found, following


def tags_at(data: bytes, offset: int, header: Header, depth: int = 0) -> dict[int, Tag]:
    """The tags of the directory at `offset`, with the directories that EXIF's pointers lead to. Raises
    `ValueError`."""
    tags = {}
    for entry in directory(data, offset, header)[0]:
        value = data[entry.place : entry.place + entry.size]
        if header.order == ">" and entry.kind in _KIND_WORD:
            word = _KIND_WORD[entry.kind]
            value = np.frombuffer(value, f">u{word}").astype(f"<u{word}").tobytes()
        tag = Tag(entry.kind, entry.count, value, was_big_endian=header.order == ">")
        if entry.tag in _POINTERS and entry.count == 1 and depth < 3 and entry.kind in (4, 13, 16, 18):
            try:
                tag = replace(tag, children=tags_at(data, int(tag.numbers()[0]), header, depth + 1))
            except ValueError:
                continue  # a pointer to nowhere holds nothing to carry
        if entry.tag in _POINTERS and tag.children is None:
            continue
        tags[entry.tag] = tag
    return tags


def first_tags(data: bytes) -> dict[int, Tag]:
    """The tags of a TIFF's (or an EXIF's) first directory. Raises `ValueError` where it is not one."""
    header = header_of(data)
    return tags_at(data, header.first, header)


def first_number(tags: Mapping[int, Tag], tag: int, default: int = 0) -> int:
    """The first value of a tag; `default` where it is not there or empty."""
    return int(tags[tag].numbers()[0]) if tag in tags and tags[tag].count else default


def directory_bytes(tags: Mapping[int, Tag], at: int, *, big: bool = False, has_next: bool = False) -> bytes:
    """A little-endian directory to lie at place `at` (even), its values and children after it.

    With `has_next`, another directory follows right behind them; its place is even too.
    """
    head, size, slot = Header("<", big, 0).sizes
    start = at + head + len(tags) * size + slot
    table, pool = [struct.pack("<Q" if big else "<H", len(tags))], bytearray()
    for tag, entry in sorted(tags.items()):
        kind, count, value = entry.kind, entry.count, entry.data
        if entry.children is not None:
            kind, count, value = (16, 1, struct.pack("<Q", start + len(pool))) if big else (4, 1, struct.pack("<I", start + len(pool)))
            pool += directory_bytes(entry.children, start + len(pool), big=big)
        elif len(value) > slot:
            place = start + len(pool)
            pool += value
            value = struct.pack("<Q" if big else "<I", place)
        pool += b"\0" * (len(pool) % 2)
        table.append(struct.pack("<HHQ" if big else "<HHI", tag, kind, count) + value.ljust(slot, b"\0"))
    following = start + len(pool) if has_next else 0
    return b"".join(table) + struct.pack("<Q" if big else "<I", following) + bytes(pool)


def without_entry(data: bytes, offset: int, at: int, header: Header) -> bytes:
    """The file without the entry at `at` of the directory at `offset`. Nothing moves but the entries behind
    it and the pointer after them.

    So everything that counts from the file's beginning, such as a camera's maker notes, stays right.
    """
    head, size, slot = header.sizes
    code = header.order + ("Q" if header.big else "H")
    count = struct.unpack_from(code, data, offset)[0]
    end = offset + head + count * size + slot
    return data[:offset] + struct.pack(code, count - 1) + data[offset + head : at] + data[at + size : end] + bytes(size) + data[end:]
