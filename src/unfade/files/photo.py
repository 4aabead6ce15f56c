"""A photograph becomes an array, and a file again: formats, orientation, ICC, depth, metadata.

`read` tells the format by content, checks the size before anything is decoded, turns the picture upright, and
keeps what the file holds beside its samples. `write` puts all of it back, atomically. Between them,
`Photo.srgb` and `Photo.encode` take windows of samples to sRGB and back through the photograph's own profile,
so that samples that nobody changed are never touched.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any, TypeAlias

import cv2
import numpy as np

from unfade.arrays import Image, Mask, Samples
from unfade.errors import UnfadeError, UnreadableError, UnwritableError, UsageError
from unfade.files import disk, icc, sizes, thumbnails
from unfade.files import losses as _losses
from unfade.files.asked import check_photo, check_whole, path_of
from unfade.files.codec import Codec, Contents, Metadata, Origin, Picture, ReadAs, WriteAs
from unfade.files.formats import FORMATS
from unfade.files.raster import check_size, damaged, split, upright
from unfade.files.telling import format_of

__all__ = [
    "FORMATS",
    "MAX_MEGAPIXELS",
    "Format",
    "Metadata",
    "Origin",
    "Photo",
    "encode_file",
    "endings_of",
    "extension_for",
    "format_for",
    "is_lossy",
    "losses",
    "losses_into",
    "pages",
    "read",
    "write",
    "write_pages",
]

Format: TypeAlias = str
"""The name of a codec in `FORMATS`."""

MAX_MEGAPIXELS = 200.0


@dataclass(frozen=True, eq=False)
class Photo:
    """A photograph at rest: what its file holds.

    `samples` (h, w, 1|3) uint8 or uint16, upright, read-only, in the ICC `profile` (None: sRGB, for gray
    sRGB's curve). `alpha` (h, w) of the same depth, as the file has it. `lost` (h, w): the pixels that a
    cut-off file has no samples of; they are damage that need not be looked for. `format` is None for an
    array; `dpi` is (x, y); `sha256` is of the file's bytes; `page` is the one that was asked for (from 1;
    None: none); `notes` say, in sentences that begin small, what was taken for granted or left out in
    reading.

    Raises `UsageError` where these do not fit together.
    """

    samples: Samples
    profile: bytes | None = None
    alpha: np.ndarray | None = None
    format: Format | None = None
    dpi: tuple[float, float] | None = None
    metadata: Metadata = field(default=Metadata())
    name: str = "photo"
    sha256: str | None = None
    notes: tuple[str, ...] = ()
    origin: Origin = field(default=Origin(), repr=False)
    lost: Mask | None = field(default=None, repr=False)
    page: int | None = None

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

    def __setstate__(self, state: dict[str, Any]) -> None:
        """A copy, and what comes from another process, is read-only, too."""
        self.__dict__.update(state)
        self.__post_init__()

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

    @cached_property
    def hidden(self) -> Mask | None:
        """Which pixels (h, w) are wholly transparent; None where none are, or all.

        Nobody sees them, and so they have no say in what is done to the others, and stay as they are.
        """
        if self.alpha is None or not self.origin.alpha_hides:
            return None
        hidden: Mask = self.alpha == 0
        return hidden if hidden.any() and not hidden.all() else None

    @cached_property
    def shown(self) -> Samples:
        """The samples, each hidden pixel with those of the nearest that is not."""
        if self.hidden is None:
            return self.samples
        _, labels = cv2.distanceTransformWithLabels(self.hidden.view(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
        seen = np.flatnonzero(~self.hidden)
        places = np.zeros(int(labels.max()) + 1, np.int64)
        places[labels.reshape(-1)[seen]] = seen
        shown = self.samples.copy()
        shown[self.hidden] = self.samples.reshape(-1, self.channels)[places[labels[self.hidden]]]
        return shown

    def reduced(self, side_px: int) -> Photo:
        """A copy whose longer side is at most `side_px`, by areas; it is not enlarged. Without alpha: hidden
        pixels continue what is beside them.

        >>> Photo(np.zeros((2, 600, 1), np.uint8)).reduced(100).samples.shape
        (1, 100, 1)
        """
        samples, scale = self.shown, side_px / max(self.height, self.width)
        if scale < 1:
            size = max(1, round(self.width * scale)), max(1, round(self.height * scale))
            samples = cv2.resize(samples, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
        return replace(self, samples=samples, alpha=None, lost=None)

    def srgb(self, rows: slice = slice(None), columns: slice = slice(None)) -> Image:
        """The window `rows`, `columns` as (h, w, 3) float32 in [0, 1], sRGB-encoded, gray repeated thrice.

        Only the window is converted. Colors outside sRGB's gamut are clipped; hidden pixels continue what is
        beside them. May be called from several threads at once.
        """
        return icc.srgb_from_samples(self.shown[rows, columns], self.profile)

    def encode(self, image: Image) -> Samples:
        """The inverse of `srgb`: (h, w, 3) sRGB in [0, 1] -> samples of this photograph's profile, depth and
        channels.

        `encode(srgb())` gives the samples back: exactly without a profile and, in gamut, with one of curves
        and a matrix; within a level of 8 bits with one of tables. For a gray photograph the luma (Rec. 601)
        is taken.
        """
        if image.ndim != 3 or image.shape[2] != 3:
            raise UsageError(f"{self.name}: a picture to encode is (height, width, 3), not {image.shape}")
        return icc.samples_from_srgb(image, self.profile, channels=self.channels, bits=self.bits)

    def with_samples(self, samples: Samples) -> Photo:
        """This photograph with other samples of the same size, depth and channels, else `UsageError`.

        Hidden pixels keep theirs. For color in a gray photograph, `as_rgb` first.
        """
        if samples.shape != self.samples.shape or samples.dtype != self.samples.dtype:
            raise UsageError(
                f"{self.name} is {self.samples.dtype} {self.samples.shape}; samples of {samples.dtype} {samples.shape} do not fit it"
            )
        if self.hidden is not None:
            samples = np.where(self.hidden[..., None], self.samples, samples)
        return replace(self, samples=samples)

    def with_metadata(self, metadata: Metadata) -> Photo:
        """This photograph with other metadata."""
        return replace(self, metadata=metadata)

    def as_rgb(self) -> Photo:
        """A gray photograph as an RGB one of the same look and depth, in sRGB (no profile). An RGB photograph
        comes back as it is."""
        if self.channels == 3:
            return self
        return replace(self, samples=_losses.as_color(self.picture).samples, profile=None)

    @property
    def picture(self) -> Picture:
        """What a codec encodes."""
        said = self.metadata
        contents = Contents(said.exif, said.xmp, said.iptc, said.photoshop, self.profile, self.dpi)
        return Picture(self.samples, self.alpha, contents, self.origin)


# --- reading ------------------------------------------------------------------------------------------------


def read(
    source: str | Path | bytes | np.ndarray, *, max_megapixels: float = MAX_MEGAPIXELS, name: str | None = None, page: int | None = None
) -> Photo:
    """Read a photograph from a path, a file's bytes or an array.

    Arrays are (h, w), (h, w, 1), (h, w, 3), or with alpha (h, w, 2) and (h, w, 4), uint8 or uint16, taken as
    sRGB and not copied; others raise `UsageError`. `name` is what messages and reports call it.

    Of several pages or frames, `page` (from 1) is read. None is the largest page of a TIFF, the primary
    picture of a HEIF, the first of the others; a note says so. Samples of less than 8 bits and palettes are
    widened to 8, of 9 to 15 to 16; CMYK and Lab become sRGB, with a note.

    Raises `UnreadableError`: missing, a folder, not permitted, empty, cut off, damaged, not a photograph, of
    another kind of numbers than 8 and 16 bits; `TooLargeError`: more than `max_megapixels`, seen before
    anything is decoded.
    """
    if isinstance(source, np.ndarray):
        return _read_array(np.asarray(source), name or "array", max_megapixels)  # a np.matrix has always two dimensions
    check_whole(page=page)
    data, name = _bytes_of(source, name)
    return _read_bytes(data, ReadAs(name, max_megapixels, page))


def pages(source: str | Path | bytes, *, name: str | None = None) -> tuple[int, ...]:
    """The numbers of the pages that are pictures of their own, for `read`'s `page`: not thumbnails, not a
    pyramid's levels.

    Raises `UnreadableError`.
    """
    data, name = _bytes_of(source, name)
    format = format_of(data, name)
    try:
        return FORMATS[format].pages(data)
    except ValueError as error:
        raise damaged(name, error) from error


def _bytes_of(source: str | Path | bytes, name: str | None) -> tuple[bytes, str]:
    """A file's bytes, and what it is called."""
    if isinstance(source, bytes):
        data, name = source, name or "photo"
    else:
        path = path_of(source, "to read")
        name = name or path.name or str(path)
        data = disk.bytes_of(path, name)
    if not data:
        raise UnreadableError(f"{name} is empty; take another copy of the file")
    return data, name


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


