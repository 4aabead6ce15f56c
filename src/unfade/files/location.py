"""Where a photograph was taken, forgotten: GPS data leaves EXIF and XMP; everything else in them stays where it was."""

from __future__ import annotations

import re
from dataclasses import replace

from unfade.files import exif
from unfade.files.photo import Metadata

_XMP_ELEMENT = re.compile(rb"<((?:exif|exifEX):GPS\w*)\b[^>]*?(?:/>|>.*?</\1\s*>)", re.DOTALL)
_XMP_ATTRIBUTE = re.compile(rb"""\s(?:exif|exifEX):GPS\w*\s*=\s*(?:"[^"]*"|'[^']*')""")


def has_location(metadata: Metadata) -> bool:
    """Whether there is GPS data."""
    return without_location(metadata) != metadata


def without_location(metadata: Metadata) -> Metadata:
    """The metadata without GPS data."""
    block = None if metadata.exif is None else exif.without_location(metadata.exif)
    xmp = None if metadata.xmp is None else _XMP_ATTRIBUTE.sub(b"", _XMP_ELEMENT.sub(b"", metadata.xmp))
    return replace(metadata, exif=block, xmp=xmp)
