"""Where JPEG, PNG, TIFF and WebP files keep what is not samples: EXIF, XMP, IPTC, ICC, dots per inch; read and put back byte for byte.

The codecs that decode and encode samples rewrite metadata in their own words, or lose it. So they are asked for bare files, and what came
in is put around their samples here. Everything in this module is bytes in, bytes out; offsets that a file claims are never believed
unchecked. Damaged metadata is left out and named in `Contents.notes`.

Sources: ITU-T T.81 annex B and Adobe XMP part 3 (JPEG), PNG third edition, TIFF 6.0 and BigTIFF, EXIF 2.32, RFC 9649 (WebP).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

MAX_INFLATED = 64 << 20  # bytes of one compressed ICC profile or text; larger is an attack, not a photograph


@dataclass(frozen=True)
class Contents:
    """What a file holds beside its samples. `exif` begins at its TIFF header; `iptc` is the bare IIM stream; `dpi` is (x, y)."""

    exif: bytes | None = None
    xmp: bytes | None = None
    iptc: bytes | None = None
    icc: bytes | None = None
    dpi: tuple[float, float] | None = None
    orientation: int = 1
    notes: tuple[str, ...] = ()


# --- TIFF, and EXIF, which is a small TIFF ----------------------------------------------------------------------------------------------

_KIND_BYTES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4, 16: 8, 17: 8, 18: 8}
_KIND_WORD = {3: 2, 8: 2, 4: 4, 5: 4, 9: 4, 10: 4, 11: 4, 13: 4, 12: 8, 16: 8, 17: 8, 18: 8}
_KIND_CODE = {1: "<u1", 2: "<u1", 3: "<u2", 4: "<u4", 6: "<i1", 7: "<u1", 8: "<i2", 9: "<i4", 11: "<f4", 12: "<f8", 13: "<u4"}
_KIND_CODE |= {16: "<u8", 17: "<i8", 18: "<u8"}
_POINTERS = {34665, 34853, 40965}  # EXIF, GPS, interoperability: tags whose value is the place of another directory

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, ORIENTATION, SUBFILE = 256, 257, 258, 259, 262, 274, 254
X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT = 282, 283, 296
EXTRA_SAMPLES, SAMPLE_FORMAT, SUB_IFDS, DNG_VERSION = 338, 339, 330, 50706
XMP, IPTC, PHOTOSHOP, ICC, PHOTOSHOP_LAYERS = 700, 33723, 34377, 34675, 37724
_STRIPS, _TILES = (273, 279), (324, 325)

# Tags that say how the samples lie in this very file: never carried into another.
_STRUCTURE = frozenset(
    {254, 255, 256, 257, 258, 259, 262, 263, 264, 265, 266, 273, 274, 277, 278, 279, 280, 281, 284, 288, 289, 290, 291, 292, 293, 297}
    | {317, 320, 321, 322, 323, 324, 325, 326, 327, 328, 330, 332, 333, 334, 336, 338, 339, 340, 341, 342, 343, 344, 345, 346, 347}
    | {512, 513, 514, 515, 517, 518, 519, 520, 521, 529, 530, 531, 532}
)
_CARRIED_APART = frozenset({X_RESOLUTION, Y_RESOLUTION, RESOLUTION_UNIT, XMP, IPTC, PHOTOSHOP, ICC, PHOTOSHOP_LAYERS})


@dataclass(frozen=True)
class Tag:
    """One entry of a TIFF directory. `data` is little-endian whatever the file was; `children` is the directory it points at."""

    kind: int
    count: int
    data: bytes
    children: Mapping[int, Tag] | None = None

    def numbers(self) -> list[float]:
        """The values as numbers; rationals divided, 0/0 as 0."""
        if self.kind in (5, 10):
            pairs = np.frombuffer(self.data, "<u4" if self.kind == 5 else "<i4").reshape(-1, 2).tolist()
            return [above / below if below else 0.0 for above, below in pairs]
        values: list[float] = np.frombuffer(self.data, _KIND_CODE[self.kind]).tolist()
        return values


def _tiff_header(data: bytes | bytearray) -> tuple[str, bool, int]:
    """Byte order ("<" or ">"), whether it is a BigTIFF, and where the first directory lies. Raises `ValueError`."""
    order = {b"II": "<", b"MM": ">"}.get(bytes(data[:2]))
    if order is None or len(data) < 8:
        raise ValueError("no TIFF header")
    version = struct.unpack_from(order + "H", data, 2)[0]
    if version == 42:
        return order, False, struct.unpack_from(order + "I", data, 4)[0]
    if version == 43 and len(data) >= 16:
        return order, True, struct.unpack_from(order + "Q", data, 8)[0]
    raise ValueError("no TIFF header")


def _directory(data: bytes | bytearray, offset: int, order: str, big: bool) -> tuple[list[tuple[int, int, int, int, int]], int]:
    """The directory at `offset`: (tag, kind, count, place of the value, place of the entry) of each entry; and where the next one lies."""
    head, size, slot = (8, 20, 8) if big else (2, 12, 4)
    if offset < 8 or offset + head > len(data):
        raise ValueError("a directory lies outside the file")
    entries = struct.unpack_from(order + ("Q" if big else "H"), data, offset)[0]
    if entries > 65535 or offset + head + entries * size > len(data):
        raise ValueError("a directory is cut off")
    found = []
    for index in range(entries):
        at = offset + head + index * size
        tag, kind, count = struct.unpack_from(order + ("HHQ" if big else "HHI"), data, at)
        place = at + size - slot
        if kind not in _KIND_BYTES:
            continue
        if count * _KIND_BYTES[kind] > slot:
            place = struct.unpack_from(order + ("Q" if big else "I"), data, place)[0]
        if place + count * _KIND_BYTES[kind] <= len(data):
            found.append((tag, kind, count, place, at))
    after = offset + head + entries * size
    following = struct.unpack_from(order + ("Q" if big else "I"), data, after)[0] if after + slot <= len(data) else 0
    return found, following


def _tags(data: bytes, offset: int, order: str, big: bool, depth: int = 0) -> dict[int, Tag]:
    tags = {}
    for tag, kind, count, place, _ in _directory(data, offset, order, big)[0]:
        value = data[place : place + count * _KIND_BYTES[kind]]
        if order == ">" and kind in _KIND_WORD:
            value = np.frombuffer(value, f">u{_KIND_WORD[kind]}").astype(f"<u{_KIND_WORD[kind]}").tobytes()
        entry = Tag(kind, count, value)
        if tag in _POINTERS and count == 1 and depth < 3 and kind in (4, 13, 16, 18):
            try:
                entry = replace(entry, children=_tags(data, int(entry.numbers()[0]), order, big, depth + 1))
            except ValueError:
                continue  # a pointer to nowhere holds nothing to carry
        if tag in _POINTERS and entry.children is None:
            continue
        tags[tag] = entry
    return tags


def tiff_tags(data: bytes) -> dict[int, Tag]:
    """The tags of a TIFF's (or an EXIF's) first directory. Raises `ValueError` where it is not one."""
    order, big, offset = _tiff_header(data)
    return _tags(data, offset, order, big)


def first_number(tags: Mapping[int, Tag], tag: int, default: int = 0) -> int:
    """The first value of a tag; `default` where it is not there or empty."""
    return int(tags[tag].numbers()[0]) if tag in tags and tags[tag].count else default


def _directory_bytes(tags: Mapping[int, Tag], at: int, big: bool = False) -> bytes:
    """A little-endian directory to lie at place `at` (even), its values and children after it, and no following directory."""
    head, size, slot = (8, 20, 8) if big else (2, 12, 4)
    start = at + head + len(tags) * size + slot
    table, pool = [struct.pack("<Q" if big else "<H", len(tags))], bytearray()
    for tag, entry in sorted(tags.items()):
        kind, count, value = entry.kind, entry.count, entry.data
        if entry.children is not None:
            kind, count, value = (16, 1, struct.pack("<Q", start + len(pool))) if big else (4, 1, struct.pack("<I", start + len(pool)))
            pool += _directory_bytes(entry.children, start + len(pool), big)
        elif len(value) > slot:
            place = start + len(pool)
            pool += value
            value = struct.pack("<Q" if big else "<I", place)
        pool += b"\0" * (len(pool) % 2)
        table.append(struct.pack("<HHQ" if big else "<HHI", tag, kind, count) + value.ljust(slot, b"\0"))
    return b"".join(table) + bytes(slot) + bytes(pool)


def _exif_of(tags: Mapping[int, Tag]) -> bytes | None:
    """An EXIF block holding `tags`; None for none."""
    return b"II*\0\x08\0\0\0" + _directory_bytes(tags, 8) if tags else None


def _dpi_of(tags: Mapping[int, Tag]) -> tuple[float, float] | None:
    if X_RESOLUTION not in tags or Y_RESOLUTION not in tags:
        return None
    unit = first_number(tags, RESOLUTION_UNIT, 2)
    x, y = (tags[tag].numbers()[0] if tags[tag].count else 0.0 for tag in (X_RESOLUTION, Y_RESOLUTION))
    if unit not in (2, 3) or not (0 < x < 1e6 and 0 < y < 1e6):
        return None
    return (x, y) if unit == 2 else (x * 2.54, y * 2.54)


def _dpi_tags(dpi: tuple[float, float]) -> dict[int, Tag]:
    def rational(number: float) -> Tag:
        share = Fraction(number).limit_denominator(10_000)
        return Tag(5, 1, struct.pack("<II", min(share.numerator, 2**32 - 1), share.denominator))

    return {X_RESOLUTION: rational(dpi[0]), Y_RESOLUTION: rational(dpi[1]), RESOLUTION_UNIT: Tag(3, 1, struct.pack("<H", 2))}


def exif_dpi(exif: bytes | None) -> tuple[float, float] | None:
    """The dots per inch that an EXIF block states."""
    return _dpi_of(tiff_tags(exif)) if exif else None


def exif_with_dpi(exif: bytes | None, dpi: tuple[float, float] | None) -> bytes | None:
    """The EXIF block with this resolution, for the files that keep it nowhere else. Unchanged, byte for byte, where it says so already."""
    if dpi is None:
        return exif
    stated = exif_dpi(exif)
    if stated is not None and np.allclose(stated, dpi, atol=0.01):
        return exif
    return _exif_of((tiff_tags(exif) if exif else {}) | _dpi_tags(dpi))


def _exif(data: bytes | None) -> Contents:
    """Check an EXIF block; give it back upright (its orientation set to 1, sizes turned with it), and the orientation it had."""
    if not data:
        return Contents()
    exif = bytearray(data.removeprefix(b"Exif\0\0"))
    try:
        order, big, offset = _tiff_header(exif)
        entries, following = _directory(exif, offset, order, big)
        places = {tag: (kind, place, at) for tag, kind, _, place, at in entries}
        orientation = 1
        if ORIENTATION in places and places[ORIENTATION][0] in (3, 4):
            kind, place, _ = places[ORIENTATION]
            code = order + ("H" if kind == 3 else "I")
            orientation = struct.unpack_from(code, exif, place)[0]
            if orientation != 1:
                struct.pack_into(code, exif, place, 1)
        orientation = orientation if 1 <= orientation <= 8 else 1
        if orientation > 1 and following:  # the thumbnail lies the old way and would be shown on its side: unlink it
            end = offset + 2 + struct.unpack_from(order + "H", exif, offset)[0] * 12
            struct.pack_into(order + "I", exif, end, 0)
        if orientation >= 5 and 34665 in places:
            pointed = struct.unpack_from(order + "I", exif, places[34665][1])[0]
            inner = {tag: (kind, place) for tag, kind, _, place, _ in _directory(exif, pointed, order, big)[0]}
            if 0xA002 in inner and 0xA003 in inner and inner[0xA002][0] == inner[0xA003][0] in (3, 4):
                code = order + ("H" if inner[0xA002][0] == 3 else "I")
                width, height = (struct.unpack_from(code, exif, inner[tag][1])[0] for tag in (0xA002, 0xA003))
                struct.pack_into(code, exif, inner[0xA002][1], height)
                struct.pack_into(code, exif, inner[0xA003][1], width)
        tiff_tags(bytes(exif))
    except (ValueError, struct.error):
        return Contents(notes=("its EXIF is damaged and was left out",))
    return Contents(exif=bytes(exif), orientation=orientation)


def exif_without_orientation(exif: bytes) -> bytes:
    """The EXIF block without its orientation entry, every other byte in its place; no entry means upright.

    Pillow's AVIF writer takes the block apart and puts it together anew, losing maker notes, wherever the entry is there.
    """
    order, big, offset = _tiff_header(exif)
    entries, _ = _directory(exif, offset, order, big)
    at = next((at for tag, _, _, _, at in entries if tag == ORIENTATION), None)
    if at is None or big:
        return exif
    count = struct.unpack_from(order + "H", exif, offset)[0]
    end = offset + 2 + count * 12 + 4
    return exif[:offset] + struct.pack(order + "H", count - 1) + exif[offset + 2 : at] + exif[at + 12 : end] + bytes(12) + exif[end:]


def read_tiff(data: bytes) -> tuple[Contents, dict[int, Tag]]:
    """What a TIFF holds beside its samples, and its tags. Raises `ValueError`: its directory cannot be read, or its samples are cut off."""
    tags = tiff_tags(data)
    for places, counts in (_STRIPS, _TILES):
        if places in tags and counts in tags:
            ends = [place + count for place, count in zip(tags[places].numbers(), tags[counts].numbers(), strict=False)]
            if ends and max(ends) > len(data):
                raise ValueError(f"its samples should reach to byte {int(max(ends)):,}, and it has {len(data):,}")
    orientation = first_number(tags, ORIENTATION, 1)
    carried = {tag: entry for tag, entry in tags.items() if tag not in _STRUCTURE | _CARRIED_APART}
    notes = ("its Photoshop layers were left out; the flattened picture was taken",) if PHOTOSHOP_LAYERS in tags else ()
    return Contents(
        exif=_exif_of(carried),
        xmp=tags[XMP].data if XMP in tags else None,
        iptc=tags[IPTC].data if IPTC in tags else _iptc_in_photoshop(tags[PHOTOSHOP].data) if PHOTOSHOP in tags else None,
        icc=tags[ICC].data if ICC in tags else None,
        dpi=_dpi_of(tags),
        orientation=orientation if 1 <= orientation <= 8 else 1,
        notes=notes,
    ), tags


def tiff_with(bare: bytes, contents: Contents, more: Mapping[int, Tag]) -> bytes:
    """The TIFF `bare` with `contents` and the tags `more`: a new first directory at its end, the samples where they were."""
    order, big, offset = _tiff_header(bare)
    if order == ">":
        raise ValueError("only little-endian files are written")
    tags = {tag: entry for tag, entry in _tags(bare, offset, order, big).items() if tag in _STRUCTURE}
    if contents.exif:
        tags |= {tag: entry for tag, entry in tiff_tags(contents.exif).items() if tag not in _STRUCTURE | _CARRIED_APART}
    if contents.dpi:
        tags |= _dpi_tags(contents.dpi)
    for tag, kind, value in ((XMP, 1, contents.xmp), (IPTC, 7, contents.iptc), (ICC, 7, contents.icc)):
        if value:
            tags[tag] = Tag(kind, len(value), value)
    tags |= more
    at = len(bare) + len(bare) % 2
    place = struct.pack("<Q", at) if big else struct.pack("<I", at)
    start = 8 if big else 4
    return b"".join((bare[:start], place, memoryview(bare)[start + len(place) :], bytes(len(bare) % 2), _directory_bytes(tags, at, big)))


def tiff_pages(data: bytes) -> int:
    """How many directories follow one another, counted to at most 10,000."""
    order, big, offset = _tiff_header(data)
    seen: set[int] = set()
    while offset and offset not in seen and len(seen) < 10_000:
        seen.add(offset)
        try:
            offset = _directory(data, offset, order, big)[1]
        except ValueError:
            break
    return len(seen)


# --- Photoshop's image resources, which hold IPTC in JPEG and TIFF -----------------------------------------------------------------------

_IPTC_RESOURCE = 0x0404


def _iptc_in_photoshop(data: bytes) -> bytes | None:
    at = 0
    while at + 12 <= len(data) and data[at : at + 4] in (b"8BIM", b"MeSa"):
        kind = struct.unpack_from(">H", data, at + 4)[0]
        at += 6 + (data[at + 6] + 2) // 2 * 2
        if at + 4 > len(data):
            return None
        size = struct.unpack_from(">I", data, at)[0]
        if kind == _IPTC_RESOURCE:
            return data[at + 4 : at + 4 + size] or None
        at += 4 + size + size % 2
    return None


def _photoshop_with_iptc(iptc: bytes) -> bytes:
    return b"8BIM" + struct.pack(">HHI", _IPTC_RESOURCE, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)


# --- JPEG -------------------------------------------------------------------------------------------------------------------------------

_EXIF_ID, _XMP_ID, _XMP_MORE_ID = b"Exif\0\0", b"http://ns.adobe.com/xap/1.0/\0", b"http://ns.adobe.com/xmp/extension/\0"
_ICC_ID, _PHOTOSHOP_ID = b"ICC_PROFILE\0", b"Photoshop 3.0\0"
_SEGMENT_MAX = 65533  # bytes of payload
JPEG_EXIF_MAX, JPEG_XMP_MAX = _SEGMENT_MAX - len(_EXIF_ID), _SEGMENT_MAX - len(_XMP_ID)


def _jpeg_segments(data: bytes) -> Iterator[tuple[int, bytes]]:
    """(marker, payload) of each segment before the samples."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF:
            at += 1
            continue
        if marker == 0xDA:
            return
        size = struct.unpack_from(">H", data, at + 2)[0]
        if size < 2:
            return
        yield marker, data[at + 4 : at + 2 + size]
        at += 2 + size


