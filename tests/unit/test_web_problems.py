"""What is said of a file that is no photograph follows from the class of the error, never from the words of
its message."""

from __future__ import annotations

import struct

import numpy as np
import pytest

pytest.importorskip("fastapi", reason="needs the web extra")

from unfade.errors import UnfadeError
from unfade.files import photo
from unfade.web.problems import problem_of


def _box(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", 8 + len(body)) + kind + body


def _dng() -> bytes:
    """A TIFF's first directory with a DNGVersion."""
    entries = [(256, 4, 1, 1), (257, 4, 1, 1), (50706, 1, 4, 1)]
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(struct.pack("<HHII", *entry) for entry in entries) + bytes(64)


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"%PDF-1.7\n" + bytes(100), 415, "not-a-photograph"),
        (b"PK\3\4" + bytes(100), 415, "not-a-photograph"),
        (b"Dear aunt", 415, "not-a-photograph"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", 415, "not-a-photograph"),
        (_box(b"ftyp", b"isom\0\0\0\0isom") + bytes(100), 415, "not-a-photograph"),
        (_box(b"ftyp", b"crx \0\0\0\0crx ") + bytes(100), 415, "not-a-photograph"),
        (b"II*\0\x10\0\0\0CR\2\0" + bytes(1000), 415, "not-a-photograph"),
        (_dng(), 415, "not-a-photograph"),
        (b"", 422, "unreadable"),
        (photo.encode_file(photo.read(np.full((60, 80), 9, np.uint8)), "png")[:60], 422, "unreadable"),
    ],
    ids=["PDF", "ZIP", "text", "SVG", "film", "raw in a box", "raw in a TIFF", "DNG", "empty", "cut off"],
)
def test_what_is_no_photograph_is_415_and_a_broken_one_422(data: bytes, status: int, code: str) -> None:
    with pytest.raises(UnfadeError) as refused:
        photo.read(data, name="the file" if status == 415 else "not a photograph")
    problem = problem_of(refused.value)
    assert (problem.status_code, problem.code) == (status, code), str(refused.value)
