"""A photograph becomes an array, and a file again: what is kept, what is refused, and in which words."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import struct
import subprocess
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
import pyvips
from PIL import Image as Pillow
from PIL import ImageCms

from unfade.color import linear_from_srgb
from unfade.errors import ExistsError, TooLargeError, UnreadableError, UnwritableError, UsageError
from unfade.files import icc as profiles
from unfade.files.photo import FORMATS, Format, Metadata, Photo, encode_file, extension_for, losses, read, write

# --- material -----------------------------------------------------------------------------------------------


def fixed(*numbers: float) -> bytes:
    return b"".join(struct.pack(">i", round(number * 65536)) for number in numbers)


def gamma_curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(gamma * 256)) + b"\0\0"


def icc(space: bytes, tags: dict[bytes, bytes]) -> bytes:
    """A minimal ICC profile, version 2."""
    table, body, at = [], b"", 132 + 12 * len(tags)
    for name, tag in tags.items():
        tag += bytes(-len(tag) % 4)
        table.append(struct.pack(">4sII", name, at + len(body), len(tag)))
        body += tag
    header = struct.pack(">I4sI4s4s4s", at + len(body), b"lcms", 0x02400000, b"mntr", space, b"XYZ ") + bytes(12) + b"acsp" + bytes(28)
    header += fixed(0.9642, 1, 0.8249)
    return header.ljust(128, b"\0") + struct.pack(">I", len(tags)) + b"".join(table) + body


def rgb_profile(red: tuple[float, ...], green: tuple[float, ...], blue: tuple[float, ...], curve: bytes) -> bytes:
    colorants = {name: b"XYZ \0\0\0\0" + fixed(*xyz) for name, xyz in ((b"rXYZ", red), (b"gXYZ", green), (b"bXYZ", blue))}
    white = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249), b"desc": b"desc\0\0\0\0\0\0\0\x02t\0".ljust(90, b"\0")}
    return icc(b"RGB ", white | colorants | {b"rTRC": curve, b"gTRC": curve, b"bTRC": curve})


def gray_profile(gamma: float) -> bytes:
    white = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249), b"desc": b"desc\0\0\0\0\0\0\0\x02t\0".ljust(90, b"\0")}
    return icc(b"GRAY", white | {b"kTRC": gamma_curve(gamma)})


SRGB = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
# Colorants under D50, from the profiles that Adobe, Apple and ROMM publish
ADOBE_RGB = rgb_profile((0.60974, 0.31111, 0.01947), (0.20528, 0.62567, 0.06087), (0.14919, 0.06322, 0.74457), gamma_curve(563 / 256))
PROPHOTO = rgb_profile((0.79767, 0.28804, 0.0), (0.13519, 0.71188, 0.0), (0.03134, 0.00009, 0.82491), gamma_curve(1.8))


def display_p3() -> bytes:
    return bytes(profiles.vips().Image.profile_load("p3"))


def table_profile() -> bytes:
    """An RGB profile of tables, there and back (16-bit Lab, version 4), as printers' and scanners' are."""
    identity = fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)

    def lut(grid: np.ndarray) -> bytes:
        side = grid.shape[0]
        head = b"mft2\0\0\0\0" + bytes((3, 3, side, 0)) + identity + struct.pack(">HH", 2, 2)
        return head + struct.pack(">HH", 0, 65535) * 3 + grid.astype(">u2").tobytes() + struct.pack(">HH", 0, 65535) * 3

    # device = Lab, scaled: strange as a device and exactly invertible, which is what is to be tested
    steps = np.linspace(0, 65280, 3)
    grid = np.stack(np.meshgrid(steps, 16384 + steps / 2, 16384 + steps / 2, indexing="ij"), axis=-1)
    back = np.linspace(0, 65535, 5) / 65280
    wide = np.clip((np.linspace(0, 65535, 5) - 16384) / 32640, 0, 1)
    inverse = np.stack(np.meshgrid(np.clip(back, 0, 1) * 65535, wide * 65535, wide * 65535, indexing="ij"), axis=-1)
    white = {b"wtpt": b"XYZ \0\0\0\0" + fixed(0.9642, 1, 0.8249), b"desc": b"desc\0\0\0\0\0\0\0\x02t\0".ljust(90, b"\0")}
    profile = icc(b"RGB ", white | {b"A2B0": lut(np.round(grid)), b"B2A0": lut(np.round(inverse))})
    return profile[:12] + b"prtr" + profile[16:20] + b"Lab " + profile[24:]


def png(width: int, height: int) -> bytes:
    """A PNG whose header claims this size and whose samples do not follow."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 50)) + chunk(b"IEND", b"")


