"""PNG (third edition): libvips decodes and encodes the samples; the chunks that hold the rest are read and
put back here, byte for byte."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import TypeAlias

import numpy as np

from unfade.files import exif, photoshop
from unfade.files.boxes import profile_of_code
from unfade.files.codec import Codec, Contents, Origin, Picture, ReadAs, WriteAs, never
from unfade.files.icc import vips
from unfade.files.raster import check_size, damaged, frame_number, load, plain_samples, split, vips_of

Chunk: TypeAlias = tuple[bytes, bytes]
"""Its kind, and what it holds."""

MAX_INFLATED = 64 << 20  # bytes of one compressed ICC profile or text; larger is an attack, not a photograph
_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_XMP = b"XML:com.adobe.xmp"
_RAW = b"Raw profile type "
_SRGB_PRIMARIES = (31_270, 32_900, 64_000, 33_000, 30_000, 60_000, 15_000, 6_000)  # white, red, green, blue: x and y by 100,000
_KEPT = {b"tEXt", b"zTXt", b"iTXt", b"tIME", b"sRGB"}


@dataclass(frozen=True)
class PngOrigin(Origin):
    """The chunks (texts, time) that are kept as they are."""

    chunks: tuple[Chunk, ...] = ()


def _tells(data: bytes) -> bool:
    return data.startswith(_SIGNATURE)


# --- reading ------------------------------------------------------------------------------------------------


def _decode(data: bytes, how: ReadAs) -> Picture:
    frame_number(1, how.page, how.name, "picture")
    try:
        contents, origin = _contents(data)
        if data[12:16] == b"IHDR":  # libpng refuses 0 and 2^31 - 1 without a reason
            width, height = struct.unpack_from(">II", data, 16)
            check_size(how.name, width, height, how.max_megapixels)
        # unlimited: libpng's own limit is below ours, and the size is checked right here
        picture = load("pngload_buffer", data, access="sequential", fail_on="truncated", unlimited=True)
        check_size(how.name, picture.width, picture.height, how.max_megapixels)
        samples, profile, notes = plain_samples(picture, contents.icc, how.name)
    except (vips().Error, ValueError, struct.error) as error:
        raise damaged(how.name, error) from error
    code = next((payload for kind, payload in _chunks(data) if kind == b"cICP"), b"")
    if len(code) == 4 and code[2] == 0:  # of RGB; it stands above a profile (PNG third edition, 4.3)
        profile, more = profile_of_code(code[0], code[1], channels=3 if samples.shape[2] > 2 else 1)
        notes += more
    return Picture(*split(samples), replace(contents, icc=profile), origin, notes)


def _inflate(data: bytes) -> bytes:
    inflater = zlib.decompressobj()
    plain = inflater.decompress(data, MAX_INFLATED)
    if inflater.unconsumed_tail:
        raise zlib.error(f"over {MAX_INFLATED >> 20} MB")
    return plain


def _chunks(data: bytes) -> Iterator[Chunk]:
    """Each chunk but the samples'; a chunk that is cut off ends it."""
    at = len(_SIGNATURE)
    while at + 12 <= len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        if at + 12 + size > len(data):
            return
        if kind != b"IDAT":
            yield kind, data[at + 8 : at + 8 + size]
        at += 12 + size


def _raw_profile(kind: bytes, payload: bytes) -> tuple[bytes, bytes] | None:
    """ImageMagick's and ExifTool's way of keeping metadata in a text: what it is, and a hexadecimal dump, its
    name and length above."""
    keyword, _, rest = payload.partition(b"\0")
    if not keyword.startswith(_RAW) or kind not in (b"zTXt", b"tEXt"):
        return None
    text = _inflate(rest[1:]) if kind == b"zTXt" else rest
    lines = text.strip().split(b"\n", 2)
    return (keyword[len(_RAW) :].lower(), bytes.fromhex(lines[2].decode("ascii"))) if len(lines) == 3 else None


def _of_raw_profile(what: bytes, dump: bytes) -> tuple[str, bytes] | None:
    """Which part of the contents the dump is; None for one that is of no use here."""
    if what in (b"iptc", b"8bim"):
        found = photoshop.iptc_in(dump) if dump[:4] == b"8BIM" else dump
        return None if found is None else ("iptc", found)
    if what in (b"exif", b"app1") and dump.startswith((b"Exif\0\0", b"II", b"MM")):
        return "exif", dump
    if what in (b"xmp", b"app1") and b"<" in dump[:200]:
        return "xmp", dump.removeprefix(b"http://ns.adobe.com/xap/1.0/\0")
    return None


def _xmp_in_text(payload: bytes) -> bytes:
    packed = payload[len(_XMP) + 1] == 1
    text = payload[len(_XMP) + 3 :].split(b"\0", 2)[2]
    return _inflate(text) if packed else text


