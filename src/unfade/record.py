"""What was done to a photograph, in a form that outlives it: a report (JSON), and XMP for the file itself."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from typing import Any, Protocol
from xml.dom import minidom
from xml.dom.minidom import Document, Element, Text
from xml.parsers.expat import ExpatError

from unfade.files.names import escaped_json
from unfade.files.xmp import readable

# https://cv.iptc.org/newscodes/digitalsourcetype/: a picture edited with a trained model
DIGITAL_SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/compositeWithTrainedAlgorithmicMedia"


@dataclass(frozen=True)
class ModelUse:
    """A model that took part, so that the very same can be found again."""

    name: str
    version: str
    sha256: str


@dataclass(frozen=True)
class Doubt:
    """Something that a step left alone because it was not sure: `what` it may be, in words, and where.

    `box` is left, top, right, bottom in the photograph's pixels. `outline` is what to mark if it is right, as
    a closed line of (x, y); empty: not known more closely than the box.
    """

    what: str
    box: tuple[int, int, int, int]
    outline: tuple[tuple[int, int], ...] = ()

    def moved(self, x: int, y: int) -> Doubt:
        """The same in a photograph of which this one is a part that begins at `x`, `y`."""
        left, top, right, bottom = self.box
        outline = tuple((across + x, down + y) for across, down in self.outline)
        return Doubt(self.what, (left + x, top + y, right + x, bottom + y), outline)


@dataclass(frozen=True)
class StepRecord:
    """What one step did.

    `options` are the step's own, JSON-able. `outcome` is a word that stays the same from version to version
    ("filled", "nothing-lost"); `facts` are its numbers by name; `notes` say the same in sentences.
    `pixels_changed` counts the pixels of which any sample changed. `doubts` are what was left alone for a
    person to decide.
    """

    step: str
    options: dict[str, Any]
    outcome: str = ""
    facts: dict[str, float] = field(default_factory=dict)
    models: tuple[ModelUse, ...] = ()
    pixels_changed: int = 0
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    doubts: tuple[Doubt, ...] = ()


class Noting(Protocol):
    """The account of a step, wherever it is kept."""

    @property
    def step(self) -> str:
        """The step's name."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What it noticed, in sentences."""


def sentences(notes: Iterable[str], steps: Iterable[Noting]) -> tuple[str, ...]:
    """The notes of a run, and those of its steps, each with the step's name before it.

    >>> sentences(["it has no profile"], [StepRecord("clean", {}, notes=("nothing to clean",))])
    ('it has no profile', 'clean: nothing to clean')
    """
    return (*notes, *(f"{step.step}: {note}" for step in steps for note in step.notes))


@dataclass(frozen=True)
class Framed:
    """How a photograph of `width` by `height` pixels was cut and turned as it was opened: what lies between
    four `corners` (x, y; clockwise from that which became the top left; none: all of it), then a `turn` of
    so many degrees clockwise."""

    corners: tuple[tuple[float, float], ...] | None
    turn: int
    width: int
    height: int

    @property
    def is_whole(self) -> bool:
        """Whether nothing was cut and nothing turned."""
        return self.corners is None and self.turn == 0

    @classmethod
    def from_json(cls, given: dict[str, Any]) -> Framed:
        """What `asdict` and JSON made of one. Raises `KeyError`, `TypeError` and `ValueError` for anything
        else."""
        corners = given["corners"]
        points = None if corners is None else tuple((float(x), float(y)) for x, y in corners)
        return cls(points, int(given["turn"]), int(given["width"]), int(given["height"]))


@dataclass(frozen=True)
class Report:
    """The account of one photograph's restoration.

    `treatment` is what was asked (`Treatment.as_json`), and `mask_sha256` that of the mask that was given,
    packed to bits row by row. Two runs over the same input were asked the same if both are equal. A run of
    single steps has no treatment. `width` and `height` are the result's: those of the `frame`, if there is
    one. `cut`: the part of the file that was given as the photograph, if it was not the whole; the `frame`
    is within it. `page`: the one that was asked for. `writing`: what was asked of the result's file (as the
    function says it); None: not known, as in older versions.
    """

    photo: str
    width: int
    height: int
    input_sha256: str | None = None
    page: int | None = None
    mask_sha256: str | None = None
    treatment: dict[str, Any] | None = None
    frame: Framed | None = None
    cut: Framed | None = None
    writing: dict[str, Any] | None = None
    output_sha256: str | None = None
    steps: tuple[StepRecord, ...] = ()
    pixels_changed: int = 0
    notes: tuple[str, ...] = ()
    software: str = "Unfade"
    software_version: str = ""
    digital_source_type: str = field(default=DIGITAL_SOURCE_TYPE)

    @property
    def share_changed(self) -> float:
        """The share of pixels that changed, in [0, 1].

        >>> Report("aunt-may.jpg", width=10, height=10, pixels_changed=25).share_changed
        0.25
        """
        return self.pixels_changed / (self.width * self.height)

    @property
    def sentences(self) -> tuple[str, ...]:
        """What reading, the steps and writing noticed."""
        return sentences(self.notes, self.steps)

    def to_json(self) -> str:
        """The report as JSON, UTF-8, two spaces of indent."""
        return escaped_json(json.dumps(asdict(self) | {"share_changed": self.share_changed}, indent=2, ensure_ascii=False))


