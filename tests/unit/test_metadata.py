"""Nothing is lost on the way out, and nothing goes out that shows or points at what is no longer so."""

from __future__ import annotations

import base64
import io
import itertools
import json
import shutil
import struct
import subprocess
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow

from unfade.files import xmp as packets
from unfade.files.formats.jpeg import XMP_MAX
from unfade.files.location import has_location, without_location
from unfade.files.photo import FORMATS, Metadata, Photo, encode_file, losses, read
from unfade.record import EVENTS_KEPT, RUNS_KEPT, Report, StepRecord, xmp

RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"'
GRAY = np.full((90, 120, 3), 128, np.uint8)
REPORT = Report("aunt.jpg", 10, 10, steps=(StepRecord("fill", {"text": "x" * 300}, pixels_changed=3),), pixels_changed=3)


def packet(size: int, *, attributes: str = "") -> bytes:
    """A sound packet of that many bytes, nearly all of them Photoshop's list of ancestors."""
    head = (
        f'<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF {RDF}>'
        f'<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" {attributes}>'
        f'<dc:title><rdf:Alt><rdf:li xml:lang="x-default">Aunt May, 1931</rdf:li></rdf:Alt></dc:title>'
        f"<dc:subject><rdf:Bag><rdf:li>family</rdf:li></rdf:Bag></dc:subject><photoshop:DocumentAncestors><rdf:Bag>"
    ).encode()
    tail = b'</rdf:Bag></photoshop:DocumentAncestors></rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    item = b"<rdf:li>xmp.did:%032d</rdf:li>"
    count = max(0, (size - len(head) - len(tail)) // len(item % 0))
    body = b"".join(item % number for number in range(count))
    return head + body + b" " * max(0, size - len(head) - len(body) - len(tail)) + tail


# --- XMP of more than 64 KB ---------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [2_000, 63_500, 64_500, 65_400, 65_600, 300_000])
def test_xmp_of_any_size_comes_out_of_a_jpeg_whole_with_our_record(size: int) -> None:
    photo = Photo(GRAY, metadata=Metadata(xmp=packet(size)))
    written = photo.with_metadata(Metadata(xmp=xmp(REPORT, photo.metadata.xmp)))
    data = encode_file(written, "jpeg")
    assert not [loss for loss in losses(written, "jpeg") if "XMP" in loss]
    back = read(data)
    assert back.notes == () and back.metadata.xmp is not None
    for word in (b"Aunt May, 1931", b"family", b"Runs", b"History"):
        assert back.metadata.xmp.count(word) >= 1
    assert back.metadata.xmp.count(b"xmp.did:") == packet(size).count(b"xmp.did:")
    main = data[data.index(b"http://ns.adobe.com/xap/1.0/\0") :][:XMP_MAX]
    assert b"Aunt May, 1931" in main and b"family" in main  # what people wrote stays where every program looks


def test_a_file_that_is_restored_again_and_again_does_not_grow() -> None:
    for size in (2_000, 65_400):
        photo, sizes = Photo(GRAY, metadata=Metadata(xmp=packet(size))), []
        report = replace(REPORT, steps=REPORT.steps * 5)
        for _ in range(16):
            photo = read(encode_file(photo.with_metadata(replace(photo.metadata, xmp=xmp(report, photo.metadata.xmp))), "jpeg"))
            sizes.append(len(photo.metadata.xmp or b""))
        assert len(set(sizes[-5:])) == 1, sizes
        text = (photo.metadata.xmp or b"").decode()
        assert "Aunt May, 1931" in text and text.count("<unfade:PixelsChanged>") == RUNS_KEPT


def test_events_of_other_programs_are_never_dropped() -> None:
    event = "<rdf:li rdf:parseType='Resource'><stEvt:action>saved</stEvt:action><stEvt:softwareAgent>Scan 1</stEvt:softwareAgent></rdf:li>"
    history = (
        f"<rdf:RDF {RDF}><rdf:Description xmlns:xmpMM='http://ns.adobe.com/xap/1.0/mm/' "
        f"xmlns:stEvt='http://ns.adobe.com/xap/1.0/sType/ResourceEvent#'>"
        f"<xmpMM:History><rdf:Seq>{event * 200}</rdf:Seq></xmpMM:History></rdf:Description></rdf:RDF>"
    ).encode()
    report = replace(REPORT, steps=REPORT.steps * 9)
    for _ in range(8):
        history = xmp(report, history)
    assert history.count(b"Scan 1") == 200 and history.count(b"softwareAgent>Unfade") == EVENTS_KEPT


@pytest.mark.parametrize("attributes", ["", 'photoshop:Instructions="' + "y" * 40_000 + '"'])
def test_a_packet_is_divided_and_joined_without_loss(attributes: str) -> None:
    whole = packet(120_000, attributes=attributes)
    main, extension = packets.split(whole, 30_000)
    assert len(main) <= 30_000 and extension is not None
    joined = packets.joined(main, extension)
    for word in (b"xmp.did:", b"Aunt May, 1931", b"y" * 400, b"family"):
        assert joined.count(word) == whole.count(word)
    assert b"HasExtendedXMP" in main and b"HasExtendedXMP" not in joined
    again, _ = packets.split(joined, 30_000)
    assert len(packets.joined(*packets.split(joined, 30_000))) == len(joined)  # type: ignore[arg-type]
    assert len(again) <= 30_000


def test_a_large_packet_that_cannot_be_read_is_said_to_be_lost() -> None:
    photo = Photo(GRAY, metadata=Metadata(xmp=b"<a>" + b"x" * 70_000))
    assert any("cannot be read and divided" in loss for loss in losses(photo, "jpeg"))
    assert read(encode_file(photo, "jpeg")).metadata.xmp is None
    assert read(encode_file(photo, "png")).metadata.xmp == photo.metadata.xmp


def test_extended_xmp_that_is_damaged_loses_only_itself() -> None:
    data = encode_file(Photo(GRAY, metadata=Metadata(xmp=packet(100_000))), "jpeg")
    at = data.index(b"http://ns.adobe.com/xmp/extension/\0") + 200
    back = read(data[:at] + b"<<<<" + data[at + 4 :])
    assert back.notes == ("the part of its XMP that is over 64 KB (extended XMP) is damaged and was left out",)
    assert b"Aunt May, 1931" in (back.metadata.xmp or b"")


# --- small pictures -----------------------------------------------------------------------------------------


def small_jpeg() -> bytes:
    out = io.BytesIO()
    Pillow.fromarray(GRAY).resize((160, 120)).save(out, "JPEG", quality=90)
    return out.getvalue() + bytes(3000)


def exif_with_thumbnail(order: str = "<", orientation: int = 1, *, compressed: bool = True) -> bytes:
    def entry(tag: int, kind: int, count: int, value: int) -> bytes:
        code = f"{order}HHI" + ("HH" if kind == 3 and count == 1 else "I")
        return struct.pack(code, tag, kind, count, *((value, 0) if kind == 3 and count == 1 else (value,)))

    picture = small_jpeg() if compressed else b"\x80" * 600
    first = struct.pack(f"{order}H", 2) + entry(0x0112, 3, 1, orientation) + entry(0x010F, 2, 8, 500)
    at = 8 + len(first) + 4
    if compressed:
        second = struct.pack(f"{order}H", 3) + entry(0x0103, 3, 1, 6) + entry(0x0201, 4, 1, 600) + entry(0x0202, 4, 1, len(picture))
    else:
        second = struct.pack(f"{order}H", 3) + entry(0x0103, 3, 1, 1) + entry(0x0111, 4, 1, 600) + entry(0x0117, 4, 1, len(picture))
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8)
    block = head + first + struct.pack(f"{order}I", at) + second + bytes(4)
    return block.ljust(500, b"\0") + b"Leica \0\0".ljust(100, b"\0") + picture


