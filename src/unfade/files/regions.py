"""Where XMP says that people and things are in a photograph, once it was turned, mirrored or cut: regions
move along, or are left out.

Sources: MWG, Guidelines for Handling Image Metadata 2.0, 5.9 (`mwg-rs:Regions`); Microsoft, People Tagging
(`MP:RegionInfo`).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from unfade.files import xmp
from unfade.files.xmp import Name, Value

_LEVEL_PX = 0.5  # sides that stray less from level and upright over their whole length are taken to be so
_SHAPE = 0.02  # by which share the proportions that regions were written for may stray from the picture's
_MWG, _DIMENSIONS = "http://www.metadataworkinggroup.com/schemas/regions/", "http://ns.adobe.com/xap/1.0/sType/Dimensions#"
_AREA = "http://ns.adobe.com/xmp/sType/Area#"
_MWG_REGIONS, _MWG_LIST, _MWG_AREA = (Name(_MWG, local) for local in ("Regions", "RegionList", "Area"))
_APPLIED = Name(_MWG, "AppliedToDimensions")
_MP_REGIONS = Name("http://ns.microsoft.com/photo/1.2/", "RegionInfo")
_MP_LIST = Name("http://ns.microsoft.com/photo/1.2/t/RegionInfo#", "Regions")
_MP_RECTANGLE = Name("http://ns.microsoft.com/photo/1.2/t/Region#", "Rectangle")
_NOT_MOVED = frozenset(
    {Name("http://iptc.org/std/Iptc4xmpExt/2008-02-29/", "ImageRegion"), Name("http://ns.acdsee.com/regions/", "Regions")}
)

Box: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom, in shares of a picture's width and height."""


@dataclass(frozen=True, eq=False)
class Move:
    """How a picture was turned and cut: where the `corners` of what it became (top left, top right, bottom
    right, bottom left) lay before, (4, 2), x then y in pixels; and its size (width, height) `before` and
    `after`."""

    corners: np.ndarray
    before: tuple[int, int]
    after: tuple[int, int]

    @property
    def is_none(self) -> bool:
        """Whether every pixel stays where it was."""
        (width, height), same = self.before, self.before == self.after
        return same and np.allclose(self.corners, [[0, 0], [width, 0], [width, height], [0, height]], atol=1e-6, rtol=0)

    @property
    def is_level(self) -> bool:
        """Whether it is an upright box, turned by quarters or mirrored: what is level or upright in it was so
        before."""
        sides = np.abs(np.roll(self.corners, -1, axis=0) - self.corners)
        return bool(sides.min(axis=1).max() < _LEVEL_PX)

    def box(self, box: Box) -> Box | None:
        """A box of the picture before, on what it became, as far as it lies there; None if its middle does
        not."""
        points = np.array([box[:2], box[2:]]) * self.before - self.corners[0]
        sides = self.corners[[1, 3]] - self.corners[0]
        shares = np.sort(points @ sides.T / (sides**2).sum(axis=1), axis=0)
        middle = shares.mean(axis=0)
        if (middle < 0).any() or (middle > 1).any():
            return None
        (left, top), (right, bottom) = np.clip(shares, 0, 1).tolist()
        return left, top, right, bottom


def moved(packet: bytes, move: Move) -> tuple[bytes, tuple[str, ...]]:
    """The packet with its regions on what the picture became, and notes on those that were left out.

    A region stays, as far as it lies in the picture, if its middle does. All of a kind are left out where a
    turn is not by quarters, where they were written for a picture of another shape, or where they are of a
    form that is not known here. Raises `ValueError` where the packet cannot be read.
    """
    found = xmp.values_of(packet)
    present = {value.path[0] for value in found.values}
    edits: list[tuple[int, int, bytes]] = []
    dropped = present & _NOT_MOVED
    emptied: set[Name] = set()
    outside = total = 0
    for name, read in _KINDS.items():
        try:
            kind = read([value for value in found.values if value.path[0] == name], move)
        except (ValueError, KeyError):
            dropped |= {name}
            continue
        edits += kind.edits
        edits += [(*found.items[item], b"") for item in kind.outside]
        outside, total = max(outside, len(kind.outside)), max(total, len(kind.all))
        if kind.outside == kind.all and kind.all:
            emptied.add(name)
    notes = []
    if dropped:
        notes.append("the regions in its XMP (faces and their names, say) cannot be moved along with the picture and were left out")
    if outside:
        notes.append(f"regions in its XMP (faces and their names, say) that lie outside the cut were left out: {outside} of {total}")
    data = xmp.edited(found.data, edits) if edits else packet
    return xmp.without(data, (dropped | emptied).__contains__) if dropped or emptied else data, tuple(notes)


