"""What a codec is: everything that is known of one file format, in one place; and what goes in and out of
it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, TypeAlias

if TYPE_CHECKING:
    import numpy as np

Part: TypeAlias = Literal["exif", "xmp", "iptc", "photoshop", "icc", "dpi", "film"]
"""What a file may hold beside its samples."""

DEFAULT_QUALITY = 95  # of lossy files whose own setting cannot be read back; 0 to 100


@dataclass(frozen=True)
class Metadata:
    """What a file says about its photograph.

    `exif` begins at its TIFF header, upright; `xmp` is the packet; `iptc` the bare IIM stream; `photoshop`
    are the image resources (clipping paths, copyright flag, URL) without IPTC.
    """

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    photoshop: bytes | None = None


@dataclass(frozen=True)
class Contents:
    """What a file holds beside its samples: `Metadata`'s parts, the color profile, dots per inch (x, y), and
    how it is to be turned."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    photoshop: bytes | None = None
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    orientation: int = 1
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Origin:
    """How a file was made, so that the same kind can be written again. A codec that has something to say here
    makes its own kind of it.

    `alpha_hides`: whether a pixel whose alpha is 0 cannot be seen; not so where the channel beside the colors
    is something else. `has_film`: whether the film of a motion photo is kept with the picture.
    """

    @property
    def alpha_hides(self) -> bool:
        return True

    @property
    def has_film(self) -> bool:
        return False


@dataclass(frozen=True, eq=False)
class Picture:
    """What a decoder gives and an encoder takes: samples (h, w, 1|3) and alpha (h, w), uint8 or uint16, as
    they lie in the file.

    `contents.icc` is the profile that the samples are in, `notes` what was taken for granted in decoding,
    `lost` (h, w) the pixels that a damaged file has no samples of.
    """

    samples: np.ndarray
    alpha: np.ndarray | None
    contents: Contents
    origin: Origin = Origin()
    notes: tuple[str, ...] = ()
    lost: np.ndarray | None = None

    @property
    def bits(self) -> int:
        """Per sample: 8 or 16."""
        return self.samples.dtype.itemsize * 8


@dataclass(frozen=True)
class ReadAs:
    """How a file is to be read: what messages call it, the most megapixels it may have, and which page (from
    1; None: the picture)."""

    name: str
    max_megapixels: float
    page: int | None = None


@dataclass(frozen=True)
class WriteAs:
    """How a file is to be written: what messages call it, its quality (0 to 100; None: its own), and whether
    the format was asked for."""

    name: str
    quality: int | None = None
    asked: bool = True


@dataclass(frozen=True)
class Loss:
    """One thing of a picture that a format cannot hold: the sentence that says so, and what makes a picture
    without it.

    `sentence` is None where the picture looks the same without it, as gray does that is repeated in three
    channels.
    """

    sentence: str | None
    taken_from: Callable[[Picture], Picture] = lambda picture: picture


def _one_page(data: bytes) -> tuple[int, ...]:
    return (1,)


def _no_losses(picture: Picture) -> Iterable[str]:
    return ()


@dataclass(frozen=True)
class Codec:
    """What is known of one format. A module of `files.formats` offers one as `CODEC`; the format is called as
    the module is.

    `extensions` have their dots, the usual one first. `tells` says whether a file's bytes are of this format.
    `decode` gives the picture as it lies in the file, `contents.orientation` still to be applied; it raises
    `UnreadableError` and `TooLargeError`. `encode` takes a picture that the format can hold (`losses.fitting`
    makes one), and raises `UnwritableError`, or what its encoder raises. `is_lossy` says whether samples
    change in a file of that origin. `losses` says, in sentences, what `encode` itself takes out of a picture,
    beside what `files.losses` knows from the fields here. `pages` are the numbers, from 1, of the pages or
    frames that are pictures of their own; `encode_pages` is there where a file may hold several.
    """

    title: str
    extensions: tuple[str, ...]
    media_type: str
    tells: Callable[[bytes], bool]
    decode: Callable[[bytes, ReadAs], Picture]
    encode: Callable[[Picture, WriteAs], bytes]
    bits: Literal[8, 12, 16]  # the most that a sample holds
    alpha: bool
    gray: Literal["always", "without alpha", "without alpha or profile", "never"]  # where a gray picture stays gray
    holds: frozenset[Part]
    is_lossy: Callable[[Origin], bool]
    side_max: int | None = None
    losses: Callable[[Picture], Iterable[str]] = _no_losses
    pages: Callable[[bytes], tuple[int, ...]] = _one_page
    encode_pages: Callable[[Sequence[Picture], WriteAs], bytes] | None = None


def always(origin: Origin) -> bool:
    """For `Codec.is_lossy`."""
    return True


def never(origin: Origin) -> bool:
    """For `Codec.is_lossy`."""
    return False
