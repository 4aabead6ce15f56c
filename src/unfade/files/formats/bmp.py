"""BMP, of Windows and OS/2 (Microsoft, wingdi.h): every depth and bit field is read here, RLE by Pillow.

Alpha and a color profile are written into headers that have a word for them; Pillow writes the rest.
"""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

import numpy as np

from unfade.errors import UnreadableError
from unfade.files.codec import Codec, Contents, Picture, ReadAs, WriteAs, never
from unfade.files.raster import check_size, damaged, frame_number, pillow_of, split, three

_HEADERS = (12, 40, 52, 56, 64, 108, 124)  # bytes of each kind of header
_RGB, _RLE_8, _RLE_4, _BIT_FIELDS, _JPEG, _PNG, _ALPHA_BIT_FIELDS = range(7)
_SHARES = {15: (0x7C00, 0x3E0, 0x1F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}  # where no bit fields are given
_EMBEDDED = 0x4D424544  # "MBED"
_METRE = 0.0254  # inches


@dataclass(frozen=True)
class _Header:
    """What the headers say. `masks` are of red, green, blue and alpha; `pixels` is where the samples
    begin."""

    size: int
    width: int
    height: int  # negative: the rows run down
    bits: int
    compression: int
    pixels: int
    dpi: tuple[float, float] | None
    colors: int  # of the palette; 0: all that the depth allows
    masks: tuple[int, int, int, int]


def _tells(data: bytes) -> bool:
    return data[:2] == b"BM" and len(data) >= 26 and struct.unpack_from("<I", data, 14)[0] in _HEADERS


# --- reading ------------------------------------------------------------------------------------------------


def _decode(data: bytes, how: ReadAs) -> Picture:
    frame_number(1, how.page, how.name, "picture")
    try:
        header = _header(data)
        check_size(how.name, abs(header.width), abs(header.height), how.max_megapixels)
        _refuse_unknown(header, how.name)
        array = _by_pillow(data) if header.compression in (_RLE_8, _RLE_4) and header.size != 12 else _pixels(data, header)
    except (SyntaxError, OSError, ValueError, IndexError, struct.error) as error:
        raise damaged(how.name, error) from error
    samples, alpha = split(array)
    if alpha is not None and not alpha.any():  # a channel that says nothing
        alpha = None
    return Picture(samples, alpha, Contents(dpi=header.dpi, icc=_profile(data, header)))


def _header(data: bytes) -> _Header:
    pixels, size = struct.unpack_from("<II", data, 10)
    if size == 12:
        width, height, _, bits = struct.unpack_from("<HHHH", data, 18)
        return _Header(size, width, height, bits, _RGB, pixels, None, 0, (0, 0, 0, 0))
    width, height, _, bits, compression, _, x, y, colors, _ = struct.unpack_from("<iiHHIIiiII", data, 18)
    masks = (0, 0, 0, 0)
    if compression in (_BIT_FIELDS, _ALPHA_BIT_FIELDS) and size != 64:
        has_alpha = size >= 56 or compression == _ALPHA_BIT_FIELDS
        found = struct.unpack_from("<4I" if has_alpha else "<3I", data, 54)
        masks = (found[0], found[1], found[2], found[3] if has_alpha else 0)
    dpi = (x * _METRE, y * _METRE) if x > 0 and y > 0 else None
    return _Header(size, width, height, bits, compression, pixels, dpi, colors, masks)


def _refuse_unknown(header: _Header, name: str) -> None:
    what = {_JPEG: "a JPEG inside a BMP", _PNG: "a PNG inside a BMP"}.get(header.compression)
    if header.size == 64 and header.compression in (3, 4):
        what = "compressed as only OS/2 did"
    if what is None and header.compression > _ALPHA_BIT_FIELDS:
        what = f"compressed in BMP's way {header.compression}"
    if what is None and header.bits not in (1, 2, 4, 8, 16, 24, 32):
        what = f"of {header.bits} bits a pixel"
    if what is not None:
        raise UnreadableError(f"{name} is {what}, which is not read here; save it as PNG")


def _by_pillow(data: bytes) -> np.ndarray:
    from PIL import BmpImagePlugin

    with BmpImagePlugin.BmpImageFile(io.BytesIO(data)) as picture:
        array = np.array(picture.convert("L" if picture.mode in ("1", "L") else "RGB"))
    return array[..., None] if array.ndim == 2 else array


def _pixels(data: bytes, header: _Header) -> np.ndarray:
    """The samples (h, w, 1..4) of a BMP that is not compressed."""
    width, height, bits = header.width, abs(header.height), header.bits
    if width < 0:
        raise ValueError(f"its width is {width}")
    stride = (width * bits + 31) // 32 * 4
    if header.pixels + stride * height > len(data):
        raise ValueError(f"its samples should reach to byte {header.pixels + stride * height:,}, and it has {len(data):,}")
    rows = np.frombuffer(data, np.uint8, stride * height, header.pixels).reshape(height, stride)
    rows = rows if header.height < 0 else rows[::-1]
    if bits <= 8:
        return _mapped(rows, width, data, header)
    if bits == 24:
        return np.ascontiguousarray(rows[:, : width * 3].reshape(height, width, 3)[..., ::-1])
    numbers = np.ascontiguousarray(rows[:, : width * bits // 8]).view("<u2" if bits == 16 else "<u4").reshape(height, width)
    masks = header.masks if any(header.masks[:3]) else _SHARES[15 if bits == 16 else 32]
    if masks == _SHARES[32]:
        return np.ascontiguousarray(numbers.view(np.uint8).reshape(height, width, 4)[..., 2::-1])
    channels = [_field(numbers, mask) for mask in masks if mask]
    if len(channels) < 3:
        raise ValueError("its bit fields leave out a color")
    deepest = np.uint16 if any(channel.dtype == np.uint16 for channel in channels) else np.uint8
    return np.stack([channel if channel.dtype == deepest else channel * np.uint16(257) for channel in channels], axis=2)


def _mapped(rows: np.ndarray, width: int, data: bytes, header: _Header) -> np.ndarray:
    """Indices of 1, 2, 4 or 8 bits -> colors of the palette; gray where all of these are gray."""
    bits = header.bits
    step = 3 if header.size == 12 else 4
    start = 14 + header.size + (12 if header.compression == _BIT_FIELDS and header.size == 40 else 0)
    count = min(header.colors or 1 << bits, 1 << bits, max(0, header.pixels - start) // step)
    palette = np.frombuffer(data, np.uint8, count * step, start).reshape(count, step)[:, 2::-1]
    split_bits = np.unpackbits(rows, axis=1)[:, : width * bits].reshape(len(rows), width, bits) if bits < 8 else None
    index = rows[:, :width] if split_bits is None else np.packbits(split_bits, axis=2)[..., 0] >> (8 - bits)
    if index.size and int(index.max()) >= count:
        raise ValueError(f"a pixel asks for color {int(index.max()):,} of a palette of {count:,}")
    colors = palette[index]
    is_gray = bool((palette == palette[:, :1]).all())
    return np.ascontiguousarray(colors[..., :1] if is_gray else colors)


def _field(numbers: np.ndarray, mask: int) -> np.ndarray:
    """The part of each number that the mask covers, as 8 bits, or as 16 where it is of more than 8."""
    shift = (mask & -mask).bit_length() - 1
    bits = (mask >> shift).bit_length()
    if (mask >> shift) != (1 << bits) - 1 or bits > 16 or mask.bit_length() > numbers.dtype.itemsize * 8:
        raise ValueError(f"a bit field of {mask:#x}")
    part = (numbers & numbers.dtype.type(mask)) >> numbers.dtype.type(shift)
    top, depth = (255, np.uint8) if bits <= 8 else (65_535, np.uint16)
    most = (1 << bits) - 1
    table = ((np.arange(most + 1, dtype=np.int64) * top + most // 2) // most).astype(depth)
    return np.asarray(table[part])


def _profile(data: bytes, header: _Header) -> bytes | None:
    if header.size < 124 or struct.unpack_from("<I", data, 14 + 56)[0] != _EMBEDDED:
        return None
    place, size = struct.unpack_from("<II", data, 14 + 112)
    return data[14 + place : 14 + place + size] or None


# --- writing ------------------------------------------------------------------------------------------------


def _encode(picture: Picture, how: WriteAs) -> bytes:
    if picture.alpha is None and picture.contents.icc is None:
        out = io.BytesIO()
        options = {"dpi": picture.contents.dpi} if picture.contents.dpi else {}
        pillow_of(picture).save(out, "BMP", **options)
        return out.getvalue()
    # BITMAPV4HEADER has a word for alpha, BITMAPV5HEADER one for a profile too
    color, icc = three(picture.samples)[::-1, :, ::-1], picture.contents.icc or b""
    height, width = color.shape[:2]
    if picture.alpha is None:
        rows = color.reshape(height, width * 3)
        pixels = np.pad(rows, ((0, 0), (0, -width * 3 % 4))).tobytes()
        bits, compression, masks = 24, _RGB, (0, 0, 0, 0)
    else:
        pixels = np.concatenate([color, picture.alpha[::-1, :, None]], axis=2).tobytes()
        bits, compression, masks = 32, _BIT_FIELDS, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)
    x, y = (round(value / _METRE) for value in picture.contents.dpi or (0, 0))
    size = 124 if icc else 108
    header = struct.pack("<IiiHHIIiiII", size, width, height, 1, bits, compression, len(pixels), x, y, 0, 0)
    header += struct.pack("<IIII4s", *masks, b"DEBM" if icc else b"BGRs") + bytes(48)
    if icc:
        header += struct.pack("<IIII", 4, size + len(pixels), len(icc), 0)  # the intent of photographs
    begins = 14 + len(header)
    return b"BM" + struct.pack("<IHHI", begins + len(pixels) + len(icc), 0, 0, begins) + header + pixels + icc


CODEC = Codec(
    title="BMP",
    extensions=(".bmp", ".dib"),
    media_type="image/bmp",
    tells=_tells,
    decode=_decode,
    encode=_encode,
    bits=8,
    alpha=True,
    gray="without alpha or profile",
    holds=frozenset({"icc", "dpi"}),
    is_lossy=never,
)
