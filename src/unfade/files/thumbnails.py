"""The small pictures that a file carries of its photograph: made anew, so that none shows what it was before;
or taken out."""

from __future__ import annotations

import io
from dataclasses import replace

import cv2
import numpy as np

from unfade.files import exif, icc, xmp
from unfade.files.codec import Picture

_SIDE_PX = 160  # EXIF 2.32, 4.8.3.2
_QUALITIES = (85, 70, 50, 30)
_XAP = "http://ns.adobe.com/xap/1.0/"


def renewed(picture: Picture) -> Picture:
    """The picture with the thumbnail of its EXIF made anew, where it has one, and without those of its
    XMP."""
    contents = picture.contents
    block, packet = contents.exif, contents.xmp
    if block:
        block = exif.with_thumbnail(block, lambda room: _small_jpeg(picture, room))
    if packet and b"Thumbnails" in packet.replace(b"\0", b""):
        try:
            packet = xmp.without(packet, lambda name: name == xmp.Name(_XAP, "Thumbnails"))
        except ValueError:
            packet = contents.xmp  # what cannot be read is kept whole
    if block is contents.exif and packet is contents.xmp:
        return picture
    return replace(picture, contents=replace(contents, exif=block, xmp=packet))


def _small_jpeg(picture: Picture, room: int) -> bytes | None:
    """The picture on `_SIDE_PX`, in sRGB, on white where it is transparent; in at most `room` bytes, else
    None."""
    from PIL import Image as Pillow

    height, width = picture.samples.shape[:2]
    scale = min(1.0, _SIDE_PX / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))

    def reduced(array: np.ndarray) -> np.ndarray:
        return cv2.resize(array, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)

    image = icc.srgb_from_samples(reduced(picture.samples), picture.contents.icc)
    if picture.alpha is not None:
        opacity = reduced(picture.alpha).astype(np.float32) / np.iinfo(picture.alpha.dtype).max
        image = image * opacity + (1 - opacity)
    page = Pillow.fromarray(np.rint(image * 255).astype(np.uint8))
    for quality in _QUALITIES:
        out = io.BytesIO()
        page.save(out, "JPEG", quality=quality, optimize=True)
        if out.tell() <= room:
            return out.getvalue()
    return None
