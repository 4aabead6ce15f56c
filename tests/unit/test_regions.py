"""What XMP says of a photograph's size, of the way up and of faces is true of the picture that comes out,
however it was turned or cut."""

from __future__ import annotations

import io
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps
from typer.testing import CliRunner

import unfade
from unfade.cli import build
from unfade.files import xmp
from unfade.files.exif import exif_of
from unfade.files.photo import Metadata, Photo, encode_file, read, write
from unfade.files.tags import EXIF, Tag, first_tags
from unfade.frame.geometry import Frame
from unfade.workshop.scans import make_scan

WIDTH, HEIGHT = 160, 120
FACES = {"Anna": (24, 12, 40, 36), "Bert": (104, 72, 136, 96)}  # left, top, right, bottom: Anna's is bright, Bert's is black
HELD = ["jpeg", "png", "tiff", "webp", "heif", "avif"]
DROPPED = "the regions in its XMP (faces and their names, say) cannot be moved along with the picture and were left out"
ALONE: dict[str, Any] = {"fill": False, "clean": 0.0}
MWG_AS_ATTRIBUTES = (
    '<rdf:li><rdf:Description mwg-rs:Name="{name}" mwg-rs:Type="Face"><mwg-rs:Area stArea:x="{x}" stArea:y="{y}" '
    'stArea:w="{w}" stArea:h="{h}" stArea:unit="normalized"/></rdf:Description></rdf:li>'
)
MWG_AS_ELEMENTS = (
    '<rdf:li rdf:parseType="Resource"><mwg-rs:Name>{name}</mwg-rs:Name><mwg-rs:Area rdf:parseType="Resource"><stArea:x>{x}</stArea:x>'
    "<stArea:y>{y}</stArea:y><stArea:w>{w}</stArea:w><stArea:h>{h}</stArea:h></mwg-rs:Area></rdf:li>"
)
MP = '<rdf:li rdf:parseType="Resource" MPReg:PersonDisplayName="{name}" MPReg:Rectangle="{left}, {top}, {w}, {h}"/>'


def picture() -> np.ndarray:
    """Gray, with a face of each kind."""
    samples = np.full((HEIGHT, WIDTH, 3), 128, np.uint8)
    for (left, top, right, bottom), level in zip(FACES.values(), (250, 5), strict=True):
        samples[top:bottom, left:right] = level
    return samples


def listed(form: str, width: int = WIDTH, height: int = HEIGHT) -> str:
    texts = []
    for name, (left, top, right, bottom) in FACES.items():
        w, h = (right - left) / width, (bottom - top) / height
        texts.append(form.format(name=name, left=left / width, top=top / height, w=w, h=h, x=left / width + w / 2, y=top / height + h / 2))
    return "<rdf:Bag>" + "".join(texts) + "</rdf:Bag>"


def packet(orientation: int = 1, *, form: str = MWG_AS_ATTRIBUTES, more: str = "", width: int = WIDTH, height: int = HEIGHT) -> bytes:
    return (
        '<?xpacket begin="" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/">\n'
        '<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:tiff="http://ns.adobe.com/tiff/1.0/" xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:mwg-rs="http://www.metadataworkinggroup.com/schemas/regions/" xmlns:stArea="http://ns.adobe.com/xmp/sType/Area#" '
        'xmlns:stDim="http://ns.adobe.com/xap/1.0/sType/Dimensions#" xmlns:MP="http://ns.microsoft.com/photo/1.2/" '
        'xmlns:MPRI="http://ns.microsoft.com/photo/1.2/t/RegionInfo#" xmlns:MPReg="http://ns.microsoft.com/photo/1.2/t/Region#" '
        f'tiff:Orientation="{orientation}" exif:PixelXDimension="{width}" dc:source="a box">'
        f"<tiff:ImageWidth>{width}</tiff:ImageWidth><tiff:ImageLength>{height}</tiff:ImageLength>{more}"
        f'<mwg-rs:Regions rdf:parseType="Resource"><mwg-rs:AppliedToDimensions stDim:w="{width}" stDim:h="{height}" stDim:unit="pixel"/>'
        f"<mwg-rs:RegionList>{listed(form, width, height)}</mwg-rs:RegionList></mwg-rs:Regions>"
        f'<MP:RegionInfo rdf:parseType="Resource"><MPRI:Regions>{listed(MP, width, height)}</MPRI:Regions></MP:RegionInfo>'
        '</rdf:Description></rdf:RDF></x:xmpmeta>\n   <?xpacket end="w"?>'
    ).encode()


