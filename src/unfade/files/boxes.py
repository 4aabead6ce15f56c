"""What HEIF and AVIF have in common: boxes, their brands, their metadata, and the numbers that stand for
colors (ISO 14496-12, H.273)."""

from __future__ import annotations

import struct
from dataclasses import replace

from unfade.files import exif, sizes
from unfade.files.codec import Contents, Metadata
from unfade.files.icc import vips

AVIF_BRANDS = frozenset({b"avif", b"avis"})  # files of these are often of HEIF's common brands too


def brands(data: bytes) -> set[bytes]:
    """The brands that a file of boxes says it is of; none where it is no such file."""
    if data[4:8] != b"ftyp":
        return set()
    size = min(struct.unpack_from(">I", data)[0], 256)
    return {data[at : at + 4] for at in (8, *range(16, size, 4))}


def contents_of(exif_block: bytes | None, xmp: bytes | None, icc: bytes | None, size: tuple[int, int]) -> Contents:
    """What a decoder found beside a picture of that `size` (width, height).

    It has turned the picture already, as boxes of their own say: the orientation in EXIF and XMP does not
    count, but cameras state the same one there, and places in the picture as it was before.
    """
    checked = exif.checked(exif_block)
    said, notes = sizes.moved_upright(Metadata(checked.exif, xmp or None), checked.orientation, *size)
    return Contents(said.exif, said.xmp, icc=icc or None, dpi=exif.dpi_in(said.exif), notes=checked.notes + notes)


def with_color_code(contents: Contents, data: bytes, *, channels: int) -> tuple[Contents, tuple[str, ...]]:
    """The contents with the profile that the file's color numbers mean, where it has no profile itself; and
    notes."""
    at = data[: 1 << 20].find(b"colrnclx")
    if contents.icc is not None or at < 0 or at + 12 > len(data):
        return contents, ()
    profile, notes = profile_of_code(*struct.unpack_from(">HH", data, at + 8), channels=channels)
    return replace(contents, icc=profile), notes


def profile_of_code(primaries: int, transfer: int, *, channels: int) -> tuple[bytes | None, tuple[str, ...]]:
    """The profile that the numbers of ITU-T H.273 mean (None: sRGB), and notes.

    Primaries 1 with transfer 13 are sRGB, 12 with 13 Display P3; 2 is unsaid.
    """
    if transfer in (16, 18):
        light = "PQ" if transfer == 16 else "HLG"
        return None, (f"its light is coded for HDR screens ({light}); it is read as sRGB and will look flat",)
    if primaries == 12 and transfer == 13 and channels == 3:
        profile = bytes(vips().Image.profile_load("p3"))
        return profile, ("its colors are Display P3, said without an ICC profile; one was put in",)
    if primaries not in (1, 2, 5, 6) or transfer not in (1, 2, 6, 13, 14, 15):
        return None, (f"its colors are of ITU-T H.273 primaries {primaries}, transfer {transfer}; they are read as sRGB",)
    return None, ()