def file_of(array: np.ndarray, kind: str, **options: object) -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(array).save(out, kind, **options)
    return out.getvalue()


@pytest.fixture
def samples(rng: np.random.Generator) -> np.ndarray:
    """Soft color, 48 x 64, as photographs are."""
    soft = rng.integers(30, 226, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Pillow.fromarray(soft).resize((64, 48), Pillow.Resampling.BICUBIC))


# --- color --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("channels", [1, 3])
def test_without_a_profile_every_level_is_srgb_exactly(depth: type, channels: int) -> None:
    top = np.iinfo(depth).max
    levels = np.arange(top + 1, dtype=depth).reshape(-1, 16, 1).repeat(channels, axis=2)
    photo = Photo(levels)
    image = photo.srgb()
    assert image.dtype == np.float32 and image.shape == (*levels.shape[:2], 3)
    np.testing.assert_allclose(image, np.broadcast_to(levels, image.shape) / top, atol=1e-7)
    np.testing.assert_array_equal(photo.encode(image), levels)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("name", ["sRGB", "AdobeRGB", "P3", "ProPhoto"])
def test_colors_come_back_through_their_profile(name: str, depth: type, rng: np.random.Generator) -> None:
    profile = {"sRGB": SRGB, "AdobeRGB": ADOBE_RGB, "P3": display_p3(), "ProPhoto": PROPHOTO}[name]
    top = np.iinfo(depth).max
    inside = rng.random((200, 300, 3), np.float32)
    inside[0, :256] = np.linspace(0, 1, 256)[:, None]
    start = Photo(np.zeros((200, 300, 3), depth), profile=profile).encode(inside)  # in gamut, since it comes from sRGB
    photo = Photo(start, profile=profile)
    back = photo.encode(photo.srgb())
    assert np.abs(back.astype(int) - start).max() <= (1 if depth == np.uint8 else 3)
    # The level's own rounding is all that lies between, seen where sRGB's curve is not too steep for it
    np.testing.assert_allclose(photo.srgb()[inside.min(axis=2) > 0.2], inside[inside.min(axis=2) > 0.2], atol=6.0 / top + 2e-3)


@pytest.mark.parametrize("profile", [ADOBE_RGB, PROPHOTO, display_p3()], ids=["AdobeRGB", "ProPhoto", "P3"])
def test_colors_agree_with_littlecms(profile: bytes, samples: np.ndarray) -> None:
    """An independent judge: Pillow's LittleCMS, in 8 bits, relative colorimetric."""
    ours = Photo(samples, profile=profile).srgb()
    judge = ImageCms.profileToProfile(
        Pillow.fromarray(samples),
        io.BytesIO(profile),
        ImageCms.createProfile("sRGB"),
        renderingIntent=ImageCms.Intent.RELATIVE_COLORIMETRIC,
    )
    assert np.abs(ours * 255 - np.asarray(judge)).max() < 2


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("gamma", [1.0, 1.8, 2.2, 2.6])
def test_gray_gammas(depth: type, gamma: float) -> None:
    top = np.iinfo(depth).max
    levels = np.arange(top + 1, dtype=depth).reshape(-1, 16, 1)
    photo = Photo(levels, profile=gray_profile(gamma))
    image = photo.srgb()
    np.testing.assert_allclose(linear_from_srgb(image[..., 0]), (levels[..., 0] / top) ** gamma, atol=2e-3)
    assert (image[..., 0] == image[..., 1]).all() and (image[..., 1] == image[..., 2]).all()
    assert np.abs(photo.encode(image).astype(int) - levels).max() <= (1 if depth == np.uint8 else 3)


