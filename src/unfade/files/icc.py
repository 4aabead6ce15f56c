"""ICC profiles: a photograph's own numbers <-> sRGB, relative colorimetric, without black point compensation.

Profiles of curves and a matrix (sRGB, Adobe RGB, Display P3, ProPhoto, gray gammas: nearly all there are) are
computed here in floating point from the profile's own tags (ICC.1:2022 annex F.3), because lcms, as libvips
drives it, passes through 16-bit integers: measured, up to 240 of 65,535 levels lost on saturated colors there
and back. Profiles of tables (scanners', printers') go through lcms.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np

from unfade.arrays import Image, Samples
from unfade.color import linear_from_srgb, luma, srgb_from_linear

if TYPE_CHECKING:
    import pyvips

# XYZ of linear sRGB's red, green and blue under D50, the white of ICC's connection space (Bradford-adapted;
# www.color.org, sRGB2014.icc)
_D50_FROM_SRGB = np.array([[0.4360747, 0.3850649, 0.1430804], [0.2225045, 0.7168786, 0.0606169], [0.0139322, 0.0971045, 0.7141733]])
_STRIP_PX = 1 << 20  # pixels converted at a time, so that a whole photograph needs no second one's memory
_ROOTS = 1 << 16  # entries of the tables that lead back
_SHARES = (np.arange(256, dtype=np.float32) / 255)[None]  # of white, for each level of 8 bits


@cache
def vips() -> Any:
    """libvips, started at first use: untrusted loaders (SVG and the like) blocked, and nothing kept of
    photographs that are done with."""
    import pyvips

    pyvips.block_untrusted_set(True)
    pyvips.cache_set_max(0)
    return pyvips


@dataclass(frozen=True, eq=False)
class Curves:
    """A profile of curves and a matrix, for one bit depth.

    `tables` (channels, levels) float32: linear light of each level, or, where `to_srgb` is None, sRGB-encoded
    at once. `to_srgb` takes linear light of the profile's primaries to that of sRGB's.
    """

    tables: np.ndarray
    to_srgb: np.ndarray | None

    @cached_property
    def levels(self) -> np.ndarray:
        """What undoes the tables: the level of each fourth root of light, evenly spaced from 0 to 1;
        (channels, `_ROOTS` + 1).

        Over fourth roots every curve in use (sRGB, gammas of 1.0 to 2.6) runs without a corner at black, so
        that even steps are fine enough: the nearest one for 8 bits (uint8), a straight line between two for
        16 (float32). To search each sample's place in the curve itself takes eight times as long.
        """
        light, count = np.linspace(0, 1, _ROOTS + 1) ** 4, self.tables.shape[1]
        levels = np.stack([np.interp(light, table.astype(np.float64), np.arange(count)) for table in self.tables])
        return np.rint(levels).astype(np.uint8) if count == 256 else levels.astype(np.float32)


def _fixed(data: bytes, at: int, count: int) -> np.ndarray:
    return np.asarray(np.frombuffer(data, ">i4", count, at) / 65536.0)


def _curve(data: bytes, inputs: np.ndarray) -> np.ndarray:
    """The `curv` or `para` tag at the start of `data`, evaluated at `inputs` in [0, 1] (ICC.1:2022, 10.6 and
    10.18)."""
    kind = data[:4]
    if kind == b"curv":
        count = struct.unpack_from(">I", data, 8)[0]
        if count == 0:
            return inputs
        if count == 1:
            return np.asarray(inputs ** (struct.unpack_from(">H", data, 12)[0] / 256))
        table = np.frombuffer(data, ">u2", count, 12) / 65535
        return np.asarray(np.interp(inputs, np.linspace(0, 1, count), table))
    if kind != b"para":
        raise ValueError(f"a curve of kind {kind!r}")
    function = struct.unpack_from(">H", data, 8)[0]
    if function > 4:
        raise ValueError(f"a parametric curve of type {function}")
    numbers = [float(number) for number in _fixed(data, 12, (1, 3, 4, 5, 7)[function])]
    g, a, b, c, d, e, f = numbers[0], 1.0, 0.0, 0.0, 0.0, 0.0, 0.0
    if function in (1, 2):
        a, b = numbers[1:3]
        e = f = numbers[3] if function == 2 else 0.0
        d = -b / a
    elif function in (3, 4):
        a, b, c, d = numbers[1:5]
        e, f = numbers[5:7] if function == 4 else (0.0, 0.0)
    return np.where(inputs >= d, np.maximum(a * inputs + b, 0) ** g + e, c * inputs + f)


@lru_cache(maxsize=16)
def curves(profile: bytes, bits: int) -> Curves | None:
    """The profile as curves and a matrix for `bits` per sample; None where it is one of tables. Raises
    `ValueError` where it is broken."""
    try:
        if len(profile) < 132 or profile[36:40] != b"acsp":
            raise ValueError("no ICC profile")
        tags = {}
        for index in range(min(struct.unpack_from(">I", profile, 128)[0], 200)):
            name, place, size = struct.unpack_from(">4sII", profile, 132 + 12 * index)
            if place + size > len(profile):
                raise ValueError("a tag is cut off")
            tags[name] = profile[place : place + size]
        if any(name in tags for name in (b"A2B0", b"A2B1", b"D2B1")) or profile[20:24] != b"XYZ ":
            return None
        inputs = np.linspace(0, 1, 1 << bits)
        names = {b"GRAY": (b"kTRC",), b"RGB ": (b"rTRC", b"gTRC", b"bTRC")}.get(profile[16:20])
        if names is None:
            return None
        with np.errstate(all="ignore"):  # what is not a number is seen below
            tables = np.stack([np.clip(_curve(tags[name], inputs), 0, 1) for name in names])
        matrix = None
        if len(names) == 3:
            own = np.stack([_fixed(tags[name], 8, 3) for name in (b"rXYZ", b"gXYZ", b"bXYZ")], axis=1)
            matrix = np.linalg.inv(_D50_FROM_SRGB) @ own
            np.linalg.inv(matrix)
    except (KeyError, IndexError, struct.error, np.linalg.LinAlgError, ZeroDivisionError) as error:
        raise ValueError("its tags are damaged") from error
    tables = np.maximum.accumulate(tables, axis=1)  # so that each can be undone
    if not np.isfinite(tables).all() or (tables[:, -1] - tables[:, 0] < 0.5).any():
        raise ValueError("a curve leads nowhere")
    # sRGB's own primaries, but for the rounding of the profile: the matrix is the identity, and one table
    # does it all
    if matrix is None or np.abs(matrix - np.eye(3)).max() < 2e-3:
        return Curves(srgb_from_linear(tables), None)
    return Curves(tables.astype(np.float32), matrix.astype(np.float32))


def _strips(height: int, width: int) -> Iterator[slice]:
    step = max(1, _STRIP_PX // width)
    return (slice(top, min(height, top + step)) for top in range(0, height, step))


def _looked_up(samples: Samples, tables: np.ndarray) -> np.ndarray:
    """Each sample of (h, w, c) in its channel's table (c or 1, levels) float32, by OpenCV where it can: it is
    ten times as fast."""
    if samples.dtype == np.uint8:
        return np.asarray(cv2.LUT(samples, np.ascontiguousarray(tables.T)[None])).reshape(samples.shape)
    return np.stack([tables[channel][samples[..., channel]] for channel in range(samples.shape[2])], axis=-1)


def srgb_from_samples(samples: Samples, profile: bytes | None) -> Image:
    """Samples (h, w, 1|3) in their own profile (None: sRGB's curve) -> sRGB in [0, 1] (h, w, 3). Out of
    sRGB's gamut is clipped."""
    height, width = samples.shape[:2]
    bits = samples.dtype.itemsize * 8
    known = curves(profile, bits) if profile else None
    image = np.empty((height, width, 3), np.float32)
    for rows in _strips(height, width):
        strip = samples[rows]
        if profile is None:
            image[rows] = _looked_up(strip, _SHARES) if bits == 8 else strip.astype(np.float32) / 65535
        elif known is None:
            image[rows] = _through_lcms(strip, profile).astype(np.float32) / 65535
        else:
            numbers = _looked_up(strip, known.tables)
            if known.to_srgb is not None:
                numbers = srgb_from_linear(np.clip(cv2.transform(numbers, known.to_srgb), 0, 1))
            image[rows] = numbers
    return image


def samples_from_srgb(image: Image, profile: bytes | None, *, channels: int, bits: int) -> Samples:
    """The inverse of `srgb_from_samples`: sRGB -> samples of the profile, clipped, rounded. Into one channel
    goes the luma (Rec. 601)."""
    height, width = image.shape[:2]
    levels, depth = (1 << bits) - 1, np.uint8 if bits == 8 else np.uint16
    known = curves(profile, bits) if profile else None
    samples = np.empty((height, width, channels), depth)
    for rows in _strips(height, width):
        strip = np.clip(np.asarray(image[rows], np.float32), 0, 1)
        if profile is not None and known is None:
            samples[rows] = _back_through_lcms(strip, profile, bits)
            continue
        numbers = luma(strip)[..., None] if channels == 1 else strip
        if known is None:
            samples[rows] = np.rint(numbers * np.float32(levels))
            continue
        if known.to_srgb is not None:
            inverse = np.linalg.inv(known.to_srgb.astype(np.float64)).astype(np.float32)
            numbers = cv2.transform(linear_from_srgb(numbers), inverse)
        roots = cv2.sqrt(cv2.sqrt(np.clip(numbers, 0, 1))).reshape(numbers.shape) * np.float32(_ROOTS)
        for channel, nearest in enumerate(known.levels):
            samples[rows, :, channel] = _read_off(nearest, roots[..., channel])
    return samples


def _read_off(levels: np.ndarray, places: np.ndarray) -> np.ndarray:
    """`levels` at fractional `places` in it: the nearest if they are whole numbers already, else between two,
    rounded."""
    if levels.dtype == np.uint8:
        return np.asarray(levels[np.rint(places).astype(np.int32)])
    lower = np.minimum(places.astype(np.int32), _ROOTS - 1)
    low = levels[lower]
    return np.asarray(np.rint(low + (levels[lower + 1] - low) * (places - lower)))


def is_one_way(profile: bytes, channels: int) -> bool:
    """Whether this profile of tables leads from its numbers to color and not back, as many a scanner's
    does."""
    if len(profile) < 132 or {b"GRAY": 1, b"RGB ": 3}.get(profile[16:20]) != channels:
        return False
    try:
        if curves(profile, 8) is not None:
            return False
        image = srgb_from_samples(np.zeros((1, 1, channels), np.uint8), profile)
    except (ValueError, vips().Error):
        return False
    try:
        _back_through_lcms(image, profile, 8)
    except vips().Error:
        return True
    return False


def fault(profile: bytes, channels: int) -> str | None:
    """Why this profile cannot be used for a photograph of so many channels; None where it can, in both
    directions."""
    space = {b"GRAY": 1, b"RGB ": 3, b"CMYK": 4}.get(profile[16:20])
    if len(profile) < 132 or profile[36:40] != b"acsp":
        return "is not an ICC profile"
    if space != channels:
        return f"is for {profile[16:20].decode('ascii', 'replace').strip()} and not for {'gray' if channels == 1 else 'RGB'}"
    try:
        if curves(profile, 8) is None:
            _back_through_lcms(srgb_from_samples(np.zeros((1, 1, channels), np.uint8), profile), profile, 8)
    except (ValueError, vips().Error):
        return "is broken"
    return None


def _through_lcms(samples: np.ndarray, profile: bytes) -> np.ndarray:
    """Samples (h, w, c) of a profile of tables -> sRGB, uint16 (h, w, 3)."""
    picture = with_profile(picture_of(samples), profile)
    return array_of(picture.icc_transform("srgb", embedded=True, intent="relative", depth=16))


def _back_through_lcms(image: Image, profile: bytes, bits: int) -> np.ndarray:
    """sRGB -> samples of a profile of tables."""
    picture = picture_of(np.rint(image * np.float32(65535)).astype(np.uint16))
    connection = picture.icc_import(input_profile="srgb", embedded=False, intent="relative", pcs="lab")
    return array_of(with_profile(connection, profile).icc_export(intent="relative", pcs="lab", depth=bits))


def srgb_from_connection_lab(lab: np.ndarray) -> Image:
    """CIE Lab under D50, as ICC's connection space and TIFF have it (h, w, 3) -> sRGB in [0, 1]. Out of
    sRGB's gamut is clipped."""
    middle = (lab[..., 0] + 16) / 116
    roots = np.stack([middle + lab[..., 1] / 500, middle, middle - lab[..., 2] / 200], axis=-1)
    shares = np.where(roots > 6 / 29, roots**3, (roots - 16 / 116) * (3 * (6 / 29) ** 2))  # of the white
    white = _D50_FROM_SRGB.sum(axis=1)
    linear = (shares * white.astype(np.float32)) @ np.linalg.inv(_D50_FROM_SRGB).T.astype(np.float32)
    return srgb_from_linear(np.clip(linear, 0, 1)).astype(np.float32)


def picture_of(samples: np.ndarray) -> pyvips.Image:
    """A libvips picture over the samples (h, w, c) uint8 or uint16, without a copy where they lie in one
    piece."""
    height, width, channels = samples.shape
    kind, names = ("uchar", ("b-w", "srgb")) if samples.dtype == np.uint8 else ("ushort", ("grey16", "rgb16"))
    held = np.ascontiguousarray(samples)
    picture: pyvips.Image = vips().Image.new_from_memory(held.reshape(-1).data, width, height, channels, kind)
    return picture.copy(interpretation=names[channels >= 3])


def array_of(picture: pyvips.Image) -> np.ndarray:
    """The samples of a libvips picture, (h, w, c); decodes it, so a damaged file's error comes from here."""
    return np.asarray(picture.numpy()).reshape(picture.height, picture.width, picture.bands)  # one pixel comes without axes


def with_profile(picture: pyvips.Image, profile: bytes) -> pyvips.Image:
    """A libvips picture with this profile embedded."""
    copy = picture.copy()
    copy.set_type(vips().GValue.blob_type, "icc-profile-data", profile)
    return copy
