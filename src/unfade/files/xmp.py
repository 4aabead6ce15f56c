"""XMP packets, edited where they lie: properties are cut out and put in, every other byte stays as it was.

A packet is a stranger's. It is parsed by expat, which takes time in proportion to its length, up to
`MAX_BYTES`, `MAX_ELEMENTS` and `MAX_DEPTH`; one that is over a limit, not well-formed, or declares a document
type (where entities come from, which XMP forbids) raises `ValueError`. Sources: ISO 16684-1 (XMP), Adobe XMP
part 3 (extended XMP in JPEG).
"""

from __future__ import annotations

import hashlib
import html
import re
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple
from xml.parsers.expat import ExpatError, ParserCreate

MAX_BYTES = 32 << 20
MAX_ELEMENTS = 200_000
MAX_DEPTH = 64  # elements within elements; XMP in use has about 10
_MAX_ATTRIBUTES = 10_000  # of one element
_MAX_PREFIXES = 1_000  # declared at one time

RDF = "http://www.w3.org/1999/02/22-rdf-syntax-ns#"
_META = "adobe:ns:meta/"
_NOTE = "http://ns.adobe.com/xmp/note/"
_DUBLIN_CORE = "http://purl.org/dc/elements/1.1/"  # title, description, keywords, creator, rights: what a person wrote
_OPENED = re.compile(rb"<[^\s/>]+")
_ATTRIBUTE = re.compile(rb"""\s+([^\s=/>]+)\s*=\s*("[^"]*"|'[^']*')""")


class Name(NamedTuple):
    """The name of an element or an attribute."""

    namespace: str
    local: str


_PACKET = re.compile(rb"<\?xpacket begin=.*?<\?xpacket end=[^>]*>|<([\w.-]+:(?:xmpmeta|xapmeta|RDF))\b.*?</\1>", re.DOTALL)
_RDF, _DESCRIPTION = Name(RDF, "RDF"), Name(RDF, "Description")
_ABOUT, _ITEM = Name(RDF, "about"), Name(RDF, "li")
_HAS_EXTENDED = Name(_NOTE, "HasExtendedXMP")


@dataclass(frozen=True)
class _Property:
    """A property of the packet's subject: where it lies, written as an element or as an attribute, and the
    prefixes it may use."""

    name: Name
    start: int
    end: int
    element: bytes
    prefixes: dict[str, str]
    description: int  # in which it lies


