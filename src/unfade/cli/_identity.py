"""Whether two names are one file: by links and `..`, by device and inode, and as the folder compares them."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TypeAlias

Key: TypeAlias = tuple[object, ...]
"""One of the things by which a file is the same as another."""


def place_of(path: Path) -> Key:
    """Where `path` lies, links and `..` followed, whether a file is there or not: the folder's device and
    inode, and the name in it."""
    real = os.path.realpath(path)
    folder, name = os.path.split(real)
    try:
        state = os.stat(folder)  # noqa: PTH116
    except (OSError, ValueError):
        return ("path", real)
    return ("place", state.st_dev, state.st_ino, name)


def keys_of(path: Path) -> list[Key]:
    """All by which a file is the same as another: its place and, where it is there, its device and inode
    (hard links)."""
    keys = [place_of(path)]
    try:
        state = path.stat()
    except (OSError, ValueError):
        return keys
    return [*keys, ("file", state.st_dev, state.st_ino)]


def is_folder(path: Path) -> bool:
    """Whether a folder is there. A name that no file system takes is none's, as `Path.is_dir` does not
    say."""
    return os.path.isdir(path)  # noqa: PTH112


def is_one_file(folder: Path, one: str, other: str) -> bool:
    """Whether this folder takes two names for one. Tried out, in a folder of our own in it."""
    try:
        with TemporaryDirectory(prefix=".unfade-", dir=folder) as trial:
            (Path(trial) / one).touch()
            return os.path.lexists(Path(trial) / other)
    except OSError:  # nothing can be written there: writing the results will say so
        return False


def folded(key: Key) -> Key:
    """A place with its name as a folder that ignores case and Unicode's forms would have it."""
    *rest, name = key
    return (*rest, unicodedata.normalize("NFC", str(name)).casefold())