@pytest.mark.parametrize("depth", [np.uint8, np.uint16])
@pytest.mark.parametrize("profile", [SRGB, ADOBE_RGB, PROPHOTO], ids=["sRGB", "AdobeRGB", "ProPhoto"])
def test_the_level_that_encoding_finds_is_the_one_that_lies_nearest_on_the_curve(
    profile: bytes, depth: type, rng: np.random.Generator
) -> None:
    image = (rng.random((40, 50, 3), np.float32) ** 2).clip(0, 1)
    known = profiles.curves(profile, depth(0).itemsize * 8)
    assert known is not None
    light = image if known.to_srgb is None else linear_from_srgb(image) @ np.linalg.inv(known.to_srgb).T
    searched = np.stack(
        [np.interp(light[..., channel], known.tables[channel], np.arange(np.iinfo(depth).max + 1)) for channel in range(3)], -1
    )
    found = Photo(np.zeros(image.shape, depth), profile=profile).encode(image)
    assert np.abs(found - searched).max() < 0.55  # half a level is rounding


def test_profiles_of_tables_go_through_lcms(rng: np.random.Generator) -> None:
    profile = table_profile()
    assert profiles.curves(profile, 8) is None
    assert profiles.fault(profile, 3) is None
    # device numbers near the gray axis, where every color lies in sRGB
    start = np.stack(
        [np.tile(np.arange(40, 240, 2, dtype=np.uint8), (4, 1)), *(rng.integers(120, 136, (2, 4, 100), dtype=np.uint8))], axis=-1
    )
    photo = Photo(start, profile=profile)
    assert np.abs(photo.encode(photo.srgb()).astype(int) - start).max() <= 1


def test_neutral_stays_neutral(rng: np.random.Generator) -> None:
    gray = rng.integers(0, 65536, (50, 50, 1), dtype=np.uint16).repeat(3, axis=2)
    for profile in (SRGB, ADOBE_RGB, display_p3()):
        image = Photo(gray, profile=profile).srgb()
        assert np.ptp(image, axis=2).max() < 1e-3


def test_only_the_window_is_converted(samples: np.ndarray) -> None:
    for profile in (None, ADOBE_RGB):
        photo = Photo(samples, profile=profile)
        np.testing.assert_array_equal(photo.srgb(slice(5, 9), slice(60, None)), photo.srgb()[5:9, 60:])
    # a photograph of 400 megapixels that takes no memory: converting it whole would be seen
    wide = Photo(np.broadcast_to(np.uint8(7), (20_000, 20_000, 1)))
    assert wide.srgb(slice(10), slice(10)).shape == (10, 10, 3)


def test_windows_may_be_taken_by_several_threads(samples: np.ndarray) -> None:
    photo = Photo(samples, profile=table_profile())
    expected, wrong = photo.srgb(), []

    def work() -> None:
        for _ in range(5):
            if not np.array_equal(photo.srgb(), expected):
                wrong.append(1)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: work(), range(4)))
    assert not wrong


def test_a_gray_photograph_becomes_rgb_of_the_same_look(rng: np.random.Generator) -> None:
    gray = rng.integers(0, 256, (9, 7, 1), dtype=np.uint8)
    plain = Photo(gray).as_rgb()
    np.testing.assert_array_equal(plain.samples, gray.repeat(3, axis=2))
    tinted = Photo(gray.astype(np.uint16) * 257, profile=gray_profile(1.8))
    rgb = tinted.as_rgb()
    assert rgb.profile is None and rgb.bits == 16 and rgb.channels == 3
    np.testing.assert_allclose(rgb.srgb(), tinted.srgb(), atol=1e-4)
    assert plain.as_rgb() is plain


# --- the photograph as a value ------------------------------------------------------------------------------


def test_samples_are_read_only_and_the_callers_array_is_not(samples: np.ndarray) -> None:
    mine = samples.copy()
    photo = read(mine)
    with pytest.raises(ValueError, match="read-only"):
        photo.samples[0, 0, 0] = 1
    mine[0, 0, 0] = 1


