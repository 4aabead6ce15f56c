"""WebP (RFC 9649): Pillow encodes, since it keeps metadata byte for byte; libvips decodes. Resolution lies in
EXIF."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass, replace

from unfade.errors import UsageError
from unfade.files import exif
from unfade.files.codec import DEFAULT_QUALITY, Codec, Contents, Origin, Picture, ReadAs, WriteAs
from unfade.files.icc import vips
from unfade.files.raster import check_size, damaged, frame_note, frame_number, load, pillow_of, plain_samples, split

_FRAME_HEADER = 16  # of ANMF: place, size, duration and flags


@dataclass(frozen=True)
class WebpOrigin(Origin):
    """Whether the samples were compressed without loss."""

    lossless: bool = False


def _tells(data: bytes) -> bool:
    return data[:4] == b"RIFF" and data[8:12] == b"WEBP"


def _contents(data: bytes) -> tuple[Contents, WebpOrigin]:
    at, lossless = 12, False
    found: dict[bytes, bytes] = {}
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind in (b"ICCP", b"EXIF", b"XMP "):
            found.setdefault(kind, data[at + 8 : at + 8 + size])
        lossless = lossless or kind == b"VP8L"
        at += 8 + (_FRAME_HEADER if kind == b"ANMF" else size + size % 2)  # a frame's own parts follow its header
    checked = exif.checked(found.get(b"EXIF"))
    contents = replace(checked, xmp=found.get(b"XMP "), icc=found.get(b"ICCP"), dpi=exif.dpi_in(checked.exif))
    return contents, WebpOrigin(lossless)


def _decode(data: bytes, how: ReadAs) -> Picture:
    try:
        contents, origin = _contents(data)
        picture = load("webpload_buffer", data, access="sequential", fail_on="truncated")
        check_size(how.name, picture.width, picture.height, how.max_megapixels)
        frames = picture.get("n-pages") if "n-pages" in picture.get_fields() else 1
        if frame := frame_number(frames, how.page, how.name):
            picture = load("webpload_buffer", data, access="sequential", fail_on="truncated", page=frame)
        samples, profile, notes = plain_samples(picture, contents.icc, how.name)
    except UsageError:
        raise
    except (vips().Error, ValueError, struct.error) as error:
        raise damaged(how.name, error) from error
    return Picture(*split(samples), replace(contents, icc=profile), origin, notes + frame_note(frames, how.page))


def _encode(picture: Picture, how: WriteAs) -> bytes:
    out = io.BytesIO()
    lossless = how.quality == 100 or (how.quality is None and not _is_lossy(picture.origin))
    block = exif.with_dpi(picture.contents.exif, picture.contents.dpi)
    pillow_of(picture).save(
        out,
        "WEBP",
        lossless=lossless,
        exact=True,
        quality=70 if lossless else DEFAULT_QUALITY if how.quality is None else how.quality,  # of lossless: effort
        exif=block or b"",
        xmp=picture.contents.xmp or b"",
        icc_profile=picture.contents.icc or b"",
    )
    return out.getvalue()


def _is_lossy(origin: Origin) -> bool:
    return not (isinstance(origin, WebpOrigin) and origin.lossless)


CODEC = Codec(
    title="WebP",
    extensions=(".webp",),
    media_type="image/webp",
    tells=_tells,
    decode=_decode,
    encode=_encode,
    bits=8,
    alpha=True,
    gray="never",
    holds=frozenset({"exif", "xmp", "icc", "dpi"}),
    is_lossy=_is_lossy,
    side_max=16_383,
)
