"""Where a photograph was taken, forgotten: in EXIF and in XMP, whatever else they hold."""

from __future__ import annotations

import struct
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from unfade.files.codec import Metadata
from unfade.files.location import has_location, without_location


def _exif(order: str, *, gps_at: int | None = None) -> bytes:
    """EXIF with an artist, a GPS directory with a latitude, and an orientation behind it."""
    artist = b"Aunt May\0"
    directory = 8 + 2 + 3 * 12 + 4
    latitude_at = directory + 2 + 2 * 12 + 4
    artist_at = latitude_at + 24
    pointer = directory if gps_at is None else gps_at
    entries = struct.pack(f"{order}HHII", 0x013B, 2, len(artist), artist_at)
    entries += struct.pack(f"{order}HHII", 0x8825, 4, 1, pointer) + struct.pack(f"{order}HHIHH", 0x9C9B, 3, 1, 7, 0)
    gps = (
        struct.pack(f"{order}H", 2) + struct.pack(f"{order}HHI4s", 1, 2, 2, b"N\0\0\0") + struct.pack(f"{order}HHII", 2, 5, 3, latitude_at)
    )
    head = (b"II*\0" if order == "<" else b"MM\0*") + struct.pack(f"{order}I", 8) + struct.pack(f"{order}H", 3)
    return head + entries + bytes(4) + gps + bytes(4) + struct.pack(f"{order}6I", 48, 1, 51, 1, 29, 1) + artist


@pytest.mark.parametrize("order", ["<", ">"])
def test_gps_leaves_exif_and_all_else_stays_where_it_was(order: str) -> None:
    exif = _exif(order)
    cleaned = without_location(Metadata(exif=exif)).exif
    assert cleaned is not None and len(cleaned) == len(exif)
    assert has_location(Metadata(exif=exif)) and not has_location(Metadata(exif=cleaned))
    assert struct.pack(f"{order}6I", 48, 1, 51, 1, 29, 1) not in cleaned and struct.pack(f"{order}H", 0x8825) not in cleaned[:60]
    count = struct.unpack_from(f"{order}H", cleaned, 8)[0]
    tags = [struct.unpack_from(f"{order}H", cleaned, 10 + 12 * number)[0] for number in range(count)]
    assert tags == [0x013B, 0x9C9B]
    assert cleaned.endswith(b"Aunt May\0") and struct.unpack_from(f"{order}I", cleaned, 10 + 8)[0] == len(exif) - 9


def _packet(description: str) -> bytes:
    namespaces = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:dc="http://purl.org/dc/elements/1.1/"'
    more = 'xmlns:exif="http://ns.adobe.com/exif/1.0/" xmlns:drone-dji="http://www.dji.com/drone-dji/1.0/"'
    return f"<rdf:RDF {namespaces} {more}>{description}</rdf:RDF>".encode()


def test_gps_leaves_xmp_as_elements_and_as_attributes_of_any_namespace() -> None:
    attributes = """exif:GPSLatitude="48,51.29N" dc:title="x" exif:GPSMapDatum='W>S' drone-dji:GpsLatitude="+48.8" """
    elements = "<exif:GPSAltitude>5</exif:GPSAltitude><exif:GPSTag/><a><exif:GPSDest><b/></exif:GPSDest>GPS</a>"
    packet = _packet(f"<rdf:Description {attributes}>{elements}</rdf:Description>")
    for written in (packet, packet.decode().encode("utf-16")):
        cleaned = without_location(Metadata(xmp=written)).xmp
        assert cleaned == _packet('<rdf:Description dc:title="x" ><a>GPS</a></rdf:Description>')
        assert has_location(Metadata(xmp=written)) and not has_location(Metadata(xmp=cleaned))


def test_xmp_that_cannot_be_read_goes_whole_where_it_may_hold_a_location() -> None:
    for broken in (b"<a exif:GPSLatitude='1'>", b"<!DOCTYPE a><a><exif:GPSLatitude/></a>", b"<gps>" * 100 + b"</gps>" * 100):
        assert has_location(Metadata(xmp=broken))
        assert without_location(Metadata(xmp=broken)).xmp is None
    assert without_location(Metadata(xmp=b"<a")).xmp == b"<a"


@pytest.mark.parametrize(
    "hostile",
    [
        _packet("<rdf:Description>" + "<exif:GPSTag/>" * 1_500_000 + "</rdf:Description>"),
        b"<exif:GPSx " * 1_500_000,
        _packet("<rdf:Description " + " ".join(f'exif:GPS{number}="1"' for number in range(200_000)) + "/>"),
        b"<exif:GPSx>" * 1_500_000,
    ],
    ids=["elements", "unclosed", "attributes", "nested"],
)
def test_the_cost_of_a_hostile_packet_grows_with_its_length_alone(hostile: bytes) -> None:
    started = time.process_time()
    assert without_location(Metadata(xmp=hostile)).xmp in (None, _packet("<rdf:Description/>"))
    assert time.process_time() - started < 3  # to look for the end of each element behind it took minutes


@given(st.binary(max_size=200))
def test_broken_exif_breaks_nothing(noise: bytes) -> None:
    for exif in (noise, b"II*\0" + noise, b"MM\0*" + noise, _exif("<")[: len(noise)], _exif("<", gps_at=len(noise) * 1000)):
        cleaned = without_location(Metadata(exif=exif)).exif
        assert cleaned is not None and len(cleaned) == len(exif)