def test_samples_that_do_not_fit_are_refused(samples: np.ndarray) -> None:
    photo = Photo(samples)
    assert photo.with_samples(samples[::-1].copy()).samples[0, 0, 0] == samples[-1, 0, 0]
    for wrong in (samples[:, 1:], samples[..., :1], samples.astype(np.uint16)):
        with pytest.raises(UsageError, match="do not fit"):
            photo.with_samples(wrong)
    with pytest.raises(UsageError, match="float32"):
        read(samples.astype(np.float32))
    with pytest.raises(UsageError, match="shape"):
        read(np.zeros((3, 4, 5), np.uint8))
    with pytest.raises(UsageError, match="none of them 0"):
        read(np.zeros((0, 4, 3), np.uint8))


def test_arrays_are_taken_as_they_are() -> None:
    for shape, channels, alpha in (
        ((4, 5), 1, False),
        ((4, 5, 1), 1, False),
        ((4, 5, 2), 1, True),
        ((4, 5, 3), 3, False),
        ((4, 5, 4), 3, True),
    ):
        photo = read(np.zeros(shape, np.uint16), name="drawing")
        assert (photo.channels, photo.alpha is not None, photo.format, photo.name, photo.bits) == (channels, alpha, None, "drawing", 16)


# --- reading ------------------------------------------------------------------------------------------------


def test_what_is_read_is_what_the_file_says(samples: np.ndarray, tmp_path: Path) -> None:
    path = tmp_path / "misnamed.txt"
    path.write_bytes(file_of(samples, "PNG", dpi=(300, 300)))
    photo = read(path)
    np.testing.assert_array_equal(photo.samples, samples)
    assert photo.format == "png" and photo.name == "misnamed.txt" and photo.notes == ()
    assert photo.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert (photo.width, photo.height, photo.channels, photo.bits, photo.megapixels) == (64, 48, 3, 8, 64 * 48 / 1e6)


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
def test_one_bit_and_palettes_are_widened(kind: str, samples: np.ndarray) -> None:
    out = io.BytesIO()
    bilevel = Pillow.fromarray(samples).convert("1")
    bilevel.save(out, kind)
    photo = read(out.getvalue())
    np.testing.assert_array_equal(photo.samples[..., 0], np.asarray(bilevel.convert("L")))
    out = io.BytesIO()
    palette = Pillow.fromarray(samples).quantize(60)
    palette.save(out, kind)
    np.testing.assert_array_equal(read(out.getvalue()).samples, np.asarray(palette.convert("RGB")))


def test_of_several_pages_and_frames_the_first_is_read_and_it_says_so(samples: np.ndarray) -> None:
    other = Pillow.fromarray(255 - samples)
    many = read(file_of(samples, "TIFF", save_all=True, append_images=[other, other]))
    np.testing.assert_array_equal(many.samples, samples)
    assert many.notes == ("it has 3 pages; the first was taken",)
    flat = np.full((8, 8, 3), (10, 200, 30), np.uint8)
    moving = read(file_of(flat, "GIF", save_all=True, append_images=[Pillow.fromarray(255 - flat)], duration=100))
    np.testing.assert_array_equal(moving.samples, flat)
    assert moving.notes == ("it has 2 frames; the first was taken",)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb_and_it_says_so(kind: str, samples: np.ndarray) -> None:
    out = io.BytesIO()
    Pillow.fromarray(samples).convert("CMYK").save(out, kind)
    photo = read(out.getvalue())
    assert photo.channels == 3 and photo.profile is None
    assert "CMYK" in photo.notes[0] and "coated paper" in photo.notes[0]
    white = file_of(np.zeros((8, 8, 4), np.uint8), "TIFF")  # RGBA first, to be sure that alpha is not taken for ink
    assert read(white).alpha is not None
    out = io.BytesIO()
    Pillow.new("CMYK", (8, 8), (0, 0, 0, 0)).save(out, kind)
    assert read(out.getvalue()).samples.min() > 250  # no ink is white paper