def thumbnail_of(exif: bytes | None) -> np.ndarray | None:
    assert exif is not None
    at = exif.find(b"\xff\xd8\xff")
    return None if at < 0 else np.asarray(Pillow.open(io.BytesIO(exif[at:])))


@pytest.mark.parametrize("format", ["jpeg", "png", "webp", "heif"])
@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("orientation", [1, 6])
def test_the_small_picture_in_exif_shows_what_the_large_one_shows(format: str, order: str, orientation: int) -> None:
    with_exif = Photo(GRAY, metadata=Metadata(exif=exif_with_thumbnail(order, orientation)))
    gray = read(encode_file(with_exif, format)) if orientation == 1 or format != "heif" else with_exif
    red = np.broadcast_to(np.array([200, 30, 30], np.uint8), gray.samples.shape).copy()
    back = read(encode_file(gray.with_samples(red), format))
    shown = thumbnail_of(back.metadata.exif)
    assert shown is not None and np.abs(shown.astype(int) - (200, 30, 30)).max() < 12
    assert shown.shape[:2] == ((90, 120) if gray.samples.shape[0] == 90 else (120, 90))
    assert b"Leica" in (back.metadata.exif or b"") and len(back.metadata.exif or b"") == len(exif_with_thumbnail())


def test_a_small_picture_that_cannot_be_made_anew_is_taken_out() -> None:
    for block in (exif_with_thumbnail(compressed=False), exif_with_thumbnail()[:-2500]):
        back = read(encode_file(Photo(GRAY, metadata=Metadata(exif=block)), "png"))
        assert back.metadata.exif is not None and b"Leica" in back.metadata.exif
        assert b"\xff\xd8\xff" not in back.metadata.exif and b"\x80" * 50 not in back.metadata.exif
        exif = Pillow.Exif()
        exif.load(back.metadata.exif)
        assert not exif.get_ifd(1)