def _read_bytes(data: bytes, how: ReadAs) -> Photo:
    format = format_of(data, how.name)
    picture = FORMATS[format].decode(data, how)
    contents, samples, alpha, lost = picture.contents, picture.samples, picture.alpha, picture.lost
    said, left_out = Metadata(contents.exif, contents.xmp, contents.iptc, contents.photoshop), tuple[str, ...]()
    if contents.orientation > 1:
        samples = upright(samples, contents.orientation)
        alpha = None if alpha is None else upright(alpha, contents.orientation)
        lost = None if lost is None else upright(lost, contents.orientation)
        said, left_out = sizes.moved_upright(said, contents.orientation, samples.shape[1], samples.shape[0])
    samples, profile, notes = _with_usable_profile(samples, contents.icc)
    return Photo(
        samples=samples,
        profile=profile,
        alpha=alpha,
        format=format,
        dpi=contents.dpi,
        metadata=said,
        name=how.name,
        sha256=hashlib.sha256(data).hexdigest(),
        notes=contents.notes + left_out + picture.notes + notes,
        origin=picture.origin,
        lost=lost,
        page=how.page,
    )


def _with_usable_profile(samples: Samples, profile: bytes | None) -> tuple[Samples, bytes | None, tuple[str, ...]]:
    """The samples, and the profile that they are in if it leads both ways; and notes on one that does not."""
    if profile is None:
        return samples, None, ()
    channels, bits = samples.shape[2], samples.dtype.itemsize * 8
    if icc.is_one_way(profile, channels):
        converted = icc.samples_from_srgb(icc.srgb_from_samples(samples, profile), None, channels=channels, bits=bits)
        return converted, None, ("its color profile leads one way only (a scanner's); the samples were converted to sRGB",)
    wrong = icc.fault(profile, channels)
    if wrong is not None:
        return samples, None, (f"its color profile {wrong}; it was left out, and the photograph is read as sRGB",)
    return samples, profile, ()


