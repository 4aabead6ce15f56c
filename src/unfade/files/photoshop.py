"""Photoshop's image resources in JPEG and TIFF: IPTC, copyright flag, URL, clipping paths and the like.

They are kept but for copies of what lies elsewhere in the file and would grow stale there: EXIF, XMP, the
small picture. IPTC is taken out and put in apart. Source: Adobe Photoshop file formats specification, 2019.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass

_IPTC = 0x0404
_THUMBNAILS = {0x0409, 0x040C}
_COPIES = {0x0422, 0x0423, 0x0424}  # EXIF, EXIF, XMP


@dataclass(frozen=True)
class _Resource:
    kind: int
    payload: bytes
    whole: bytes  # signature, kind, name and all


def _resources(data: bytes) -> Iterator[_Resource]:
    at = 0
    while at + 12 <= len(data) and data[at : at + 4] in (b"8BIM", b"MeSa", b"AgHg", b"PHUT", b"DCSR"):
        kind = struct.unpack_from(">H", data, at + 4)[0]
        after_name = at + 6 + (data[at + 6] + 2) // 2 * 2
        if after_name + 4 > len(data):
            return
        size = struct.unpack_from(">I", data, after_name)[0]
        end = after_name + 4 + size
        if end > len(data):
            return
        yield _Resource(kind, data[after_name + 4 : end], data[at:end] + bytes(size % 2))
        at = end + size % 2


def iptc_in(data: bytes) -> bytes | None:
    """The IIM stream among the resources."""
    return next((found.payload for found in _resources(data) if found.kind == _IPTC and found.payload), None)


def kept(data: bytes) -> bytes | None:
    """The resources that are kept as they are; None for none."""
    left_out = {_IPTC, *_THUMBNAILS, *_COPIES}
    return b"".join(found.whole for found in _resources(data) if found.kind not in left_out) or None


def joined(resources: bytes | None, iptc: bytes | None) -> bytes:
    """The resources, and the IIM stream as one of them."""
    own = b"" if not iptc else b"8BIM" + struct.pack(">HHI", _IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
    return own + (resources or b"")


def iptc_of_tag(raw: bytes) -> bytes | None:
    """The IIM stream of a TIFF's tag: the bytes as they lie in the file, whatever kind of numbers the tag
    says they are.

    Some programs swap the bytes of the numbers that they take them for; a stream begins with 0x1C, so that is
    seen. What fills the last number up is left out.
    """
    for size in (1, 4, 2, 8):
        if len(raw) >= size and raw[size - 1] == 0x1C and (size == 1 or raw[0] != 0x1C):
            whole = raw[: len(raw) // size * size]
            swapped = b"".join(whole[at : at + size][::-1] for at in range(0, len(whole), size))
            return _ended(swapped)
    return raw or None


def _ended(stream: bytes) -> bytes:
    """The stream up to the end of its last dataset (IPTC-NAA IIM 4.2, 1.5)."""
    at = 0
    while at + 5 <= len(stream) and stream[at] == 0x1C:
        size = struct.unpack_from(">H", stream, at + 3)[0]
        step = 5 + size
        if size & 0x8000:  # the length's own length
            count = size & 0x7FFF
            if count > 4 or at + 5 + count > len(stream):
                break
            step = 5 + count + int.from_bytes(stream[at + 5 : at + 5 + count], "big")
        if at + step > len(stream):
            break
        at += step
    return stream[:at] if not stream[at:].strip(b"\0") else stream
