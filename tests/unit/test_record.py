"""The XMP packet: what was there stays, what was done is added, and nothing in it is believed unchecked."""

from __future__ import annotations

import base64
import json
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest

from unfade.files.photo import FORMATS, Metadata, Photo, encode_file, read
from unfade.record import DIGITAL_SOURCE_TYPE, UNFADE_NAMESPACE, ModelUse, Report, StepRecord, xmp

RDF = "{http://www.w3.org/1999/02/22-rdf-syntax-ns#}"
MEDIA = "{http://ns.adobe.com/xap/1.0/mm/}"
EVENT = "{http://ns.adobe.com/xap/1.0/sType/ResourceEvent#}"
IPTC = "{http://iptc.org/std/Iptc4xmpExt/2008-02-29/}"
DC = "{http://purl.org/dc/elements/1.1/}"
OURS = f"{{{UNFADE_NAMESPACE}}}"

STEP = StepRecord(
    step="fill", options={"feather_px": 8, "note": 'a < b & "c"'}, models=(ModelUse("fill", "1.2.0", "f" * 64),), pixels_changed=12
)
REPORT = Report(
    photo="aunt-may.tif", width=10, height=8, input_sha256="ab" * 32, steps=(STEP,), pixels_changed=12, software_version="0.1.0"
)

EXISTING = b"""<?xpacket begin="\xef\xbb\xbf" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/" x:xmptk="Scanner 1.0"><r:RDF xmlns:r="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
 <r:Description r:about="uuid:42" xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmp:CreatorTool="Epson Scan" xmp:Rating="4"
   xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
   Iptc4xmpExt:DigitalSourceType="http://cv.iptc.org/newscodes/digitalsourcetype/print"/>
 <r:Description r:about="uuid:42" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:mm="http://ns.adobe.com/xap/1.0/mm/"
   xmlns:e="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#">
  <dc:title><r:Alt><r:li xml:lang="x-default">Tante M\xc3\xa4y</r:li></r:Alt></dc:title>
  <mm:History><r:Seq><r:li r:parseType="Resource"><e:action>created</e:action></r:li></r:Seq></mm:History>
 </r:Description></r:RDF></x:xmpmeta>
<?xpacket end="w"?>"""


def parsed(packet: bytes) -> ElementTree.Element:
    return ElementTree.fromstring(packet.decode())


def test_fresh_packet_says_what_was_done() -> None:
    root = parsed(xmp(REPORT, None))
    assert root.find(f".//{IPTC}DigitalSourceType").text == DIGITAL_SOURCE_TYPE
    events = root.findall(f".//{MEDIA}History/{RDF}Seq/{RDF}li")
    assert [event.find(f"{EVENT}action").text for event in events] == ["edited"]
    assert events[0].find(f"{EVENT}softwareAgent").text == "Unfade 0.1.0"
    account = json.loads(events[0].find(f"{EVENT}parameters").text)
    assert account == {
        "step": "fill",
        "options": {"feather_px": 8, "note": 'a < b & "c"'},
        "models": [{"name": "fill", "version": "1.2.0", "sha256": "f" * 64}],
        "pixels_changed": 12,
    }
    run = root.find(f".//{OURS}Runs/{RDF}Seq/{RDF}li")
    assert run.find(f"{OURS}InputSHA256").text == "ab" * 32
    assert run.find(f"{OURS}PixelsChanged").text == "12"


def test_every_property_that_was_there_stays() -> None:
    root = parsed(xmp(REPORT, EXISTING))
    attributes = {key: value for node in root.iter(f"{RDF}Description") for key, value in node.attrib.items()}
    assert attributes["{http://ns.adobe.com/xap/1.0/}CreatorTool"] == "Epson Scan"
    assert attributes["{http://ns.adobe.com/xap/1.0/}Rating"] == "4"
    assert root.find(f".//{DC}title/{RDF}Alt/{RDF}li").text == "Tante Mäy"
    assert root.attrib["{adobe:ns:meta/}xmptk"] == "Scanner 1.0"
    assert {node.attrib[f"{RDF}about"] for node in root.iter(f"{RDF}Description")} == {"uuid:42"}
    actions = [node.text for node in root.iter(f"{EVENT}action")]
    assert actions == ["created", "edited"]
    assert len(root.findall(f".//{MEDIA}History")) == 1


def test_source_type_is_said_once_and_only_where_something_changed() -> None:
    root = parsed(xmp(REPORT, EXISTING))
    assert f"{IPTC}DigitalSourceType" not in {key for node in root.iter() for key in node.attrib}
    assert [node.text for node in root.iter(f"{IPTC}DigitalSourceType")] == [DIGITAL_SOURCE_TYPE]
    untouched = parsed(xmp(Report("a.png", 1, 1), EXISTING))
    assert "http://cv.iptc.org/newscodes/digitalsourcetype/print" in {value for node in untouched.iter() for value in node.attrib.values()}
    assert not list(untouched.iter(f"{IPTC}DigitalSourceType"))


def test_a_second_run_is_added_to_the_first() -> None:
    root = parsed(xmp(REPORT, xmp(REPORT, EXISTING)))
    assert len(root.findall(f".//{OURS}Runs/{RDF}Seq/{RDF}li")) == 2
    assert [node.text for node in root.iter(f"{EVENT}action")] == ["created", "edited", "edited"]
    assert len(list(root.iter(f"{IPTC}DigitalSourceType"))) == 1


@pytest.mark.parametrize(
    "hostile",
    [
        b"<x:xmpmeta",
        b"\xff\xfe\x00",
        b"<a/>",
        b'<!DOCTYPE r [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><r>&b;</r>',
        b"<a>" * 5000 + b"</a>" * 5000,
    ],
    ids=["cut", "not-utf-16", "no-rdf", "entities", "deep"],
)
def test_packets_that_cannot_be_parsed_are_kept_whole_beside(hostile: bytes) -> None:
    root = parsed(xmp(REPORT, hostile))
    assert base64.b64decode(root.find(f".//{OURS}UnreadPacket").text) == hostile
    assert root.find(f".//{EVENT}action").text == "edited"


def test_utf_16_packets_are_read() -> None:
    root = parsed(xmp(REPORT, b"\xff\xfe" + EXISTING.decode("utf-8").replace("\ufeff", "").encode("utf-16-le")))
    assert root.find(f".//{DC}title/{RDF}Alt/{RDF}li").text == "Tante Mäy"


def test_characters_that_xml_forbids_do_not_break_the_packet() -> None:
    step = StepRecord("fill", {"text": "a\ud800b\x01"})
    parsed(xmp(Report("a", 1, 1, steps=(step,), software_version="1\x00"), None))


@pytest.mark.parametrize("format", [format for format in FORMATS if format not in ("bmp", "gif")])
def test_the_packet_comes_back_out_of_the_file(format: str) -> None:
    packet = xmp(REPORT, EXISTING)
    photo = Photo(np.full((8, 10, 3), 90, np.uint8), metadata=Metadata(xmp=packet))
    assert read(encode_file(photo, format)).metadata.xmp == packet  # type: ignore[arg-type]
