"""TIFFs that no library writes: odd depths, subsampled color, tags left out, damaged tiles, pages."""

from __future__ import annotations

import io
import itertools
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image as Pillow
from tests.tiffs import COLUMNS, GRAY, HEIGHT, PACKED, RGB, ROWS, WIDTH, encode_tiff, levels, rgb_from_ycbcr, whole

from unfade.errors import UnreadableError, UsageError
from unfade.files.photo import Photo, encode_file, pages, read, write_pages

tifffile = pytest.importorskip("tifffile", reason="needs tifffile, which writes the kinds of TIFF")
imagecodecs = pytest.importorskip("imagecodecs", reason="needs the tiff extra")


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