def jpeg_header(data: bytes) -> bytes:
    """A JPEG's tables and frame alone, for a decoder that is to look at nothing else."""
    kept = b"".join(
        struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload
        for marker, payload in _jpeg_segments(data)
        if marker == 0xEE or not 0xE0 <= marker <= 0xEF
    )
    return data[:2] + kept + b"\xff\xda\0\x0c" + bytes(10)


def read_jpeg(data: bytes) -> tuple[Contents, tuple[bytes, ...]]:
    """What a JPEG holds beside its samples, and its comments."""
    exif = xmp = None
    icc: dict[int, bytes] = {}
    photoshop = b""
    comments: list[bytes] = []
    notes: list[str] = []
    dpi: tuple[float, float] | None = None
    for marker, payload in _jpeg_segments(data):
        if marker == 0xE0 and payload[:5] == b"JFIF\0" and len(payload) >= 12:
            unit, x, y = struct.unpack_from(">BHH", payload, 7)
            if unit in (1, 2) and x and y:
                dpi = (float(x), float(y)) if unit == 1 else (x * 2.54, y * 2.54)
        elif marker == 0xE1 and payload.startswith(_EXIF_ID) and exif is None:
            exif = payload[len(_EXIF_ID) :]
        elif marker == 0xE1 and payload.startswith(_XMP_ID) and xmp is None:
            xmp = payload[len(_XMP_ID) :]
        elif marker == 0xE1 and payload.startswith(_XMP_MORE_ID) and not notes:
            notes.append("the part of its XMP that is over 64 KB (extended XMP) was left out")
        elif marker == 0xE2 and payload.startswith(_ICC_ID) and len(payload) > 14:
            icc[payload[12]] = payload[14:]
        elif marker == 0xED and payload.startswith(_PHOTOSHOP_ID):
            photoshop += payload[len(_PHOTOSHOP_ID) :]
        elif marker == 0xFE:
            comments.append(payload)
    checked = _exif(exif)
    return replace(
        checked,
        xmp=xmp,
        iptc=_iptc_in_photoshop(photoshop),
        icc=b"".join(icc[index] for index in sorted(icc)) or None,
        dpi=dpi or exif_dpi(checked.exif),
        notes=checked.notes + tuple(notes),
    ), tuple(comments)


