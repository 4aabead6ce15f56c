"""BMPs of every depth and header, PNGs of every color type, depth and chunk: read as an independent reader
reads them, or refused truly."""

from __future__ import annotations

import io
import itertools
import random
import struct
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageCms

from unfade.errors import PhotoError, UnreadableError
from unfade.files.photo import Photo, encode_file, losses, read

HEIGHT, WIDTH = 11, 13
SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

# --- BMP ----------------------------------------------------------------------------------------------------


def bmp(
    numbers: np.ndarray,
    bits: int,
    *,
    header: int = 40,
    masks: tuple[int, ...] = (),
    palette: np.ndarray | None = None,
    down: bool = False,
    colors: int = 0,
) -> bytes:
    """A BMP of the numbers (h, w) of each pixel, by hand."""
    height, width = numbers.shape
    if bits <= 8:
        split = (numbers.astype(np.uint8)[..., None] >> np.arange(bits - 1, -1, -1, dtype=np.uint8)) & 1
        rows = [np.packbits(row.reshape(-1)).tobytes() for row in split]
    else:
        rows = [b"".join(int(number).to_bytes(bits // 8, "little") for number in row) for row in numbers]
    stride = (width * bits + 31) // 32 * 4
    pixels = b"".join(row.ljust(stride, b"\0") for row in (rows if down else rows[::-1]))
    compression = (6 if len(masks) == 4 and header == 40 else 3) if masks else 0
    if header == 12:
        head = struct.pack("<IHHHH", 12, width, height, 1, bits)
    else:
        size = height if not down else -height
        head = struct.pack("<IiiHHIIiiII", header, width, size, 1, bits, compression, len(pixels), 11_811, 11_811, colors, 0)
        head += struct.pack(f"<{len(masks)}I", *masks) if header == 40 else b""
        if header > 40:
            head = (head + struct.pack("<4I", *(*masks, 0, 0, 0, 0)[:4])).ljust(header, b"\0")[:header]
    table = b""
    if palette is not None:
        table = b"".join(bytes(color[::-1]) + (b"" if header == 12 else b"\0") for color in palette.astype(np.uint8))
    begins = 14 + len(head) + len(table)
    return b"BM" + struct.pack("<IHHI", begins + len(pixels), 0, 0, begins) + head + table + pixels


def by_pillow(data: bytes) -> np.ndarray:
    return np.asarray(Pillow.open(io.BytesIO(data)).convert("RGB"))


@pytest.mark.parametrize("header", [12, 40, 52, 56, 64, 108, 124])
@pytest.mark.parametrize("bits", [1, 2, 4, 8])
@pytest.mark.parametrize("gray", [False, True])
def test_palettes_of_every_depth_and_header(header: int, bits: int, gray: bool, rng: np.random.Generator) -> None:
    index = rng.integers(0, 1 << bits, (HEIGHT, WIDTH))
    palette = rng.integers(0, 256, (1 << bits, 3))
    if gray:
        palette[:] = palette[:, :1]
    for down in (False, True) if header > 12 else (False,):
        photo = read(bmp(index, bits, header=header, palette=palette, down=down))
        assert photo.channels == (1 if gray else 3)
        np.testing.assert_array_equal(np.broadcast_to(photo.samples, (HEIGHT, WIDTH, 3)), palette[index])
        assert header == 12 or photo.dpi == pytest.approx((300, 300), rel=1e-3)


def test_a_short_palette_is_borne_unless_a_pixel_asks_for_more(rng: np.random.Generator) -> None:
    palette = rng.integers(0, 256, (10, 3))
    index = rng.integers(0, 10, (HEIGHT, WIDTH))
    np.testing.assert_array_equal(read(bmp(index, 8, palette=palette, colors=10)).samples, palette[index])
    index[3, 3] = 200
    with pytest.raises(UnreadableError, match="asks for color 200 of a palette of 10"):
        read(bmp(index, 8, palette=palette, colors=10))


FIELDS = {
    "555": (16, (0x7C00, 0x3E0, 0x1F)),
    "565": (16, (0xF800, 0x7E0, 0x1F)),
    "444": (16, (0xF00, 0xF0, 0xF)),
    "4444": (16, (0xF00, 0xF0, 0xF, 0xF000)),
    "1555": (16, (0x7C00, 0x3E0, 0x1F, 0x8000)),
    "bgr": (32, (0xFF, 0xFF00, 0xFF0000)),
    "bgra": (32, (0xFF, 0xFF00, 0xFF0000, 0xFF000000)),
    "argb": (32, (0xFF0000, 0xFF00, 0xFF, 0xFF000000)),
    "abgr above": (32, (0xFF000000, 0xFF0000, 0xFF00, 0xFF)),
    "10 bits": (32, (0x3FF00000, 0xFFC00, 0x3FF)),
    "10 bits and 2": (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
}


@pytest.mark.parametrize("header", [40, 52, 56, 108, 124])
@pytest.mark.parametrize("fields", FIELDS)
def test_bit_fields_of_every_kind(header: int, fields: str, rng: np.random.Generator) -> None:
    bits, masks = FIELDS[fields]
    if header == 52 and len(masks) == 4:
        return  # it has no word for alpha
    numbers = rng.integers(0, 1 << bits, (HEIGHT, WIDTH), dtype=np.uint64)
    photo = read(bmp(numbers, bits, header=header, masks=masks))
    widest = max((mask >> ((mask & -mask).bit_length() - 1)).bit_length() for mask in masks)
    top = 255 if widest <= 8 else 65_535
    expected = []
    for mask in masks:
        shift = (mask & -mask).bit_length() - 1
        most = mask >> shift
        part = (numbers & np.uint64(mask)) >> np.uint64(shift)
        expected.append(np.rint(part.astype(float) * 255 / most) * (top / 255) if most < 256 else np.rint(part.astype(float) * top / most))
    np.testing.assert_allclose(photo.samples, np.stack(expected[:3], -1), atol=0.5)
    assert photo.bits == (8 if widest <= 8 else 16)
    if len(masks) == 4:
        assert photo.alpha is not None
        np.testing.assert_allclose(photo.alpha, expected[3], atol=0.5)


@pytest.mark.parametrize("bits", [16, 24, 32])
@pytest.mark.parametrize("header", [12, 40, 108, 124])
def test_plain_colors_agree_with_pillow(bits: int, header: int, rng: np.random.Generator) -> None:
    if header == 12 and bits != 24:
        return
    data = bmp(rng.integers(0, 1 << bits, (HEIGHT, WIDTH), dtype=np.uint64), bits, header=header)
    photo = read(data)
    assert photo.alpha is None
    assert np.abs(photo.samples.astype(int) - by_pillow(data)).max() <= (0 if bits > 16 else 1)


@pytest.mark.parametrize(("compression", "said"), [(4, "a JPEG inside"), (5, "a PNG inside"), (9, "BMP's way 9")])
def test_what_is_not_read_in_a_bmp_is_refused_by_its_name(compression: int, said: str) -> None:
    data = bytearray(bmp(np.zeros((HEIGHT, WIDTH)), 24))
    struct.pack_into("<I", data, 30, compression)
    with pytest.raises(UnreadableError, match=f"{said}.*not read here"):
        read(bytes(data))


def test_numbers_that_make_no_sense_are_refused_in_one_sentence() -> None:
    sound = bmp(np.zeros((HEIGHT, WIDTH)), 24)
    for place, code, value in ((18, "<i", -WIDTH), (18, "<i", 2**31 - 1), (22, "<i", -(2**31)), (10, "<I", 2**32 - 1), (28, "<H", 5)):
        data = bytearray(sound)
        struct.pack_into(code, data, place, value)
        with pytest.raises(PhotoError, match=r"^a\.bmp "):
            read(bytes(data), name="a.bmp")
    for bits, masks in ((32, (0xF0F0, 0xFF, 0xFF0000)), (16, (0xF8000000, 0x7E0, 0x1F))):
        with pytest.raises(UnreadableError, match="bit field"):
            read(bmp(np.zeros((HEIGHT, WIDTH)), bits, masks=masks))


def test_a_color_profile_stays_in_a_bmp(rng: np.random.Generator) -> None:
    samples, alpha = rng.integers(0, 256, (HEIGHT, WIDTH, 3), dtype=np.uint8), rng.integers(1, 256, (HEIGHT, WIDTH), dtype=np.uint8)
    for photo in (Photo(samples, profile=SRGB), Photo(samples, alpha=alpha, profile=SRGB, dpi=(300.0, 300.0))):
        data = encode_file(photo, "bmp")
        back = read(data)
        np.testing.assert_array_equal(back.samples, samples)
        assert back.profile == SRGB and back.notes == () and losses(photo, "bmp") == ()
        np.testing.assert_array_equal(by_pillow(data), samples)


def test_run_lengths_are_read() -> None:
    """Four pixels of color 1, then of color 2, twice: RLE8."""
    body = b"\x04\x01\x04\x02\0\0" * 2 + b"\0\1"
    table = b"\0\0\0\0" + b"\x0a\x14\x1e\0" + b"\x28\x32\x3c\0"
    head = struct.pack("<IiiHHIIiiII", 40, 8, 2, 1, 8, 1, len(body), 0, 0, 3, 0)
    begins = 14 + len(head) + len(table)
    data = b"BM" + struct.pack("<IHHI", begins + len(body), 0, 0, begins) + head + table + body
    expected = np.array([[[30, 20, 10]] * 4 + [[60, 50, 40]] * 4] * 2)
    np.testing.assert_array_equal(read(data).samples, expected)


# --- PNG ----------------------------------------------------------------------------------------------------

CHANNELS = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}
DEPTHS = {0: (1, 2, 4, 8, 16), 2: (8, 16), 3: (1, 2, 4, 8), 4: (8, 16), 6: (8, 16)}


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png(color: int, depth: int, numbers: np.ndarray, *, interlaced: bool = False, more: bytes = b"", palette: bytes = b"") -> bytes:
    """A PNG of the numbers (h, w, c), by hand."""

    def packed(part: np.ndarray) -> bytes:
        rows = part.reshape(part.shape[0], -1)
        if depth == 16:
            return b"".join(b"\0" + row.astype(">u2").tobytes() for row in rows)
        split = (rows.astype(np.uint8)[..., None] >> np.arange(depth - 1, -1, -1, dtype=np.uint8)) & 1
        return b"".join(b"\0" + np.packbits(row.reshape(-1)).tobytes() for row in split)

    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    if interlaced:
        body = b"".join(packed(part) for top, left, down, across in passes if (part := numbers[top::down, left::across]).size)
    else:
        body = packed(numbers)
    head = struct.pack(">IIBBBBB", numbers.shape[1], numbers.shape[0], depth, color, 0, 0, int(interlaced))
    table = chunk(b"PLTE", palette) if palette else b""
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + more + table + chunk(b"IDAT", zlib.compress(body)) + chunk(b"IEND", b"")


@pytest.mark.parametrize(("color", "depth"), [(color, depth) for color in CHANNELS for depth in DEPTHS[color]])
@pytest.mark.parametrize("interlaced", [False, True])
def test_every_color_type_and_depth(color: int, depth: int, interlaced: bool, rng: np.random.Generator) -> None:
    numbers = rng.integers(0, 1 << depth, (HEIGHT, WIDTH, CHANNELS[color]))
    palette = rng.integers(0, 256, ((1 << depth) if color == 3 else 0, 3), dtype=np.uint8)
    photo = read(png(color, depth, numbers, interlaced=interlaced, palette=palette.tobytes()))
    whole = numbers * (255 // ((1 << depth) - 1)) if depth < 8 and color != 3 else numbers
    expected = palette[numbers[..., 0]] if color == 3 else whole
    shown = expected[..., :-1] if color in (4, 6) else expected
    np.testing.assert_array_equal(photo.samples, shown)
    assert photo.bits == max(8, depth) and (photo.alpha is not None) == (color in (4, 6))
    if photo.alpha is not None:
        np.testing.assert_array_equal(photo.alpha, expected[..., -1])
    np.testing.assert_array_equal(read(encode_file(photo)).samples, photo.samples)


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
@pytest.mark.parametrize("color", [0, 2, 3])
def test_one_color_that_is_transparent(color: int, depth: int, rng: np.random.Generator) -> None:
    if depth not in DEPTHS[color]:
        return
    numbers = rng.integers(0, 1 << depth, (HEIGHT, WIDTH, CHANNELS[color]))
    palette = rng.integers(0, 256, ((1 << depth) if color == 3 else 0, 3), dtype=np.uint8)
    key = numbers[2, 3]
    clear = struct.pack(f">{len(key)}H", *key) if color != 3 else b"\xff" * int(key[0]) + b"\0"
    data = png(color, depth, numbers, palette=palette.tobytes())
    at = data.index(b"IDAT") - 4
    photo = read(data[:at] + chunk(b"tRNS", clear) + data[at:])
    assert photo.alpha is not None
    np.testing.assert_array_equal(photo.alpha == 0, (numbers == key).all(axis=2))


def test_numbers_that_stand_for_colors_are_obeyed_or_said(rng: np.random.Generator) -> None:
    numbers = rng.integers(0, 256, (HEIGHT, WIDTH, 3))

    def with_chunk(kind: bytes, body: bytes) -> Photo:
        return read(png(2, 8, numbers, more=chunk(kind, body)))

    assert with_chunk(b"cICP", bytes((1, 13, 0, 1))).notes == ()
    assert with_chunk(b"cICP", bytes((12, 13, 0, 1))).profile is not None
    assert "PQ" in with_chunk(b"cICP", bytes((9, 16, 0, 1))).notes[0]
    adobe = struct.pack(">8I", 31_270, 32_900, 64_000, 33_000, 21_000, 71_000, 15_000, 6_000)
    assert with_chunk(b"cHRM", adobe).notes == ("its primaries (cHRM) are ignored; read as sRGB",)
    assert with_chunk(b"gAMA", struct.pack(">I", 100_000)).notes == ("its gamma of 1 (gAMA) is ignored; read as sRGB",)


CHUNKS = (b"gAMA", b"cHRM", b"sRGB", b"iCCP", b"sBIT", b"bKGD", b"hIST", b"tRNS", b"pHYs", b"sPLT", b"tIME", b"iTXt", b"tEXt", b"zTXt",
          b"eXIf", b"cICP", b"mDCV", b"acTL", b"fcTL", b"caBX", b"prVt", b"oFFs")  # fmt: skip


def bear_chunks(seeds: range) -> None:
    """Chunks of chance before the samples: the picture stays, with what is damaged said; or is refused in one
    sentence."""
    for seed in seeds:
        chance = random.Random(seed)
        numbers = np.random.default_rng(seed).integers(0, 256, (HEIGHT, WIDTH, 3))
        kinds = chance.sample(CHUNKS, chance.randint(1, 4))
        more = b"".join(chunk(kind, chance.randbytes(chance.choice((0, 1, 4, 9, 13, 200)))) for kind in kinds)
        try:
            photo = read(png(2, 8, numbers, more=more), name="a.png")
        except UnreadableError as error:
            assert str(error).startswith("a.png ") and "\n" not in str(error), (seed, kinds)  # noqa: PT017
            pytest.fail(f"{seed} {kinds}: {error}")
        np.testing.assert_array_equal(photo.samples, numbers, err_msg=f"{seed} {kinds}")
        read(encode_file(photo))


def test_chunks_of_chance_do_not_lose_the_picture() -> None:
    bear_chunks(range(150))


@pytest.mark.long
def test_many_chunks_of_chance_do_not_lose_the_picture() -> None:
    bear_chunks(range(150, 4_000))


def test_every_kind_is_tried() -> None:
    assert len(list(itertools.chain.from_iterable(DEPTHS.values()))) == 15
