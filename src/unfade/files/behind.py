"""What phones put behind a picture: the film of a motion photo, a gain map for HDR screens, the other eye's
picture.

Sources: Motion Photo format 1.0 and Ultra HDR format 1.1 (developer.android.com), CIPA DC-007 (multi-picture
format).
"""

from __future__ import annotations

import re
import struct
from dataclasses import dataclass

from unfade.files import tags, xmp

_CONTAINER = "http://ns.google.com/photos/1.0/container/"
_GAIN_MAPS = ("http://ns.adobe.com/hdr-gain-map/1.0/", "http://ns.apple.com/HDRGainMap/1.0/")
_GAIN_MAP_SAID = re.compile(rb"""hdrgm:Version|HDRGainMapVersion|Semantic\s*=\s*["']GainMap""")
_NUMBER_OF_PICTURES = 0xB001


@dataclass(frozen=True)
class Behind:
    """The film behind a picture, if it can be kept as it is; the XMP without what points at that which is
    left out; notes."""

    film: bytes | None
    packet: bytes | None
    notes: tuple[str, ...] = ()


def behind(trailer: bytes, packet: bytes | None, multi_picture: bytes | None) -> Behind:
    """What becomes of the bytes behind a JPEG. `multi_picture` is the directory of its APP2 segment.

    A film is kept where it is all that follows, and the XMP says its length, counted from the file's end:
    both stay true.
    """
    text = (packet or b"").replace(b"\0", b"")
    has_gain_map = bool(trailer) and _GAIN_MAP_SAID.search(text) is not None
    if trailer[4:8] == b"ftyp" and not has_gain_map and re.search(rb"\b%d\b" % len(trailer), text):
        return Behind(trailer, packet)
    notes: list[str] = []
    rest = trailer.strip(b"\0\r\n ")
    if b"ftyp" in trailer[: 1 << 16] or (b"ftyp" in trailer and b"Motion" in text):
        notes.append("the film of a motion photo behind it was left out")
    pictures = _pictures_of(multi_picture)
    if has_gain_map:
        notes.append("its gain map for HDR screens was left out")
    elif pictures > 1 and rest:
        notes.append(f"it has {pictures} pictures (MPO); the first was taken")
    if rest and not notes:
        what = "another picture was" if rest.startswith(b"\xff\xd8") else f"{len(rest):,} bytes were"
        notes.append(f"{what} left out that lay behind the picture")
    return Behind(None, without_pointers(packet), tuple(notes))


def without_pointers(packet: bytes | None) -> bytes | None:
    """The XMP without what says that something lies behind the picture."""
    if packet is None or not re.search(rb"MotionPhoto|MicroVideo|container/|[Gg]ain-?[Mm]ap", packet.replace(b"\0", b"")):
        return packet
    try:
        return xmp.without(packet, _is_pointer)
    except ValueError:
        return packet  # what cannot be read is kept whole


def _is_pointer(name: xmp.Name) -> bool:
    return name.namespace.startswith((_CONTAINER, *_GAIN_MAPS)) or name.local.startswith(("MotionPhoto", "MicroVideo"))


def _pictures_of(multi_picture: bytes | None) -> int:
    """How many pictures the directory counts; 1 where there is none."""
    try:
        return tags.first_number(tags.first_tags(multi_picture), _NUMBER_OF_PICTURES, 1) if multi_picture else 1
    except (ValueError, struct.error):
        return 1
