"""TIFFs of every kind that scanners, Photoshop and archives write: read rightly, or refused with the true
reason. Never black in silence.

tifffile and imagecodecs write most kinds, a writer by hand those that they do not. What was written is known,
and so what must be read.
"""

from __future__ import annotations

import io
import itertools
import random
import struct
import sys
import warnings
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image as Pillow
from PIL import ImageCms

from unfade.errors import UnreadableError, UsageError
from unfade.files.photo import Photo, encode_file, pages, read, write_pages

tifffile = pytest.importorskip("tifffile", reason="needs tifffile, which writes the kinds of TIFF")
imagecodecs = pytest.importorskip("imagecodecs", reason="needs the tiff extra")

HEIGHT, WIDTH = 37, 53
ROWS, COLUMNS = np.mgrid[:HEIGHT, :WIDTH]
RGB = np.stack([COLUMNS / (WIDTH - 1), ROWS / (HEIGHT - 1), 1 - COLUMNS / (WIDTH - 1)], -1)
GRAY = (ROWS + COLUMNS)[..., None] / (HEIGHT + WIDTH - 2)
ALPHA: dict[str, object] = {"extrasamples": ["unassalpha"]}
INFRARED: dict[str, object] = {"extrasamples": ["unspecified"]}
LOSSY = {"jpeg": 4, "webp": 2, "jpegxr": 1}  # levels by which two decoders may differ


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


@dataclass(frozen=True)
class Kind:
    """What is written: numbers (h, w, c); and what a reader should make of them, with how many of 255 levels
    it may be off."""

    photometric: str
    numbers: np.ndarray
    seen: Callable[[np.ndarray], np.ndarray]
    tolerance: float = 0
    options: dict[str, object] | None = None


def kind_of(name: str, bits: int) -> Kind:
    top, middle = 2**bits - 1, 2 ** (bits - 1)
    gray, rgb = levels(GRAY, bits), levels(RGB, bits)
    depth = gray.dtype
    colors = {
        "miniswhite": Kind("miniswhite", top - gray, lambda numbers: whole(top - numbers, bits)),
        "minisblack": Kind("minisblack", gray, lambda numbers: whole(numbers, bits)),
        "rgb": Kind("rgb", rgb, lambda numbers: whole(numbers, bits)),
        "gray+alpha": Kind("minisblack", np.concatenate([gray, gray[::-1]], 2), lambda numbers: whole(numbers[..., :1], bits), 0, ALPHA),
        "rgb+alpha": Kind("rgb", np.concatenate([rgb, gray], 2), lambda numbers: whole(numbers[..., :3], bits), 0, ALPHA),
        "rgb+infrared": Kind("rgb", np.concatenate([rgb, gray], 2), lambda numbers: whole(numbers[..., :3], bits), 0, INFRARED),
    }
    if name in colors:
        return colors[name]
    if name == "palette":
        map = np.stack([np.arange(256) * 257, np.arange(255, -1, -1) * 257, np.full(256, 32_896)]).astype(np.uint16)
        return Kind("palette", gray, lambda numbers: (map >> 8).astype(np.uint8).T[numbers[..., 0]], 0, {"colormap": map})
    if name == "separated":
        inks = levels(np.concatenate([1 - RGB, np.zeros_like(GRAY)], 2) * 0.7, bits)
        return Kind("separated", inks, lambda numbers: read(encode_tiff(numbers, bits, 5)).samples)
    if name == "ycbcr":
        red, green, blue = np.moveaxis(RGB * top, -1, 0)
        luma = 0.299 * red + 0.587 * green + 0.114 * blue
        numbers = np.stack([luma, middle + (blue - luma) / 1.772, middle + (red - luma) / 1.402], -1)
        return Kind("ycbcr", np.rint(np.clip(numbers, 0, top)).astype(depth), lambda numbers: rgb_from_ycbcr(numbers, top), 1.0)
    lightness, chroma = lab()[..., :1], lab()[..., 1:]
    step, white = (1, 255) if bits == 8 else (256, 65_535 if name == "cielab" else 65_280)
    if name == "cielab":
        signed = np.rint(chroma * step).clip(-middle, middle - 1).astype(np.int8 if bits == 8 else np.int16).view(depth)
    else:
        signed = np.rint((chroma + 128) * step).clip(0, top).astype(depth)

    def seen(numbers: np.ndarray) -> np.ndarray:
        codes = numbers[..., 1:].view(np.int8 if bits == 8 else np.int16) if name == "cielab" else numbers[..., 1:]
        colors = codes / step - (0 if name == "cielab" else 128)
        return whole(np.rint(rgb_from_lab(np.concatenate([numbers[..., :1] / white * 100, colors], 2)) * top), bits)

    numbers = np.concatenate([np.rint(lightness / 100 * white).astype(depth), signed], 2)
    return Kind(name, numbers, seen, 1.0)