def writing(*, quality: int | None = None, pages: str | None = None, drop_location: bool = False) -> dict[str, Any]:
    """What is asked of a result's file, where it is not the usual: `{"quality": 80}`, say."""
    given = {"pages": pages, "quality": quality, "drop_location": drop_location or None}
    return {name: value for name, value in given.items() if value is not None}


# --- XMP ------------------------------------------------------------------------------------------------

_RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_META = "adobe:ns:meta/"
_IPTC_EXTENSION = "http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
_MEDIA = "http://ns.adobe.com/xap/1.0/mm/"
_EVENT = "http://ns.adobe.com/xap/1.0/sType/ResourceEvent#"
UNFADE_NAMESPACE = "urn:unfade:xmp:1.0#"
_PREFIXES = {
    "x": _META,
    "rdf": _RDF,
    "Iptc4xmpExt": _IPTC_EXTENSION,
    "xmpMM": _MEDIA,
    "stEvt": _EVENT,
    "unfade": UNFADE_NAMESPACE,
}
_NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
RUNS_KEPT, EVENTS_KEPT = 10, 50  # the newest; a run is about 2 KB
UNREAD_MAX = 4 << 20  # bytes of a packet that cannot be read and is kept beside ours
_OPENING = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>'
_CLOSING = '<?xpacket end="w"?>'


def xmp(report: Report, existing: bytes | None) -> bytes:
    """The XMP packet for the restored file: what `existing` says, and what Unfade did. UTF-8.

    Every property of `existing` stays as it is, but `Iptc4xmpExt:DigitalSourceType`, which is set to the
    report's wherever a pixel was changed. `xmpMM:History` gets an entry for each step, `unfade:Runs` one for
    the whole: software, the SHA-256 of the input and of the mask given, the page, the treatment, what was
    asked of the file, pixels changed, steps with their options and models. The output's SHA-256 is only in
    the JSON report: the packet is part of what is hashed. The newest `RUNS_KEPT` runs and `EVENTS_KEPT` of
    our events are kept.

    An `existing` that is not well-formed XMP, or that declares entities, is not parsed; it is kept whole, in
    base 64, as `unfade:UnreadPacket`, up to `UNREAD_MAX` bytes. Sources: ISO 16684-1 (XMP), Adobe XMP part 2
    (xmpMM, stEvt), IPTC Photo Metadata 2023.1.
    """
    root = _parsed(existing) if existing else None
    packet = root if root is not None else _parsed(f'<x:xmpmeta xmlns:x="{_META}"><rdf:RDF xmlns:rdf="{_RDF}"/></x:xmpmeta>'.encode())
    assert packet is not None
    rdf = packet.getElementsByTagNameNS(_RDF, "RDF")[0]
    ours = _added(rdf, _RDF, "Description")
    ours.setAttributeNS(_RDF, "rdf:about", _about(rdf))
    for prefix in ("Iptc4xmpExt", "xmpMM", "stEvt", "unfade", "rdf"):
        ours.setAttribute(f"xmlns:{prefix}", _PREFIXES[prefix])

    if report.pixels_changed or any(step.pixels_changed for step in report.steps):
        _remove(rdf, _IPTC_EXTENSION, "DigitalSourceType")
        _added(ours, _IPTC_EXTENSION, "DigitalSourceType", report.digital_source_type)
    agent = _NOT_XML.sub("\ufffd", f"{report.software} {report.software_version}".strip())
    for step in report.steps:
        event = _resource(_sequence(rdf, ours, _MEDIA, "History"))
        _added(event, _EVENT, "action", "edited")
        _added(event, _EVENT, "softwareAgent", agent)
        _added(event, _EVENT, "parameters", _parameters(step))
    run = _resource(_sequence(rdf, ours, UNFADE_NAMESPACE, "Runs"))
    _added(run, UNFADE_NAMESPACE, "Software", agent)
    if report.input_sha256:
        _added(run, UNFADE_NAMESPACE, "InputSHA256", report.input_sha256)
    if report.page is not None:
        _added(run, UNFADE_NAMESPACE, "Page", str(report.page))
    if report.mask_sha256:
        _added(run, UNFADE_NAMESPACE, "MaskSHA256", report.mask_sha256)
    if report.treatment is not None:
        _added(run, UNFADE_NAMESPACE, "Treatment", _NOT_XML.sub("\ufffd", json.dumps(report.treatment, ensure_ascii=False)))
    for name, frame in (("Cut", report.cut), ("Frame", report.frame)):
        if frame is not None:
            _added(run, UNFADE_NAMESPACE, name, json.dumps(asdict(frame)))
    if report.writing is not None:
        _added(run, UNFADE_NAMESPACE, "Writing", json.dumps(report.writing))
    _added(run, UNFADE_NAMESPACE, "PixelsChanged", str(report.pixels_changed))
    steps = _added(_added(run, UNFADE_NAMESPACE, "Steps"), _RDF, "Seq")
    for step in report.steps:
        _added(steps, _RDF, "li", _parameters(step))
    _added(run, UNFADE_NAMESPACE, "Digest", _digest(*_said(run)))
    _shorten(rdf)
    if existing and root is None and len(existing) <= UNREAD_MAX:
        _added(ours, UNFADE_NAMESPACE, "UnreadPacket", base64.b64encode(existing).decode("ascii"))
    assert packet.documentElement is not None
    return (_OPENING + packet.documentElement.toxml() + _CLOSING).encode()


