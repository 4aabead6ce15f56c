"""A photograph becomes an array: what is kept, what is refused, and in which words."""

from __future__ import annotations

import copy
import errno
import hashlib
import io
import os
import pickle
import struct
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import pyvips
from PIL import Image as Pillow
from tests.profiles import SRGB, file_of, gray_profile

from unfade.errors import TooLargeError, UnreadableError, UnwritableError, UsageError
from unfade.files.photo import FORMATS, Format, Photo, encode_file, read, write


def png(width: int, height: int) -> bytes:
    """A PNG whose header claims this size and whose samples do not follow."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 50)) + chunk(b"IEND", b"")


@pytest.fixture
def samples(rng: np.random.Generator) -> np.ndarray:
    """Soft color, 48 x 64, as photographs are."""
    soft = rng.integers(30, 226, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Pillow.fromarray(soft).resize((64, 48), Pillow.Resampling.BICUBIC))


@pytest.mark.parametrize(
    ("width", "height", "why"), [(0, 5, "no picture in it"), (5, 0, "no picture in it"), (2**31 - 1, 2**31 - 1, "megapixels")]
)
def test_a_png_of_no_pixels_or_of_too_many_says_so(width: int, height: int, why: str) -> None:
    with pytest.raises((UnreadableError, TooLargeError), match=why):
        read(png(width, height), name="odd.png")


# --- the photograph as a value ------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [bytearray(b"x"), io.BytesIO(b"x"), Pillow.new("L", (3, 3)), [1, 2], None, "", "a\0b.jpg"],
    ids=lambda given: type(given).__name__,
)
def test_what_is_no_photograph_is_refused_with_what_to_give(given: object) -> None:
    with pytest.raises(UsageError, match="give "):
        read(given)  # type: ignore[arg-type]


def test_what_cannot_be_written_is_refused_with_what_to_give(tmp_path: Path) -> None:
    made = read(np.zeros((4, 5), np.uint8))
    for given in (SimpleNamespace(photo=made), made.samples):
        with pytest.raises(UsageError, match=r"result\.photo"):
            write(given, tmp_path / "a.png")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="quality is '90'"):
        write(made, tmp_path / "a.jpg", quality="90")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="page is '2'"):
        read(encode_file(made), page="2")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="is empty"):
        write(made, "")
    assert not list(tmp_path.iterdir())


@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
def test_a_matrix_is_an_array_and_a_copy_is_read_only() -> None:
    made = read(np.asmatrix(np.eye(4, dtype=np.uint8)))
    assert made.samples.shape == (4, 4, 1)
    for copied in (pickle.loads(pickle.dumps(made)), copy.deepcopy(made)):
        assert not copied.samples.flags.writeable and np.array_equal(copied.samples, made.samples)


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
        (png(0, 7), "no picture in it"),
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