def jpeg_with(bare: bytes, contents: Contents, comments: tuple[bytes, ...] = ()) -> bytes:
    """The JPEG `bare` with `contents` in front of its samples. Raises `ValueError` for EXIF over `JPEG_EXIF_MAX` or such XMP."""
    segments: list[tuple[int, bytes]] = []
    unit, x, y = 0, 1, 1
    if contents.dpi and max(contents.dpi) < 65535.5:
        unit, (x, y) = 1, (max(1, round(value)) for value in contents.dpi)
        metric = [value / 2.54 for value in contents.dpi]
        # JFIF holds whole numbers: dots per centimetre where only they are whole
        if not np.allclose((x, y), contents.dpi, atol=0.01) and np.allclose(np.round(metric), metric, atol=0.004):
            unit, (x, y) = 2, (max(1, round(value)) for value in metric)
    has_jfif = bare[2:4] == b"\xff\xe0"  # where the encoder writes none, the samples are RGB, which JFIF's presence would deny
    if has_jfif:
        segments.append((0xE0, b"JFIF\0" + struct.pack(">BBBHHBB", 1, 1, unit, x, y, 0, 0)))
    if contents.exif:
        segments.append((0xE1, _EXIF_ID + contents.exif))
    if contents.xmp:
        segments.append((0xE1, _XMP_ID + contents.xmp))
    if contents.icc:
        room = _SEGMENT_MAX - 14
        parts = [contents.icc[at : at + room] for at in range(0, len(contents.icc), room)]
        segments += [(0xE2, _ICC_ID + bytes((index, len(parts))) + part) for index, part in enumerate(parts, 1)]
    if contents.iptc:
        block, room = _photoshop_with_iptc(contents.iptc), _SEGMENT_MAX - len(_PHOTOSHOP_ID)
        segments += [(0xED, _PHOTOSHOP_ID + block[at : at + room]) for at in range(0, len(block), room)]
    segments += [(0xFE, comment) for comment in comments]
    if any(len(payload) > _SEGMENT_MAX for _, payload in segments):
        raise ValueError("a JPEG segment holds 65,533 bytes")
    rest = 2
    if has_jfif:  # the encoder's own segment
        rest += 2 + struct.unpack_from(">H", bare, 4)[0]
    front = b"".join(struct.pack(">BBH", 0xFF, marker, len(payload) + 2) + payload for marker, payload in segments)
    return b"".join((bare[:2], front, memoryview(bare)[rest:]))


