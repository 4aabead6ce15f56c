"""JPEG (ITU-T T.81; Adobe XMP part 3): libvips decodes, Pillow encodes with the file's own tables; the
segments are kept here.

Written with its own quantisation tables and subsampling, blocks of a JPEG that nobody changed come out as
they went in.
"""

from __future__ import annotations

import hashlib
import io
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from unfade.files import exif, photoshop, xmp
from unfade.files.behind import behind
from unfade.files.codec import DEFAULT_QUALITY, Codec, Contents, Origin, Picture, ReadAs, WriteAs, always
from unfade.files.formats._jpeg_samples import decoded
from unfade.files.formats._jpeg_segments import extent_of, frame_of, segments
from unfade.files.icc import vips
from unfade.files.raster import check_size, damaged, frame_number, pillow_of, split

_EXIF_ID, _XMP_ID, _XMP_MORE_ID = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_ICC_ID, _PHOTOSHOP_ID = b"ICC_PROFILE\0", b"Photoshop 3.0\0"
_TABLES = {*range(0xC0, 0xD0), 0xDB, 0xDD, 0xEE}  # frames, Huffman's and quantisation's tables, restarts, Adobe's word on colors
_SEGMENT_MAX = 65533  # bytes of payload
_XMP_MORE_HEAD = len(_XMP_MORE_ID) + 40  # a GUID, the whole length, and this part's place
EXIF_MAX, XMP_MAX = _SEGMENT_MAX - len(_EXIF_ID), _SEGMENT_MAX - len(_XMP_ID)


@dataclass(frozen=True)
class JpegOrigin(Origin):
    """How the samples were compressed, and the comments."""

    tables: tuple[tuple[int, ...], ...] = ()
    subsampling: str = "4:4:4"
    progressive: bool = False
    rgb: bool = False  # not YCbCr
    comments: tuple[bytes, ...] = ()
    film: bytes | None = field(default=None, repr=False)  # of a motion photo

    @property
    def has_film(self) -> bool:
        return self.film is not None


def _tells(data: bytes) -> bool:
    return data.startswith(b"\xff\xd8\xff")


# --- reading ------------------------------------------------------------------------------------------------


def _decode(data: bytes, how: ReadAs) -> Picture:
    frame_number(1, how.page, how.name, "picture")
    try:
        frame = frame_of(data, how.name)
        extent = extent_of(data, frame)
        check_size(how.name, frame.width, frame.height, how.max_megapixels)
        contents, comments = _contents(data)
        rest = behind(data[extent.end :], contents.xmp, _multi_picture(data))
        contents = replace(contents, xmp=rest.packet, notes=(*contents.notes, *_left_out(data), *rest.notes))
        origin = replace(_origin(data), comments=comments, film=rest.film)
        found = decoded(data, frame, extent, contents.icc, how.name)
    except (vips().Error, ValueError, struct.error) as error:
        raise damaged(how.name, error) from error
    return Picture(*split(found.samples), replace(contents, icc=found.profile), origin, found.notes, found.lost)


def _multi_picture(data: bytes) -> bytes | None:
    """The directory of a multi-picture file."""
    return next((found.payload[4:] for found in segments(data) if found.marker == 0xE2 and found.payload[:4] == b"MPF\0"), None)


def _left_out(data: bytes) -> Iterator[str]:
    """What programs put into segments of their own, of which it is not known whether it stays true."""
    known = (_EXIF_ID, _XMP_ID, _XMP_MORE_ID, _ICC_ID, _PHOTOSHOP_ID, b"MPF\0", b"JFIF\0", b"JFXX\0", b"Adobe")
    others = [found for found in segments(data) if 0xE0 <= found.marker <= 0xEF and not found.payload.startswith(known)]
    if any(found.marker == 0xEB and b"c2pa" in found.payload for found in others):
        yield "its content credentials (C2PA) were left out: they would no longer hold"
        others = [found for found in others if found.marker != 0xEB]
    for marker in sorted({found.marker for found in others if found.payload.strip(b"\0")}):
        size = sum(len(found.payload) for found in others if found.marker == marker)
        yield f"{size:,} bytes that a camera or program keeps for itself (APP{marker - 0xE0}) were left out"


def _header(data: bytes) -> bytes:
    """The tables and the frame alone, for a decoder that is to look at nothing else."""
    kept = b"".join(
        struct.pack(">BBH", 0xFF, segment.marker, len(segment.payload) + 2) + segment.payload
        for segment in segments(data)
        if segment.marker in _TABLES
    )
    return data[:2] + kept + b"\xff\xda\0\x0c" + bytes(10)