def file_of(format: str, orientation: int, text: bytes) -> bytes:
    """A file whose EXIF and XMP say that it is to be turned, made by Pillow; HEIF as phones write it."""
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    exif[0x0100], exif[0x0101] = WIDTH, HEIGHT
    out, plain = io.BytesIO(), Pillow.fromarray(picture())
    if format == "tiff":
        plain.save(out, "TIFF", tiffinfo={274: orientation, 700: text})
    elif format == "heif":
        pytest.importorskip("pillow_heif").from_pillow(plain).save(out, quality=95, exif=exif.tobytes(), xmp=text)
    elif format == "png":
        return encode_file(Photo(picture(), metadata=Metadata(exif.tobytes()[6:], text)), "png")
    else:
        plain.save(out, format.upper(), exif=exif.tobytes(), xmp=text, quality=95)
    return out.getvalue()


def bright(samples: np.ndarray, dark: bool) -> np.ndarray:
    """Where a face lies on the picture: left, top, right, bottom, in shares."""
    level = samples.mean(axis=2) / np.iinfo(samples.dtype).max
    rows, columns = np.nonzero(level < 0.2 if dark else level > 0.8)
    height, width = level.shape
    return np.array([columns.min() / width, rows.min() / height, (columns.max() + 1) / width, (rows.max() + 1) / height])