def rgb_from_lab(lab: np.ndarray) -> np.ndarray:
    """CIE Lab under D50 -> sRGB in [0, 1]: `lab` backwards."""
    middle = (lab[..., 0] + 16) / 116
    f = np.stack([middle + lab[..., 1] / 500, middle, middle - lab[..., 2] / 200], -1)
    shares = np.where(f**3 > 216 / 24389, f**3, (116 * f - 16) * 27 / 24389)
    matrix = np.array([[3.1338561, -1.6168667, -0.4906146], [-0.9787684, 1.9161415, 0.0334540], [0.0719453, -0.2289914, 1.4052427]])
    linear = np.clip(shares * (0.9642, 1, 0.8249) @ matrix.T, 0, 1)
    return np.where(linear <= 0.0031308, linear * 12.92, 1.055 * np.maximum(linear, 0.0031308) ** (1 / 2.4) - 0.055)


def rgb_from_ycbcr(numbers: np.ndarray, top: int) -> np.ndarray:
    """ITU-R BT.601, whole range."""
    luma, blue, red = np.moveaxis(numbers.astype(float), -1, 0)
    blue, red = blue - (top + 1) // 2, red - (top + 1) // 2
    rgb = np.stack([luma + 1.402 * red, luma - 0.344136 * blue - 0.714136 * red, luma + 1.772 * blue], -1)
    return np.rint(rgb.clip(0, top)).astype(numbers.dtype)


KINDS = ("miniswhite", "minisblack", "rgb", "gray+alpha", "rgb+alpha", "rgb+infrared", "palette", "separated", "ycbcr", "cielab", "icclab")
COMPRESSIONS = (None, "lzw", "zlib", "packbits", "lzma", "zstd", "lerc", "jpeg", "jpeg2000", "jpegxl", "png", "webp", "jpegxr")
LAYOUTS = ({}, {"rowsperstrip": 5}, {"tile": (16, 16)}, {"tile": (64, 32)})
SWEEP = tuple(itertools.product(KINDS, (8, 16), ("contig", "separate"), COMPRESSIONS, (1, 2), range(len(LAYOUTS)), "<>"))


Case = tuple[str, int, str, str | None, int, int, str]


def written(case: Case) -> tuple[bytes, Kind, np.ndarray] | None:
    """A file by tifffile, and the numbers that tifffile reads in it again; None where it cannot write or read
    such a one."""
    name, bits, planar, compression, predictor, layout, order = case
    kind = kind_of(name, bits)
    array = kind.numbers if kind.numbers.shape[2] > 1 else kind.numbers[..., 0]
    if (predictor == 2 and compression not in ("lzw", "zlib", "lzma", "zstd")) or (planar == "separate" and array.ndim == 2):
        return None
    if planar == "separate":
        array = np.moveaxis(array, -1, 0)
    options = dict(kind.options or {}) | LAYOUTS[layout] | ({"planarconfig": planar} if array.ndim == 3 else {})
    if name == "ycbcr":
        options["subsampling"] = (1, 1)
    out = io.BytesIO()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with tifffile.TiffWriter(out, byteorder=order) as writer:
                writer.write(
                    array, photometric=kind.photometric, compression=compression, predictor=predictor > 1, metadata=None, **options
                )
        with tifffile.TiffFile(io.BytesIO(out.getvalue())) as file:
            back = file.pages[0].asarray()
    except (ValueError, KeyError, TypeError, RuntimeError, NotImplementedError, IndexError, struct.error):
        return None
    if back.size != array.size or (compression not in LOSSY and not (back.reshape(array.shape) == array).all()):
        return None
    back = back.reshape(array.shape)
    return out.getvalue(), kind, (np.moveaxis(back, 0, -1) if planar == "separate" else back).reshape(kind.numbers.shape)


