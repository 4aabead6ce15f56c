"""Where a photograph was taken, forgotten: GPS data leaves EXIF and XMP; everything else in them stays where
it was."""

from __future__ import annotations

import re
from dataclasses import replace

from unfade.files import exif, xmp
from unfade.files.codec import Metadata

_WORD = re.compile(rb"gps", re.IGNORECASE)


def has_location(metadata: Metadata) -> bool:
    """Whether there is GPS data, or XMP that cannot be read and may hold some."""
    return without_location(metadata) != metadata


def without_location(metadata: Metadata) -> Metadata:
    """The metadata without GPS data. XMP that cannot be read goes as a whole, if it may hold some."""
    block = None if metadata.exif is None else exif.without_location(metadata.exif)
    packet = None if metadata.xmp is None else _xmp_without(metadata.xmp)
    return replace(metadata, exif=block, xmp=packet)


def _xmp_without(packet: bytes) -> bytes | None:
    if len(packet) <= xmp.MAX_BYTES and _WORD.search(packet.replace(b"\0", b"")) is None:  # zeros are UTF-16's
        return packet
    try:
        return xmp.without(packet, _is_location)
    except ValueError:  # damaged, or over the parser's limits
        return None


def _is_location(name: xmp.Name) -> bool:
    """exif:GPSLatitude and its kin, which cameras, phones and drones write under namespaces of their own
    too."""
    return name.local.lower().startswith("gps")