def said(text: bytes) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Where the faces lie by name: MWG's, Microsoft's; left, top, right, bottom."""
    items: dict[int, dict[str, str]] = {}
    for value in xmp.values_of(text).values:
        if value.item is not None:
            items.setdefault(value.item, {})[value.path[-1].local] = value.text
    mwg, mp = {}, {}
    for item in items.values():
        if "x" in item:
            x, y, w, h = (float(item[name]) for name in "xywh")
            mwg[item["Name"]] = np.array([x - w / 2, y - h / 2, x + w / 2, y + h / 2])
        elif "Rectangle" in item:
            left, top, w, h = map(float, item["Rectangle"].split(","))
            mp[item["PersonDisplayName"]] = np.array([left, top, left + w, top + h])
    return mwg, mp


def assert_faces_lie_there(photo: Photo, names: tuple[str, ...] = ("Anna", "Bert"), *, pixels: float = 1.5) -> None:
    assert photo.metadata.xmp is not None
    for told in said(photo.metadata.xmp):
        assert set(told) == set(names)
        for name, box in told.items():
            off = np.abs(box - bright(photo.samples, dark=name == "Bert")) * np.array([photo.width, photo.height] * 2)
            assert off.max() < pixels, (name, box)


def stated(text: bytes, name: str) -> list[str]:
    return [value.text for value in xmp.values_of(text).values if value.path[-1].local == name]


# --- the way up ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "webp", "heif"])
@pytest.mark.parametrize("orientation", range(2, 9))
def test_what_was_turned_upright_says_so(format: str, orientation: int) -> None:
    photo = read(file_of(format, orientation, packet(orientation)))
    assert (photo.width, photo.height) == ((HEIGHT, WIDTH) if orientation >= 5 else (WIDTH, HEIGHT)) and photo.notes == ()
    for target in HELD:
        back = read(encode_file(photo, target))
        text = back.metadata.xmp or b""
        assert stated(text, "Orientation") == ["1"] and b"a box" in text and back.notes == ()
        assert bool(stated(text, "ImageWidth") + stated(text, "PixelXDimension")) == (orientation < 5)
        assert_faces_lie_there(back)
        assert re.search(rb'AppliedToDimensions stDim:w="%d" stDim:h="%d"' % (photo.width, photo.height), text)


@pytest.mark.parametrize("target", HELD)
def test_no_viewer_turns_it_again(target: str) -> None:
    data = encode_file(read(file_of("jpeg", 6, packet(6))), target)
    if target == "heif":
        pytest.importorskip("pillow_heif").register_heif_opener()
    shown = Pillow.open(io.BytesIO(data))
    assert ImageOps.exif_transpose(shown).size == shown.size == (HEIGHT, WIDTH)


def test_avif_whose_exif_says_upright_and_whose_xmp_does_not_stays_upright() -> None:
    photo = read(file_of("jpeg", 1, packet(6)))
    assert stated(photo.metadata.xmp or b"", "Orientation") == ["6"]
    shown = Pillow.open(io.BytesIO(encode_file(photo, "avif")))
    assert ImageOps.exif_transpose(shown).size == (WIDTH, HEIGHT)


@pytest.mark.parametrize("format", ["jpeg", "png", "tiff", "webp", "heif"])
def test_what_was_not_turned_keeps_its_xmp_as_it_is(format: str) -> None:
    text = packet(1, more="<dc:title> <!-- a --> </dc:title>")
    photo = read(file_of(format, 1, text))
    assert photo.metadata.xmp == text and read(encode_file(photo, format)).metadata.xmp == text
    assert unfade.restore(photo, **ALONE).photo.metadata.xmp == text
    assert Frame.box(0, 0, WIDTH, HEIGHT).apply(photo).metadata.xmp == text


def test_a_size_in_exif_turns_along_in_every_directory() -> None:
    inner = {0xA002: Tag(3, 1, (WIDTH).to_bytes(2, "little")), 0xA003: Tag(3, 1, (HEIGHT).to_bytes(2, "little"))}
    block = exif_of({
        256: Tag(3, 1, (WIDTH).to_bytes(2, "little")),
        257: Tag(3, 1, (HEIGHT).to_bytes(2, "little")),
        274: Tag(3, 1, (6).to_bytes(2, "little")),
        EXIF: Tag(4, 1, b"", inner),
    })  # fmt: skip
    tags = first_tags(read(encode_file(Photo(picture(), metadata=Metadata(block)), "jpeg")).metadata.exif or b"")
    children = tags[EXIF].children
    assert children is not None and [tags[256].numbers(), tags[257].numbers()] == [[HEIGHT], [WIDTH]]
    assert [children[0xA002].numbers(), children[0xA003].numbers(), tags[274].numbers()] == [[HEIGHT], [WIDTH], [1]]


def test_an_orientation_is_found_however_it_is_written() -> None:
    text = (
        packet(6)
        .replace(b'tiff:Orientation="6" ', b"")
        .replace(b"<tiff:ImageWidth>", b"<tiff:Orientation> 6 </tiff:Orientation><tiff:ImageWidth>")
    )
    for written in (text, text.decode().encode("utf-16")):
        turned = read(file_of("webp", 6, written)).metadata.xmp or b""
        assert stated(turned, "Orientation") == ["1"]
    of_another = (
        b'<xmpMM:Pantry xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/"><rdf:Bag><rdf:li tiff:Orientation="8"/></rdf:Bag></xmpMM:Pantry>'
    )
    text = packet(6, more=of_another.decode())
    assert stated(read(file_of("webp", 6, text)).metadata.xmp or b"", "Orientation") == ["1", "8"]


# --- frames -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("form", [MWG_AS_ATTRIBUTES, MWG_AS_ELEMENTS])
@pytest.mark.parametrize("asked", [
    {"rotate": 90}, {"rotate": 180}, {"rotate": 270}, {"crop": (10, 6, 140, 100)}, {"crop": (10, 6, 140, 100), "rotate": 90},
    {"corners": ((8.0, 4.0), (150.0, 4.0), (150.0, 110.0), (8.0, 110.0))}, {"crop": (10, 6, 140, 100), "rotate": 180},
])  # fmt: skip
def test_faces_move_with_a_crop_and_a_quarter_turn(form: str, asked: dict[str, Any]) -> None:
    photo = read(file_of("png", 1, packet(1, form=form)))
    result = unfade.restore(photo, **ALONE, **asked)
    assert_faces_lie_there(result.photo)
    assert result.report.notes == ()
    text, made = result.photo.metadata.xmp or b"", result.photo
    assert bool(stated(text, "ImageWidth")) == ((made.width, made.height) == (WIDTH, HEIGHT))
    assert (b'stDim:w="%d"' % made.width) in text and (b'stDim:h="%d"' % made.height) in text


def test_a_face_that_was_cut_off_is_named_no_more_and_one_at_the_edge_ends_there() -> None:
    photo = read(file_of("png", 6, packet(6)))
    result = unfade.restore(
        photo, crop=(0, 0, 100, 130), **ALONE
    )  # upright, Bert lies in 24 to 48, 104 to 136; Anna in 84 to 108, 24 to 40
    mwg, mp = said(result.photo.metadata.xmp or b"")
    for told in (mwg, mp):
        np.testing.assert_allclose(told["Anna"], (0.84, 24 / 130, 1.0, 40 / 130), atol=1e-5)
        np.testing.assert_allclose(told["Bert"], (0.24, 0.8, 0.48, 1.0), atol=1e-5)
    assert result.report.notes == ()
    smaller = unfade.restore(photo, crop=(0, 0, 100, 110), **ALONE)
    assert all(set(told) == {"Anna"} for told in said(smaller.photo.metadata.xmp or b"")) and b"Bert" not in (
        smaller.photo.metadata.xmp or b""
    )
    assert smaller.report.notes == ("regions in its XMP (faces and their names, say) that lie outside the cut were left out: 1 of 2",)
    none = unfade.restore(photo, crop=(0, 60, 20, 20), **ALONE)
    assert b"mwg-rs:Regions" not in (none.photo.metadata.xmp or b"") and "2 of 2" in none.report.notes[0]


@pytest.mark.parametrize("asked", [{"straighten": 4.0}, {"corners": ((8.0, 4.0), (150.0, 10.0), (140.0, 110.0), (12.0, 100.0))}])
def test_where_faces_cannot_follow_they_are_left_out_and_it_is_said(asked: dict[str, Any]) -> None:
    result = unfade.restore(read(file_of("jpeg", 1, packet(6))), **ALONE, **asked)
    text = result.photo.metadata.xmp or b""
    assert b"Anna" not in text and b"a box" in text and stated(text, "Orientation") == ["1"]
    assert result.report.notes == (DROPPED,)
    assert unfade.restore(read(picture()), **ALONE, **asked).report.notes == ()  # nothing to leave out


@pytest.mark.parametrize(("old", "new"), [
    (b'stDim:w="160"', b'stDim:w="90"'), (b'stArea:x="0.2"', b'stArea:x="left"'), (b'stArea:w="0.1"', b'stArea:d="0.1"'),
    (b'stArea:unit="normalized"', b'stArea:unit="pixel"'), (b'stDim:unit="pixel"', b'stDim:unit="inch"'),
    (b'stArea:y="0.2"', b'stArea:y="nan"'),
])  # fmt: skip
def test_faces_that_are_not_understood_are_left_out_alone(old: bytes, new: bytes) -> None:
    text = packet(6)
    assert old in text
    photo = read(file_of("jpeg", 6, text.replace(old, new)))
    mwg, mp = said(photo.metadata.xmp or b"")
    assert photo.notes == (DROPPED,) and not mwg and set(mp) == {"Anna", "Bert"} and b"mwg-rs:Regions" not in (photo.metadata.xmp or b"")


def test_regions_of_other_kinds_are_left_out() -> None:
    other = (
        '<Iptc4xmpExt:ImageRegion xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"><rdf:Bag>'
        '<rdf:li rdf:parseType="Resource">'
        "<Iptc4xmpExt:Name>Carl</Iptc4xmpExt:Name></rdf:li></rdf:Bag></Iptc4xmpExt:ImageRegion>"
    )
    photo = read(file_of("jpeg", 3, packet(3, more=other)))
    assert photo.notes == (DROPPED,) and b"Carl" not in (photo.metadata.xmp or b"")
    assert_faces_lie_there(photo)
    assert b"Carl" in (read(file_of("jpeg", 1, packet(1, more=other))).metadata.xmp or b"")


def test_the_command_says_what_was_left_out(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    path = tmp_path / "a.jpg"
    path.write_bytes(file_of("jpeg", 6, packet(6)))
    run = CliRunner().invoke(
        build(), ["restore", str(path), "--no-fill", "--clean", "0", "--straighten", "3", "-o", str(tmp_path / "b.avif")]
    )
    assert run.exit_code == 0 and DROPPED in run.stderr
    back = read(tmp_path / "b.avif")
    assert stated(back.metadata.xmp or b"", "Orientation") == ["1"] and back.width < back.height


def test_a_print_that_is_split_off_has_its_own_faces(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    rng = np.random.default_rng(4)
    blocks = np.kron(rng.normal(120, 30, (24, 32)), np.ones((10, 10)))[..., None]
    print_ = np.clip(blocks + rng.normal(0, 3, (240, 320, 3)), 0, 255).astype(np.uint8)
    scan = read(make_scan([print_], 8, long_side_px=900, count=2, ground="lid", turned=False).samples)
    found = unfade.find_prints(scan).prints
    assert len(found) == 2
    middles = [one.corners.mean(axis=0) / (scan.width, scan.height) for one in found]
    text = packet(1, form=MWG_AS_ELEMENTS, width=scan.width, height=scan.height)
    texts = iter(middles)

    def at_middle(match: re.Match[bytes]) -> bytes:
        x, y = next(texts)
        return b"<stArea:x>%f</stArea:x><stArea:y>%f</stArea:y>" % (x, y)

    text = re.sub(rb"<stArea:x>.*?</stArea:x><stArea:y>.*?</stArea:y>", at_middle, text)
    text = re.sub(rb"<MP:RegionInfo.*</MP:RegionInfo>", b"", text)
    write(replace(scan, metadata=Metadata(xmp=text)), tmp_path / "page.png")
    run = CliRunner().invoke(build(), ["split", "page.png", "--rotate", "90"])
    assert run.exit_code == 0, run.output
    for number, name in ((1, "Anna"), (2, "Bert")):
        mwg, _ = said(read(tmp_path / f"page.{number}.png").metadata.xmp or b"")
        assert set(mwg) == {name}
        np.testing.assert_allclose((mwg[name][:2] + mwg[name][2:]) / 2, 0.5, atol=0.02)
    assert run.stderr.count("1 of 2") == 1