def verdict(data: bytes, kind: Kind, numbers: np.ndarray, compression: str | None, planar: str) -> str:
    """What became of a sound file: "read", "refused", or what is wrong."""
    try:
        photo = read(data, name="a.tif")
    except UnreadableError as error:
        return "refused" if "not read here" in str(error) else f"called damaged: {error}"
    # of YCbCr in JPEG, tifffile too gives RGB
    made_rgb = kind.photometric == "ycbcr" and compression == "jpeg" and planar == "contig"
    expected = numbers if made_rgb else kind.seen(numbers)
    if photo.samples.shape != expected.shape or photo.samples.dtype != expected.dtype:
        return f"{photo.samples.dtype} of {photo.samples.shape}"
    off = np.abs(photo.samples.astype(int) - expected).max() / (1 if photo.bits == 8 else 257)
    return "read" if off <= kind.tolerance + LOSSY.get(compression or "", 0) else f"off by {off:.1f} levels"


def swept(cases: list[Case]) -> Counter[str]:
    outcomes: Counter[str] = Counter()
    wrong = []
    for case in cases:
        made = written(case)
        if made is None:
            outcomes["not written"] += 1
            continue
        found = verdict(*made, case[3], case[2])
        outcomes[found if found in ("read", "refused") else "wrong"] += 1
        if found not in ("read", "refused"):
            wrong.append(f"{case}: {found}")
    assert not wrong, f"{len(wrong)} of {len(cases)}:\n" + "\n".join(wrong[:40])
    return outcomes


def test_a_sample_of_every_kind_is_read_or_refused_truly() -> None:
    outcomes = swept(random.Random(4).sample(SWEEP, 250))
    assert outcomes["read"] > 60, outcomes


@pytest.mark.long
def test_every_kind_is_read_or_refused_truly() -> None:
    outcomes = swept(list(SWEEP))
    print(outcomes, file=sys.stderr)
    assert outcomes["read"] > 1500, outcomes


# --- by hand ------------------------------------------------------------------------------------------------

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


@pytest.mark.parametrize("bits", [1, 2, 3, 4, 6, 7, 8, 9, 10, 12, 14, 15, 16])
@pytest.mark.parametrize("compression", PACKED)
def test_every_depth_in_strips_tiles_and_planes(bits: int, compression: int) -> None:
    for channels, tile, planar, order, fill in itertools.product((1, 3), (None, 16), (False, True), "<>", (1, 2)):
        numbers = levels(GRAY if channels == 1 else RGB, bits)
        data = encode_tiff(
            numbers, bits, 1 if channels == 1 else 2, compression=compression, tile=tile, planar=planar, order=order, fill=fill
        )
        if fill == 2 and bits == 16:
            continue  # what that means is said nowhere, and readers differ
        photo = read(data)
        assert photo.notes == () and photo.profile is None
        np.testing.assert_array_equal(photo.samples, whole(numbers, bits), err_msg=str((channels, tile, planar, order, fill)))
        if channels == 1:
            white = read(encode_tiff(2**bits - 1 - numbers, bits, 0, compression=compression, tile=tile, order=order))
            np.testing.assert_array_equal(white.samples, whole(numbers, bits))


@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("tile", [None, 16])
def test_palettes_of_every_depth(bits: int, tile: int | None) -> None:
    colors = np.random.default_rng(1).integers(0, 256, (3, 2**bits), np.uint16)
    index = levels(GRAY, bits)
    for factor in (257, 1):  # some programs write 8 bits where 16 belong
        map = (320, 3, (colors * factor).astype("<u2").tobytes())
        photo = read(encode_tiff(index, bits, 3, tile=tile, more=(map,)))
        if factor == 1 and bits == 8 and tile is None:
            continue  # libtiff's own reader, which knows both
        np.testing.assert_array_equal(photo.samples, colors.T[index[..., 0]])