@dataclass(frozen=True)
class Run:
    """One run as a file's XMP tells it. `is_intact`: what it says is as it was written; no signature, but a
    digest over it. Of each step only name, options, models and pixels changed are there."""

    software: str
    software_version: str
    input_sha256: str | None
    mask_sha256: str | None
    treatment: dict[str, Any] | None
    pixels_changed: int
    steps: tuple[StepRecord, ...]
    is_intact: bool
    frame: Framed | None = None
    cut: Framed | None = None
    page: int | None = None
    writing: dict[str, Any] | None = None


def last_run(existing: bytes | None) -> Run | None:
    """The last run that an XMP packet tells of; None where it tells of none, or what it tells cannot be
    read."""
    root = _parsed(existing) if existing else None
    if root is None:
        return None
    found = root.getElementsByTagNameNS(UNFADE_NAMESPACE, "Runs")
    arrays = [node for node in found[-1].childNodes if isinstance(node, Element)] if found else []
    runs = [node for node in arrays[0].childNodes if isinstance(node, Element)] if arrays else []
    if not runs:
        return None
    text, lines_said = _said(runs[-1])
    try:
        lines = [json.loads(line) for line in lines_said]
        return Run(
            software=text.get("Software", "").partition(" ")[0],
            software_version=text.get("Software", "").partition(" ")[2],
            input_sha256=text.get("InputSHA256"),
            mask_sha256=text.get("MaskSHA256"),
            treatment=json.loads(text["Treatment"]) if "Treatment" in text else None,
            pixels_changed=int(text.get("PixelsChanged", "0")),
            steps=tuple(
                StepRecord(
                    step=line["step"],
                    options=line["options"],
                    models=tuple(ModelUse(**used) for used in line["models"]),
                    pixels_changed=line["pixels_changed"],
                )
                for line in lines
            ),
            is_intact=text.get("Digest") == _digest(text, lines_said),
            frame=Framed.from_json(json.loads(text["Frame"])) if "Frame" in text else None,
            cut=Framed.from_json(json.loads(text["Cut"])) if "Cut" in text else None,
            page=int(text["Page"]) if "Page" in text else None,
            writing=dict(json.loads(text["Writing"])) if "Writing" in text else None,
        )
    except (ValueError, KeyError, TypeError):
        return None


def _text(element: Element) -> str:
    return "".join(node.data for node in element.childNodes if isinstance(node, Text))


def _said(run: Element) -> tuple[dict[str, str], list[str]]:
    """What a run says: its simple properties by name, and the lines of its steps.

    Other programs write a packet anew in their own way: in another order, simple properties as attributes, a
    structure with a description in it.
    """
    texts: dict[str, str] = {}
    lines: list[str] = []
    inner = [node for node in run.childNodes if isinstance(node, Element) and (node.namespaceURI, node.localName) == (_RDF, "Description")]
    for holder in (run, *inner):
        for name, value in holder.attributes.itemsNS():
            if name[0] == UNFADE_NAMESPACE:
                texts[name[1]] = value
        for node in holder.childNodes:
            if isinstance(node, Element) and node.namespaceURI == UNFADE_NAMESPACE:
                if node.localName == "Steps":
                    lines = [_text(item) for item in node.getElementsByTagNameNS(_RDF, "li")]
                else:
                    texts[str(node.localName)] = _text(node)
    return texts, lines


def _digest(texts: dict[str, str], lines: list[str]) -> str:
    """SHA-256 over what a run says, its digest left out, whatever the order in which it is written."""
    said = [{name: " ".join(text.split()) for name, text in texts.items() if name != "Digest"}, [" ".join(line.split()) for line in lines]]
    return hashlib.sha256(json.dumps(said, sort_keys=True, ensure_ascii=False).encode()).hexdigest()