@pytest.mark.parametrize("format", [name for name in FORMATS if "xmp" in FORMATS[name].holds])
def test_small_pictures_in_xmp_are_taken_out(format: str) -> None:
    image = base64.b64encode(small_jpeg()).decode()
    text = (
        f"<rdf:RDF {RDF}><rdf:Description xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmlns:g='http://ns.adobe.com/xap/1.0/g/img/' "
        f"xmp:Rating='4'><xmp:Thumbnails><rdf:Alt><rdf:li rdf:parseType='Resource'><g:image>{image}</g:image></rdf:li></rdf:Alt>"
        f"</xmp:Thumbnails></rdf:Description></rdf:RDF>"
    )
    back = read(encode_file(Photo(GRAY, metadata=Metadata(xmp=text.encode())), format))
    assert b"Rating='4'" in (back.metadata.xmp or b"") and b"Thumbnails" not in (back.metadata.xmp or b"")


# --- Photoshop's resources, and IPTC ------------------------------------------------------------------------

IPTC = b"\x1c\x01\x5a\x00\x03\x1b%G" + b"\x1c\x02\x05\x00\x08Aunt May" + b"\x1c\x02\x19\x00\x06family"


def resource(kind: int, payload: bytes, name: bytes = b"\0\0") -> bytes:
    return b"8BIM" + struct.pack(">H", kind) + name + struct.pack(">I", len(payload)) + payload + bytes(len(payload) % 2)


RESOURCES = resource(0x040A, b"\1") + resource(0x040B, b"https://example.org/") + resource(0x07D0, b"path" * 13, b"\x06Path 1\0")
STALE = resource(0x040C, small_jpeg()) + resource(0x0422, b"MM\0*") + resource(0x0424, b"<xmp/>")


