"""Photoshop's image resources, which hold IPTC in JPEG, TIFF and some PNG (Adobe Photoshop file formats specification, 2019)."""

from __future__ import annotations

import struct

_IPTC = 0x0404


def iptc_in(resources: bytes) -> bytes | None:
    """The IIM stream among the resources."""
    at = 0
    while at + 12 <= len(resources) and resources[at : at + 4] in (b"8BIM", b"MeSa"):
        kind = struct.unpack_from(">H", resources, at + 4)[0]
        at += 6 + (resources[at + 6] + 2) // 2 * 2
        if at + 4 > len(resources):
            return None
        size = struct.unpack_from(">I", resources, at)[0]
        if kind == _IPTC:
            return resources[at + 4 : at + 4 + size] or None
        at += 4 + size + size % 2
    return None


def with_iptc(iptc: bytes) -> bytes:
    """The IIM stream as the only resource."""
    return b"8BIM" + struct.pack(">HHI", _IPTC, 0, len(iptc)) + iptc + bytes(len(iptc) % 2)