def _parameters(step: StepRecord) -> str:
    """One step in one line of JSON: its name, options, models and how many pixels it changed."""
    models = [{"name": model.name, "version": model.version, "sha256": model.sha256} for model in step.models]
    account = {"step": step.step, "options": step.options, "models": models, "pixels_changed": step.pixels_changed}
    line = json.dumps(account, ensure_ascii=False, default=str)
    return _NOT_XML.sub("\ufffd", line)


def _parsed(packet: bytes) -> Document | None:
    """The packet as a document with an `rdf:RDF`; None where it cannot be read."""
    try:
        return minidom.parseString(readable(packet))
    except (ExpatError, ValueError):
        return None


def _shorten(rdf: Element) -> None:
    """Keep the newest of our runs and events, and no description that holds nothing.

    So a file that is restored again and again does not grow.
    """
    for namespace, name, most in ((UNFADE_NAMESPACE, "Runs", RUNS_KEPT), (_MEDIA, "History", EVENTS_KEPT)):
        for item in [found for found in _items(rdf, namespace, name) if _is_ours(found)][:-most]:
            assert item.parentNode is not None
            item.parentNode.removeChild(item)
    for description in _descriptions(rdf)[1:]:
        says = [
            name for name, _ in description.attributes.items() if not name.startswith("xmlns") and name != f"{description.prefix}:about"
        ]
        if not says and not any(isinstance(child, Element) for child in description.childNodes):
            rdf.removeChild(description)


def _items(rdf: Element, namespace: str, name: str) -> list[Element]:
    """What the array of the property `name` holds, in all descriptions."""
    arrays = [
        array
        for description in _descriptions(rdf)
        for child in description.childNodes
        if isinstance(child, Element) and (child.namespaceURI, child.localName) == (namespace, name)
        for array in child.childNodes
        if isinstance(array, Element)
    ]
    return [item for array in arrays for item in array.childNodes if isinstance(item, Element)]


def _is_ours(item: Element) -> bool:
    """Whether it is a run, or an event of another program's history that was added here."""
    if item.getElementsByTagNameNS(UNFADE_NAMESPACE, "Software"):
        return True
    agents = item.getElementsByTagNameNS(_EVENT, "softwareAgent")
    return any(isinstance(text, Text) and text.data.split(" ")[0] == "Unfade" for agent in agents for text in agent.childNodes)


def _added(parent: Element, namespace: str, name: str, text: str | None = None) -> Element:
    """A new child of `parent`, under our own prefix, which our description declares."""
    document = parent.ownerDocument
    assert document is not None
    prefix = next(prefix for prefix, known in _PREFIXES.items() if known == namespace)
    child = document.createElementNS(namespace, f"{prefix}:{name}")
    if text is not None:
        child.appendChild(document.createTextNode(text))
    parent.appendChild(child)
    return child


def _descriptions(rdf: Element) -> list[Element]:
    return [node for node in rdf.childNodes if isinstance(node, Element) and (node.namespaceURI, node.localName) == (_RDF, "Description")]


def _about(rdf: Element) -> str:
    """What the packet's descriptions are about; all of one packet must say the same (ISO 16684-1, 7.4)."""
    return next((about for node in _descriptions(rdf) if (about := node.getAttributeNS(_RDF, "about"))), "")


def _remove(rdf: Element, namespace: str, name: str) -> None:
    """Take a property away, whether it is written as an attribute or as an element."""
    for description in _descriptions(rdf):
        if description.hasAttributeNS(namespace, name):
            description.removeAttributeNS(namespace, name)
        for child in list(description.childNodes):
            if isinstance(child, Element) and (child.namespaceURI, child.localName) == (namespace, name):
                description.removeChild(child)


def _sequence(rdf: Element, ours: Element, namespace: str, name: str) -> Element:
    """The array of the property `name`, where the packet has one; else a new one in our description."""
    for description in _descriptions(rdf):
        for child in description.childNodes:
            if isinstance(child, Element) and (child.namespaceURI, child.localName) == (namespace, name):
                for array in child.childNodes:
                    if isinstance(array, Element) and array.namespaceURI == _RDF and array.localName in ("Seq", "Bag", "Alt"):
                        return array
    return _added(_added(ours, namespace, name), _RDF, "Seq")


def _resource(array: Element) -> Element:
    """A new structure at the end of an array. It declares its prefixes itself: the array may be another
    program's."""
    item = _added(array, _RDF, "li")
    for prefix in ("rdf", "stEvt", "unfade"):
        item.setAttribute(f"xmlns:{prefix}", _PREFIXES[prefix])
    item.setAttributeNS(_RDF, "rdf:parseType", "Resource")
    return item