# --- PNG --------------------------------------------------------------------------------------------------------------------------------

PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_XMP = b"XML:com.adobe.xmp"
_PNG_IPTC = (b"Raw profile type iptc", b"Raw profile type 8bim")
_PNG_KEPT = {b"tEXt", b"zTXt", b"iTXt", b"tIME", b"sRGB"}


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    plain = inflater.decompress(data, MAX_INFLATED)
    if inflater.unconsumed_tail:
        raise zlib.error(f"over {MAX_INFLATED >> 20} MB")
    return plain


def png_chunks(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    """(kind, payload) of each chunk but the samples'; a chunk that is cut off ends it."""
    at = len(PNG_SIGNATURE)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + size > len(data):
            return
        if kind != b"IDAT":
            yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size


def _iptc_in_text(chunk: bytes, payload: bytes) -> bytes | None:
    """ImageMagick's and ExifTool's way of keeping IPTC in a PNG: a hexadecimal dump, name and length above it."""
    keyword, _, rest = payload.partition(b"\0")
    if keyword not in _PNG_IPTC or chunk not in (b"zTXt", b"tEXt"):
        return None
    text = _inflate(rest[1:]) if chunk == b"zTXt" else rest
    lines = text.strip().split(b"\n", 2)
    if len(lines) < 3:
        return None
    dump = bytes.fromhex(lines[2].decode("ascii"))
    return _iptc_in_photoshop(dump) if dump[:4] == b"8BIM" else dump


def read_png(data: bytes) -> tuple[Contents, tuple[tuple[bytes, bytes], ...]]:
    """What a PNG holds beside its samples, and the chunks (texts, time) that are kept as they are."""
    exif = xmp = iptc = icc = None
    dpi = None
    notes: list[str] = []
    kept: list[tuple[bytes, bytes]] = []
    chunks = list(png_chunks(data))
    for chunk, payload in chunks:
        try:
            if chunk == b"iCCP":
                icc = _inflate(payload.partition(b"\0")[2][1:])
            elif chunk == b"eXIf":
                exif = payload
            elif chunk == b"pHYs" and len(payload) == 9:
                x, y, unit = struct.unpack(">IIB", payload)
                dpi = (x * 0.0254, y * 0.0254) if unit == 1 and x and y else None
            elif chunk == b"iTXt" and payload.startswith(_PNG_XMP + b"\0") and len(payload) > len(_PNG_XMP) + 3:
                packed = payload[len(_PNG_XMP) + 1] == 1
                text = payload[len(_PNG_XMP) + 3 :].split(b"\0", 2)[2]
                xmp = _inflate(text) if packed else text
            elif (found := _iptc_in_text(chunk, payload)) is not None:
                iptc = found
            elif chunk in _PNG_KEPT:
                kept.append((chunk, payload))
            elif chunk == b"gAMA" and len(payload) == 4 and not any(other in (b"iCCP", b"sRGB") for other, _ in chunks):
                gamma = struct.unpack(">I", payload)[0]
                if not 45_000 <= gamma <= 46_000:  # 1/2.2, which is as good as sRGB
                    notes.append(f"its gamma of {gamma / 100_000:.3g} (gAMA) is ignored; read as sRGB")
        except (zlib.error, ValueError, IndexError):
            notes.append(f"its {chunk.decode('ascii', 'replace')} chunk is damaged and was left out")
    checked = _exif(exif)
    return replace(checked, xmp=xmp, iptc=iptc, icc=icc, dpi=dpi or exif_dpi(checked.exif), notes=checked.notes + tuple(notes)), tuple(kept)


def png_with(bare: bytes, contents: Contents, kept: tuple[tuple[bytes, bytes], ...] = ()) -> bytes:
    """The PNG `bare` with `contents` and the chunks `kept` between its header and its samples."""
    chunks: list[tuple[bytes, bytes]] = []
    if contents.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(contents.icc)))
    if contents.dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(min(2**31 - 1, max(1, round(value / 0.0254))) for value in contents.dpi), 1)))
    if contents.exif:
        chunks.append((b"eXIf", contents.exif))
    if contents.xmp:
        chunks.append((b"iTXt", _PNG_XMP + b"\0\0\0\0\0" + contents.xmp))
    if contents.iptc:
        dump = contents.iptc.hex().encode("ascii")
        lines = b"\n".join(dump[at : at + 72] for at in range(0, len(dump), 72))
        chunks.append((b"zTXt", _PNG_IPTC[0] + b"\0\0" + zlib.compress(b"\niptc\n%8d\n" % len(contents.iptc) + lines + b"\n")))
    chunks += [chunk for chunk in kept if not (chunk[0] == b"sRGB" and contents.icc)]
    at = len(PNG_SIGNATURE) + 25  # the header chunk is always first and 13 bytes long
    front = b"".join(struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)
    own = {b"pHYs"}  # the encoder writes its own resolution, right after the header
    rest = at
    while bare[rest + 4 : rest + 8] in own:
        rest += 12 + struct.unpack_from(">I", bare, rest)[0]
    return b"".join((bare[:at], front, memoryview(bare)[rest:]))


