"""A photograph becomes an array, and a file again: formats, orientation, ICC, depth, metadata.

`read` tells the format by content, checks the size before anything is decoded, turns the picture upright, and keeps what the file holds
beside its samples. `write` puts all of it back, atomically. Between them, `Photo.srgb` and `Photo.encode` take windows of samples to sRGB
and back through the photograph's own profile, so that samples that nobody changed are never touched.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from unfade import atomic, containers, profiles
from unfade.arrays import Image, Samples
from unfade.containers import Contents
from unfade.errors import ExistsError, UnreadableError, UnwritableError, UsageError
from unfade.formats import (
    EXTENSIONS,
    FORMATS,
    HOLD_ALPHA,
    HOLD_DPI,
    HOLD_EXIF,
    HOLD_IPTC,
    HOLD_SIXTEEN_BITS,
    NAMES,
    Format,
    Origin,
    Picture,
    check_size,
    decode,
    encode,
    format_of,
    palette_of,
    profile_of_code,
    split,
)

__all__ = [
    "FORMATS",
    "MAX_MEGAPIXELS",
    "Format",
    "Metadata",
    "Origin",
    "Photo",
    "encode_file",
    "extension_for",
    "format_for",
    "losses",
    "read",
    "write",
]

MAX_MEGAPIXELS = 200.0


@dataclass(frozen=True)
class Metadata:
    """What a file says about its photograph. `exif` begins at its TIFF header, upright; `xmp` is the packet; `iptc` the bare IIM stream."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph at rest: what its file holds.

    `samples` (h, w, 1|3) uint8 or uint16, upright, in the ICC `profile` (None: sRGB, for gray sRGB's curve), read-only; `alpha` (h, w) of
    the same depth, as the file has it; `format` None for an array; `dpi` (x, y); `sha256` of the file's bytes; `notes` say, in sentences
    that begin small, what was taken for granted or left out in reading. Raises `UsageError` where these do not fit together.
    """

    samples: Samples
    profile: bytes | None = None
    alpha: np.ndarray | None = None
    format: Format | None = None
    dpi: tuple[float, float] | None = None
    metadata: Metadata = Metadata()
    name: str = "photo"
    sha256: str | None = None
    notes: tuple[str, ...] = ()
    origin: Origin = field(default=Origin(), repr=False)

    def __post_init__(self) -> None:
        if self.samples.dtype not in (np.uint8, np.uint16):
            raise UsageError(f"{self.name}: samples are uint8 or uint16, not {self.samples.dtype}; scale them by 255 or 65,535 and round")
        if self.samples.ndim != 3 or self.samples.shape[2] not in (1, 3) or 0 in self.samples.shape:
            raise UsageError(f"{self.name}: samples are (height, width, 1 or 3), not {self.samples.shape}")
        if self.alpha is not None and (self.alpha.shape != self.samples.shape[:2] or self.alpha.dtype != self.samples.dtype):
            raise UsageError(
                f"{self.name}: alpha is {self.alpha.dtype} {self.alpha.shape}; it must be {self.samples.dtype} {self.samples.shape[:2]}"
            )
        for name in ("samples", "alpha"):
            if (array := getattr(self, name)) is not None:
                view = array.view()
                view.flags.writeable = False
                object.__setattr__(self, name, view)

    @property
    def height(self) -> int:
        """In pixels."""
        return int(self.samples.shape[0])

    @property
    def width(self) -> int:
        """In pixels."""
        return int(self.samples.shape[1])

    @property
    def channels(self) -> int:
        """1 (gray) or 3 (RGB), alpha not counted."""
        return int(self.samples.shape[2])

    @property
    def bits(self) -> int:
        """Per sample: 8 or 16."""
        return self.samples.dtype.itemsize * 8

    @property
    def megapixels(self) -> float:
        """Width by height, in millions."""
        return self.width * self.height / 1e6

    def srgb(self, rows: slice = slice(None), columns: slice = slice(None)) -> Image:
        """The window `rows`, `columns` as (h, w, 3) float32 in [0, 1], sRGB-encoded, gray repeated thrice.

        Only the window is converted. Colors outside sRGB's gamut are clipped. May be called from several threads at once.
        """
        return profiles.srgb_from_samples(self.samples[rows, columns], self.profile)

    def encode(self, image: Image) -> Samples:
        """The inverse of `srgb`: (h, w, 3) sRGB in [0, 1] -> samples of this photograph's profile, depth and channels.

        `encode(srgb())` gives the samples back: exactly without a profile and, in gamut, with one of curves and a matrix; within a level
        of 8 bits with one of tables. For a gray photograph the luma (Rec. 601) is taken.
        """
        if image.ndim != 3 or image.shape[2] != 3:
            raise UsageError(f"{self.name}: a picture to encode is (height, width, 3), not {image.shape}")
        return profiles.samples_from_srgb(image, self.profile, channels=self.channels, bits=self.bits)

    def with_samples(self, samples: Samples) -> Photo:
        """This photograph with other samples of the same size, depth and channels, else `UsageError`; for color in gray, `as_rgb` first."""
        if samples.shape != self.samples.shape or samples.dtype != self.samples.dtype:
            raise UsageError(
                f"{self.name} is {self.samples.dtype} {self.samples.shape}; samples of {samples.dtype} {samples.shape} do not fit it"
            )
        return replace(self, samples=samples)

    def with_metadata(self, metadata: Metadata) -> Photo:
        """This photograph with other metadata."""
        return replace(self, metadata=metadata)

    def as_rgb(self) -> Photo:
        """A gray photograph as an RGB one of the same look and depth, in sRGB (no profile). An RGB photograph comes back as it is."""
        if self.channels == 3:
            return self
        gray = self.samples if self.profile is None else replace(self, profile=None).encode(self.srgb())
        return replace(self, samples=np.repeat(gray, 3, axis=2), profile=None)


# --- reading ----------------------------------------------------------------------------------------------------------------------------


def read(source: str | Path | bytes | np.ndarray, *, max_megapixels: float = MAX_MEGAPIXELS, name: str | None = None) -> Photo:
    """Read a photograph from a path, a file's bytes or an array.

    Arrays are (h, w), (h, w, 1), (h, w, 3), or with alpha (h, w, 2) and (h, w, 4), uint8 or uint16, taken as sRGB and not copied; others
    raise `UsageError`. `name` is what messages and reports call it. Of several pages or frames the first is read, and a note says so.
    1-bit, 2-bit, 4-bit and palette pictures are widened to 8 bits; CMYK and Lab become sRGB, with a note.

    Raises `UnreadableError`: missing, a folder, not permitted, empty, cut off, damaged, not a photograph, of another kind of numbers than
    8 and 16 bits; `TooLargeError`: more than `max_megapixels`, seen before anything is decoded.
    """
    if isinstance(source, np.ndarray):
        return _read_array(source, name or "array", max_megapixels)
    if isinstance(source, bytes):
        return _read_bytes(source, name or "photo", max_megapixels)
    path = Path(source)
    name = name or path.name or str(path)
    return _read_bytes(_bytes_of(path, name), name, max_megapixels)


def _bytes_of(path: Path, name: str) -> bytes:
    try:
        with path.open("rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise UnreadableError(f"{name} is not a regular file; save it as one first")
            return file.read()
    except FileNotFoundError as error:
        raise UnreadableError(f"{path} does not exist; check the name") from error
    except PermissionError as error:
        if path.is_dir():  # what Windows says of a folder
            raise UnreadableError(f"{name} is a folder; name a photograph in it") from error
        raise UnreadableError(f"{name} may not be read; give yourself permission to read it") from error
    except IsADirectoryError as error:
        raise UnreadableError(f"{name} is a folder; name a photograph in it") from error
    except OSError as error:
        raise UnreadableError(f"{name} cannot be read: {error.strerror or error}; copy it to another disk and try again") from error


def _read_array(array: np.ndarray, name: str, max_megapixels: float) -> Photo:
    if array.dtype not in (np.uint8, np.uint16):
        raise UsageError(f"{name} is of {array.dtype}; an array is uint8 or uint16: scale it by 255 or 65,535, round it, and convert it")
    if array.ndim == 2:
        array = array[..., None]
    if array.ndim != 3 or not 1 <= array.shape[2] <= 4 or 0 in array.shape:
        raise UsageError(f"{name} is of shape {array.shape}; an array is (height, width) or (height, width, 1 to 4), none of them 0")
    check_size(name, array.shape[1], array.shape[0], max_megapixels)
    samples, alpha = split(array)
    return Photo(samples, alpha=alpha, name=name)


def _read_bytes(data: bytes, name: str, max_megapixels: float) -> Photo:
    if not data:
        raise UnreadableError(f"{name} is empty; take another copy of the file")
    format = format_of(data, name)
    decoded = decode(data, format, name, max_megapixels)
    contents, samples, alpha, profile = decoded.contents, decoded.samples, decoded.alpha, decoded.contents.icc
    if contents.orientation > 1:
        samples = _upright(samples, contents.orientation)
        alpha = None if alpha is None else _upright(alpha, contents.orientation)
    notes = contents.notes + decoded.notes
    if profile is not None and profiles.is_one_way(profile, samples.shape[2]):
        bits = samples.dtype.itemsize * 8
        samples = profiles.samples_from_srgb(profiles.srgb_from_samples(samples, profile), None, channels=samples.shape[2], bits=bits)
        notes += ("its color profile leads one way only (a scanner's); the samples were converted to sRGB",)
        profile = None
    elif profile is not None and (wrong := profiles.fault(profile, samples.shape[2])) is not None:
        notes += (f"its color profile {wrong}; it was left out, and the photograph is read as sRGB",)
        profile = None
    elif profile is None and format in ("avif", "heif") and (code := containers.color_code(data)) is not None:
        profile, more = profile_of_code(*code, channels=samples.shape[2])
        notes += more
    return Photo(
        samples=samples,
        profile=profile,
        alpha=alpha,
        format=format,
        dpi=contents.dpi,
        metadata=Metadata(contents.exif, contents.xmp, contents.iptc),
        name=name,
        sha256=hashlib.sha256(data).hexdigest(),
        notes=notes,
        origin=decoded.origin,
    )


def _upright(array: np.ndarray, orientation: int) -> np.ndarray:
    """Turn an array as EXIF's `orientation` (1 to 8) says it is to be shown (EXIF 2.32, 4.6.4)."""
    if orientation >= 5:
        array = array.swapaxes(0, 1)
    if orientation in (2, 3, 6, 7):
        array = array[:, ::-1]
    if orientation in (3, 4, 7, 8):
        array = array[::-1]
    return np.ascontiguousarray(array)


# --- writing ----------------------------------------------------------------------------------------------------------------------------


def extension_for(format: Format) -> str:
    """The usual extension, with its dot."""
    if format not in EXTENSIONS:
        raise UsageError(f"there is no format {format!r}; there are: {', '.join(FORMATS)}")
    return EXTENSIONS[format][0]


def format_for(target: Path, photo: Photo) -> Format:
    """What the target's name says; a name that says nothing: the photograph's own; for an array PNG."""
    said = next((format for format, extensions in EXTENSIONS.items() if target.suffix.lower() in extensions), None)
    return said or photo.format or "png"


def losses(photo: Photo, format: Format) -> tuple[str, ...]:
    """What of this photograph a file of `format` cannot hold, one sentence each. Nothing else is lost in writing."""
    name, lost = NAMES[format], []
    if photo.bits == 16 and format not in HOLD_SIXTEEN_BITS:
        lost.append(f"{name} holds 8 bits: the 16-bit samples are rounded")
    if photo.bits == 16 and format in ("heif", "avif"):
        lost.append(f"{name} holds 12 bits: the 16-bit samples are rounded")
    if format in ("heif", "avif", "jpeg") or (format == "webp" and not photo.origin.webp_lossless):
        lost.append(f"{name} is compressed with loss: samples change a little everywhere")
    if photo.alpha is not None and format not in HOLD_ALPHA:
        lost.append(f"{name} holds no alpha: it is left out")
    if photo.profile and format not in HOLD_EXIF:
        lost.append(f"{name} holds no color profile: the samples are converted to sRGB")
    if photo.channels == 1 and photo.profile and _is_color_only(format, with_alpha=photo.alpha is not None):
        lost.append(f"{name} holds no gray: the samples are converted to sRGB")
    lost += [
        f"{name} holds no {word}: it is left out"
        for word, value in (("EXIF", photo.metadata.exif), ("XMP", photo.metadata.xmp))
        if value and format not in HOLD_EXIF
    ]
    if photo.metadata.iptc and format not in HOLD_IPTC:
        lost.append(f"{name} holds no IPTC: it is left out")
    if photo.dpi and format not in HOLD_DPI:
        lost.append(f"{name} holds no resolution: the dots per inch are left out")
    if format == "jpeg":
        if photo.metadata.exif and len(photo.metadata.exif) > containers.JPEG_EXIF_MAX:
            lost.append(f"JPEG holds {containers.JPEG_EXIF_MAX:,} bytes of EXIF: the {len(photo.metadata.exif):,} are left out")
        if photo.metadata.xmp and len(photo.metadata.xmp) > containers.JPEG_XMP_MAX:
            lost.append(f"JPEG holds {containers.JPEG_XMP_MAX:,} bytes of XMP: the {len(photo.metadata.xmp):,} are left out")
    if format == "gif":
        if photo.alpha is not None and not np.isin(photo.alpha, (0, 255 if photo.bits == 8 else 65535)).all():
            lost.append("GIF pixels are there or not: alpha is cut at the middle")
        if palette_of(_picture(photo, "gif")) is None:
            lost.append("GIF holds 256 colors: the photograph's are reduced to them, dithered")
    return tuple(lost)


def encode_file(photo: Photo, format: Format | None = None, quality: int | None = None) -> bytes:
    """The photograph as a file's bytes; `format` None: its own (PNG for an array).

    `quality` (0 to 100) is for the lossy formats: JPEG, WebP, HEIF and AVIF; 100 is lossless in the last three. Without it, a photograph
    that came as JPEG is written with its own quantisation tables and subsampling, a lossless WebP losslessly, the others with 95. TIFF
    keeps its lossless compression (JPEG inside TIFF becomes deflate). What the format cannot hold, `losses` says; a GIF of more than 256
    colors is written only where `format` asks for it. Raises `UsageError` (quality, format), `UnwritableError` (too many pixels or colors).
    """
    asked = format is not None
    format = format or photo.format or "png"
    extension_for(format)
    if quality is not None and not 0 <= quality <= 100:
        raise UsageError(f"quality is {quality}; it goes from 0 to 100")
    return encode(_picture(photo, format), format, quality, reduce=asked, name=photo.name)


def _is_color_only(format: Format, *, with_alpha: bool) -> bool:
    """Whether a gray photograph comes back from this format as RGB."""
    return format in ("webp", "avif", "gif") or (with_alpha and format in ("heif", "bmp"))


def _picture(photo: Photo, format: Format) -> Picture:
    """The photograph with what `format` cannot hold taken away, as `losses` says."""
    gray_to_color = photo.channels == 1 and _is_color_only(format, with_alpha=photo.alpha is not None)
    if photo.profile and format not in HOLD_EXIF:
        photo = replace(photo, samples=replace(photo, profile=None).encode(photo.srgb()), profile=None)
    if gray_to_color:
        photo = photo.as_rgb()
    if photo.bits == 16 and format not in HOLD_SIXTEEN_BITS:
        alpha = None if photo.alpha is None else _eight_bits(photo.alpha)
        photo = replace(photo, samples=_eight_bits(photo.samples), alpha=alpha)
    if photo.bits == 16 and format in ("heif", "avif"):
        photo = replace(photo, samples=_twelve_bits(photo.samples), alpha=None if photo.alpha is None else _twelve_bits(photo.alpha))
    if photo.alpha is not None and format not in HOLD_ALPHA:
        photo = replace(photo, alpha=None)
    metadata = photo.metadata
    if format not in HOLD_IPTC:
        metadata = replace(metadata, iptc=None)
    if format == "jpeg":
        exif = metadata.exif if len(metadata.exif or b"") <= containers.JPEG_EXIF_MAX else None
        xmp = metadata.xmp if len(metadata.xmp or b"") <= containers.JPEG_XMP_MAX else None
        metadata = replace(metadata, exif=exif, xmp=xmp)
    contents = Contents(metadata.exif, metadata.xmp, metadata.iptc, photo.profile, photo.dpi)
    return Picture(photo.samples, photo.alpha, contents, photo.origin)


def _eight_bits(array: np.ndarray) -> np.ndarray:
    """uint16 -> uint8, rounded: 65,535 / 255 is 257."""
    table = ((np.arange(65_536) + 128) // 257).astype(np.uint8)
    return np.take(table, array)


def _twelve_bits(array: np.ndarray) -> np.ndarray:
    """uint16 rounded to 12 bits, which lie at the upper end: what HEIF's and AVIF's encoders keep of 16."""
    table = ((np.arange(65_536) * 4095 + 32_767) // 65_535 << 4).astype(np.uint16)
    return np.take(table, array)


def write(photo: Photo, target: str | Path, *, format: Format | None = None, quality: int | None = None, overwrite: bool = False) -> str:
    """Write the photograph to `target`; gives the SHA-256 of the file's bytes.

    `format` None: what the target's name says, else the photograph's own; `quality` as in `encode_file`. The file is there whole or not
    at all: it is written beside the target, synced, and renamed; on any failure, Ctrl-C included, what was there stays and nothing is
    left over. Raises `ExistsError` where the target exists and `overwrite` is not set, `UnwritableError`, `UsageError`.
    """
    target = Path(target)
    size = 0
    try:
        if not overwrite and os.path.lexists(target):
            raise FileExistsError
        if target.is_dir():
            raise UnwritableError(f"{target} is a folder; name the file to write in it")
        if not target.parent.is_dir():
            raise UnwritableError(f"the folder {target.parent} does not exist; make it first")
        chosen = format or format_for(target, photo)
        # GIF is reduced to 256 colors only where it is asked for by name, so a name of .gif is no asking where the photograph is a GIF
        data = encode_file(photo, None if format is None and chosen == photo.format else chosen, quality)
        size = len(data)
        atomic.put(data, target, overwrite=overwrite)
    except FileExistsError as error:
        raise ExistsError(f"{target} exists already; give another name or allow overwriting") from error
    except OSError as error:
        reasons = {
            errno.ENOSPC: f"the disk is full: {size / 1e6:,.1f} MB are needed",
            errno.EDQUOT: f"your share of the disk is full: {size / 1e6:,.1f} MB are needed",
            errno.EACCES: f"you may not write in {target.parent}; choose another folder",
            errno.EPERM: f"you may not write in {target.parent}; choose another folder",
            errno.EROFS: f"the disk of {target.parent} is read-only; choose another folder",
            errno.ENAMETOOLONG: "the name is too long; give a shorter one",
        }
        raise UnwritableError(f"{target.name} cannot be written: {reasons.get(error.errno or 0, error.strerror or str(error))}") from error
    return hashlib.sha256(data).hexdigest()
