"""Which format a file is of, by its content; and in which words it is refused where it is no photograph."""

from __future__ import annotations

from unfade.errors import OtherKindError
from unfade.files.boxes import brands
from unfade.files.formats import FORMATS

_OTHERS: tuple[tuple[bytes, str], ...] = (
    (b"%PDF", "a PDF"),
    (b"8BPS", "a Photoshop document"),
    (b"\xff\x0a", "a JPEG XL"),
    (b"\0\0\0\x0cJXL ", "a JPEG XL"),
    (b"\0\0\0\x0cjP  ", "a JPEG 2000"),
    (b"\xff\x4f\xff\x51", "a JPEG 2000"),
    (b"v/1\x01", "an OpenEXR"),
    (b"PK\x03\x04", "a ZIP archive or office document"),
    (b"FUJIFILM", "a camera's raw file"),
    (b"\x1aE\xdf\xa3", "a film"),
)


def format_of(data: bytes, name: str) -> str:
    """The format by content. Raises `OtherKindError` for what is not a photograph we read."""
    found = next((format for format, codec in FORMATS.items() if codec.tells(data)), None)
    if found is not None:
        return found
    if data[4:8] == b"ftyp":
        what = "a camera raw file" if b"crx " in brands(data) else "a film"
        raise OtherKindError(f"{name} is {what}; export it as TIFF, PNG or JPEG first")
    for magic, what in _OTHERS:
        if data.startswith(magic):
            raise OtherKindError(f"{name} is {what}, not a photograph that is read here; export it as TIFF, PNG or JPEG first")
    text = data[:1024].lstrip(b"\xef\xbb\xbf \t\r\n").lower()
    if text.startswith(b"<"):
        kind = "an SVG drawing" if b"<svg" in text else "a web page" if b"html" in text else "an XML text"
        raise OtherKindError(f"{name} is {kind}, not a photograph; give {_kinds_read()}")
    raise OtherKindError(f"{name} is not a photograph that can be read here; give {_kinds_read()}")


def _kinds_read() -> str:
    *others, last = (codec.title for codec in FORMATS.values())
    return f"one of these: {', '.join(others)} or {last}"
