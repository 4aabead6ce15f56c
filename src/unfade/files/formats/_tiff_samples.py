"""The samples of a TIFF as they lie in it, whatever they mean: from tiles and planes, of 1 to 16 bits, by
every compression.

libvips reads strips strictly. A tile that it cannot decode, it paints black, and goes on. But a tile is
compressed like a strip of the tile's width. So the tiles become the strips of a file of our own, which
libvips reads; then their samples are laid out. imagecodecs, an extra, decodes what libtiff cannot.
"""

from __future__ import annotations

import lzma
import struct
import zlib
from collections.abc import Callable, Sequence

import numpy as np

from unfade.errors import UnreadableError, pip_line
from unfade.files import tags
from unfade.files.formats._tiff_page import (
    ADOBE_DEFLATE,
    BLACK_IS_ZERO,
    CIELAB,
    DEFLATE,
    FAX_3,
    FAX_4,
    FAX_RLE,
    ICCLAB,
    JPEG,
    LZW,
    NONE,
    PACKBITS,
    RGB,
    WHITE_IS_ZERO,
    YCBCR,
    Page,
)
from unfade.files.icc import array_of
from unfade.files.raster import load

_WEBP, _LZMA, _ZSTD, _LERC = 50001, 34925, 50000, 34887
_JPEG_2000, _JPEG_XL, _PNG, _JPEG_XR = {34712, 33003, 33004, 33005}, {50002, 52546}, {34933}, {22610, 34934}
_NAMES = {_ZSTD: "ZSTD", _LERC: "LERC", _WEBP: "WebP"} | dict.fromkeys(_JPEG_2000, "JPEG 2000") | dict.fromkeys(_JPEG_XL, "JPEG XL")
_NAMES |= dict.fromkeys(_PNG, "PNG") | dict.fromkeys(_JPEG_XR, "JPEG XR")
_BY_BYTES = {NONE, LZW, PACKBITS}  # compressions that know nothing of samples
_DEFLATES = {DEFLATE, ADOBE_DEFLATE}  # likewise, and with a checksum, which libtiff does not look at
_BY_BITS = {FAX_RLE, FAX_3, FAX_4}
_KEPT = (266, 292, 293, 317, 347)  # FillOrder, T4Options, T6Options, Predictor, JPEGTables
_LERC_PARAMETERS, _FILL_ORDER = 50674, 266
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
_BEHIND = 16  # times 64 KB that may follow the samples of a tile or strip, before its checksum
_BATCH_BYTES = 64 << 20  # of samples decoded at a time
_BATCH_ROWS = 1_000_000  # libvips takes ten times as many


def raw_samples(page: Page, data: bytes, name: str) -> np.ndarray:
    """The samples (h, w, channels), uint8 up to 8 bits and uint16 above, as numbers from 0 to 2**bits - 1.

    YCbCr in JPEG comes as RGB. Color of YCbCr that is subsampled is repeated. Raises `UnreadableError` (a
    compression that is not read, or an extra that is missing), `ValueError` and libvips's errors (damaged).
    """
    by_bytes = page.compression in _BY_BYTES | _DEFLATES
    if by_bytes and page.photometric == YCBCR and page.subsampling != (1, 1) and not page.is_planar:
        return _subsampled(page, data)
    segments = page.segments(data)
    if page.is_planar:
        count = page.across * page.down
        planes = [_plane(page, segments[index * count : (index + 1) * count], 1, name) for index in range(page.channels)]
        return np.concatenate(planes, axis=2)
    return _plane(page, segments, page.channels, name)


