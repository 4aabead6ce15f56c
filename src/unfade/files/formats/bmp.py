"""BMP: Pillow reads and writes it; alpha is written here, into a header that has a word for it."""

from __future__ import annotations

import io
import struct

import numpy as np

from unfade.files.codec import Codec, Contents, Picture, ReadAs, WriteAs, never
from unfade.files.raster import check_size, damaged, frame_number, pillow_of, split, three

_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes of each kind of header


def _tells(data: bytes) -> bool:
    return data[:2] == b"BM" and len(data) >= 26 and struct.unpack_from("<I", data, 14)[0] in _HEADERS


def _decode(data: bytes, how: ReadAs) -> Picture:
    frame_number(1, how.page, how.name, "picture")
    from PIL import BmpImagePlugin

    header = struct.unpack_from("<I", data, 14)[0]
    width, height = struct.unpack_from("<HH" if header == 12 else "<ii", data, 18)
    check_size(how.name, abs(width), abs(height), how.max_megapixels)
    try:
        with BmpImagePlugin.BmpImageFile(io.BytesIO(data)) as picture:
            dpi = picture.info.get("dpi")
            mode = {"1": "L", "L": "L", "RGBA": "RGBA"}.get(picture.mode, "RGB")
            array = np.array(picture.convert(mode))
    except (SyntaxError, OSError, ValueError, IndexError, struct.error) as error:
        raise damaged(how.name, error) from error
    array = array[..., None] if array.ndim == 2 else array
    usable = (float(dpi[0]), float(dpi[1])) if dpi and min(dpi) > 0 else None
    return Picture(*split(array), Contents(dpi=usable))


def _encode(picture: Picture, how: WriteAs) -> bytes:
    if picture.alpha is None:
        out = io.BytesIO()
        options = {"dpi": picture.contents.dpi} if picture.contents.dpi else {}
        pillow_of(picture).save(out, "BMP", **options)
        return out.getvalue()
    # Pillow writes alpha into a header that has no word for it: BITMAPV4HEADER has (Microsoft, wingdi.h)
    color = three(picture.samples)
    pixels = np.concatenate([color[::-1, :, ::-1], picture.alpha[::-1, :, None]], axis=2).tobytes()
    x, y = (round(value / 0.0254) for value in picture.contents.dpi or (0, 0))
    height, width = picture.alpha.shape
    header = struct.pack("<IiiHHIIiiII", 108, width, height, 1, 32, 3, len(pixels), x, y, 0, 0)
    header += struct.pack("<IIII4s", 0xFF0000, 0xFF00, 0xFF, 0xFF000000, b"BGRs") + bytes(48)
    return b"BM" + struct.pack("<IHHI", 14 + len(header) + len(pixels), 0, 0, 14 + len(header)) + header + pixels


CODEC = Codec(
    title="BMP",
    extensions=(".bmp", ".dib"),
    media_type="image/bmp",
    tells=_tells,
    decode=_decode,
    encode=_encode,
    bits=8,
    alpha=True,
    gray="without alpha",
    holds=frozenset({"dpi"}),
    is_lossy=never,
)