@pytest.mark.parametrize(
    ("profile", "said"),
    [(b"nonsense" * 40, "is not an ICC profile"), (SRGB[:400], "is broken"), (gray_profile(2.2), "is for GRAY and not for RGB")],
    ids=["nonsense", "cut", "gray"],
)
def test_a_profile_that_cannot_be_used_is_left_out_and_it_says_so(profile: bytes, said: str, samples: np.ndarray) -> None:
    photo = read(file_of(samples, "PNG", icc_profile=profile))
    np.testing.assert_array_equal(photo.samples, samples)
    assert photo.profile is None and said in photo.notes[0]


def test_damaged_metadata_does_not_lose_the_photograph(samples: np.ndarray) -> None:
    photo = read(file_of(samples, "JPEG", exif=b"Exif\0\0II*\0\xff\xff\xff\xff"))
    assert photo.metadata.exif is None and photo.notes == ("its EXIF is damaged and was left out",)
    read(encode_file(photo))


@pytest.mark.parametrize("shape", [(1, 1), (1, 5000), (5000, 1)])
@pytest.mark.parametrize("format", FORMATS)
def test_extreme_sizes(shape: tuple[int, int], format: Format) -> None:
    photo = Photo(np.full((*shape, 3), 200, np.uint8))
    if format == "heif" and shape != (1, 1):  # HEVC has no pictures that thin
        with pytest.raises(UnwritableError, match="write it as TIFF or PNG"):
            encode_file(photo, format)
        return
    back = read(encode_file(photo, format))
    assert back.samples.shape[:2] == shape
    assert np.abs(back.samples.astype(int) - 200).max() <= 4


# --- refusing -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (b"Dear Aunt May", "is not a photograph"),
        (b'<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>', "an SVG drawing"),
        (b"<!DOCTYPE html><title>404</title>", "a web page"),
        (b"%PDF-1.7\n", "a PDF"),
        (b"8BPS\0\1", "Photoshop"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0isommp42", "a film"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "camera raw"),
        (b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", "damaged"),
        (b"\xff\xd8\xff", "damaged"),
        (b"\x89PNG\r\n\x1a\n", "damaged"),
        (b"II*\0\x08\0\0\0", "damaged"),
        (b"II*\0\xff\xff\xff\x7f", "damaged"),
        (b"GIF89a", "damaged"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "damaged"),
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "damaged"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "damaged"),
        (b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 5, 5, 1, 24) + bytes(24), "damaged"),
        (b"BM" + bytes(12) + struct.pack("<IiiHH", 40, 0, 5, 1, 24) + bytes(24), "0 x 5"),
        (png(0, 7), "damaged"),
        (png(3000, 2000), "aunt.jpg is"),
    ],
)
def test_what_is_not_a_whole_photograph_is_refused_in_one_sentence(content: bytes, said: str, tmp_path: Path) -> None:
    path = tmp_path / "aunt.jpg"
    path.write_bytes(content)
    with pytest.raises(UnreadableError) as refusal:
        read(path)
    sentence = str(refusal.value)
    assert sentence.startswith("aunt.jpg ") and said in sentence and "\n" not in sentence


@pytest.mark.parametrize("share", [0.3, 0.7, 0.97])
@pytest.mark.parametrize("format", [format for format in FORMATS if format != "jpeg"])  # of a JPEG, what is there is read
def test_a_truncated_file_is_refused(format: Format, share: float, rng: np.random.Generator) -> None:
    data = encode_file(Photo(rng.integers(0, 256, (120, 90, 3), dtype=np.uint8)), format)
    with pytest.raises(UnreadableError, match="take another copy"):
        read(data[: int(len(data) * share)], name="cut")


def test_a_truncated_tiff_whose_directory_comes_first_is_refused(samples: np.ndarray) -> None:
    data = file_of(samples, "TIFF", compression="tiff_lzw")
    with pytest.raises(UnreadableError, match="cut off"):
        read(data[:-100])