# --- writing ------------------------------------------------------------------------------------------------


def extension_for(format: Format) -> str:
    """The usual extension, with its dot."""
    return _codec(format).extensions[0]


def endings_of(format: str) -> tuple[str, ...]:
    """Every extension of a format that a record names, the usual one first; of one that is not known here
    none."""
    return FORMATS[format].extensions if format in FORMATS else ()


def _codec(format: Format) -> Codec:
    if format not in FORMATS:
        raise UsageError(f"there is no format {format!r}; there are: {', '.join(FORMATS)}")
    return FORMATS[format]


def format_for(target: Path, photo: Photo) -> Format:
    """What the target's name says; a name that says nothing: the photograph's own; for an array PNG."""
    said = next((format for format, codec in FORMATS.items() if target.suffix.lower() in codec.extensions), None)
    return said or photo.format or "png"


def is_lossy(photo: Photo, format: Format) -> bool:
    """Whether samples change a little when this photograph is written in `format` without a quality."""
    return _codec(format).is_lossy(photo.origin)


def losses(photo: Photo, format: Format) -> tuple[str, ...]:
    """What of this photograph a file of `format` cannot hold, one sentence each. Nothing else is lost in
    writing."""
    return tuple(_losses.sentences(photo.picture, _codec(format)))


def losses_into(photo: Photo, target: Path, format: Format) -> tuple[str, ...]:
    """The `losses` of a photograph that is written to `target` in another format than its own, each with the
    target's name; none where it keeps its own or was an array."""
    if photo.format in (None, format):
        return ()
    return tuple(f"{target.name}: {loss}" for loss in losses(photo, format))