def _origin(data: bytes) -> JpegOrigin:
    from PIL import JpegImagePlugin

    try:
        # past Image.open, whose limit on pixels is not ours, and without EXIF, whose damages are told of
        # elsewhere
        with JpegImagePlugin.JpegImageFile(io.BytesIO(_header(data))) as header:
            return JpegOrigin(
                tables=tuple(tuple(int(number) for number in header.quantization[index]) for index in sorted(header.quantization)),
                subsampling={0: "4:4:4", 1: "4:2:2", 2: "4:2:0"}.get(JpegImagePlugin.get_sampling(header), "4:4:4"),
                progressive=bool(header.info.get("progressive")),
                rgb=header.info.get("adobe_transform") == 0 and len(header.getbands()) == 3,
            )
    except (SyntaxError, OSError, ValueError, IndexError, KeyError, struct.error) as error:
        raise ValueError(str(error)) from error


def _contents(data: bytes) -> tuple[Contents, tuple[bytes, ...]]:
    """What the file holds beside its samples, and its comments."""
    exif_block = packet = None
    extended: dict[int, bytes] = {}
    icc: dict[int, bytes] = {}
    resources = b""
    comments: list[bytes] = []
    notes: list[str] = []
    dpi: tuple[float, float] | None = None
    for marker, payload in ((segment.marker, segment.payload) for segment in segments(data)):
        if marker == 0xE0 and payload[:5] == b"JFIF\0" and len(payload) >= 12:
            unit, x, y = struct.unpack_from(">BHH", payload, 7)
            if unit in (1, 2) and x and y:
                dpi = (float(x), float(y)) if unit == 1 else (x * 2.54, y * 2.54)
        elif marker == 0xE1 and payload.startswith(_EXIF_ID) and exif_block is None:
            exif_block = payload[len(_EXIF_ID) :]
        elif marker == 0xE1 and payload.startswith(_XMP_ID) and packet is None:
            packet = payload[len(_XMP_ID) :]
        elif marker == 0xE1 and payload.startswith(_XMP_MORE_ID) and len(payload) > _XMP_MORE_HEAD:
            # its GUID must be the one that the packet names; the packet has come before
            if packet is not None and payload[len(_XMP_MORE_ID) : len(_XMP_MORE_ID) + 32] in packet:
                extended[struct.unpack_from(">I", payload, _XMP_MORE_HEAD - 4)[0]] = payload[_XMP_MORE_HEAD:]
        elif marker == 0xE2 and payload.startswith(_ICC_ID) and len(payload) > 14:
            icc[payload[12]] = payload[14:]
        elif marker == 0xED and payload.startswith(_PHOTOSHOP_ID):
            resources += payload[len(_PHOTOSHOP_ID) :]
        elif marker == 0xFE:
            comments.append(payload)
    checked = exif.checked(exif_block)
    if packet is not None and extended:
        try:
            packet = xmp.joined(packet, b"".join(extended[place] for place in sorted(extended)))
        except ValueError:
            notes.append("the part of its XMP that is over 64 KB (extended XMP) is damaged and was left out")
    contents = replace(
        checked,
        xmp=packet,
        iptc=photoshop.iptc_in(resources),
        photoshop=photoshop.kept(resources),
        icc=b"".join(icc[index] for index in sorted(icc)) or None,
        dpi=dpi or exif.dpi_in(checked.exif),
        notes=checked.notes + tuple(notes),
    )
    return contents, tuple(comments)


# --- writing ------------------------------------------------------------------------------------------------


def _losses(picture: Picture) -> Iterator[str]:
    block, packet = picture.contents.exif, picture.contents.xmp
    if block and len(block) > EXIF_MAX:
        yield f"JPEG holds {EXIF_MAX:,} bytes of EXIF: the {len(block):,} are left out"
    if packet and not _fits(packet):
        yield f"JPEG holds {XMP_MAX:,} bytes of XMP that cannot be read and divided: the {len(packet):,} are left out"


def _fits(packet: bytes) -> bool:
    try:
        xmp.split(packet, XMP_MAX)
    except ValueError:
        return False
    return True


def _xmp_segments(packet: bytes) -> list[tuple[int, bytes]]:
    """The packet in one segment; what is over 64 KB in an extended packet, divided over more (Adobe XMP part
    3, 1.1.3.1)."""
    main, extension = xmp.split(packet, XMP_MAX)
    found = [(0xE1, _XMP_ID + main)]
    if extension is None:
        return found
    digest = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper().encode()
    room = _SEGMENT_MAX - _XMP_MORE_HEAD
    for place in range(0, len(extension), room):
        head = _XMP_MORE_ID + digest + struct.pack(">II", len(extension), place)
        found.append((0xE1, head + extension[place : place + room]))
    return found