@pytest.mark.parametrize("tile", [None, 16])
@pytest.mark.parametrize("compression", PACKED)
@pytest.mark.parametrize(("across", "down"), [(1, 1), (2, 1), (2, 2), (4, 1), (4, 2), (4, 4), (1, 2)])
def test_ycbcr_that_is_subsampled(across: int, down: int, compression: int, tile: int | None) -> None:
    height, width = 32, 48
    numbers = np.asarray(Pillow.fromarray(levels(RGB, 8)).resize((width, height)).convert("YCbCr"))
    side = tile or 0

    def units(part: np.ndarray) -> bytes:
        tall, wide = part.shape[0] // down, part.shape[1] // across
        blocks = part.reshape(tall, down, wide, across, 3).swapaxes(1, 2)
        luma = blocks[..., 0].reshape(tall, wide, -1)
        return np.concatenate([luma, blocks[:, :, 0, 0, 1:]], axis=2).tobytes()

    subsampling = (530, 3, struct.pack("<2H", across, down))
    if tile is None:
        data = encode_tiff(numbers, 8, 6, compression=compression, more=(subsampling,), rows=units(numbers))
    else:
        parts = [units(numbers[top : top + side, left : left + side]) for top in range(0, height, side) for left in range(0, width, side)]
        data = tiled_by_hand(parts, numbers.shape, side, compression, subsampling)
    held = numbers.copy()
    held[..., 1:] = numbers[::down, ::across, 1:].repeat(down, 0).repeat(across, 1)
    assert np.abs(read(data).samples.astype(int) - rgb_from_ycbcr(held, 255).astype(int)).max() <= 1


def tiled_by_hand(parts: list[bytes], shape: tuple[int, ...], side: int, compression: int, *more: tuple[int, int, bytes]) -> bytes:
    whole_file = encode_tiff(np.zeros(shape, np.uint8), 8, 6, more=more)
    segments = [bytes(PACKED[compression](part)) for part in parts]
    places, at = [], 8
    for segment in segments:
        places.append(at)
        at += len(segment)
    at += at % 2
    with tifffile.TiffFile(io.BytesIO(whole_file)) as file:
        page = file.pages[0]
        kept = [(258, 3, struct.pack("<3H", 8, 8, 8)), (259, 3, struct.pack("<H", compression)), (262, 3, struct.pack("<H", 6))]
        kept += [
            (256, 4, struct.pack("<I", page.imagewidth)),
            (257, 4, struct.pack("<I", page.imagelength)),
            (277, 3, struct.pack("<H", 3)),
        ]
    longs = f"<{len(parts)}I"
    kept += [(322, 4, struct.pack("<I", side)), (323, 4, struct.pack("<I", side)), (324, 4, struct.pack(longs, *places))]
    kept += [(325, 4, struct.pack(longs, *map(len, segments))), *more]
    table, pool, start = b"", b"", at + 2 + 12 * len(kept) + 4
    for tag, kind, value in sorted(kept):
        count = len(value) // {3: 2, 4: 4}[kind]
        if len(value) > 4:
            place = start + len(pool)
            pool, value = pool + value, struct.pack("<I", place)
        table += struct.pack("<HHI", tag, kind, count) + value.ljust(4, b"\0")
    body = b"".join(segments)
    return struct.pack("<2sHI", b"II", 42, at) + body + bytes(at - 8 - len(body)) + struct.pack("<H", len(kept)) + table + bytes(4) + pool