def _plane(page: Page, segments: Sequence[memoryview], channels: int, name: str) -> np.ndarray:
    """The samples of the segments, laid out."""
    width, height = page.segment_size
    depth = np.uint8 if page.bits <= 8 else np.uint16
    samples = np.empty((page.height, page.width, channels), depth)
    row_bytes = width * channels * depth().itemsize
    step = max(1, min(_BATCH_BYTES // (row_bytes * height * page.across), _BATCH_ROWS // (height * page.across)))
    for first in range(0, page.down, step):
        rows = range(first, min(first + step, page.down))
        part = segments[first * page.across : rows.stop * page.across]
        stack = _stack(page, part, channels, rows.stop == page.down, name)
        for number, row in enumerate(rows):
            top, bottom = row * height, min((row + 1) * height, page.height)
            for column in range(page.across):
                left, right = column * width, min((column + 1) * width, page.width)
                at = (number * page.across + column) * height
                samples[top:bottom, left:right] = stack[at : at + bottom - top, : right - left]
    return samples


def _stack(page: Page, segments: Sequence[memoryview], channels: int, is_last: bool, name: str) -> np.ndarray:
    """The segments decoded and one below the other: (rows, width of a segment, channels)."""
    width, height = page.segment_size
    rows = len(segments) * height
    if not page.is_tiled and is_last:  # the last strip has what is left
        rows -= page.down * height - page.height
    heights = [height] * (len(segments) - 1) + [rows - height * (len(segments) - 1)]
    if page.compression in _BY_BYTES and page.bits in (8, 16):
        photometric = RGB if channels >= 3 else BLACK_IS_ZERO
        return _by_libtiff(page, segments, width, rows, height, channels, page.bits, photometric)
    if page.compression in _BY_BYTES:
        row_bytes = -(-width * channels * page.bits // 8)
        if page.predictor != 1:
            raise ValueError(f"its samples of {page.bits} bits are differences")
        packed = _by_libtiff(page, segments, row_bytes, rows, height, 1, 8, BLACK_IS_ZERO)
        return _unpacked(packed[..., 0], page.bits, width * channels).reshape(rows, width, channels)
    if page.compression in _BY_BITS and page.bits == 1 and channels == 1:
        # libvips shows 0 as black whatever it means, and we say what it means later
        bits = _by_libtiff(page, segments, width, rows, height, 1, 1, BLACK_IS_ZERO)
        return np.asarray(bits >> 7)
    if page.compression == JPEG and page.bits == 8 and (channels == 1 or page.photometric not in (CIELAB, ICCLAB)):
        # libtiff fills what it lacks of a JPEG with gray, and warns
        if any(bytes(segment[-64:]).rstrip(b"\0")[-2:] != b"\xff\xd9" for segment in segments):
            raise ValueError("the JPEG of a tile or strip is cut off: premature end")
        photometric = page.photometric if channels == page.channels else BLACK_IS_ZERO
        photometric = BLACK_IS_ZERO if photometric == WHITE_IS_ZERO else photometric
        return _by_libtiff(page, segments, width, rows, height, channels, 8, photometric)
    decode = _decoder(page, channels, name)
    return np.concatenate([decode(segment, (tall, width, channels)) for segment, tall in zip(segments, heights, strict=True)])


def _by_libtiff(
    page: Page, segments: Sequence[memoryview], width: int, rows: int, strip: int, channels: int, bits: int, photometric: int
) -> np.ndarray:
    """A file of our own whose strips are the segments, decoded: (rows, width, channels)."""
    order, head = page.header.order, 16
    places, at = [], head
    for segment in segments:
        places.append(at)
        at += len(segment) + len(segment) % 2
    entries: dict[int, tuple[int, Sequence[int] | bytes]] = {
        tags.WIDTH: (4, [width]),
        tags.HEIGHT: (4, [rows]),
        tags.BITS: (3, [bits] * channels),
        tags.COMPRESSION: (3, [page.compression]),
        tags.PHOTOMETRIC: (3, [photometric]),
        273: (16, places),
        277: (3, [channels]),
        278: (4, [strip]),
        279: (16, [len(segment) for segment in segments]),
        284: (3, [1]),
    }
    extra = channels - {RGB: 3, YCBCR: 3, 5: 4}.get(photometric, 1)
    if extra > 0:
        entries[tags.EXTRA_SAMPLES] = (3, [0] * extra)
    for tag in _KEPT:
        if tag in page.tags:
            kind = page.tags[tag].kind
            entries[tag] = (kind, page.tags[tag].data if kind in (1, 7) else [int(number) for number in page.numbers(tag)])
    if photometric == YCBCR:
        entries[530] = (3, list(page.subsampling))
    body = b"".join(piece for segment in segments for piece in (segment, b"\0" * (len(segment) % 2)))
    head_bytes = (b"II" if order == "<" else b"MM") + struct.pack(order + "HHHQ", 43, 8, 0, at)
    file = head_bytes + body + _directory(entries, at, order)
    picture = load("tiffload_buffer", file, access="sequential", fail_on="error", unlimited=True)
    if (picture.width, picture.height, picture.bands) != (width, rows, channels):
        raise ValueError(f"its tiles are decoded as {picture.width} x {picture.height} pixels of {picture.bands} channels")
    return array_of(picture)


def _directory(entries: dict[int, tuple[int, Sequence[int] | bytes]], at: int, order: str) -> bytes:
    """A directory of a BigTIFF of either byte order, its values after it."""
    table, pool = [struct.pack(order + "Q", len(entries))], bytearray()
    start = at + 8 + len(entries) * 20 + 8
    for tag, (kind, values) in sorted(entries.items()):
        code = {1: "B", 3: "H", 4: "I", 7: "B", 16: "Q"}[kind]
        value = values if isinstance(values, bytes) else struct.pack(f"{order}{len(values)}{code}", *values)
        if len(value) > 8:
            pool += bytes(len(pool) % 2)
            place = struct.pack(order + "Q", start + len(pool))
            pool += value
            value = place
        table.append(struct.pack(order + "HHQ", tag, kind, len(values)) + value.ljust(8, b"\0"))
    return b"".join((*table, bytes(8), pool))


def _unpacked(packed: np.ndarray, bits: int, count: int) -> np.ndarray:
    """(rows, bytes) -> (rows, count): each row's numbers of `bits`, the most significant bit first."""
    rows = packed.shape[0]
    depth = np.uint8 if bits <= 8 else np.uint16
    found = np.empty((rows, count), depth)
    step = max(1, (4 << 20) // max(1, count))
    for top in range(0, rows, step):
        strip = np.unpackbits(packed[top : top + step], axis=1)[:, : count * bits].reshape(-1, count, bits)
        numbers = np.zeros(strip.shape[:2], depth)
        for bit in range(bits):
            numbers = (numbers << 1) | strip[..., bit]
        found[top : top + step] = numbers
    return found


def _subsampled(page: Page, data: bytes) -> np.ndarray:
    """YCbCr in units of `across` x `down` luma samples and one of each color (TIFF 6.0, section 21), its
    color repeated."""
    across, down = page.subsampling
    width, height = page.segment_size
    if page.bits != 8 or page.channels != 3 or page.predictor != 1:
        raise ValueError(f"its subsampled color is of {page.channels} channels of {page.bits} bits")
    units, unit = -(-width // across), across * down + 2
    if not page.is_tiled and page.down > 1 and height % down:
        raise ValueError(f"its strips of {height} rows cut through its units of {down}")
    tall = -(-height // down)  # rows of units in a segment
    segments = page.segments(data)
    rows = tall * len(segments)
    if not page.is_tiled:
        rows -= tall - -(-(page.height - (page.down - 1) * height) // down)
    if page.compression in _DEFLATES:
        plain = b"".join(_inflated(page, segment, tall * units * unit) for segment in segments)
        packed = np.frombuffer(plain, np.uint8, rows * units * unit)
    else:
        packed = _by_libtiff(page, segments, units * unit, rows, tall, 1, 8, BLACK_IS_ZERO)
    packed = packed.reshape(rows, units, unit)
    luma = packed[..., :-2].reshape(rows, units, down, across).swapaxes(1, 2).reshape(rows * down, units * across)
    colors = packed[..., -2:].repeat(down, axis=0).repeat(across, axis=1)
    stack = np.concatenate([luma[..., None], colors], axis=2)
    samples = np.empty((page.height, page.width, 3), np.uint8)
    for index in range(len(segments)):
        row, column = divmod(index, page.across)
        top, left = row * height, column * width
        bottom, right = min(top + height, page.height), min(left + width, page.width)
        at = index * tall * down
        samples[top:bottom, left:right] = stack[at : at + bottom - top, : right - left]
    return samples


# --- what libtiff lacks -------------------------------------------------------------------------------------


def _decoder(page: Page, channels: int, name: str) -> Callable[[memoryview, tuple[int, int, int]], np.ndarray]:
    """What decodes one segment into its shape. Raises `UnreadableError` where there is no such thing."""
    if page.compression in _DEFLATES:
        return lambda segment, shape: _of_bytes(page, _inflated(page, segment, _size(page, (page.segment_size[1], *shape[1:]))), shape)
    if page.compression == _LZMA:
        return lambda segment, shape: _of_bytes(page, _inflated_lzma(segment, _size(page, shape)), shape)
    if page.compression not in _NAMES:
        what = f"by TIFF's compression {page.compression} at {page.bits} bits"
        if page.compression == JPEG:
            what = f"as JPEG of {page.bits} bits{' in CIE Lab' if page.photometric in (CIELAB, ICCLAB) else ''}"
        raise UnreadableError(f"{name} is compressed {what}, which is not read here; save it as TIFF with LZW or deflate")
    return _by_imagecodecs(page, name)


def _by_imagecodecs(page: Page, name: str) -> Callable[[memoryview, tuple[int, int, int]], np.ndarray]:
    """The same, by the library that reads what libtiff does not."""
    compression = _NAMES[page.compression]
    try:
        import imagecodecs
    except ImportError as error:
        raise UnreadableError(
            f"{name} is compressed with {compression}, which takes imagecodecs to read; save it as TIFF with LZW or deflate, "
            f"or: {pip_line('tiff')}"
        ) from error
    decoders: dict[str, Callable[..., np.ndarray]] = {
        "JPEG 2000": imagecodecs.jpeg2k_decode,
        "JPEG XL": imagecodecs.jpegxl_decode,
        "JPEG XR": imagecodecs.jpegxr_decode,
        "PNG": imagecodecs.png_decode,
        "WebP": imagecodecs.webp_decode,
    }
    packing = [*page.numbers(_LERC_PARAMETERS), 0, 0][1]  # of LERC's bytes: 1 deflate, 2 ZSTD

    def decode(segment: memoryview, shape: tuple[int, int, int]) -> np.ndarray:
        plain: bytes | bytearray = bytes(segment)
        try:
            if compression == "ZSTD":
                return _of_bytes(page, imagecodecs.zstd_decode(plain, out=_size(page, shape)), shape)
            if compression == "LERC":
                plain = zlib.decompress(plain) if packing == 1 else imagecodecs.zstd_decode(plain) if packing == 2 else plain
                decoders["LERC"] = imagecodecs.lerc_decode
            if compression == "JPEG 2000":
                _check_jpeg_2000(plain, shape)
            samples = _of_shape(decoders[compression](plain), shape)
        except (RuntimeError, MemoryError, zlib.error) as error:  # each codec's own error is a RuntimeError
            raise ValueError(str(error)) from error
        if int(samples.max(initial=0)) >= 1 << page.bits:
            raise ValueError(f"a tile or strip has numbers of more than {page.bits} bits")
        return samples

    return decode


def _check_jpeg_2000(stream: bytes | bytearray, shape: tuple[int, int, int]) -> None:
    """Raise `ValueError` for a codestream of another size or without its end (ITU-T T.800, annex A.5.1).

    The first could fill the memory; what the second lacks, OpenJPEG fills up.
    """
    at = stream.find(b"\xff\x4f\xff\x51")
    if at >= 0 and at + 24 <= len(stream):
        right, bottom, left, top = struct.unpack_from(">4I", stream, at + 8)
        if (bottom - top, right - left) != shape[:2]:
            raise ValueError(f"a tile or strip should be of {shape[1]} x {shape[0]}, and it is {right - left} x {bottom - top}")
    if stream.rstrip(b"\0")[-2:] != b"\xff\xd9":
        raise ValueError("the JPEG 2000 of a tile or strip is cut off: premature end")


def _size(page: Page, shape: tuple[int, int, int]) -> int:
    """Bytes of a segment of that shape."""
    rows, width, channels = shape
    return rows * -(-width * channels * page.bits // 8)


def _inflated(page: Page, segment: memoryview, size: int) -> bytes:
    """At most `size` bytes of deflate, whose checksum holds. Raises `ValueError`."""
    inflater = zlib.decompressobj()
    packed = bytes(segment).translate(_REVERSED) if page.number(_FILL_ORDER, 1) == 2 else segment
    try:
        plain = inflater.decompress(packed, size)
        for _ in range(_BEHIND):
            if inflater.eof:
                return plain
            if not inflater.decompress(inflater.unconsumed_tail, 1 << 16) and not inflater.eof:
                break
    except zlib.error as error:
        raise ValueError(str(error)) from error
    raise ValueError("a tile or strip is cut off: unexpected end")


def _inflated_lzma(segment: memoryview, size: int) -> bytes:
    try:
        return lzma.LZMADecompressor().decompress(segment, max_length=size)
    except lzma.LZMAError as error:
        raise ValueError(str(error)) from error


def _of_bytes(page: Page, plain: bytes | bytearray, shape: tuple[int, int, int]) -> np.ndarray:
    """Samples that were compressed as bytes."""
    rows, width, channels = shape
    size = _size(page, shape)
    if len(plain) < size:
        raise ValueError(f"a tile or strip should have {size:,} bytes, and it has {len(plain):,}")
    plain = plain[:size]  # some programs fill the last strip up
    if page.bits not in (8, 16):
        packed = np.frombuffer(plain, np.uint8).reshape(rows, -1)
        return _unpacked(packed, page.bits, width * channels).reshape(shape)
    samples = np.frombuffer(plain, f"{page.header.order}u{page.bits // 8}").astype(f"u{page.bits // 8}").reshape(shape)
    if page.predictor == 2:
        return np.cumsum(samples, axis=1, dtype=samples.dtype)
    if page.predictor != 1:
        raise ValueError(f"its samples are predicted in a way (TIFF's {page.predictor}) that is for floating-point numbers")
    return samples


def _of_shape(samples: np.ndarray, shape: tuple[int, int, int]) -> np.ndarray:
    """What an image decoder gave, if it is of the shape."""
    if samples.ndim == 2:
        samples = samples[..., None]
    if samples.shape != shape or samples.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"a tile or strip should be of {shape}, and it is {samples.dtype} of {samples.shape}")
    return samples
