"""Read, write, read: whatever the photograph, what the format can hold comes back."""

from __future__ import annotations

import struct
from dataclasses import replace
from io import BytesIO

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PIL import Image as Pillow
from PIL import ImageCms

from unfade.files.formats.tiff import TiffOrigin
from unfade.files.photo import Metadata, Photo, encode_file, losses, read

QUICK = settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def srgb_profile() -> bytes:
    return ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()


def exif_block(make: str, *, dpi: int | None = None) -> bytes:
    exif = Pillow.Exif()
    exif[0x010F] = make
    exif[0x0112] = 1
    if dpi:
        exif[0x011A], exif[0x011B], exif[0x0128] = dpi, dpi, 2
    exif.get_ifd(0x8769)[0x9003] = "1931:05:04 12:00:00"
    return exif.tobytes()[6:]


@st.composite
def photos(draw: st.DrawFn, *, bits: tuple[int, ...] = (8, 16), channels: tuple[int, ...] = (1, 3), alpha: bool = True) -> Photo:
    depth = {8: np.uint8, 16: np.uint16}[draw(st.sampled_from(bits))]
    height, width, count = draw(st.integers(1, 40)), draw(st.integers(1, 40)), draw(st.sampled_from(channels))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    top = np.iinfo(depth).max
    samples = rng.integers(0, top, (height, width, count), depth, endpoint=True)
    return Photo(
        samples,
        alpha=rng.integers(0, top, (height, width), depth, endpoint=True) if alpha and draw(st.booleans()) else None,
        profile=srgb_profile() if count == 3 and draw(st.booleans()) else None,
        dpi=draw(st.sampled_from([None, (300.0, 300.0), (72.0, 144.0), (1200.0, 600.0)])),
        metadata=Metadata(
            exif=exif_block(draw(st.sampled_from(["Leica", "Épson", "x" * 500]))) if draw(st.booleans()) else None,
            xmp=draw(st.sampled_from([None, b'<x:xmpmeta xmlns:x="adobe:ns:meta/"/>', b"<!--" + b"y" * 3001 + b"--><x/>"])),
            iptc=draw(st.sampled_from([None, b"\x1c\x02\x05\x00\x04Aunt", b"\x1c\x02\x78\x00\x03May" * 99])),
        ),
    )


def assert_same_samples(back: Photo, photo: Photo) -> None:
    np.testing.assert_array_equal(back.samples, photo.samples)
    assert back.samples.dtype == photo.samples.dtype
    assert (back.alpha is None) == (photo.alpha is None)
    if photo.alpha is not None:
        np.testing.assert_array_equal(back.alpha, photo.alpha)
    assert back.notes == ()


def assert_same_dpi(back: Photo, photo: Photo) -> None:
    if photo.dpi is not None:
        assert back.dpi == pytest.approx(photo.dpi, rel=2e-4)  # PNG and BMP hold whole dots per metre


@QUICK
@given(photos())
def test_png_holds_everything(photo: Photo) -> None:
    back = read(encode_file(photo, "png"))
    assert_same_samples(back, photo)
    assert (back.metadata, back.profile) == (photo.metadata, photo.profile)
    assert_same_dpi(back, photo)
    assert losses(photo, "png") == ()
    assert encode_file(back) == encode_file(read(encode_file(back)))


@QUICK
@given(photos(), st.sampled_from(["none", "lzw", "deflate", "packbits"]))
def test_tiff_holds_everything(photo: Photo, compression: str) -> None:
    photo = Photo(
        **{name: getattr(photo, name) for name in ("samples", "alpha", "profile", "dpi", "metadata")},
        origin=TiffOrigin(compression=compression),
    )
    back = read(encode_file(photo, "tiff"))
    assert_same_samples(back, photo)
    assert (back.metadata.xmp, back.metadata.iptc, back.profile) == (photo.metadata.xmp, photo.metadata.iptc, photo.profile)
    assert back.origin.compression == compression
    assert_same_dpi(back, photo)
    if photo.metadata.exif:  # its directories are laid out anew, in the file's own; every entry stays
        before, after = Pillow.Exif(), Pillow.Exif()
        before.load(photo.metadata.exif)
        after.load(back.metadata.exif)
        assert after[0x010F] == before[0x010F]
        assert after.get_ifd(0x8769) == before.get_ifd(0x8769)
    again = read(encode_file(back))
    assert again.metadata == back.metadata
    assert losses(photo, "tiff") == ()