def test_ycbcr_with_coefficients_and_black_and_white_of_its_own() -> None:
    """ITU-R BT.709 in the range of video, as frames of films are written."""
    rgb = RGB * 255
    luma = rgb @ (0.2126, 0.7152, 0.0722)
    numbers = np.stack(
        [16 + luma * 219 / 255, 128 + (rgb[..., 2] - luma) / 1.8556 * 224 / 255, 128 + (rgb[..., 0] - luma) / 1.5748 * 224 / 255], -1
    )

    def rationals(*values: int) -> bytes:
        return b"".join(struct.pack("<II", value, 10_000) for value in values)

    coefficients = (529, 5, rationals(2126, 7152, 722))
    black_and_white = (532, 5, rationals(160_000, 2_350_000, 1_280_000, 2_400_000, 1_280_000, 2_400_000))
    subsampling = (530, 3, struct.pack("<2H", 1, 1))
    data = encode_tiff(np.rint(numbers).astype(np.uint8), 8, 6, more=(coefficients, black_and_white, subsampling))
    assert np.abs(read(data).samples.astype(float) - rgb).max() < 4


@pytest.mark.parametrize("compression", ["group3", "group4", "tiff_ccitt"])
def test_fax_in_strips_and_tiles(compression: str) -> None:
    page = Pillow.fromarray(GRAY[..., 0] > 0.5)
    out = io.BytesIO()
    page.save(out, "TIFF", compression=compression)
    np.testing.assert_array_equal(read(out.getvalue()).samples[..., 0], np.asarray(page.convert("L")))


@pytest.mark.parametrize("compression", ["none", "lzw", "zlib", "packbits", "jpeg", "webp", "zstd", "lzma", "lerc", "jpeg2000", "jpegxl"])
@pytest.mark.parametrize("damage", ["noise", "zeroed", "missing"])
@pytest.mark.parametrize("layout", [{"tile": (64, 64)}, {"rowsperstrip": 32}], ids=["tiles", "strips"])
def test_a_damaged_tile_or_strip_is_never_black(compression: str, damage: str, layout: dict[str, object]) -> None:
    rng = np.random.default_rng(1)
    rows, columns = np.mgrid[:128, :128]
    rgb = np.stack([columns * 2, rows * 2, 255 - columns * 2], -1).clip(0, 255).astype(np.uint8)
    out = io.BytesIO()
    tifffile.imwrite(out, rgb, photometric="rgb", compression=None if compression == "none" else compression, metadata=None, **layout)
    data = bytearray(out.getvalue())
    assert np.abs(read(bytes(data)).samples.astype(int) - rgb).max() <= {"jpeg": 6, "webp": 25}.get(compression, 0)
    with tifffile.TiffFile(io.BytesIO(bytes(data))) as file:
        page = file.pages[0]
        place, count = page.dataoffsets[2], page.databytecounts[2]
        entry = page.tags[325 if "tile" in layout else 279]
    if damage == "noise":
        data[place : place + count] = rng.integers(0, 256, count, dtype=np.uint8).tobytes()
    elif damage == "zeroed":
        data[place + count // 3 : place + count] = bytes(count - count // 3)
    else:
        width = 2 if entry.dtype == 3 else 4
        data[entry.valueoffset + 2 * width : entry.valueoffset + 3 * width] = bytes(width)
    undetectable = {("none", "noise"), ("none", "zeroed"), ("packbits", "noise"), ("zstd", "zeroed")}  # no checksum, and decodable
    if (compression, damage) in undetectable:
        return
    with pytest.raises(UnreadableError, match="take another copy"):
        read(bytes(data))


def test_without_imagecodecs_the_line_to_type_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.BytesIO()
    tifffile.imwrite(out, levels(RGB, 8), photometric="rgb", compression="zstd")
    monkeypatch.setitem(sys.modules, "imagecodecs", None)
    with pytest.raises(UnreadableError, match=r"a\.tif is compressed with ZSTD.*pip install 'unfade\[tiff\]'"):
        read(out.getvalue(), name="a.tif")
    read(encode_file(Photo(levels(RGB, 8)), "tiff"))


@pytest.mark.parametrize(
    ("numbers", "options", "said"),
    [
        (np.float32, {}, "floating-point"),
        (np.int16, {}, "with a sign"),
        (np.uint32, {}, "32 bits"),
        (np.complex64, {}, "complex"),
    ],
)
def test_numbers_that_are_not_read_are_refused_by_their_name(numbers: type, options: dict[str, object], said: str) -> None:
    out = io.BytesIO()
    tifffile.imwrite(out, levels(GRAY, 8)[..., 0].astype(numbers), photometric="minisblack", **options)
    with pytest.raises(UnreadableError, match=f"{said}.*convert it to 16-bit TIFF"):
        read(out.getvalue())


@pytest.mark.parametrize(
    ("photometric", "said"), [(10, "ITU Lab"), (32_844, "LogL"), (32_845, "LogLuv"), (32_803, "camera raw"), (77, "kind 77")]
)
def test_colors_that_are_not_read_are_refused_by_their_name(photometric: int, said: str) -> None:
    with pytest.raises(UnreadableError, match=said) as refusal:
        read(encode_tiff(levels(RGB, 8), 8, photometric))
    assert "another copy" not in str(refusal.value)


def test_channels_of_different_depths_are_refused_as_that() -> None:
    data = encode_tiff(levels(RGB, 8), 8, 2).replace(struct.pack("<3H", 8, 8, 8), struct.pack("<3H", 5, 6, 5))
    with pytest.raises(UnreadableError, match="different depths: 5, 6 bits"):
        read(data)


def test_a_directory_that_asks_for_more_than_there_is_is_refused() -> None:
    sound = encode_tiff(levels(RGB, 8), 8, 2)
    at = sound.index(struct.pack("<HHI", 277, 3, 1))
    with pytest.raises(UnreadableError, match="65,535 channels; 32 are read"):
        read(sound[: at + 8] + b"\xff\xff" + sound[at + 10 :])
    out = io.BytesIO()
    tifffile.imwrite(out, levels(RGB, 8), photometric="rgb", compression="jpeg2000", metadata=None)
    data = bytearray(out.getvalue())
    struct.pack_into(">I", data, data.index(b"\xff\x4f\xff\x51") + 8, 2**31 - 1)
    with pytest.raises(UnreadableError, match="should be of 53 x 37"):
        read(bytes(data))
    out = io.BytesIO()
    tifffile.imwrite(out, levels(RGB, 8), photometric="rgb", compression="lerc", metadata=None)
    with pytest.raises(UnreadableError, match="numbers of more than 4 bits"):
        read(out.getvalue().replace(struct.pack("<3H", 8, 8, 8), struct.pack("<3H", 4, 4, 4), 1))


def test_lab_agrees_with_littlecms() -> None:
    """An independent judge, in 8 bits."""
    kind = kind_of("icclab", 8)
    page = Pillow.frombytes("LAB", (WIDTH, HEIGHT), (kind.numbers ^ np.array([0, 128, 128], np.uint8)).tobytes())
    judge = ImageCms.profileToProfile(
        page, ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), outputMode="RGB",
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC, flags=ImageCms.Flags.NOOPTIMIZE,
    )  # fmt: skip
    out = io.BytesIO()
    tifffile.imwrite(out, kind.numbers, photometric="icclab")
    assert np.abs(read(out.getvalue()).samples.astype(int) - np.asarray(judge)).max() <= 2


