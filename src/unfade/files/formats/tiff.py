"""TIFF and BigTIFF: libvips decodes and encodes the samples; the directory that holds the rest is read and
written here."""

from __future__ import annotations

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from unfade.errors import UnreadableError, UsageError
from unfade.files import exif, photoshop, tags
from unfade.files.codec import Codec, Contents, Origin, Picture, ReadAs, WriteAs, never
from unfade.files.formats._tiff_colors import Colors, colors_of, divided, is_premultiplied
from unfade.files.formats._tiff_page import (
    BLACK_IS_ZERO,
    CMYK,
    FAX_3,
    FAX_4,
    FAX_RLE,
    JPEG,
    LZW,
    NONE,
    OLD_JPEG,
    PACKBITS,
    PALETTE,
    RGB,
    WHITE_IS_ZERO,
    Page,
    chosen_page,
    full_size_pages,
)
from unfade.files.formats._tiff_samples import raw_samples
from unfade.files.icc import vips
from unfade.files.raster import check_size, damaged, load, plain_samples, split, vips_of
from unfade.files.tags import Tag

_COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits"}
_BY_LIBVIPS = {NONE, FAX_RLE, FAX_3, FAX_4, LZW, PACKBITS}


@dataclass(frozen=True)
class TiffOrigin(Origin):
    """How the samples were compressed (without loss), and the tags that are kept as they are."""

    compression: str = "deflate"
    tags: tuple[tuple[int, Tag], ...] = ()

    @property
    def alpha_hides(self) -> bool:
        """Not where the channel is said to be something unspecified, such as a scanner's infrared."""
        return tags.first_number(dict(self.tags), tags.EXTRA_SAMPLES, 2) != 0


def _tells(data: bytes) -> bool:
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") and data[8:10] != b"CR"


# --- reading ------------------------------------------------------------------------------------------------


def _decode(data: bytes, how: ReadAs) -> Picture:
    try:
        page, number, pages = chosen_page(data, how.page, how.name)
        check_size(how.name, page.width, page.height, how.max_megapixels)
        page.refuse_unknown(how.name)
        contents = _contents(page.tags)
        found = _colors(page, number - 1, data, contents.icc, how.name)
    except UsageError:
        raise
    except (vips().Error, ValueError, struct.error) as error:
        raise damaged(how.name, error) from error
    notes = found.notes
    if found.alpha is not None and is_premultiplied(page):
        notes += ("its colors were multiplied by its alpha; they were divided by it, and are written so",)
    if pages > 1:
        said = "the first was taken" if number == 1 else f"page {number:,}{'' if how.page else ', the largest,'} was taken"
        notes += (f"it has {pages:,} pages; {said}",)
    return Picture(found.samples, found.alpha, replace(contents, icc=found.profile), _origin(page.tags), notes)


def _colors(page: Page, index: int, data: bytes, profile: bytes | None, name: str) -> Colors:
    """The page's samples as gray or RGB."""
    if _is_plain(page):
        _check_ends(page.tags, len(data))
        # unlimited: libtiff's own limit is below ours
        picture = load("tiffload_buffer", data, page=index, access="sequential", fail_on="error", unlimited=True)
        array, icc, notes = plain_samples(picture, profile, name)
        return Colors(*split(array), icc, notes)
    if page.compression == OLD_JPEG:
        picture = load("jpegload_buffer", page.jpeg_stream(data), access="sequential", fail_on="truncated")
        if (picture.width, picture.height) != (page.width, page.height):
            raise UnreadableError(f"{name} is compressed as old-style JPEG in pieces, which is not read here; save it as TIFF with LZW")
        array, icc, notes = plain_samples(picture, profile, name)
        return Colors(*split(array), icc, notes)
    raw = raw_samples(page, data, name)
    found = colors_of(raw, page, profile, jpeg_made_rgb=page.compression == JPEG and not page.is_planar)
    if found.alpha is not None and is_premultiplied(page):
        return replace(found, samples=divided(found.samples, found.alpha))
    return found


def _is_plain(page: Page) -> bool:
    """Whether libvips reads the page rightly and strictly by itself: strips of common depths and colors."""
    if page.is_tiled or page.is_planar or page.compression not in _BY_LIBVIPS or page.leaves_out_tags:
        return False
    if page.bits == 1:
        return page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO) and page.channels == 1
    return (
        page.bits in (8, 16)
        and page.photometric in (WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, PALETTE, CMYK)
        and (page.photometric != PALETTE or (page.bits == 8 and page.channels == 1))
    )


def _check_ends(found: Mapping[int, Tag], size: int) -> None:
    """Raise `ValueError` where the samples are cut off."""
    places, counts = tags.STRIPS
    if places in found and counts in found:
        ends = [place + count for place, count in zip(found[places].numbers(), found[counts].numbers(), strict=False)]
        if ends and max(ends) > size:
            raise ValueError(f"its samples should reach to byte {int(max(ends)):,}, and it has {size:,}")


def _origin(found: Mapping[int, Tag]) -> TiffOrigin:
    compression = tags.first_number(found, tags.COMPRESSION, 1)
    extra = found.get(tags.EXTRA_SAMPLES)
    kept = () if extra is None or tags.first_number(found, tags.EXTRA_SAMPLES) == 1 else ((tags.EXTRA_SAMPLES, extra),)
    return TiffOrigin(_COMPRESSIONS.get(compression, "deflate"), kept)