@pytest.mark.parametrize("source", ["jpeg", "tiff"])
@pytest.mark.parametrize("target", ["jpeg", "tiff"])
def test_photoshop_data_is_kept_and_what_grows_stale_in_it_is_not(source: str, target: str) -> None:
    photo = Photo(GRAY, metadata=Metadata(iptc=IPTC, photoshop=RESOURCES + STALE))
    back = read(encode_file(read(encode_file(photo, source)), target))
    assert back.metadata.photoshop == RESOURCES and back.metadata.iptc == IPTC and back.notes == ()
    assert not [loss for loss in losses(back, target) if "Photoshop" in loss]
    assert any("Photoshop" in loss for loss in losses(back, "png"))


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("kind", [1, 2, 3, 4, 6, 7, 13])
@pytest.mark.parametrize("swapped", [False, True])
def test_iptc_of_every_kind_of_tag_and_byte_order(order: str, kind: int, swapped: bool) -> None:
    size = {3: 2, 4: 4, 13: 4}.get(kind, 1)
    stream = IPTC + bytes(-len(IPTC) % size)
    if swapped:
        if size == 1:
            return
        stream = b"".join(stream[at : at + size][::-1] for at in range(0, len(stream), size))
    count = len(stream) // size
    head = (b"II" if order == "<" else b"MM") + struct.pack(order + "HI", 42, 8)
    entries = [(256, 3, 1, 4), (257, 3, 1, 4), (258, 3, 1, 8), (259, 3, 1, 1), (262, 3, 1, 1), (273, 4, 1, 400), (278, 3, 1, 4)]
    entries += [(279, 4, 1, 16), (33723, kind, count, 300)]
    table = struct.pack(order + "H", len(entries))
    for tag, how, number, value in entries:
        inline = struct.pack(order + "HH", value, 0) if how == 3 and tag != 33723 else struct.pack(order + "I", value)
        table += struct.pack(order + "HHI", tag, how, number) + inline
    data = (head + table + bytes(4)).ljust(300, b"\0") + stream.ljust(100, b"\0") + bytes(16)
    found = read(data).metadata.iptc
    assert found is not None and found.rstrip(b"\0") == IPTC
    assert (read(encode_file(read(data), "jpeg")).metadata.iptc or b"").rstrip(b"\0") == IPTC


# --- what phones put behind the picture ---------------------------------------------------------------------

FILM = struct.pack(">I4s4sI", 16, b"ftyp", b"mp42", 0) + struct.pack(">I4s", 5008, b"mdat") + bytes(5000)
CONTAINER = (
    f"<rdf:RDF {RDF}><rdf:Description rdf:about='' xmlns:hdrgm='http://ns.adobe.com/hdr-gain-map/1.0/' "
    f"xmlns:Container='http://ns.google.com/photos/1.0/container/' xmlns:Item='http://ns.google.com/photos/1.0/container/item/' "
    f"xmlns:GCamera='http://ns.google.com/photos/1.0/camera/' xmlns:xmp='http://ns.adobe.com/xap/1.0/' xmp:Rating='4' %s>"
    f"<Container:Directory><rdf:Seq><rdf:li rdf:parseType='Resource'><Container:Item Item:Semantic='%s' Item:Length='%d'/></rdf:li>"
    f"</rdf:Seq></Container:Directory></rdf:Description></rdf:RDF>"
)


def jpeg_with(packet: str, behind: bytes) -> bytes:
    return encode_file(Photo(GRAY, metadata=Metadata(xmp=packet.encode())), "jpeg") + behind


def test_the_film_of_a_motion_photo_is_kept_where_it_stays_true() -> None:
    text = CONTAINER % ("GCamera:MotionPhoto='1'", "MotionPhoto", len(FILM))
    photo = read(jpeg_with(text, FILM))
    assert photo.notes == () and photo.metadata.xmp == text.encode()
    written = encode_file(photo.with_samples(255 - photo.samples))
    assert written.endswith(FILM) and read(written).metadata.xmp == text.encode()
    for format in ("png", "heif", "webp"):
        assert any("holds no film" in loss for loss in losses(photo, format))
        other = read(encode_file(photo, format)).metadata.xmp or b""
        assert b"MotionPhoto" not in other and b"Container:Directory" not in other and b"Rating" in other