# --- WebP, and the color words of HEIF and AVIF -----------------------------------------------------------------------------------------


def read_webp(data: bytes) -> tuple[Contents, bool]:
    """What a WebP holds beside its samples, and whether these are compressed without loss."""
    at, lossless = 12, False
    found: dict[bytes, bytes] = {}
    while at + 8 <= len(data):
        kind, size = struct.unpack_from("<4sI", data, at)
        if kind in (b"ICCP", b"EXIF", b"XMP "):
            found.setdefault(kind, data[at + 8 : at + 8 + size])
        lossless = lossless or kind == b"VP8L"
        at += 8 + size + size % 2
    checked = _exif(found.get(b"EXIF"))
    return replace(checked, xmp=found.get(b"XMP "), icc=found.get(b"ICCP"), dpi=exif_dpi(checked.exif)), lossless


def of_boxes(exif: bytes | None, xmp: bytes | None, icc: bytes | None) -> Contents:
    """What the decoder of HEIF or AVIF found. Boxes of their own say how they are turned, and the decoder does it: EXIF does not count."""
    checked = replace(_exif(exif), orientation=1)
    return replace(checked, xmp=xmp or None, icc=icc or None, dpi=exif_dpi(checked.exif))


def color_code(data: bytes) -> tuple[int, int] | None:
    """(primaries, transfer) of the first `nclx` color box of a HEIF or AVIF file, as ITU-T H.273 numbers them."""
    at = data[: 1 << 20].find(b"colrnclx")
    return struct.unpack_from(">HH", data, at + 8) if at >= 0 and at + 12 <= len(data) else None