def test_the_limit_is_checked_before_anything_is_decoded() -> None:
    with pytest.raises(TooLargeError) as refusal:
        read(png(20_600, 20_000), name="aunt-may.tif")
    assert str(refusal.value) == (
        "aunt-may.tif has 412 megapixels; the limit is 200. Raise it with UNFADE_MAX_MEGAPIXELS=450 (about 5 GB of memory)."
    )
    header = struct.pack("<IiiHH", 40, 60_000, 60_000, 1, 24)
    for big in (b"BM" + bytes(12) + header + bytes(24), b"GIF89a\xff\xff\xff\xff\0\0\0,\0\0\0\0\xff\xff\xff\xff\0\2\1\0\0;"):
        with pytest.raises(TooLargeError):
            read(big)
    with pytest.raises(TooLargeError, match=r"has 0\.0025 megapixels; the limit is 0\.002"):
        read(np.zeros((50, 50), np.uint8), max_megapixels=0.002)


def test_floating_point_tiffs_are_refused_with_advice(samples: np.ndarray) -> None:
    data = pyvips.Image.new_from_array(samples.astype(np.float32)).tiffsave_buffer()
    with pytest.raises(UnreadableError, match="convert it to 16-bit TIFF"):
        read(data)


def test_camera_raw_files_are_refused(samples: np.ndarray) -> None:
    data = file_of(samples, "TIFF", tiffinfo={50706: (1, 4, 0, 0)})
    with pytest.raises(UnreadableError, match="camera raw"):
        read(data)


def test_folders_and_missing_files(tmp_path: Path) -> None:
    with pytest.raises(UnreadableError, match="is a folder"):
        read(tmp_path)
    with pytest.raises(UnreadableError, match="does not exist"):
        read(tmp_path / "no.jpg")


