"""TIFFs by hand, of any depth and layout; each shows the same picture, so that reading it can be judged."""

from __future__ import annotations

import struct

import numpy as np
import pytest

imagecodecs = pytest.importorskip("imagecodecs", reason="needs the tiff extra")

HEIGHT, WIDTH = 37, 53
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
RGB = np.stack([COLUMNS / (WIDTH - 1), ROWS / (HEIGHT - 1), 1 - COLUMNS / (WIDTH - 1)], -1)
GRAY = (ROWS + COLUMNS)[..., None] / (HEIGHT + WIDTH - 2)


def levels(shares: np.ndarray, bits: int) -> np.ndarray:
    return np.rint(shares * (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def whole(numbers: np.ndarray, bits: int) -> np.ndarray:
    """What numbers of `bits` are as 8 or 16."""
    top = 255 if bits <= 8 else 65_535
    return np.rint(numbers.astype(np.float64) * top / (2**bits - 1)).astype(np.uint8 if bits <= 8 else np.uint16)


def lab() -> np.ndarray:
    """CIE Lab under D50 of RGB, by the formulas of ICC.1:2022."""
    linear = np.where(RGB <= 0.04045, RGB / 12.92, ((RGB + 0.055) / 1.055) ** 2.4)
    matrix = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
    shares = linear @ matrix.T / np.array([0.9642, 1, 0.8249])
    f = np.where(shares > 216 / 24389, np.cbrt(shares), (24389 / 27 * shares + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], -1)


def rgb_from_ycbcr(numbers: np.ndarray, top: int) -> np.ndarray:
    """ITU-R BT.601, whole range."""
    luma, blue, red = np.moveaxis(numbers.astype(float), -1, 0)
    blue, red = blue - (top + 1) // 2, red - (top + 1) // 2
    rgb = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], -1)
    return np.rint(rgb.clip(0, top)).astype(numbers.dtype)


PACKED = {1: bytes, 5: imagecodecs.lzw_encode, 8: imagecodecs.zlib_encode, 32_773: imagecodecs.packbits_encode}


def encode_tiff(
    numbers: np.ndarray,
    bits: int,
    photometric: int,
    *,
    compression: int = 1,
    tile: int | None = None,
    planar: bool = False,
    order: str = "<",
    fill: int = 1,
    more: tuple[tuple[int, int, bytes], ...] = (),
    rows: bytes | None = None,
) -> bytes:
    """A TIFF of numbers (h, w, c) of any depth, bits packed; `rows` instead of them; `more` tags: (tag, kind,
    value as it lies there)."""
    height, width, channels = numbers.shape
    planes = [numbers[..., index : index + 1] for index in range(channels)] if planar else [numbers]
    segments = []
    for plane in planes:
        for top in range(0, height, tile or height):
            for left in range(0, width, tile or width):
                part = plane[top : top + (tile or height), left : left + (tile or width)]
                if tile:
                    part = np.pad(part, ((0, tile - part.shape[0]), (0, tile - part.shape[1]), (0, 0)), mode="edge")
                segments.append(packed_rows(part.reshape(part.shape[0], -1), bits, order))
    if rows is not None:
        segments = [rows]
    segments = [bytes(PACKED[compression](segment)) for segment in segments]
    if fill == 2:
        reverse = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
        segments = [segment.translate(reverse) for segment in segments]
    places, at = [], 8
    for segment in segments:
        places.append(at)
        at += len(segment) + len(segment) % 2
    body = b"".join(segment + bytes(len(segment) % 2) for segment in segments)

    def short(*values: int) -> bytes:
        return struct.pack(f"{order}{len(values)}H", *values)

    def long(*values: int) -> bytes:
        return struct.pack(f"{order}{len(values)}I", *values)

    entries = [
        (256, 4, long(width)), (257, 4, long(height)), (258, 3, short(*[bits] * channels)), (259, 3, short(compression)),
        (262, 3, short(photometric)), (266, 3, short(fill)), (277, 3, short(channels)), (284, 3, short(2 if planar else 1)),
    ]  # fmt: skip
    if tile:
        entries += [(322, 4, long(tile)), (323, 4, long(tile)), (324, 4, long(*places)), (325, 4, long(*map(len, segments)))]
    else:
        entries += [(273, 4, long(*places)), (278, 4, long(height)), (279, 4, long(*map(len, segments)))]
    extra = channels - {2: 3, 5: 4, 6: 3, 8: 3, 9: 3}.get(photometric, 1)
    if extra:
        entries.append((338, 3, short(*[0] * extra)))
    entries = sorted([*entries, *more])
    table, pool, start = b"", b"", at + 2 + 12 * len(entries) + 4
    for tag, kind, value in entries:
        count = len(value) // {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 7: 1}[kind]
        if len(value) > 4:
            pool += bytes(len(pool) % 2)
            place = start + len(pool)
            pool, value = pool + value, struct.pack(order + "I", place)
        table += struct.pack(order + "HHI", tag, kind, count) + value.ljust(4, b"\0")
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, at)
    return head + body + struct.pack(order + "H", len(entries)) + table + bytes(4) + pool


def packed_rows(rows: np.ndarray, bits: int, order: str) -> bytes:
    if bits in (8, 16):
        return rows.astype(f"{order}u{bits // 8}").tobytes()
    split = (rows.astype(np.uint32)[..., None] >> np.arange(bits - 1, -1, -1)) & 1
    return np.packbits(split.astype(np.uint8).reshape(len(rows), -1), axis=1).tobytes()
