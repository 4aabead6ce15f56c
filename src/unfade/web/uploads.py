"""What a stranger sends: its name and its bytes."""

from __future__ import annotations

import re
import unicodedata
from pathlib import Path

from starlette.datastructures import UploadFile


def clean_name(name: str | None) -> str:
    """A user's file name as text that does no harm: no folders, no control or direction characters, not too
    long.
    """
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", name or ""))[-1]
    kept = "".join(letter for letter in last if unicodedata.category(letter)[0] != "C").strip(" .")
    if len(kept) > 120:
        stem, dot, ending = kept.rpartition(".")
        kept = stem[:110] + dot + ending[:9] if dot else kept[:120]
    return kept or "photograph"


def copied(file: UploadFile, target: Path) -> int:
    """Copy an upload to a file; gives its size."""
    size = 0
    with target.open("wb") as out:
        file.file.seek(0)
        while piece := file.file.read(1 << 20):
            out.write(piece)
            size += len(piece)
    return size