@dataclass(frozen=True)
class _Kind:
    """The regions of one kind, moved: new texts of values, the items that hold regions, and which lie
    outside."""

    edits: list[tuple[int, int, bytes]]
    all: set[int]
    outside: set[int]


def _of_mwg(values: list[Value], move: Move) -> _Kind:
    """Raises `ValueError` and `KeyError` where they cannot be moved."""
    applied = {value.path[2].local: value for value in values if value.path[1:2] == (_APPLIED,) and len(value.path) == 3}
    areas: dict[int, dict[str, Value]] = {}
    for value in values:
        if value.item is not None and len(value.path) == 4 and value.path[1:3] == (_MWG_LIST, _MWG_AREA):
            areas.setdefault(value.item, {})[value.path[3].local] = value
    edits: list[tuple[int, int, bytes]] = []
    outside: set[int] = set()
    if values and not move.is_level:
        raise ValueError("turned by less than a quarter")
    if "w" in applied or "h" in applied:
        _check_shape(_number(applied["w"].text), _number(applied["h"].text), move)
        edits += [_edit(applied[side], str(size)) for side, size in zip("wh", move.after, strict=True)]
    if applied.get("unit") is not None and applied["unit"].text.strip().lower() not in ("pixel", "pixels"):
        raise ValueError("of another unit")
    for item, area in areas.items():
        if "d" in area or ("unit" in area and area["unit"].text.strip() != "normalized"):
            raise ValueError("of another form")
        x, y = (_number(area[name].text) for name in "xy")
        width, height = (_number(area[name].text) if name in area else 0.0 for name in "wh")
        box = move.box((x - width / 2, y - height / 2, x + width / 2, y + height / 2))
        if box is None:
            outside.add(item)
            continue
        new = {"x": (box[0] + box[2]) / 2, "y": (box[1] + box[3]) / 2, "w": box[2] - box[0], "h": box[3] - box[1]}
        edits += [_edit(area[name], _written(number)) for name, number in new.items() if name in area]
    listed = {value.item for value in values if value.item is not None and value.path[1:2] == (_MWG_LIST,)}
    return _Kind(edits, listed, outside)


def _of_mp(values: list[Value], move: Move) -> _Kind:
    """Raises `ValueError` where they cannot be moved."""
    edits: list[tuple[int, int, bytes]] = []
    outside: set[int] = set()
    rectangles = {value.item: value for value in values if value.item is not None and value.path[1:] == (_MP_LIST, _MP_RECTANGLE)}
    if rectangles and not move.is_level:
        raise ValueError("turned by less than a quarter")
    for item, value in rectangles.items():
        left, top, width, height = (_number(text) for text in value.text.split(","))
        box = move.box((left, top, left + width, top + height))
        if box is None:
            outside.add(item)
        else:
            edits.append(_edit(value, ", ".join(_written(number) for number in (*box[:2], box[2] - box[0], box[3] - box[1]))))
    return _Kind(edits, {value.item for value in values if value.item is not None and value.path[1:2] == (_MP_LIST,)}, outside)


_KINDS: Mapping[Name, Callable[[list[Value], Move], _Kind]] = {_MWG_REGIONS: _of_mwg, _MP_REGIONS: _of_mp}


def _check_shape(width: float, height: float, move: Move) -> None:
    """Raise `ValueError` for regions that were written for a picture of another shape: they show other
    places."""
    if abs(width * move.before[1] - height * move.before[0]) > _SHAPE * abs(width) * move.before[1]:
        raise ValueError("of a picture of another shape")


def _number(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError("no number")
    return number


def _written(number: float) -> str:
    return f"{number:.6f}".rstrip("0").rstrip(".")


def _edit(value: Value, text: str) -> tuple[int, int, bytes]:
    return value.start, value.end, text.encode()