def test_no_permission(tmp_path: Path, samples: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "locked.png"
    path.write_bytes(file_of(samples, "PNG"))

    def refuse(*arguments: object, **more: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)  # root may read everything, so the system is made to refuse
    with pytest.raises(UnreadableError, match=r"locked\.png may not be read"):
        read(path)


# --- writing ------------------------------------------------------------------------------------------------


def test_blocks_that_nobody_changed_come_out_of_a_jpeg_as_they_went_in(samples: np.ndarray, rng: np.random.Generator) -> None:
    samples = np.clip(samples // 4 + samples[..., :1] // 2 + 40 + rng.integers(0, 9, (48, 64, 1)), 0, 255).astype(np.uint8)
    for options in ({"quality": 60}, {"quality": 85, "subsampling": "4:4:4"}, {"quality": 92, "progressive": True}):
        photo = read(file_of(samples, "JPEG", comment=b"Aunt May, 1931", **options))
        again = read(encode_file(photo))
        assert again.origin == photo.origin and again.origin.comments == (b"Aunt May, 1931",)
        difference = np.abs(again.samples.astype(int) - photo.samples)
        assert difference.mean() < 0.5, options
        fresh = read(encode_file(photo, quality=75))
        assert difference.mean() < np.abs(fresh.samples.astype(int) - photo.samples).mean()


def test_a_jpeg_of_plain_rgb_stays_one(samples: np.ndarray) -> None:
    photo = read(file_of(samples, "JPEG", keep_rgb=True, quality=95))
    assert photo.origin.rgb
    again = read(encode_file(Photo(photo.samples, dpi=(300.0, 300.0), origin=photo.origin), "jpeg"))
    assert again.origin.rgb and again.dpi == (300.0, 300.0)
    assert np.abs(again.samples.astype(int) - photo.samples).mean() < 0.5


def test_premultiplied_alpha_is_divided_out_and_it_says_so(samples: np.ndarray) -> None:
    alpha = np.full((48, 64), 128, np.uint8)
    data = picture_with_alpha(samples // 2, alpha, premultiplied=True)
    photo = read(data)
    assert "multiplied by its alpha" in photo.notes[0]
    assert np.abs(photo.samples.astype(int) - samples).max() <= 3
    again = read(encode_file(photo))
    np.testing.assert_array_equal(again.samples, photo.samples)
    assert again.notes == ()


def picture_with_alpha(samples: np.ndarray, alpha: np.ndarray, *, premultiplied: bool) -> bytes:
    """A TIFF with alpha whose tag says whether it is multiplied in."""
    data = bytearray(encode_file(Photo(samples, alpha=alpha), "tiff"))
    at = data.rindex(struct.pack("<HHI", 338, 3, 1))
    struct.pack_into("<H", data, at + 8, 1 if premultiplied else 2)
    return bytes(data)


@pytest.mark.parametrize("format", FORMATS)
def test_a_colored_gray_photograph_can_be_written(format: Format, rng: np.random.Generator) -> None:
    gray = read(file_of(rng.integers(0, 256, (20, 30), dtype=np.uint8), "JPEG", icc_profile=gray_profile(2.2)))
    assert gray.channels == 1 and gray.profile is not None
    colored = gray.as_rgb().with_samples(np.full((20, 30, 3), (200, 90, 40), np.uint8))
    back = read(encode_file(colored, format))
    assert back.channels == 3 and back.profile is None and back.notes == ()
    assert np.abs(back.samples.astype(int) - (200, 90, 40)).max() <= 4


@pytest.mark.parametrize("format", ["jpeg", "webp", "bmp", "gif"])
def test_sixteen_bits_are_rounded_only_into_formats_of_eight_and_it_says_so(format: Format) -> None:
    photo = Photo(np.array([[[0], [128], [129], [65535]]], np.uint16).repeat(8, axis=0).repeat(8, axis=1))
    assert any("8 bits" in loss for loss in losses(photo, format))
    back = read(encode_file(photo, format))
    assert back.bits == 8
    assert np.abs(back.samples[4, ::8, 0].astype(int) - (0, 0, 1, 255)).max() <= (3 if format in ("jpeg", "webp") else 0)


@pytest.mark.parametrize("format", ["heif", "avif"])
def test_twelve_bits_and_white_stays_white(format: Format) -> None:
    photo = Photo(np.array([0, 1000, 40_000, 65_535], np.uint16).reshape(1, 4, 1).repeat(16, axis=0).repeat(16, axis=1).repeat(3, axis=2))
    back = read(encode_file(photo, format, 100))
    assert back.bits == 16
    np.testing.assert_allclose(back.samples[8, ::16, 0], [0, 1000, 40_000, 65_535], atol=8)
    assert back.samples.max() == 65_535


def test_gif_is_lossless_up_to_256_colors_and_never_reduced_unasked(rng: np.random.Generator, tmp_path: Path) -> None:
    few = rng.integers(0, 256, (200, 3), dtype=np.uint8)[rng.integers(0, 200, (40, 50))]
    back = read(encode_file(Photo(few), "gif"))
    np.testing.assert_array_equal(back.samples, few)
    alpha = np.where(rng.random((40, 50)) < 0.5, 0, 255).astype(np.uint8)
    clear = read(encode_file(Photo(few, alpha=alpha), "gif"))
    np.testing.assert_array_equal(clear.alpha, alpha)
    np.testing.assert_array_equal(clear.samples[alpha > 0], few[alpha > 0])
    many = back.with_samples(rng.integers(0, 256, (40, 50, 3), dtype=np.uint8))
    with pytest.raises(UnwritableError, match="256 colors"):
        write(many, tmp_path / "many.gif")
    assert any("256 colors" in loss for loss in losses(many, "gif"))
    assert read(encode_file(many, "gif")).samples.shape == (40, 50, 3)
    assert not list(tmp_path.iterdir())


def test_formats_without_profiles_get_srgb(samples: np.ndarray) -> None:
    photo = Photo(samples[:12, :20], profile=ADOBE_RGB)
    back = read(encode_file(photo, "gif"))
    np.testing.assert_allclose(back.srgb(), photo.srgb(), atol=1 / 255)
    assert any("converted to sRGB" in loss for loss in losses(photo, "gif"))


def test_exif_of_a_big_endian_camera_reaches_a_tiff(samples: np.ndarray) -> None:
    exif = b"MM\0*\0\0\0\x08\0\x02" + struct.pack(">HHI4s", 0x010F, 2, 4, b"Zei\0") + struct.pack(">HHIHxx", 0x8827, 3, 1, 400) + bytes(4)
    photo = Photo(samples, metadata=Metadata(exif=exif))
    with Pillow.open(io.BytesIO(encode_file(photo, "tiff"))) as tiff:
        assert tiff.getexif()[0x010F] == "Zei" and tiff.getexif()[0x8827] == 400


def test_the_targets_name_says_the_format(samples: np.ndarray, tmp_path: Path) -> None:
    photo = read(file_of(samples, "PNG"))
    for name, format in (("a.jpg", "jpeg"), ("a.TIFF", "tiff"), ("a.restored", "png"), ("a.heic", "heif")):
        digest = write(photo, tmp_path / name)
        assert read(tmp_path / name).format == format
        assert digest == hashlib.sha256((tmp_path / name).read_bytes()).hexdigest()
    write(photo, tmp_path / "b.jpg", format="png")
    assert read(tmp_path / "b.jpg").format == "png"
    assert {extension_for(format) for format in FORMATS} >= {".jpg", ".png", ".tif", ".webp", ".heic", ".avif", ".bmp", ".gif"}
    with pytest.raises(UsageError, match="quality is 101"):
        encode_file(photo, "jpeg", 101)


def test_nothing_is_overwritten_unasked(samples: np.ndarray, tmp_path: Path) -> None:
    target = tmp_path / "a.png"
    target.write_bytes(b"the only copy")
    with pytest.raises(ExistsError, match="exists already"):
        write(Photo(samples), target)
    assert target.read_bytes() == b"the only copy"
    target.chmod(0o640)
    write(Photo(samples), target, overwrite=True)
    assert target.stat().st_mode & 0o777 == 0o640
    np.testing.assert_array_equal(read(target).samples, samples)
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_what_appears_while_writing_is_not_overwritten(samples: np.ndarray, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target, fsync = tmp_path / "a.png", os.fsync

    def appear(handle: int) -> None:
        target.write_bytes(b"someone else's")
        fsync(handle)

    monkeypatch.setattr(os, "fsync", appear)
    with pytest.raises(ExistsError):
        write(Photo(samples), target)
    assert target.read_bytes() == b"someone else's" and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize(
    ("failure", "error", "said"),
    [
        (OSError(errno.ENOSPC, "No space left on device"), UnwritableError, "the disk is full"),
        (OSError(errno.EIO, "Input/output error"), UnwritableError, "Input/output error"),
        (KeyboardInterrupt(), KeyboardInterrupt, "^$"),
    ],
    ids=["full", "broken", "ctrl-c"],
)
@pytest.mark.parametrize("call", ["write", "fsync"])
def test_a_failed_write_leaves_what_was_there_and_nothing_else(
    failure: BaseException,
    error: type[BaseException],
    said: str,
    call: str,
    samples: np.ndarray,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    target = tmp_path / "a.png"
    write(Photo(samples), target)
    before = target.read_bytes()

    def fail(handle: int, *rest: object) -> int:
        raise failure

    monkeypatch.setattr(os, call, fail)
    with pytest.raises(error, match=said):
        write(Photo(255 - samples), target, overwrite=True)
    monkeypatch.undo()
    assert target.read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["a.png"]


def test_where_nothing_can_be_written(samples: np.ndarray, tmp_path: Path) -> None:
    photo = Photo(samples, name="aunt.png")
    with pytest.raises(UnwritableError, match="does not exist; make it first"):
        write(photo, tmp_path / "no" / "a.png")
    with pytest.raises(UnwritableError, match="is a folder"):
        write(photo, tmp_path, overwrite=True)
    with pytest.raises(UnwritableError, match="name is too long"):
        write(photo, tmp_path / ("a" * 300))
    with pytest.raises(UnwritableError, match="16,383 a side"):
        encode_file(Photo(np.zeros((1, 20_000, 1), np.uint8)), "webp")


def test_untrusted_loaders_are_off_before_the_first_photograph() -> None:
    code = (
        "import unfade.files.photo, sys; assert 'pyvips' not in sys.modules and 'PIL' not in sys.modules;"
        "from unfade.files.icc import vips; v = vips()\n"
        'try:\n v.Image.svgload_buffer(b\'<svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>\').avg()\n'
        "except v.Error as error:\n assert 'blocked' in str(error); print('blocked')"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, env=os.environ)
    assert run.stdout.strip() == "blocked", run.stderr
