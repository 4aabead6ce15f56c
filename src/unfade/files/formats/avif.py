"""AVIF: libvips decodes and encodes; Pillow encodes 8 bits with loss, since it keeps metadata byte for byte.
16 bits are written as 12."""

from __future__ import annotations

import io
import struct

from unfade.errors import UsageError
from unfade.files import exif, sizes
from unfade.files.boxes import AVIF_BRANDS, brands, contents_of, with_color_code
from unfade.files.codec import DEFAULT_QUALITY, Codec, Origin, Picture, ReadAs, WriteAs, always
from unfade.files.icc import vips
from unfade.files.raster import check_size, damaged, filled, frame_note, frame_number, load, pillow_of, plain_samples, split, vips_of


def _tells(data: bytes) -> bool:
    return bool(brands(data) & AVIF_BRANDS)


def _decode(data: bytes, how: ReadAs) -> Picture:
    try:
        # unlimited: libheif's own limit is below ours, and the size is checked right here
        options = {"access": "sequential", "fail_on": "truncated", "unlimited": True}
        picture = load("heifload_buffer", data, **options)
        check_size(how.name, picture.width, picture.height, how.max_megapixels)
        fields = picture.get_fields()
        exif_block, packet, profile = (picture.get(key) if key in fields else None for key in ("exif-data", "xmp-data", "icc-profile-data"))
        contents = contents_of(exif_block, packet, profile, (picture.width, picture.height))
        pages = picture.get("n-pages") if "n-pages" in fields else 1
        if page := frame_number(pages, how.page, how.name, "page"):
            picture = load("heifload_buffer", data, **options, page=page)
            check_size(how.name, picture.width, picture.height, how.max_megapixels)
        array, _, notes = plain_samples(picture, contents.icc, how.name)
        samples, alpha = split(filled(array, int(picture.get("bits-per-sample"))))
    except UsageError:
        raise
    except (vips().Error, ValueError, struct.error) as error:
        raise damaged(how.name, error) from error
    notes += frame_note(pages, how.page, "page")
    contents, more = with_color_code(contents, data, channels=samples.shape[2])
    return Picture(samples, alpha, contents, Origin(), notes + more)


def _encode(picture: Picture, how: WriteAs) -> bytes:
    quality = DEFAULT_QUALITY if how.quality is None else how.quality
    block = exif.with_dpi(picture.contents.exif, picture.contents.dpi)
    if picture.bits == 8 and quality != 100:
        out = io.BytesIO()
        bare = exif.without_orientation(block) if block else b""
        packet = picture.contents.xmp
        if packet and bare != (block or b""):  # what EXIF says no more, nothing else may say otherwise
            packet = sizes.shown_as_it_lies(packet)
        pillow_of(picture).save(
            out,
            "AVIF",
            quality=quality,
            subsampling="4:4:4",
            exif=bare,
            xmp=packet or b"",
            icc_profile=picture.contents.icc or b"",
        )
        return out.getvalue()
    page = vips_of(picture).copy()
    blobs = (("exif-data", block and b"Exif\0\0" + block), ("xmp-data", picture.contents.xmp), ("icc-profile-data", picture.contents.icc))
    for key, value in blobs:
        if value:
            page.set_type(vips().GValue.blob_type, key, value)
    encoded: bytes = page.heifsave_buffer(
        compression="av1", bitdepth=8 if picture.bits == 8 else 12, Q=quality, lossless=quality == 100, subsample_mode="off"
    )
    return encoded


CODEC = Codec(
    title="AVIF",
    extensions=(".avif",),
    media_type="image/avif",
    tells=_tells,
    decode=_decode,
    encode=_encode,
    bits=12,
    alpha=True,
    gray="never",
    holds=frozenset({"exif", "xmp", "icc", "dpi"}),
    is_lossy=always,
    side_max=65_536,
)