def _encode(picture: Picture, how: WriteAs) -> bytes:
    origin = picture.origin if isinstance(picture.origin, JpegOrigin) else JpegOrigin()
    out = io.BytesIO()
    page, gray = pillow_of(picture), picture.samples.shape[2] == 1
    if how.quality is None and origin.tables:
        tables = [list(table) for table in origin.tables]
        # a gray file has one table and no subsampling: color joins it at full size
        page.save(
            out,
            "JPEG",
            qtables=tables[:1] if gray else tables,
            subsampling=origin.subsampling,
            progressive=origin.progressive,
            keep_rgb=origin.rgb and not gray,
            optimize=True,
        )
    else:
        chosen = DEFAULT_QUALITY if how.quality is None else how.quality
        page.save(out, "JPEG", quality=chosen, subsampling="4:4:4" if chosen >= 90 else "4:2:0", optimize=True)
    contents = picture.contents
    if len(contents.exif or b"") > EXIF_MAX:
        contents = replace(contents, exif=None)
    if contents.xmp and not _fits(contents.xmp):
        contents = replace(contents, xmp=None)
    if origin.rgb and not gray:  # without JFIF, the resolution has EXIF alone to lie in
        contents = replace(contents, exif=exif.with_dpi(contents.exif, contents.dpi))
    return _with_contents(out.getvalue(), contents, origin.comments) + (origin.film or b"")


def _jfif(dpi: tuple[float, float] | None) -> bytes:
    unit, x, y = 0, 1, 1
    if dpi and max(dpi) < 65535.5:
        unit, (x, y) = 1, (max(1, round(value)) for value in dpi)
        metric = [value / 2.54 for value in dpi]
        # JFIF holds whole numbers: dots per centimetre where only they are whole
        if not np.allclose((x, y), dpi, atol=0.01) and np.allclose(np.round(metric), metric, atol=0.004):
            unit, (x, y) = 2, (max(1, round(value)) for value in metric)
    return b"JFIF\0" + struct.pack(">BBBHHBB", 1, 1, unit, x, y, 0, 0)


def _with_contents(bare: bytes, contents: Contents, comments: tuple[bytes, ...]) -> bytes:
    """The JPEG `bare` with `contents` in front of its samples."""
    front: list[tuple[int, bytes]] = []
    has_jfif = bare[2:4] == b"\xff\xe0"  # where the encoder writes none, the samples are RGB, which JFIF's presence would deny
    if has_jfif:
        front.append((0xE0, _jfif(contents.dpi)))
    if contents.exif:
        front.append((0xE1, _EXIF_ID + contents.exif))
    if contents.xmp:
        front += _xmp_segments(contents.xmp)
    if contents.icc:
        room = _SEGMENT_MAX - 14
        parts = [contents.icc[at : at + room] for at in range(0, len(contents.icc), room)]
        front += [(0xE2, _ICC_ID + bytes((index, len(parts))) + part) for index, part in enumerate(parts, 1)]
    if contents.iptc or contents.photoshop:
        block, room = photoshop.joined(contents.photoshop, contents.iptc), _SEGMENT_MAX - len(_PHOTOSHOP_ID)
        front += [(0xED, _PHOTOSHOP_ID + block[at : at + room]) for at in range(0, len(block), room)]
    front += [(0xFE, comment) for comment in comments]
    if any(len(payload) > _SEGMENT_MAX for _, payload in front):
        raise ValueError("a JPEG segment holds 65,533 bytes")
    rest = 2
    if has_jfif:  # the encoder's own segment
        rest += 2 + struct.unpack_from(">H", bare, 4)[0]
    head = b"".join(struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload for marker, payload in front)
    return b"".join((bare[:2], head, memoryview(bare)[rest:]))


CODEC = Codec(
    title="JPEG",
    extensions=(".jpg", ".jpeg", ".jpe", ".jfif"),
    media_type="image/jpeg",
    tells=_tells,
    decode=_decode,
    encode=_encode,
    bits=8,
    alpha=False,
    gray="always",
    holds=frozenset({"exif", "xmp", "iptc", "photoshop", "icc", "dpi", "film"}),
    is_lossy=always,
    side_max=65_500,
    losses=_losses,
)