def encode_file(photo: Photo, format: Format | None = None, quality: int | None = None) -> bytes:
    """The photograph as a file's bytes; `format` None: its own (PNG for an array).

    `quality` (0 to 100) is for the lossy formats: JPEG, WebP, HEIF and AVIF; 100 is lossless in the last
    three. Without it, a photograph that came as JPEG is written with its own quantisation tables and
    subsampling, a lossless WebP losslessly, the others with 95. TIFF keeps its lossless compression (JPEG
    inside TIFF becomes deflate). What the format cannot hold, `losses` says; a GIF of more than 256 colors is
    written only where `format` asks for it. Raises `UsageError` (quality, format), `UnwritableError` (too
    many pixels or colors).
    """
    return _encoded([photo], format or photo.format or "png", quality, asked=format is not None)


def encode_for(target: Path, photo: Photo, format: Format | None = None, quality: int | None = None) -> bytes:
    """The bytes that `write` writes to `target`, which is not touched. Raises what `encode_file` raises."""
    chosen = format or format_for(target, photo)
    # GIF is reduced to 256 colors only where it is asked for by name, so a name of .gif is no asking where
    # the photograph is a GIF
    return encode_file(photo, None if format is None and chosen == photo.format else chosen, quality)


def encode_pages(target: Path, photos: Sequence[Photo]) -> bytes:
    """The bytes that `write_pages` writes to `target`, which is not touched. Raises what it raises."""
    return _encoded(photos, format_for(target, photos[0]), None, asked=True)


def _encoded(photos: Sequence[Photo], format: Format, quality: int | None, *, asked: bool) -> bytes:
    codec, name = _codec(format), photos[0].name
    check_whole(quality=quality)
    if quality is not None and not 0 <= quality <= 100:
        raise UsageError(f"quality is {quality}; it goes from 0 to 100")
    for photo in photos:
        if codec.side_max is not None and max(photo.width, photo.height) > codec.side_max:
            size = f"{photo.width} x {photo.height} pixels"
            raise UnwritableError(f"{photo.name} is {size}; {codec.title} holds {codec.side_max:,} a side. Write it as TIFF or PNG")
    how = WriteAs(name, quality, asked=asked)
    try:
        fitted = [thumbnails.renewed(_losses.fitting(photo.picture, codec)) for photo in photos]
        if len(fitted) == 1:
            return codec.encode(fitted[0], how)
        if codec.encode_pages is None:
            raise UsageError(f"{codec.title} holds one page, and there are {len(photos)}; write them as TIFF")
        return codec.encode_pages(fitted, how)
    except (icc.vips().Error, OSError, RuntimeError, ValueError) as error:
        if isinstance(error, UnfadeError):
            raise
        raise UnwritableError(f"{name} cannot be encoded as {codec.title} ({error}); write it as TIFF or PNG") from error


def write(photo: Photo, target: str | Path, *, format: Format | None = None, quality: int | None = None, overwrite: bool = False) -> str:
    """Write the photograph to `target`; gives the SHA-256 of the file's bytes.

    `format` None: what the target's name says, else the photograph's own; `quality` as in `encode_file`. The
    file is there whole or not at all: it is written beside the target, synced, and renamed; on any failure,
    Ctrl-C included, what was there stays and nothing is left over. Raises `ExistsError` where the target
    exists and `overwrite` is not set, `UnwritableError`, `UsageError`.
    """
    check_photo(photo, Photo)
    target = path_of(target, "to write")
    disk.check_target(target, overwrite=overwrite)
    data = encode_for(target, photo, format, quality)
    disk.put(data, target, overwrite=overwrite)
    return hashlib.sha256(data).hexdigest()


def write_pages(photos: Sequence[Photo], target: str | Path, *, overwrite: bool = False) -> str:
    """Write the photographs as the pages of one file, in the format that the target's name says, else the
    first one's own.

    Gives the SHA-256 of the file's bytes. Raises `UsageError` for a format that holds one page only, and what
    `write` raises.
    """
    target = path_of(target, "to write")
    for photo in photos:
        check_photo(photo, Photo)
    if not photos:
        raise UsageError(f"{target.name} is to hold no page; give one photograph at least")
    disk.check_target(target, overwrite=overwrite)
    data = encode_pages(target, photos)
    disk.put(data, target, overwrite=overwrite)
    return hashlib.sha256(data).hexdigest()
