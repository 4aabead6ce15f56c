"""A photograph becomes a file again: in every format, and whole or not at all."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import struct
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from tests.commands import unfade
from tests.profiles import ADOBE_RGB, file_of, gray_profile

from unfade.errors import ExistsError, UnwritableError, UsageError
from unfade.files import disk
from unfade.files.photo import FORMATS, Format, Metadata, Photo, encode_file, extension_for, losses, read, write


@pytest.fixture
def samples(rng: np.random.Generator) -> np.ndarray:
    """Soft color, 48 x 64, as photographs are."""
    soft = rng.integers(30, 226, (6, 8, 3), dtype=np.uint8)
    return np.asarray(Pillow.fromarray(soft).resize((64, 48), Pillow.Resampling.BICUBIC))


@pytest.mark.skipif(sys.platform == "win32", reason="a process cannot be asked for there")
def test_the_parts_of_killed_processes_are_cleared(tmp_path: Path, samples: np.ndarray, monkeypatch: pytest.MonkeyPatch) -> None:
    kill = """
import os, sys, pathlib
from unfade.files import disk
os.fsync = lambda handle: os.kill(os.getpid(), 9)
disk.put(b"x" * 99, pathlib.Path(sys.argv[1]), overwrite=True)
"""
    killed = subprocess.run([sys.executable, "-c", kill, str(tmp_path / "a.png")], check=False)
    (part,) = tmp_path.iterdir()
    machine, pid = part.name.split("-")[1:3]
    assert killed.returncode == -9 and part.suffix == ".part"
    running = tmp_path / f".unfade-{machine}-{os.getpid()}-{'0' * 16}.part"
    elsewhere = tmp_path / f".unfade-{'0' * 8}-{pid}-{'0' * 16}.part"
    for path in (running, elsewhere):
        path.write_bytes(b"x")
    disk.clear_parts(tmp_path)
    assert part.exists()  # just written: it may be another machine's of the same name
    for path in tmp_path.iterdir():
        os.utime(path, (time.time() - 600, time.time() - 600))
    disk.clear_parts(tmp_path)
    assert set(tmp_path.iterdir()) == {running, elsewhere}
    os.utime(elsewhere, (0, 0))
    photo = tmp_path / "b.png"
    photo.write_bytes(file_of(samples, "PNG"))
    unfade("restore", str(photo), "--clean", "0", "--no-fill", "-o", str(tmp_path / "c.png"))
    assert not elsewhere.exists() and running.exists()


def test_a_lossless_animation_stays_lossless(samples: np.ndarray) -> None:
    frames = [Pillow.fromarray(samples), Pillow.fromarray(255 - samples)]
    for lossless in (True, False):
        out = io.BytesIO()
        frames[0].save(out, "WEBP", save_all=True, append_images=frames[1:], lossless=lossless, quality=60)
        photo = read(out.getvalue())
        again = read(encode_file(photo))
        assert np.array_equal(again.samples, photo.samples) is lossless


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
