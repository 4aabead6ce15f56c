"""What a stranger sends, put into a file."""

from __future__ import annotations

import shutil
from pathlib import Path

from starlette.datastructures import UploadFile


def copied(file: UploadFile, target: Path) -> int:
    """Copy an upload to a file; gives its size in bytes."""
    file.file.seek(0)
    with target.open("wb") as out:
        shutil.copyfileobj(file.file, out, 1 << 20)
        return out.tell()