def old_jpeg(stream: bytes, *, tiled: bool, whole: bool) -> bytes:
    """A TIFF of TIFF 6.0's own JPEG, by hand: in a strip or a tile, the stream named as one or not."""
    at, directory = 8, 8 + len(stream) + len(stream) % 2
    entries = [(256, 4, WIDTH), (257, 4, HEIGHT), (258, 3, 8), (259, 3, 6), (262, 3, 6), (277, 3, 3), (284, 3, 1), (512, 3, 1)]
    in_tiles = [(322, 4, 64), (323, 4, 48), (324, 4, at), (325, 4, len(stream))]
    entries += in_tiles if tiled else [(273, 4, at), (278, 4, HEIGHT), (279, 4, len(stream))]
    entries += [(513, 4, at), (514, 4, len(stream))] if whole else []
    table = b"".join(
        struct.pack("<HHI", tag, kind, 1) + (struct.pack("<HH", value, 0) if kind == 3 else struct.pack("<I", value))
        for tag, kind, value in sorted(entries)
    )
    body = stream + bytes(len(stream) % 2)
    return struct.pack("<2sHI", b"II", 42, directory) + body + struct.pack("<H", len(entries)) + table + bytes(4)


@pytest.mark.parametrize("tiled", [False, True])
def test_old_style_jpeg_is_read_where_it_is_one_stream(tiled: bool) -> None:
    out = io.BytesIO()
    Pillow.fromarray(levels(RGB, 8)).save(out, "JPEG", quality=95, subsampling=0)
    photo = read(old_jpeg(out.getvalue(), tiled=tiled, whole=True))
    assert np.abs(photo.samples.astype(int) - levels(RGB, 8)).max() < 12
    with pytest.raises(UnreadableError, match="old-style JPEG in pieces, which is not read here"):
        read(old_jpeg(out.getvalue(), tiled=tiled, whole=False))