def text_of(packet: bytes) -> bytes:
    """The packet as UTF-8 without what stands around it. Raises `ValueError` where it is too long or no
    text."""
    if len(packet) > MAX_BYTES:
        raise ValueError(f"XMP of {len(packet):,} bytes; {MAX_BYTES:,} are read")
    if packet[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return packet.decode("utf-16").strip("\0 \t\r\n\ufeff").encode()
    plain = packet.strip(b"\0 \t\r\n").removeprefix(b"\xef\xbb\xbf").strip()
    plain.decode()
    return plain


class _Scanner:
    """One way through a packet, from element to element. `element` and `ended` are told of each."""

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.path: list[Name] = []
        self.prefixes: dict[str, list[str]] = {}
        self._elements = 0
        self._parser = ParserCreate(namespace_separator=" ")
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.StartNamespaceDeclHandler = self._declare
        self._parser.EndNamespaceDeclHandler = self._undeclare
        self._parser.StartDoctypeDeclHandler = self._refuse

    def run(self) -> None:
        """Raises `ValueError`."""
        try:
            self._parser.Parse(self.data, True)
        except ExpatError as error:
            raise ValueError(f"XMP that is not well-formed ({error})") from error

    @property
    def at(self) -> int:
        """The byte where the element in question begins (in `element`) or its end tag (in `ended`)."""
        return self._parser.CurrentByteIndex

    def element(self, name: Name, attributes: list[Name]) -> None:
        """An element begins; it is the last of `path`."""

    def ended(self, name: Name) -> None:
        """An element ends; it is still the last of `path`."""

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self.path.append(_name(name))
        if self._elements > MAX_ELEMENTS or len(self.path) > MAX_DEPTH or len(attributes) > _MAX_ATTRIBUTES:
            raise ValueError(f"XMP of more than {MAX_ELEMENTS:,} elements, {MAX_DEPTH} levels or {_MAX_ATTRIBUTES:,} attributes")
        self.element(self.path[-1], [_name(attribute) for attribute in attributes])

    def _end(self, name: str) -> None:
        self.ended(self.path[-1])
        self.path.pop()

    def _declare(self, prefix: str | None, namespace: str) -> None:
        self.prefixes.setdefault(prefix or "", []).append(namespace or "")
        if len(self.prefixes) > _MAX_PREFIXES:
            raise ValueError(f"XMP with more than {_MAX_PREFIXES:,} prefixes")

    def _undeclare(self, prefix: str | None) -> None:
        found = self.prefixes[prefix or ""]
        found.pop()
        if not found:
            del self.prefixes[prefix or ""]

    def _refuse(self, *declared: object) -> None:
        raise ValueError("XMP that declares a document type")

    def in_scope(self) -> dict[str, str]:
        """What each prefix stands for here."""
        return {prefix: namespaces[-1] for prefix, namespaces in self.prefixes.items()}

    def tag(self, at: int) -> tuple[list[tuple[Name, int, int, bytes, bytes]], int, bool]:
        """The start tag at `at`: its attributes (name, place with the space before it, end, raw name, raw
        value with its quotes), where the tag ends, and whether it is an empty element's."""
        opened = _OPENED.match(self.data, at)
        place = opened.end() if opened else at
        found = []
        while (attribute := _ATTRIBUTE.match(self.data, place)) is not None:
            prefix, _, local = attribute[1].decode().rpartition(":")
            namespaces = self.prefixes.get(prefix) if prefix else None
            name = Name(namespaces[-1] if namespaces else "", local)
            found.append((name, attribute.start(), attribute.end(), attribute[1], attribute[2]))
            place = attribute.end()
        close = self.data.index(b">", place)
        return found, close + 1, self.data[close - 1 : close] == b"/"

    def end_of(self, at: int) -> int:
        """Where the end tag at `at` ends."""
        return self.data.index(b">", at) + 1


def _name(name: str) -> Name:
    namespace, _, local = name.rpartition(" ")
    return Name(namespace, local)


class _Cutter(_Scanner):
    """Finds the elements and attributes of certain names, at any depth."""

    def __init__(self, data: bytes, unwanted: Callable[[Name], bool]) -> None:
        super().__init__(data)
        self.unwanted = unwanted
        self.cuts: list[tuple[int, int]] = []
        self._within: tuple[int, int] | None = None  # how deep the element lies that is being cut out, and where it begins

    def element(self, name: Name, attributes: list[Name]) -> None:
        if self._within is not None:
            return
        if self.unwanted(name):
            _, end, empty = self.tag(self.at)
            if empty:
                self.cuts.append((self.at, end))
            else:
                self._within = (len(self.path), self.at)
        elif any(self.unwanted(attribute) for attribute in attributes):
            self.cuts += [(start, end) for name, start, end, _, _ in self.tag(self.at)[0] if self.unwanted(name)]

    def ended(self, name: Name) -> None:
        if self._within is not None and len(self.path) == self._within[0]:
            self.cuts.append((self._within[1], self.end_of(self.at)))
            self._within = None


def readable(packet: bytes) -> bytes:
    """The packet as UTF-8, if it can be read: not over the limits, well-formed, with an `rdf:RDF`. Raises
    `ValueError`."""
    data = text_of(packet)
    lister = _Lister(data)
    lister.run()
    if lister.end_of_rdf is None and not lister.is_empty_rdf:
        raise ValueError("XMP without rdf:RDF")
    return data


def packets_in(content: bytes, namespace: str) -> Iterator[bytes]:
    """The packets that stand in a file as they are, neither compressed nor in parts, and name a namespace."""
    if namespace.encode() in content:
        yield from (found.group() for found in _PACKET.finditer(content) if namespace.encode() in found.group())


def without(packet: bytes, unwanted: Callable[[Name], bool]) -> bytes:
    """The packet without the properties of unwanted names, at any depth. Where there are none, it comes back
    as it is.

    Raises `ValueError` where the packet cannot be read.
    """
    data = text_of(packet)
    cutter = _Cutter(data, unwanted)
    cutter.run()
    return _cut(data, cutter.cuts) if cutter.cuts else packet


def _cut(data: bytes, cuts: list[tuple[int, int]]) -> bytes:
    return edited(data, [(start, end, b"") for start, end in cuts])


def edited(data: bytes, edits: list[tuple[int, int, bytes]]) -> bytes:
    """The data with other bytes from each `start` to its `end`."""
    pieces, at = [], 0
    for start, end, new in sorted(edits):
        pieces += [data[at:start], new]
        at = end
    return b"".join((*pieces, data[at:]))


@dataclass(frozen=True)
class Value:
    """A simple value: the names that lead to it, from the property of the packet's subject on (RDF's own left
    out); its `text`, and where that lies; and in which of the packet's items, the outermost, if in one."""

    path: tuple[Name, ...]
    text: str
    start: int
    end: int
    item: int | None


@dataclass(frozen=True)
class Values:
    """The simple values of a packet, and where the items (`rdf:li`) of its properties begin and end, those
    within another one left out. Places are in `data`, the packet as UTF-8."""

    data: bytes
    values: tuple[Value, ...]
    items: tuple[tuple[int, int], ...]


def values_of(packet: bytes) -> Values:
    """The packet's simple values. Raises `ValueError` where it cannot be read."""
    reader = _Reader(text_of(packet))
    reader.run()
    return Values(reader.data, tuple(reader.values), tuple(reader.items))


class _Reader(_Scanner):
    """Gathers the simple values: attributes, and elements that hold text alone."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.values: list[Value] = []
        self.items: list[tuple[int, int]] = []
        self._item_depth: int | None = None  # of the outermost item that is open; it is the last of `items`
        self._item_is_empty = False
        self._text_at: int | None = None  # where the text of the element begins that was opened last, if nothing else has come

    def element(self, name: Name, attributes: list[Name]) -> None:
        self._text_at = None
        if _DESCRIPTION not in self.path:
            return
        found, end, is_empty = self.tag(self.at)
        if name == _ITEM and self._item_depth is None:
            self._item_depth, self._item_is_empty = len(self.path), is_empty
            self.items.append((self.at, end))
        for own, _, stop, _, raw in found:
            if own.namespace not in ("", RDF):
                self._add((*self._named(), own), stop - len(raw) + 1, stop - 1)
        if not is_empty:
            self._text_at = end

    def ended(self, name: Name) -> None:
        if self._text_at is not None and (path := self._named()):
            self._add(path, self._text_at, self.at)
        self._text_at = None
        if self._item_depth == len(self.path):
            self._item_depth = None
            if not self._item_is_empty:
                self.items[-1] = (self.items[-1][0], self.end_of(self.at))

    def _named(self) -> tuple[Name, ...]:
        return tuple(name for name in self.path[self.path.index(_DESCRIPTION) :] if name.namespace != RDF)

    def _add(self, path: tuple[Name, ...], start: int, end: int) -> None:
        item = None if self._item_depth is None else len(self.items) - 1
        self.values.append(Value(path, html.unescape(self.data[start:end].decode()), start, end, item))


class _Lister(_Scanner):
    """Lists the properties of the packet's subject: what its descriptions hold; and where the last of these
    could follow."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.properties: list[_Property] = []
        self.end_of_rdf: int | None = None
        self.is_empty_rdf = False
        self.about = ""
        self.descriptions: list[tuple[int, int]] = []  # where each begins and ends
        self._is_empty = False  # the description in question
        self._open: tuple[int, int, dict[str, str]] | None = None

    def element(self, name: Name, attributes: list[Name]) -> None:
        if self.path[-2:] == [_RDF, _DESCRIPTION]:
            attributes_found, tag_end, self._is_empty = self.tag(self.at)
            self.descriptions.append((self.at, tag_end))
            for own, start, end, raw, value in attributes_found:
                if own == _ABOUT:
                    self.about = self.about or html.unescape(value[1:-1].decode())
                if own.namespace and own.namespace != RDF and not raw.startswith(b"xmlns"):
                    written = b"<%s>%s</%s>" % (raw, value[1:-1], raw)
                    self.properties.append(_Property(own, start, end, written, self.in_scope(), len(self.descriptions) - 1))
        elif self._open is None and self.path[-3:-1] == [_RDF, _DESCRIPTION]:
            _, end, empty = self.tag(self.at)
            if empty:
                self.properties.append(_Property(name, self.at, end, self.data[self.at : end], self.in_scope(), len(self.descriptions) - 1))
            else:
                self._open = (len(self.path), self.at, self.in_scope())
        elif name == _RDF and self.end_of_rdf is None:
            self.is_empty_rdf = self.tag(self.at)[2]

    def ended(self, name: Name) -> None:
        if self._open is not None and len(self.path) == self._open[0]:
            _, start, prefixes = self._open
            end = self.end_of(self.at)
            self.properties.append(_Property(name, start, end, self.data[start:end], prefixes, len(self.descriptions) - 1))
            self._open = None
        elif self.path[-2:] == [_RDF, _DESCRIPTION]:
            if not self._is_empty:
                self.descriptions[-1] = (self.descriptions[-1][0], self.end_of(self.at))
        elif name == _RDF and self.end_of_rdf is None and not self.is_empty_rdf:
            self.end_of_rdf = self.at


def _listed(data: bytes) -> _Lister:
    lister = _Lister(data)
    lister.run()
    return lister


def split(packet: bytes, most: int) -> tuple[bytes, bytes | None]:
    """The packet in at most `most` bytes, and the rest as an extended packet, which the first names by its
    MD5; None: it fits whole.

    What people write (title, keywords, rights) is the last to move. Raises `ValueError` where it cannot be
    read or be made to fit.
    """
    if len(packet) <= most:
        return packet, None
    data = _without_padding(text_of(packet))
    if len(data) <= most:
        return data, None
    lister = _listed(data)
    if lister.end_of_rdf is None:
        raise ValueError("XMP without descriptions")
    room = most - 300  # for the description that names the rest
    moved: list[_Property] = []
    rest = len(data)
    for found in sorted(lister.properties, key=lambda found: (found.name.namespace == _DUBLIN_CORE, found.start - found.end)):
        if rest <= room:
            break
        moved.append(found)
        rest -= found.end - found.start
    if rest > room:
        raise ValueError(f"XMP that cannot be made to fit {most:,} bytes")
    extension = _packet_of(moved)
    digest = hashlib.md5(extension, usedforsecurity=False).hexdigest().upper()
    note = (
        f'<rdf:Description xmlns:rdf="{RDF}" rdf:about={_quoted(lister.about)} xmlns:xmpNote="{_NOTE}" xmpNote:HasExtendedXMP="{digest}"/>'
    ).encode()
    main = _cut(data[: lister.end_of_rdf], _cuts(lister, moved)) + note + data[lister.end_of_rdf :]
    return main, extension


def _cuts(lister: _Lister, moved: list[_Property]) -> list[tuple[int, int]]:
    """Where the properties lie, and, of a description that loses all that it has, where it lies itself."""
    left = Counter(found.description for found in lister.properties)
    left.subtract(found.description for found in moved)
    emptied = {found.description for found in moved if not left[found.description]}
    cuts = [(found.start, found.end) for found in moved if found.description not in emptied]
    return cuts + [lister.descriptions[index] for index in emptied]


def _without_padding(data: bytes) -> bytes:
    """Without the space that a packet keeps before its end for programs that edit it in place."""
    at = data.rfind(b"<?xpacket end=")
    return data if at < 0 else data[:at].rstrip() + data[at:]


def joined(packet: bytes, extension: bytes) -> bytes:
    """The packet with the properties of its extended packet. Raises `ValueError` where one of them cannot be
    read."""
    data = text_of(packet)
    lister, more = _listed(data), _listed(text_of(extension))
    noted = [found for found in lister.properties if found.name == _HAS_EXTENDED]
    if noted:
        data = _cut(data, _cuts(lister, noted))
        lister = _listed(data)
    if lister.end_of_rdf is None:
        raise ValueError("XMP without descriptions")
    known = {found.name for found in lister.properties}
    added = _descriptions([found for found in more.properties if found.name not in known], lister.about)
    return data[: lister.end_of_rdf] + added + data[lister.end_of_rdf :]


def _quoted(text: str) -> str:
    """The text as an attribute's value."""
    return f'"{html.escape(text)}"'


def _packet_of(properties: list[_Property]) -> bytes:
    head = f'<x:xmpmeta xmlns:x="{_META}"><rdf:RDF xmlns:rdf="{RDF}">'.encode()
    return head + _descriptions(properties, "") + b"</rdf:RDF></x:xmpmeta>"


def _descriptions(properties: list[_Property], about: str) -> bytes:
    """Descriptions that hold the properties, one for each set of prefixes."""
    groups: dict[tuple[tuple[str, str], ...], list[bytes]] = {}
    for found in properties:
        groups.setdefault(tuple(sorted(found.prefixes.items())), []).append(found.element)
    pieces = []
    for prefixes, elements in groups.items():
        declared = "".join(f" xmlns{prefix and ':' + prefix}={_quoted(namespace)}" for prefix, namespace in prefixes)
        rdf = next(prefix for prefix, namespace in prefixes if namespace == RDF)
        pieces.append(f"<{rdf}:Description {rdf}:about={_quoted(about)}{declared}>".encode())
        pieces += [*elements, f"</{rdf}:Description>".encode()]
    return b"".join(pieces)
