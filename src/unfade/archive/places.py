"""Where masters lie and where results go: a folder, or any fsspec URL.

A `Source` can only be read: it has no function that writes. A `Destination` takes each file whole or not at
all on a disk and in a bucket; results are told from halves of them by their records, which are written last.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from unfade.errors import AwayError, UnreadableError, UnwritableError, UsageError
from unfade.files import disk
from unfade.files.formats import FORMATS

OURS = ".unfade"
"""The folder in a destination that holds what is not delivered: held and refused results, thumbnails, the
manifest."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})


class FullError(UnwritableError):
    """The destination is full: no fault of the photograph that was to be written."""


@dataclass(frozen=True)
class Found:
    """A file that may be a master: its `name` in the source, with slashes; `stamp` changes when the file
    does."""

    name: str
    bytes: int
    stamp: str


class _Place:
    """A folder or an fsspec URL."""

    def __init__(self, url: str) -> None:
        import fsspec

        if not url:
            raise UsageError("the name of a folder is empty; is a variable not set?")
        self.url = url
        self._fs: Any
        try:
            self._fs, self._root = fsspec.core.url_to_fs(url)
        except (ValueError, ImportError) as error:
            raise UsageError(f"{url} cannot be reached: {error}; install what its kind of address needs, or name a folder") from error
        protocols = self._fs.protocol if isinstance(self._fs.protocol, tuple | list) else (self._fs.protocol,)
        self.folder: Path | None = Path(self._root) if "file" in protocols else None

    def _at(self, name: str) -> str:
        return f"{self._root.rstrip('/')}/{name}"

    def check(self) -> None:
        """Raise `AwayError` where the place cannot be reached: a share that is not mounted is no empty
        folder."""
        try:
            found = self.folder.is_dir() if self.folder is not None else self._fs.exists(self._root)
        except Exception as error:
            raise AwayError(f"{self.url} cannot be reached: {error}") from error
        if not found:
            raise AwayError(f"{self.url} cannot be reached; see whether its disk or share is mounted")

    def read(self, name: str) -> bytes:
        """All of a file. Raises `UnreadableError`, or `AwayError` where the whole place is gone."""
        try:
            if self.folder is not None:
                return disk.bytes_of(self.folder / name, name)
            return bytes(self._fs.cat_file(self._at(name)))
        except UnreadableError:
            self.check()
            raise
        except FileNotFoundError as error:
            raise UnreadableError(f"{name} does not exist any more; it was there when the source was listed") from error
        except Exception as error:  # each filesystem of fsspec has its own errors
            self.check()
            raise UnreadableError(f"{name} cannot be read: {error}; see whether it can be opened by another program") from error


class Source(_Place):
    """Where masters lie. Nothing here writes."""

    def masters(self) -> Iterator[Found]:
        """Every file below that is a photograph by its ending, in no order. Hidden files and folders are left
        out. Raises `AwayError`."""
        self.check()
        endings = frozenset(ending for codec in FORMATS.values() for ending in codec.extensions)
        listed = self._on_disk(self.folder) if self.folder is not None else self._elsewhere()
        for found in listed:
            parts = found.name.split("/")
            if Path(parts[-1]).suffix.lower() in endings and not any(part.startswith((".", "@", "#")) for part in parts):
                yield found

    def _on_disk(self, folder: Path) -> Iterator[Found]:
        def unlistable(error: OSError) -> None:
            raise UnreadableError(f"{error.filename} cannot be looked into ({error.strerror}); give yourself permission to read it")

        for place, folders, names in os.walk(folder, onerror=unlistable):
            folders.sort()
            for name in names:
                path = Path(place) / name
                with contextlib.suppress(FileNotFoundError):  # it went while we looked
                    state = path.stat()
                    yield Found(path.relative_to(folder).as_posix(), state.st_size, f"{state.st_size} {state.st_mtime_ns}")

    def _elsewhere(self) -> Iterator[Found]:
        for path, facts in self._fs.find(self._root, detail=True).items():
            size = int(facts.get("size") or 0)
            marks = (facts.get(key) for key in ("ETag", "etag", "LastModified", "last_modified", "mtime", "updated", "created"))
            name = str(path)[len(self._root.rstrip("/")) + 1 :]
            yield Found(name, size, f"{size} {next((mark for mark in marks if mark), '')}")


class Destination(_Place):
    """Where results go."""

    def prepare(self) -> None:
        """Make the folder. Raises `UnwritableError`."""
        if self.folder is None:
            return
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise UnwritableError(f"{self.url} cannot be made ({error.strerror}); choose another folder") from error

    def exists(self, name: str) -> bool:
        """Whether there is such a file."""
        return (self.folder / name).is_file() if self.folder is not None else bool(self._fs.exists(self._at(name)))

    def put(self, name: str, data: bytes) -> None:
        """Write a file, in place of one that is there. Raises `FullError`, `UnwritableError`, `AwayError`."""
        try:
            if self.folder is not None:
                target = self.folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                disk.put(data, target, overwrite=True)
            else:
                self._fs.pipe_file(self._at(name), data)
        except (UnwritableError, OSError) as error:
            why = error.__cause__ if isinstance(error, UnwritableError) else error
            if isinstance(why, OSError) and why.errno in _FULL:
                raise FullError(f"{self.url} is full: {len(data) / 1e6:,.1f} MB are needed for {name}") from error
            self.check()
            raise UnwritableError(f"{name} cannot be written: {error}") from error
        except Exception as error:
            self.check()
            raise UnwritableError(f"{name} cannot be written: {error}") from error

    def move(self, name: str, to: str) -> None:
        """Move a file, in place of one that is there; one that was moved before is left. Raises
        `UnwritableError`."""
        try:
            if self.folder is not None:
                (self.folder / to).parent.mkdir(parents=True, exist_ok=True)
                (self.folder / name).replace(self.folder / to)
            else:
                self._fs.mv(self._at(name), self._at(to))
        except FileNotFoundError:
            return
        except OSError as error:
            raise UnwritableError(f"{name} cannot be moved to {to}: {error.strerror or error}") from error

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            if self.folder is not None:
                (self.folder / name).unlink()
            else:
                self._fs.rm_file(self._at(name))

    def clear_parts(self) -> int:
        """Remove what killed workers left of files that they were writing; gives how many."""
        if self.folder is None:
            return 0
        parts = list(self.folder.rglob(".unfade-*.part"))
        for part in parts:
            part.unlink(missing_ok=True)
        return len(parts)

    def names(self) -> list[str]:
        """Every file below, by its name; those of `OURS`, too."""
        if self.folder is not None:
            found = (Path(place) / name for place, _, names in os.walk(self.folder) for name in names)
            return sorted(path.relative_to(self.folder).as_posix() for path in found)
        return sorted(str(path)[len(self._root.rstrip("/")) + 1 :] for path in self._fs.find(self._root))


def check_apart(source: Source, destination: Destination) -> None:
    """Refuse a destination in the source, or the other way round: results would be taken for masters.
    Raises `UsageError`."""
    one, other = (str(place.folder.resolve()) if place.folder is not None else place.url.rstrip("/") for place in (source, destination))
    if one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/"):
        raise UsageError(f"{destination.url} and {source.url} lie in each other; results must not lie among masters: name another folder")
