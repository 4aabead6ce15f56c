"""The segments of a JPEG (ITU-T T.81, annex B): found as forgivingly as decoders find them, and where the
picture proper ends."""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from unfade.errors import UnreadableError

SOI, EOI, SOS = 0xD8, 0xD9, 0xDA
_ALONE = {0x01, *range(0xD0, 0xD9)}  # markers without a payload
_FRAMES = {*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC}
_UNREAD = {0xC3: "lossless JPEG", 0xC7: "lossless JPEG", 0xCB: "lossless JPEG", 0xCF: "lossless JPEG"}
_UNREAD |= dict.fromkeys((0xC5, 0xC6, 0xCD, 0xCE), "hierarchical JPEG")
_FOREIGN = {*range(0x02, 0xC0), 0xDE, 0xDF, *range(0xF0, 0xFE)}  # reserved, or for hierarchies and extensions: no decoder knows them
_MARKER = re.compile(rb"\xff+[^\xff\x00]")
_AFTER_SAMPLES = re.compile(rb"\xff+[^\x00\xd0-\xd7\xff]")  # the samples' own bytes 255 are followed by 0, restarts are among them


@dataclass(frozen=True)
class Segment:
    """A marker, its payload, and where it lies: from its first byte to behind its last."""

    marker: int
    payload: bytes
    start: int
    end: int


@dataclass(frozen=True)
class Frame:
    """What a frame header says: bits of a sample, the picture's size, the size of a block of all components,
    and whether the picture comes in passes from coarse to fine."""

    bits: int
    width: int
    height: int
    block: tuple[int, int]
    progressive: bool


def segments(data: bytes) -> Iterator[Segment]:
    """Each segment up to the first samples, the header of these included. Bytes between segments that belong
    to none are passed over."""
    at = 2
    while (found := _MARKER.search(data, at)) is not None:
        marker, start = data[found.end() - 1], found.start()
        if marker in _ALONE:
            at = found.end()
            continue
        if marker == EOI or found.end() + 2 > len(data):
            return
        size = struct.unpack_from(">H", data, found.end())[0]
        if size < 2:
            return
        at = found.end() + size
        yield Segment(marker, data[found.end() + 2 : at], start, at)
        if marker == SOS:
            return


def frame_of(data: bytes, name: str) -> Frame:
    """The picture's frame. Raises `UnreadableError` for a kind of JPEG that is not read here, `ValueError`
    where there is none."""
    heads = list(segments(data))
    foreign = next((segment.marker for segment in heads if segment.marker in _FOREIGN), None)
    if foreign is not None:
        raise UnreadableError(f"{name} has a segment of a kind (0x{foreign:02X}) that is not read here; convert it to TIFF or PNG first")
    found = next((segment for segment in heads if segment.marker in _FRAMES), None)
    if found is None or len(found.payload) < 6:
        raise ValueError("no frame before the samples: unexpected end")
    bits, height, width, count = struct.unpack_from(">BHHB", found.payload)
    if found.marker in _UNREAD or bits != 8:
        what = _UNREAD.get(found.marker, f"JPEG of {bits} bits")
        raise UnreadableError(f"{name} is {what}, which is not read here; convert it to TIFF or PNG first")
    if height == 0:
        raise UnreadableError(f"{name} says its height behind its samples (DNL), which is not read here; convert it to TIFF or PNG first")
    factors = [found.payload[7 + 3 * index] for index in range(count) if 7 + 3 * index < len(found.payload)]
    across, down = (max((factor >> shift & 15 for factor in factors), default=1) or 1 for shift in (4, 0))
    if count == 1:
        across = down = 1
    return Frame(bits, width, height, (8 * across, 8 * down), found.marker in (0xC2, 0xCA))


@dataclass(frozen=True)
class Extent:
    """How far the picture reaches: where its last samples end, where the file's next part would begin,
    whether it has an end marker, and how many scans there are."""

    samples_end: int
    end: int
    has_end: bool
    scans: int


def extent_of(data: bytes, frame: Frame) -> Extent:
    """How far the first picture of a file reaches."""
    at, scans, samples_end = 2, 0, len(data)
    for segment in segments(data):
        if segment.marker == SOS:
            at, scans = segment.end, 1
    if not scans:
        return Extent(len(data), len(data), False, 0)
    if not frame.progressive and (found_end := data.find(b"\xff\xd9", at)) >= 0:  # no byte 255 of the samples is followed by this
        return Extent(found_end, found_end + 2, True, scans)
    while (found := _AFTER_SAMPLES.search(data, at)) is not None:
        marker = data[found.end() - 1]
        samples_end = found.start()
        if marker == EOI:
            return Extent(samples_end, found.end(), True, scans)
        if marker in _ALONE:
            at = found.end()
            continue
        if found.end() + 2 > len(data):
            break
        at = found.end() + max(2, struct.unpack_from(">H", data, found.end())[0])
        scans += marker == SOS
        samples_end = len(data)
    return Extent(min(samples_end, len(data)), len(data), False, scans)