def test_a_film_whose_length_is_not_said_is_left_out_and_it_says_so() -> None:
    photo = read(jpeg_with(CONTAINER % ("GCamera:MotionPhoto='1'", "MotionPhoto", 77), FILM))
    assert photo.notes == ("the film of a motion photo behind it was left out",)
    assert b"MotionPhoto" not in (photo.metadata.xmp or b"") and b"Rating" in (photo.metadata.xmp or b"")
    assert not encode_file(photo).endswith(FILM)


def test_a_gain_map_is_left_out_with_what_points_at_it() -> None:
    text = CONTAINER % ("hdrgm:Version='1.0'", "GainMap", 99)
    photo = read(jpeg_with(text, encode_file(Photo(GRAY[::2, ::2].copy()), "jpeg")))
    assert photo.notes == ("its gain map for HDR screens was left out",)
    left = photo.metadata.xmp or b""
    assert b"hdrgm:Version" not in left and b"GainMap" not in left and b"Rating" in left


def test_the_other_pictures_of_a_multi_picture_file_are_said_to_be_left_out() -> None:
    out = io.BytesIO()
    Pillow.fromarray(GRAY).save(out, "MPO", save_all=True, append_images=[Pillow.fromarray(255 - GRAY)])
    photo = read(out.getvalue())
    assert photo.notes == ("it has 2 pictures (MPO); the first was taken",)
    assert b"MPF\0" not in encode_file(photo)


def test_other_things_behind_a_picture_are_said() -> None:
    data = encode_file(Photo(GRAY), "jpeg")
    assert read(data + b"SEFT" * 100).notes == ("400 bytes were left out that lay behind the picture",)
    assert read(data + data).notes == ("another picture was left out that lay behind the picture",)
    assert read(data + bytes(50)).notes == ()


def test_what_programs_keep_for_themselves_is_said_to_be_left_out() -> None:
    data = encode_file(Photo(GRAY), "jpeg")
    own = b"\xff\xec" + struct.pack(">H", 2 + 50) + b"Ducky".ljust(50, b"\1")
    assert read(data[:2] + own + data[2:]).notes == ("50 bytes that a camera or program keeps for itself (APP12) were left out",)
    credentials = b"\xff\xeb" + struct.pack(">H", 2 + 50) + b"JP\0\1jumbc2pa".ljust(50, b"\1")
    assert read(data[:2] + credentials + data[2:]).notes == ("its content credentials (C2PA) were left out: they would no longer hold",)


# --- PNG's texts --------------------------------------------------------------------------------------------


def png_with(*chunks: tuple[bytes, bytes]) -> bytes:
    data = encode_file(Photo(GRAY), "png")
    more = b"".join(struct.pack(">I4s", len(body), kind) + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in chunks)
    return data[:33] + more + data[33:]


def test_metadata_in_imagemagicks_texts_is_read_as_what_it_is() -> None:
    exif = Pillow.Exif()
    exif[0x010F] = "Leica"
    exif[0x8825] = {1: "N", 2: (48.0, 51.0, 29.0)}

    def raw(name: str, dump: bytes) -> tuple[bytes, bytes]:
        text = f"\n{name}\n{len(dump):8d}\n{dump.hex()}\n".encode()
        return b"zTXt", f"Raw profile type {name}".encode() + b"\0\0" + zlib.compress(text)

    photo = read(png_with(raw("exif", exif.tobytes()), raw("iptc", IPTC), raw("xmp", packet(2000))))
    assert b"Leica" in (photo.metadata.exif or b"") and photo.metadata.iptc == IPTC and photo.metadata.xmp == packet(2000)
    assert has_location(photo.metadata)
    clean = encode_file(photo.with_metadata(without_location(photo.metadata)))
    assert not has_location(read(clean).metadata) and b"Raw profile type exif" not in clean


# --- judged by ExifTool -------------------------------------------------------------------------------------