@QUICK
@given(photos(bits=(8,), channels=(3,)))
def test_a_lossless_webp_stays_lossless(photo: Photo) -> None:
    if photo.alpha is not None and (photo.alpha == 255).all():  # libwebp keeps no alpha that is opaque everywhere
        photo = replace(photo, alpha=None)
    back = read(encode_file(photo, "webp", 100))
    assert_same_samples(back, photo)
    assert back.origin.lossless
    assert_same_samples(read(encode_file(back)), photo)
    assert_same_dpi(back, photo)
    assert (back.metadata.xmp, back.profile) == (photo.metadata.xmp, photo.profile)


@QUICK
@given(photos(bits=(8,), alpha=False))
def test_bmp_holds_samples_and_resolution(photo: Photo) -> None:
    photo = Photo(photo.samples, dpi=photo.dpi)
    back = read(encode_file(photo, "bmp"))
    assert_same_samples(back, photo)
    assert_same_dpi(back, photo)


@QUICK
@given(photos(bits=(8,), channels=(3,)))
def test_bmp_holds_alpha(photo: Photo) -> None:
    photo = Photo(photo.samples, alpha=photo.alpha, dpi=photo.dpi)
    assert_same_samples(read(encode_file(photo, "bmp")), photo)


@settings(QUICK, max_examples=8)
@given(photos(bits=(8,), channels=(3,), alpha=False), st.sampled_from(["heif", "avif"]))
def test_quality_100_is_lossless(photo: Photo, format: str) -> None:
    back = read(encode_file(photo, format, 100))  # type: ignore[arg-type]
    assert_same_samples(back, photo)
    assert (back.metadata.xmp, back.profile) == (photo.metadata.xmp, photo.profile)
    assert_same_dpi(back, photo)


@settings(QUICK, max_examples=10)
@given(photos(bits=(8,), channels=(3,), alpha=False), st.sampled_from(["jpeg", "webp", "heif", "avif"]))
def test_lossy_formats_keep_what_is_not_samples(photo: Photo, format: str) -> None:
    photo = Photo(
        photo.samples,
        profile=photo.profile,
        dpi=(300.0, 300.0),
        metadata=Metadata(exif_block("Leica", dpi=300), photo.metadata.xmp, photo.metadata.iptc),
    )
    back = read(encode_file(photo, format))  # type: ignore[arg-type]
    assert back.samples.shape == photo.samples.shape
    assert (back.metadata.xmp, back.profile, back.dpi) == (photo.metadata.xmp, photo.profile, (300.0, 300.0))
    assert back.metadata.iptc == (photo.metadata.iptc if format == "jpeg" else None)
    exif = Pillow.Exif()
    exif.load(back.metadata.exif)
    assert exif[0x010F] == "Leica" and exif.get_ifd(0x8769)[0x9003] == "1931:05:04 12:00:00"
    if format != "avif":  # whose encoder takes the orientation entry out
        assert back.metadata.exif == photo.metadata.exif


@settings(QUICK, max_examples=30)
@given(st.integers(1, 8), st.sampled_from(["jpeg", "png", "tiff", "webp"]), st.integers(2, 30), st.integers(2, 30))
def test_orientation_is_applied_once(orientation: int, format: str, height: int, width: int) -> None:
    rng = np.random.default_rng(height * 100 + width)
    quarters = rng.integers(0, 256, (2, 2, 3), dtype=np.uint8)
    samples = quarters[(np.arange(height) * 2 // height)[:, None], np.arange(width) * 2 // width]
    out = BytesIO()
    options: dict[str, object] = {"jpeg": {"quality": 100, "subsampling": 0}, "webp": {"lossless": True}}.get(format, {})  # type: ignore[assignment]
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    Pillow.fromarray(samples).save(out, format.upper(), exif=exif.tobytes(), **options)
    photo = read(out.getvalue())
    transposes = {2: 0, 3: 3, 4: 1, 5: 5, 6: 4, 7: 6, 8: 2}  # EXIF -> Pillow's Transpose, as in ImageOps.exif_transpose
    plain = Pillow.fromarray(samples)
    shown = plain.transpose(Pillow.Transpose(transposes[orientation])) if orientation > 1 else plain
    np.testing.assert_allclose(photo.samples.astype(int), np.asarray(shown).astype(int), atol=6 if format == "jpeg" else 0)
    again = read(encode_file(photo))
    assert again.samples.shape == photo.samples.shape
    if photo.metadata.exif and format != "tiff":
        assert struct.pack("<HHIH", 0x0112, 3, 1, 1) in again.metadata.exif or struct.pack(">HHIH", 0x0112, 3, 1, 1) in again.metadata.exif
