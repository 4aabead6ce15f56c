"""TIFF and BigTIFF: libvips decodes and encodes the samples; the directory that holds the rest is read and written here."""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace

from unfade.errors import OtherKindError
from unfade.files import exif, photoshop, tags
from unfade.files.codec import Codec, Contents, Origin, Picture, ReadAs, WriteAs, never
from unfade.files.icc import vips
from unfade.files.raster import check_size, damaged, plain_samples, split, vips_of
from unfade.files.tags import Tag

_COMPRESSIONS = {1: "none", 5: "lzw", 8: "deflate", 32946: "deflate", 32773: "packbits"}
_PAGES_MAX = 10_000  # are counted


@dataclass(frozen=True)
class TiffOrigin(Origin):
    """How the samples were compressed (without loss), and the tags that are kept as they are."""

    compression: str = "deflate"
    tags: tuple[tuple[int, Tag], ...] = ()


def _tells(data: bytes) -> bool:
    return data[:4] in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+") and data[8:10] != b"CR"


# --- reading ----------------------------------------------------------------------------------------------------------------------------


def _decode(data: bytes, how: ReadAs) -> Picture:
    try:
        found = tags.first_tags(data)
        _refuse_raw(found, how.name)
        width, height = (tags.first_number(found, tag) for tag in (tags.WIDTH, tags.HEIGHT))
        check_size(how.name, width, height, how.max_megapixels)
        _check_ends(found, len(data))
        contents, origin = _contents(found), _origin(found)
        # unlimited: libtiff's own limit is below ours
        picture = vips().Image.tiffload_buffer(data, access="sequential", fail_on="error", unlimited=True)
        check_size(how.name, picture.width, picture.height, how.max_megapixels)
        samples, profile, notes = plain_samples(picture, contents.icc, how.name)
        pages = _count_pages(data)
    except (vips().Error, ValueError, struct.error) as error:
        raise damaged(how.name, error) from error
    if _is_premultiplied(found) and samples.shape[2] in (2, 4):
        notes += ("its colors were multiplied by its alpha; they were divided by it, and are written so",)
    if pages > 1:
        notes += (f"it has {pages:,} pages; the first was taken",)
    return Picture(*split(samples), replace(contents, icc=profile), origin, notes)


def _refuse_raw(found: Mapping[int, Tag], name: str) -> None:
    reduced = tags.first_number(found, tags.SUBFILE) & 1
    if tags.DNG_VERSION in found or (reduced and tags.SUB_IFDS in found):
        raise OtherKindError(f"{name} is a camera raw file; export it as TIFF, PNG or JPEG first")


def _check_ends(found: Mapping[int, Tag], size: int) -> None:
    """Raise `ValueError` where the samples are cut off."""
    for places, counts in (tags.STRIPS, tags.TILES):
        if places in found and counts in found:
            ends = [place + count for place, count in zip(found[places].numbers(), found[counts].numbers(), strict=False)]
            if ends and max(ends) > size:
                raise ValueError(f"its samples should reach to byte {int(max(ends)):,}, and it has {size:,}")


def _is_premultiplied(found: Mapping[int, Tag]) -> bool:
    return tags.first_number(found, tags.EXTRA_SAMPLES) == 1


def _origin(found: Mapping[int, Tag]) -> TiffOrigin:
    compression = tags.first_number(found, tags.COMPRESSION, 1)
    kept = {tags.PHOTOSHOP} if _is_premultiplied(found) else {tags.PHOTOSHOP, tags.EXTRA_SAMPLES}
    return TiffOrigin(_COMPRESSIONS.get(compression, "deflate"), tuple((tag, entry) for tag, entry in found.items() if tag in kept))


def _contents(found: Mapping[int, Tag]) -> Contents:
    orientation = tags.first_number(found, tags.ORIENTATION, 1)
    carried = {tag: entry for tag, entry in found.items() if tag not in tags.STRUCTURE | tags.CARRIED_APART}
    resources = found[tags.PHOTOSHOP].data if tags.PHOTOSHOP in found else b""
    layers = "its Photoshop layers were left out; the flattened picture was taken"
    return Contents(
        exif=exif.exif_of(carried),
        xmp=found[tags.XMP].data if tags.XMP in found else None,
        iptc=found[tags.IPTC].data if tags.IPTC in found else photoshop.iptc_in(resources),
        icc=found[tags.ICC].data if tags.ICC in found else None,
        dpi=exif.dpi_of(found),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        notes=(layers,) if tags.PHOTOSHOP_LAYERS in found else (),
    )


def _count_pages(data: bytes) -> int:
    """How many directories follow one another, counted to at most `_PAGES_MAX`."""
    header = tags.header_of(data)
    offset, seen = header.first, set[int]()
    while offset and offset not in seen and len(seen) < _PAGES_MAX:
        seen.add(offset)
        try:
            offset = tags.directory(data, offset, header)[1]
        except ValueError:
            break
    return len(seen)


# --- writing ----------------------------------------------------------------------------------------------------------------------------


def _encode(picture: Picture, how: WriteAs) -> bytes:
    origin = picture.origin if isinstance(picture.origin, TiffOrigin) else TiffOrigin()
    predictor = "none" if origin.compression in ("none", "packbits") else "horizontal"
    big = picture.samples.nbytes * 4 // 3 > 3 << 30  # a plain TIFF ends at 4 GiB
    bare = vips_of(picture).tiffsave_buffer(compression=origin.compression, predictor=predictor, bigtiff=big, keep="none")
    kept = {tag: entry for tag, entry in origin.tags if tag != tags.EXTRA_SAMPLES or (picture.alpha is not None and entry.count == 1)}
    return _with_contents(bare, picture.contents, kept)


def _with_contents(bare: bytes, contents: Contents, more: Mapping[int, Tag]) -> bytes:
    """The TIFF `bare` with `contents` and the tags `more`: a new first directory at its end, the samples where they were."""
    header = tags.header_of(bare)
    if header.order == ">":
        raise ValueError("only little-endian files are written")
    found = {tag: entry for tag, entry in tags.tags_at(bare, header.first, header).items() if tag in tags.STRUCTURE}
    if contents.exif:
        found |= {tag: entry for tag, entry in tags.first_tags(contents.exif).items() if tag not in tags.STRUCTURE | tags.CARRIED_APART}
    if contents.dpi:
        found |= exif.dpi_tags(contents.dpi)
    for tag, kind, value in ((tags.XMP, 1, contents.xmp), (tags.IPTC, 7, contents.iptc), (tags.ICC, 7, contents.icc)):
        if value:
            found[tag] = Tag(kind, len(value), value)
    found |= more
    at = len(bare) + len(bare) % 2
    place = struct.pack("<Q" if header.big else "<I", at)
    start = 8 if header.big else 4
    directory = tags.directory_bytes(found, at, big=header.big)
    return b"".join((bare[:start], place, memoryview(bare)[start + len(place) :], bytes(len(bare) % 2), directory))


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
    holds=frozenset({"exif", "xmp", "iptc", "icc", "dpi"}),
    is_lossy=never,
)