@pytest.mark.parametrize("compression", ["ccittfax4", "lzw", "deflate", "packbits", "none"])
def test_two_levels_in_tiles(compression: str) -> None:
    page = ((COLUMNS // 7 + ROWS // 5) % 2 * 255).astype(np.uint8)
    data = pyvips.Image.new_from_array(page).tiffsave_buffer(
        tile=True, tile_width=16, tile_height=16, compression=compression, bitdepth=1, predictor="none"
    )
    np.testing.assert_array_equal(read(data).samples[..., 0], page)


@pytest.mark.parametrize(("tag", "kind"), [(262, "colors"), (277, "channels"), (278, "rows")])
def test_tags_that_careless_programs_leave_out(tag: int, kind: str) -> None:
    sound = encode_tiff(levels(RGB, 8), 8, 2)
    at = sound.index(struct.pack("<HH", tag, 3 if tag != 278 else 4))
    np.testing.assert_array_equal(read(sound[:at] + struct.pack("<H", 65_000) + sound[at + 2 :]).samples, levels(RGB, 8))


def test_of_several_pages_the_largest_is_the_picture() -> None:
    full, small = levels(RGB, 8), levels(RGB, 8)[::4, ::4].copy()

    def written(*pages: tuple[np.ndarray, int]) -> bytes:
        out = io.BytesIO()
        with tifffile.TiffWriter(out) as writer:
            for array, kind in pages:
                writer.write(array, photometric="rgb" if array.ndim == 3 else "minisblack", subfiletype=kind, metadata=None)
        return out.getvalue()

    for kind in (0, 1):
        data = written((small, kind), (full, 0))
        photo = read(data)
        np.testing.assert_array_equal(photo.samples, full)
        assert photo.notes == ("it has 2 pages; page 2, the largest, was taken",) and pages(data) == (2,)
        np.testing.assert_array_equal(read(data, page=1).samples, small)
    assert pages(written((full, 2), (full[::-1].copy(), 2), (full, 2))) == (1, 2, 3)
    assert pages(written((full, 0), (full[::2, ::2].copy(), 1), (small, 1))) == (1,)
    assert pages(written((full, 0), (full[..., 0].copy(), 0))) == (1, 2)
    assert pages(encode_file(Photo(full), "jpeg")) == (1,)
    with pytest.raises(UsageError, match="has 2 pages; there is no page 3"):
        read(data, page=3)


def test_pages_are_written_into_one_file_and_come_back(tmp_path: Path) -> None:
    album = [Photo(levels(RGB, 8)), Photo(levels(GRAY, 16), dpi=(300.0, 300.0)), Photo(levels(RGB, 8)[::-1].copy())]
    write_pages(album, tmp_path / "album.tif")
    data = (tmp_path / "album.tif").read_bytes()
    assert pages(data) == (1, 2, 3)
    for number, photo in enumerate(album, 1):
        back = read(data, page=number)
        np.testing.assert_array_equal(back.samples, photo.samples)
        assert back.dpi == photo.dpi
    with tifffile.TiffFile(tmp_path / "album.tif") as file:
        for page, photo in zip(file.pages, album, strict=True):
            np.testing.assert_array_equal(page.asarray(), photo.samples.squeeze())
    with pytest.raises(UsageError, match="JPEG holds one page, and there are 3"):
        write_pages(album, tmp_path / "album.jpg")
    assert [path.name for path in tmp_path.iterdir()] == ["album.tif"]
