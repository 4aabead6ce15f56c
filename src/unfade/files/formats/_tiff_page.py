"""A page of a TIFF: what its directory says of its samples, checked; which pages there are, and which of them
is the picture."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from unfade.errors import OtherKindError, UnreadableError, UsageError
from unfade.files import tags
from unfade.files.tags import Header, Tag

# Values of Compression
NONE, FAX_RLE, FAX_3, FAX_4, LZW, OLD_JPEG, JPEG, DEFLATE, ADOBE_DEFLATE, PACKBITS = 1, 2, 3, 4, 5, 6, 7, 32946, 8, 32773
# Values of PhotometricInterpretation
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, TRANSPARENCY, CMYK, YCBCR, CIELAB, ICCLAB, ITULAB = 0, 1, 2, 3, 4, 5, 6, 8, 9, 10

JPEG_STREAM, _JPEG_STREAM_SIZE = 513, 514  # of an old-style JPEG
_SAMPLES_PER_PIXEL, _ROWS_PER_STRIP, _PLANAR, _PREDICTOR = 277, 278, 284, 317
_TILE_WIDTH, _TILE_HEIGHT, _INK_SET, _SUBSAMPLING = 322, 323, 332, 530
_KNOWN_COLORS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, PALETTE: 1, TRANSPARENCY: 1, CMYK: 4, YCBCR: 3, CIELAB: 3, ICCLAB: 3}
_OTHER_COLORS = {ITULAB: "ITU Lab", 32803: "a color filter's mosaic", 32844: "LogL", 32845: "LogLuv", 34892: "a camera's linear raw"}
_MOST_CHANNELS = 32
_PAGES_COUNTED = 1_000_000
_PAGES_LOOKED_AT = 10_000  # for the largest
_FULL_SIZE = 0.3  # of the largest page's area; the half of a pyramid's level has 0.25


@dataclass(frozen=True)
class Page:
    """A directory. Numbers that the samples' layout follows from are checked when they are first asked for
    (`ValueError`)."""

    header: Header
    offset: int
    tags: Mapping[int, Tag]

    def number(self, tag: int, default: int = 0) -> int:
        """The first value of a tag."""
        return tags.first_number(self.tags, tag, default)

    def numbers(self, tag: int) -> list[float]:
        """All values of a tag; none where it is not there."""
        return self.tags[tag].numbers() if tag in self.tags else []

    @property
    def width(self) -> int:
        """In pixels."""
        return self.number(tags.WIDTH)

    @property
    def height(self) -> int:
        """In pixels."""
        return self.number(tags.HEIGHT)

    @property
    def channels(self) -> int:
        """Samples of a pixel."""
        return self.number(_SAMPLES_PER_PIXEL, max(1, len(self.numbers(tags.BITS))))

    @property
    def compression(self) -> int:
        """As TIFF numbers it."""
        return self.number(tags.COMPRESSION, NONE)

    @property
    def photometric(self) -> int:
        """What the samples mean, as TIFF numbers it."""
        return self.number(tags.PHOTOMETRIC, RGB if self.channels >= 3 else BLACK_IS_ZERO)

    @property
    def leaves_out_tags(self) -> bool:
        """Whether tags are missing that libtiff takes other numbers for than is meant."""
        return tags.PHOTOMETRIC not in self.tags or (_SAMPLES_PER_PIXEL not in self.tags and self.channels > 1)

    @property
    def predictor(self) -> int:
        """1: none, 2: each sample is a difference to the one before."""
        return self.number(_PREDICTOR, 1)

    @property
    def is_planar(self) -> bool:
        """Whether each channel lies apart."""
        return self.number(_PLANAR, 1) == 2

    @property
    def is_tiled(self) -> bool:
        """Whether the samples lie in tiles; else in strips."""
        return _TILE_WIDTH in self.tags

    @cached_property
    def bits(self) -> int:
        """Of each sample."""
        found = {int(number) for number in self.numbers(tags.BITS)} or {1}
        if len(found) > 1:
            raise ValueError(f"its channels are of different depths: {', '.join(map(str, sorted(found)))} bits")
        return found.pop()

    @cached_property
    def segment_size(self) -> tuple[int, int]:
        """(width, height) of a tile, or of a strip that is not the last."""
        if self.is_tiled:
            size = self.number(_TILE_WIDTH), self.number(_TILE_HEIGHT)
        else:
            size = self.width, min(self.number(_ROWS_PER_STRIP, 2**32 - 1), self.height)
        if min(size) < 1 or max(size) > 1_000_000:
            raise ValueError(f"its tiles are {size[0]} x {size[1]} pixels")
        return size

    @property
    def across(self) -> int:
        """Segments in a row."""
        return -(-self.width // self.segment_size[0])

    @property
    def down(self) -> int:
        """Rows of segments."""
        return -(-self.height // self.segment_size[1])

    @property
    def subsampling(self) -> tuple[int, int]:
        """Of YCbCr's color: (across, down). TIFF's default is (2, 2)."""
        found = [int(number) for number in self.numbers(_SUBSAMPLING)]
        across, down = found if len(found) == 2 else (2, 2)
        if across not in (1, 2, 4) or down not in (1, 2, 4):
            raise ValueError(f"its color is subsampled by {across} x {down}")
        return across, down

    def segments(self, data: bytes) -> list[memoryview]:
        """The bytes of each segment, plane after plane, left to right, top to bottom. Raises `ValueError`
        where one is missing."""
        places_tag, counts_tag = tags.TILES if self.is_tiled else tags.STRIPS
        places, counts = ([int(number) for number in self.numbers(tag)] for tag in (places_tag, counts_tag))
        planes = self.channels if self.is_planar else 1
        expected = self.across * self.down * planes
        if not counts and len(places) == expected == 1:  # some old programs leave the count out
            counts = [len(data) - places[0]]
        what = "tiles" if self.is_tiled else "strips"
        if len(places) != expected or len(counts) != expected:
            raise ValueError(f"it should have {expected:,} {what}, and it has {min(len(places), len(counts)):,}")
        missing = sum(1 for place, count in zip(places, counts, strict=True) if place == 0 or count == 0)
        if missing:
            raise ValueError(f"{missing:,} of its {expected:,} {what} are missing")
        view = memoryview(data)
        return [view[place : place + count] for place, count in zip(places, counts, strict=True)]

    def jpeg_stream(self, data: bytes) -> bytes:
        """The whole JPEG that an old-style one nearly always is."""
        place = self.number(JPEG_STREAM)
        return data[place : place + self.number(_JPEG_STREAM_SIZE, len(data))]

    def refuse_unknown(self, name: str) -> None:
        """Raise `UnreadableError` where the samples are of a kind that is not read here."""
        reduced = self.number(tags.SUBFILE) & 1
        if tags.DNG_VERSION in self.tags or (reduced and tags.SUB_IFDS in self.tags) or self.photometric in (32803, 34892):
            raise OtherKindError(f"{name} is a camera raw file; export it as TIFF, PNG or JPEG first")
        kind = {2: "whole numbers with a sign", 3: "floating-point numbers", 5: "complex", 6: "complex"}.get(
            self.number(tags.SAMPLE_FORMAT, 1)
        )
        advice = "8 and 16 bits without sign are read: convert it to 16-bit TIFF first"
        if kind is not None:
            raise UnreadableError(f"{name} has samples that are {kind}; {advice}")
        if not 1 <= self.bits <= 16:
            raise UnreadableError(f"{name} has samples of {self.bits} bits; {advice}")
        if self.photometric not in _KNOWN_COLORS:
            what = _OTHER_COLORS.get(self.photometric, f"of TIFF's kind {self.photometric}")
            raise UnreadableError(f"{name} has colors that are {what}, which are not read here; convert it to RGB first")
        if self.compression == OLD_JPEG and JPEG_STREAM not in self.tags:
            raise UnreadableError(f"{name} is compressed as old-style JPEG in pieces, which is not read here; save it as TIFF with LZW")
        if self.photometric == CMYK and self.number(_INK_SET, 1) != 1:
            raise UnreadableError(f"{name} has inks other than CMYK, which are not read here; convert it to RGB first")
        if self.channels > _MOST_CHANNELS:
            raise UnreadableError(f"{name} has {self.channels:,} channels; {_MOST_CHANNELS} are read")
        if self.channels < _KNOWN_COLORS[self.photometric]:
            raise ValueError(f"it should have {_KNOWN_COLORS[self.photometric]} channels, and it has {self.channels}")


def page_at(data: bytes, offset: int, header: Header) -> Page:
    """The page whose directory lies there. Raises `ValueError`."""
    return Page(header, offset, tags.tags_at(data, offset, header))


def page_offsets(data: bytes, header: Header) -> list[int]:
    """Where the directories lie that follow one another, at most a million."""
    head, size, slot = header.sizes
    offset, found, seen = header.first, list[int](), set[int]()
    while offset >= 8 and offset not in seen and offset + head <= len(data) and len(found) < _PAGES_COUNTED:
        seen.add(offset)
        found.append(offset)
        count = struct.unpack_from(header.order + ("Q" if header.big else "H"), data, offset)[0]
        after = offset + head + count * size
        offset = struct.unpack_from(header.offset_code, data, after)[0] if after + slot <= len(data) else 0
    return found


def _area(data: bytes, offset: int, header: Header) -> int:
    """Pixels of a page; 0 for one that says it is a reduced copy or a mask, or that cannot be read."""
    try:
        entries = {entry.tag: entry for entry in tags.directory(data, offset, header)[0]}
    except ValueError:
        return 0

    def number(tag: int) -> int:
        if tag not in entries or entries[tag].kind not in (3, 4, 16) or not entries[tag].count:
            return 0
        code = {3: "H", 4: "I", 16: "Q"}[entries[tag].kind]
        return int(struct.unpack_from(header.order + code, data, entries[tag].place)[0])

    return 0 if number(tags.SUBFILE) & 5 else number(tags.WIDTH) * number(tags.HEIGHT)


def full_size_pages(data: bytes) -> tuple[int, ...]:
    """The numbers (from 1) of the pages that are pictures, and not small copies of one. Raises
    `ValueError`."""
    header = tags.header_of(data)
    areas = [_area(data, offset, header) for offset in page_offsets(data, header)[:_PAGES_LOOKED_AT]]
    largest = max(areas, default=0)
    return tuple(number for number, area in enumerate(areas, 1) if area > _FULL_SIZE * largest) or (1,)


def chosen_page(data: bytes, asked: int | None, name: str) -> tuple[Page, int, int]:
    """The page that is asked for, or else the largest; its number, and how many there are. Raises
    `UsageError`, `ValueError`."""
    header = tags.header_of(data)
    offsets = page_offsets(data, header)
    if not offsets:
        raise ValueError("its directory lies outside the file")
    if asked is not None:
        if not 1 <= asked <= len(offsets):
            raise UsageError(f"{name} has {len(offsets):,} {'page' if len(offsets) == 1 else 'pages'}; there is no page {asked}")
        return page_at(data, offsets[asked - 1], header), asked, len(offsets)
    areas = [_area(data, offset, header) for offset in offsets[:_PAGES_LOOKED_AT]] if len(offsets) > 1 else [0]
    index = max(range(len(areas)), key=lambda index: areas[index])
    return page_at(data, offsets[index], header), index + 1, len(offsets)
