"""What metadata say of a photograph's size in pixels, once it was cut or turned: EXIF is told the new size,
and XMP's copy of it is left out."""

from __future__ import annotations

from dataclasses import replace

from unfade.files import exif, xmp
from unfade.files.codec import Metadata

_TIFF, _EXIF = "http://ns.adobe.com/tiff/1.0/", "http://ns.adobe.com/exif/1.0/"
_SIZES = frozenset(
    {
        xmp.Name(_TIFF, "ImageWidth"),
        xmp.Name(_TIFF, "ImageLength"),
        xmp.Name(_EXIF, "PixelXDimension"),
        xmp.Name(_EXIF, "PixelYDimension"),
    }
)


def of_size(metadata: Metadata, width: int, height: int) -> Metadata:
    """The metadata of a photograph that is now `width` by `height` pixels. What cannot be read stays as it
    is."""
    block = None if metadata.exif is None else exif.with_size(metadata.exif, width, height)
    packet = metadata.xmp
    if packet is not None:
        try:
            packet = xmp.without(packet, _SIZES.__contains__)
        except ValueError:
            packet = metadata.xmp
    return replace(metadata, exif=block, xmp=packet)