def _ignored(chunks: list[Chunk]) -> Iterator[str]:
    """What the file says of its colors in words that are not heeded, where it says nothing better."""
    found = dict(chunks)
    if found.keys() & {b"iCCP", b"sRGB", b"cICP"}:
        return
    if len(found.get(b"gAMA", b"")) == 4:
        gamma = struct.unpack(">I", found[b"gAMA"])[0]
        if not 45_000 <= gamma <= 46_000:  # 1/2.2, which is as good as sRGB
            yield f"its gamma of {gamma / 100_000:.3g} (gAMA) is ignored; read as sRGB"
    if len(found.get(b"cHRM", b"")) == 32 and not np.allclose(struct.unpack(">8I", found[b"cHRM"]), _SRGB_PRIMARIES, atol=1_000):
        yield "its primaries (cHRM) are ignored; read as sRGB"


def _contents(data: bytes) -> tuple[Contents, PngOrigin]:
    found: dict[str, bytes] = {}
    dpi = None
    notes: list[str] = []
    kept: list[Chunk] = []
    chunks = list(_chunks(data))
    for kind, payload in chunks:
        try:
            if kind == b"iCCP":
                found["icc"] = _inflate(payload.partition(b"\0")[2][1:])
            elif kind == b"eXIf":
                found["exif"] = payload
            elif kind == b"pHYs" and len(payload) == 9:
                x, y, unit = struct.unpack(">IIB", payload)
                dpi = (x * 0.0254, y * 0.0254) if unit == 1 and x and y else None
            elif kind == b"iTXt" and payload.startswith(_XMP + b"\0") and len(payload) > len(_XMP) + 3:
                found["xmp"] = _xmp_in_text(payload)
            elif (raw := _raw_profile(kind, payload)) is not None and (part := _of_raw_profile(*raw)) is not None:
                found.setdefault(*part)
            elif kind in _KEPT:
                kept.append((kind, payload))
        except (zlib.error, ValueError, IndexError):
            notes.append(f"its {kind.decode('ascii', 'replace')} chunk is damaged and was left out")
    notes += _ignored(chunks)
    kinds = [kind for kind, _ in chunks]
    if kinds.count(b"fcTL") > 1:
        notes.append(f"it has {kinds.count(b'fcTL'):,} frames; the first was taken")
    if b"caBX" in kinds:
        notes.append("its content credentials (C2PA) were left out: they would no longer hold")
    checked = exif.checked(found.get("exif"))
    dpi = dpi or exif.dpi_in(checked.exif)
    contents = replace(
        checked, xmp=found.get("xmp"), iptc=found.get("iptc"), icc=found.get("icc"), dpi=dpi, notes=checked.notes + tuple(notes)
    )
    return contents, PngOrigin(tuple(kept))


# --- writing ------------------------------------------------------------------------------------------------


def _encode(picture: Picture, how: WriteAs) -> bytes:
    kept = picture.origin.chunks if isinstance(picture.origin, PngOrigin) else ()
    return _with_contents(vips_of(picture).pngsave_buffer(keep="none"), picture.contents, kept)


def _with_contents(bare: bytes, contents: Contents, kept: tuple[Chunk, ...]) -> bytes:
    """The PNG `bare` with `contents` and the chunks `kept` between its header and its samples."""
    chunks: list[Chunk] = []
    if contents.icc:
        chunks.append((b"iCCP", b"ICC profile\0\0" + zlib.compress(contents.icc)))
    if contents.dpi:
        chunks.append((b"pHYs", struct.pack(">IIB", *(min(2**31 - 1, max(1, round(value / 0.0254))) for value in contents.dpi), 1)))
    if contents.exif:
        chunks.append((b"eXIf", contents.exif))
    if contents.xmp:
        chunks.append((b"iTXt", _XMP + b"\0\0\0\0\0" + contents.xmp))
    if contents.iptc:
        dump = contents.iptc.hex().encode("ascii")
        lines = b"\n".join(dump[at : at + 72] for at in range(0, len(dump), 72))
        chunks.append((b"zTXt", _RAW + b"iptc\0\0" + zlib.compress(b"\niptc\n%8d\n" % len(contents.iptc) + lines + b"\n")))
    chunks += [chunk for chunk in kept if not (chunk[0] == b"sRGB" and contents.icc)]
    at = len(_SIGNATURE) + 25  # the header chunk is always first and 13 bytes long
    front = b"".join(struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)
    rest = at
    while bare[rest + 4 : rest + 8] == b"pHYs":  # the encoder writes its own resolution, right after the header
        rest += 12 + struct.unpack_from(">I", bare, rest)[0]
    return b"".join((bare[:at], front, memoryview(bare)[rest:]))


CODEC = Codec(
    title="PNG",
    extensions=(".png",),
    media_type="image/png",
    tells=_tells,
    decode=_decode,
    encode=_encode,
    bits=16,
    alpha=True,
    gray="always",
    holds=frozenset({"exif", "xmp", "iptc", "icc", "dpi"}),
    is_lossy=never,
)