def _contents(found: Mapping[int, Tag]) -> Contents:
    orientation = tags.first_number(found, tags.ORIENTATION, 1)
    carried = {tag: entry for tag, entry in found.items() if tag not in tags.STRUCTURE | tags.CARRIED_APART}
    raw = {tag: found[tag].raw for tag in (tags.XMP, tags.IPTC, tags.ICC, tags.PHOTOSHOP) if tag in found}
    resources = raw.get(tags.PHOTOSHOP, b"")
    layers = "its Photoshop layers were left out; the flattened picture was taken"
    return Contents(
        exif=exif.exif_of(carried),
        xmp=raw.get(tags.XMP, b"").rstrip(b"\0") or None,
        iptc=photoshop.iptc_of_tag(raw[tags.IPTC]) if tags.IPTC in raw else photoshop.iptc_in(resources),
        photoshop=photoshop.kept(resources),
        icc=raw.get(tags.ICC),
        dpi=exif.dpi_of(found),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        notes=(layers,) if tags.PHOTOSHOP_LAYERS in found else (),
    )


# --- writing ------------------------------------------------------------------------------------------------


def _encode(picture: Picture, how: WriteAs) -> bytes:
    return _encode_pages([picture], how)


def _encode_pages(pictures: Sequence[Picture], how: WriteAs) -> bytes:
    """A file of these pages.

    libvips writes a file of each; these lie one behind the other, and directories of our own follow.
    """
    size = sum(picture.samples.nbytes + (0 if picture.alpha is None else picture.alpha.nbytes) for picture in pictures)
    big = size * 4 // 3 > 3 << 30  # a plain TIFF ends at 4 GiB
    start = 16 if big else 8
    pieces: list[bytes | memoryview] = [b""]
    at, directories = start, list[tuple[int, dict[int, Tag]]]()
    for picture in pictures:
        origin = picture.origin if isinstance(picture.origin, TiffOrigin) else TiffOrigin()
        predictor = "none" if origin.compression in ("none", "packbits") else "horizontal"
        bare = vips_of(picture).tiffsave_buffer(compression=origin.compression, predictor=predictor, bigtiff=big, keep="none")
        # the first file keeps its place, header and all; the others follow it, and their strips move by where
        # they begin
        begins = 0 if not directories else at
        pieces.append(memoryview(bare)[start:] if not directories else bare)
        directories.append((begins, _tags_of(bare, picture, origin, begins, big=big)))
        at = begins + len(bare)
        pieces.append(bytes(at % 2))
        at += at % 2
    pieces[0] = struct.pack("<2sHHHQ", b"II", 43, 8, 0, at) if big else struct.pack("<2sHI", b"II", 42, at)
    for number, (_, found) in enumerate(directories, 1):
        directory = tags.directory_bytes(found, at, big=big, has_next=number < len(directories))
        pieces.append(directory)
        at += len(directory)
    return b"".join(pieces)


def _tags_of(bare: bytes, picture: Picture, origin: TiffOrigin, begins: int, *, big: bool) -> dict[int, Tag]:
    """The directory of a page whose samples are those of the file `bare`, which begins at `begins`."""
    header, contents = tags.header_of(bare), picture.contents
    if header.order == ">" or header.big != big:
        raise ValueError("only little-endian files are written")
    found = {tag: entry for tag, entry in tags.tags_at(bare, header.first, header).items() if tag in tags.STRUCTURE}
    places = [int(place) + begins for place in found[tags.STRIPS[0]].numbers()]
    found[tags.STRIPS[0]] = Tag(16 if big else 4, len(places), struct.pack(f"<{len(places)}{'Q' if big else 'I'}", *places))
    if contents.exif:
        found |= {tag: entry for tag, entry in tags.first_tags(contents.exif).items() if tag not in tags.STRUCTURE | tags.CARRIED_APART}
    if contents.dpi:
        found |= exif.dpi_tags(contents.dpi)
    # Photoshop reads IPTC among its resources, others in its own tag
    resources = photoshop.joined(contents.photoshop, contents.iptc) if contents.photoshop else None
    blobs = ((tags.XMP, 1, contents.xmp), (tags.IPTC, 7, contents.iptc), (tags.ICC, 7, contents.icc), (tags.PHOTOSHOP, 1, resources))
    for tag, kind, value in blobs:
        if value:
            found[tag] = Tag(kind, len(value), value)
    kept = dict(origin.tags)
    if picture.alpha is None or (tags.EXTRA_SAMPLES in kept and kept[tags.EXTRA_SAMPLES].count != 1):
        kept.pop(tags.EXTRA_SAMPLES, None)
    return found | kept


CODEC = Codec(
    title="TIFF",
    extensions=(".tif", ".tiff"),
    media_type="image/tiff",
    tells=_tells,
    decode=_decode,
    encode=_encode,
    bits=16,
    alpha=True,
    gray="always",
    holds=frozenset({"exif", "xmp", "iptc", "photoshop", "icc", "dpi"}),
    is_lossy=never,
    pages=full_size_pages,
    encode_pages=_encode_pages,
)
