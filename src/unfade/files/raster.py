"""Samples in and out of libvips and Pillow: what the codecs share, and in which words a file is refused that
cannot be decoded."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from unfade.errors import TooLargeError, UnreadableError, UsageError
from unfade.files.codec import Picture
from unfade.files.icc import array_of, picture_of, vips, with_profile

if TYPE_CHECKING:
    import PIL.Image
    import pyvips


def check_size(name: str, width: int, height: int, max_megapixels: float) -> None:
    """Refuse a picture without pixels (`UnreadableError`) or with more than the limit (`TooLargeError`)."""
    if width < 1 or height < 1:
        raise UnreadableError(f"{name} says that it is {width} x {height} pixels: there is no picture in it; take another copy of the file")
    megapixels = width * height / 1e6
    if megapixels > max_megapixels:
        enough = math.ceil(megapixels / 50) * 50
        memory = max(1, round(enough * 0.012))  # measured on 8-bit RGB: about 12 bytes a pixel, read, kept twice and written
        digits = f"{megapixels:,.0f}" if round(megapixels) > max_megapixels else f"{megapixels:,.7g}"
        raise TooLargeError(
            f"{name} has {digits} megapixels; the limit is {max_megapixels:,g}.",
            remedy=f"Raise it with UNFADE_MAX_MEGAPIXELS={enough} (about {memory} GB of memory).",
            megapixels=megapixels,
        )


# What libvips, libheif and Pillow say where the samples end early
_CUT_OFF = ("premature", "truncat", "unexpected end", "eof", "read error", "should reach", "bad seek", "outside", "not enough data")


def damaged(name: str, error: Exception) -> UnreadableError:
    """The refusal of a file that a decoder gave up on."""
    said = str(error).lower()
    if any(word in said for word in _CUT_OFF):
        return UnreadableError(f"{name} is cut off or damaged: its samples end early; take another copy of the file")
    if "support is not configured" in said:
        return UnreadableError(
            f"{name} is compressed in a way that is not read here ({_last_line(error)}); save it as TIFF with LZW or deflate"
        )
    return UnreadableError(f"{name} is damaged and cannot be decoded ({_last_line(error)}); take another copy of the file")


def _last_line(error: Exception) -> str:
    """What a decoder said last; it says the cause after what it was doing."""
    return next((line.strip() for line in reversed(str(error).splitlines()) if line.strip()), type(error).__name__)


# --- reading ------------------------------------------------------------------------------------------------


def load(loader: str, data: bytes, **options: object) -> pyvips.Image:
    """A libvips picture of a file's bytes. Nothing that was said of an earlier file is said of this one."""
    library = vips()
    library.vips_lib.vips_error_clear()
    picture: pyvips.Image = getattr(library.Image, loader)(data, **options)
    return picture


def frame_number(pages: int, asked: int | None, name: str, word: str = "frame") -> int:
    """The frame to decode, counted from 0. Raises `UsageError` where there is none of that number."""
    if asked is not None and not 1 <= asked <= pages:
        raise UsageError(f"{name} has {pages:,} {word}{'' if pages == 1 else 's'}; there is no {word} {asked}")
    return (asked or 1) - 1


def frame_note(pages: int, asked: int | None, word: str = "frame") -> tuple[str, ...]:
    """That there are more pages or frames than the one that was taken."""
    if pages == 1:
        return ()
    return (f"it has {pages:,} {word}s; {'the first' if asked in (None, 1) else f'{word} {asked}'} was taken",)


def split(array: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
    """(h, w, 1..4) -> samples and alpha."""
    if array.shape[2] in (1, 3):
        return array, None
    return np.ascontiguousarray(array[..., :-1]), np.ascontiguousarray(array[..., -1])


def filled(array: np.ndarray, bits: int) -> np.ndarray:
    """uint16 whose upper `bits` alone are used -> the whole range, so that white is 65,535: the bits are
    repeated below."""
    return array | (array >> bits) if array.dtype == np.uint16 and 8 < bits < 16 else array


def plain_samples(picture: pyvips.Image, icc: bytes | None, name: str) -> tuple[np.ndarray, bytes | None, tuple[str, ...]]:
    """Decode a libvips picture into (h, w, 1..4) uint8 or uint16, gray or RGB; with the profile that the
    samples are now in, and notes."""
    kind, space, bands = str(picture.format), str(picture.interpretation), int(picture.bands)
    notes: tuple[str, ...] = ()
    if space in ("lab", "labs", "labq"):
        depth = 8 if space == "labq" else 16
        picture = picture.colourspace("srgb" if depth == 8 else "rgb16")
        return array_of(picture), None, (f"its samples are CIE Lab; converted to sRGB of {depth} bits",)
    if kind not in ("uchar", "ushort"):
        raise UnreadableError(
            f"{name} has samples of the kind {kind}; 8 and 16 bits without sign are read: convert it to 16-bit TIFF first"
        )
    if space == "cmyk":
        return rgb_from_cmyk(picture, icc)
    colors = 1 if bands < 3 else 3
    if bands > colors + 1:
        notes += (f"it has {bands - colors} channels beside its colors; the first was kept as alpha",)
        picture = picture.extract_band(0, n=colors + 1)
    return array_of(picture), icc, notes


def rgb_from_cmyk(picture: pyvips.Image, icc: bytes | None) -> tuple[np.ndarray, None, tuple[str, ...]]:
    """Ink to light, through the file's profile or, without one, libvips's own for coated paper; alpha behind
    the inks is kept."""
    alpha = picture.extract_band(4) if picture.bands > 4 else None
    inks = picture.extract_band(0, n=4) if picture.bands > 4 else picture
    usable = icc is not None and icc[16:20] == b"CMYK" and icc[36:40] == b"acsp"
    inks = inks.copy(interpretation="cmyk")
    if usable and icc is not None:
        inks = with_profile(inks, icc)
    elif "icc-profile-data" in inks.get_fields():
        inks.remove("icc-profile-data")
    depth = 16 if str(picture.format) == "ushort" else 8
    light = inks.icc_transform("srgb", embedded=usable, input_profile="cmyk", intent="relative", depth=depth)
    if alpha is not None:
        light = light.bandjoin(alpha)
    means = "through its own profile" if usable else "it has no usable profile, so as inks on coated paper"
    return array_of(light), None, (f"its samples are CMYK; converted to sRGB ({means}), and written as RGB",)


# --- writing ------------------------------------------------------------------------------------------------


def three(samples: np.ndarray) -> np.ndarray:
    """Gray repeated thrice; color as it is."""
    return np.repeat(samples, 3, axis=2) if samples.shape[2] == 1 else samples


def joined(picture: Picture) -> np.ndarray:
    """Samples and alpha in one array (h, w, 1..4)."""
    return picture.samples if picture.alpha is None else np.concatenate([picture.samples, picture.alpha[..., None]], axis=2)


def vips_of(picture: Picture) -> pyvips.Image:
    """Samples and alpha as a libvips picture."""
    colors = picture_of(picture.samples)
    return colors if picture.alpha is None else colors.bandjoin(picture_of(picture.alpha[..., None]))


def pillow_of(picture: Picture) -> PIL.Image.Image:
    """Samples and alpha of 8 bits as a Pillow picture."""
    from PIL import Image as Pillow

    array = joined(picture)
    return Pillow.fromarray(array[..., 0] if array.shape[2] == 1 else array)


def upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an array as EXIF's `orientation` (1 to 8) says it is to be shown (EXIF 2.32, 4.6.4)."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)