_OF_THE_FILE = ("File:", "System:", "ExifTool:", "PNG:", "JFIF:", "Composite:", "ICC_Profile:ProfileDateTime", "ICC-header:", "QuickTime:")
_OF_THE_SAMPLES = """
    ImageWidth ImageHeight BitsPerSample Compression PhotometricInterpretation StripOffsets RowsPerStrip StripByteCounts
    SamplesPerPixel PlanarConfiguration Predictor SampleFormat XResolution YResolution ResolutionUnit ThumbnailOffset
    ThumbnailLength ThumbnailImage YCbCrPositioning YCbCrSubSampling ExifByteOrder Orientation CurrentIPTCDigest
    IPTCDigest SubfileType FillOrder
"""


def told(path: Path) -> dict[str, object]:
    """What ExifTool finds, without what belongs to the file and its samples."""
    run = subprocess.run(["exiftool", "-j", "-G1", "-a", "-struct", str(path)], capture_output=True, text=True, check=True)
    found: dict[str, object] = json.loads(run.stdout)[0]
    return {
        name.split(":")[-1]: value
        for name, value in found.items()
        if not name.startswith(_OF_THE_FILE) and name.split(":")[-1] not in _OF_THE_SAMPLES.split() and ":" in name
    }


@pytest.mark.skipif(shutil.which("exiftool") is None, reason="needs exiftool, which judges")
@pytest.mark.parametrize("source", ["jpeg", "tiff"])
def test_every_tag_comes_out_or_is_said_to_be_lost(source: str, tmp_path: Path) -> None:
    base = tmp_path / f"a.{source}"
    base.write_bytes(encode_file(Photo(GRAY, dpi=(300.0, 300.0)), source))
    given = {
        "Artist": "Aunt May", "Copyright": "1931", "ImageDescription": "The mill", "DateTimeOriginal": "1931:05:04 12:00:00", "ISO": "400",
        "FNumber": "5.6", "LensModel": "Elmar", "UserComment": "back of the print", "GPSLatitude": "48.5", "GPSLatitudeRef": "N",
        "IPTC:Keywords": "family", "IPTC:Caption-Abstract": "Mühle", "IPTC:City": "Wetzlar", "XMP-dc:Title": "Tante Mäy",
        "XMP-dc:Subject": "farm", "XMP-xmp:Rating": "4", "XMP-iptcCore:Location": "the mill", "XMP-photoshop:Headline": "Spring",
        "XMP-exif:GPSAltitude": "5", "XMP-crs:Exposure2012": "+0.50", "Photoshop:CopyrightFlag": "True", "Photoshop:URL": "https://example.org/",
    }  # fmt: skip
    arguments = [f"-{name}={value}" for name, value in given.items()]
    subprocess.run(["exiftool", "-q", "-m", "-overwrite_original", "-charset", "iptc=utf8", *arguments, str(base)], check=True)
    before = told(base)
    assert len(before) > 20
    for format in FORMATS:
        photo = read(base)
        path = tmp_path / f"out.{format}"
        path.write_bytes(encode_file(photo, format))
        after, said = told(path), " ".join(losses(photo, format))
        lost = {name: value for name, value in before.items() if after.get(name) != value}
        holds = FORMATS[format].holds
        unsaid = {
            name
            for name in lost
            if not ("iptc" not in holds and "IPTC" in said and name in IPTC_NAMES)
            and not ("photoshop" not in holds and "Photoshop" in said and name in ("CopyrightFlag", "URL"))
            and not ("exif" not in holds and "EXIF" in said and "XMP" in said)
        }
        assert not unsaid, (format, {name: (before[name], after.get(name)) for name in unsaid})


IPTC_NAMES = {
    "Keywords", "Caption-Abstract", "City", "ApplicationRecordVersion", "CodedCharacterSet", "EnvelopeRecordVersion", "Writer-Editor",
}  # fmt: skip


def test_every_part_is_judged() -> None:
    parts = {part for codec in FORMATS.values() for part in codec.holds}
    assert parts == {"exif", "xmp", "iptc", "photoshop", "icc", "dpi", "film"}
    assert list(itertools.islice(FORMATS, 1))
