"""Files of photographs and jobs: in a folder, or at any fsspec URL.

photos/ID/original                  the very bytes that were uploaded
photos/ID/view                      tiles for the browser, in one file (tile_pyramid.py)
photos/ID/masks/MASK.png            and MASK.json, its components
photos/ID/jobs/JOB/TRY/result       and master.png, record.json, view; each try of a job has its own folder
photos/ID/previews/JOB.jpg
"""

from __future__ import annotations

import contextlib
import errno
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

from unfade.errors import AwayError
from unfade.queue.scratch import Scratch

_CHUNK = 1 << 20
_MARKER = ".unfade"
_OWN_ERRORS = frozenset({errno.ENOSPC, errno.EDQUOT})  # what callers tell apart; the rest means that the disk cannot be reached


class Store:
    """A place for files. Paths are relative, with slashes; every method may be called from any thread.

    Every method raises `AwayError` where the place cannot be reached for now, and `OSError` (ENOSPC)
    where it is full. A folder is known by a file `.unfade` in it: a disk that is not mounted is away, and
    not empty.
    """

    def __init__(self, url: str, scratch: Path) -> None:
        """`url`: a folder, or an fsspec URL; `scratch`: a folder of this machine for what passes through."""
        import fsspec

        self._fs: Any
        self._fs, self._root = fsspec.core.url_to_fs(url)
        protocols = self._fs.protocol if isinstance(self._fs.protocol, tuple | list) else (self._fs.protocol,)
        self._local = "file" in protocols
        self.scratch = Scratch(scratch)
        self._seen: dict[str, dict[str, float]] = {}  # since when, in folders of a place that does not say
        if self._local:
            Path(self._root).mkdir(parents=True, exist_ok=True)
            marker = Path(self._root) / _MARKER
            if not marker.exists():
                marker.write_bytes(b"")

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def check(self) -> None:
        """Raise `AwayError` where the place cannot be reached."""
        if self._local:
            try:
                found = (Path(self._root) / _MARKER).is_file()
            except OSError:
                found = False
            if not found or not self.scratch.folder.is_dir():
                raise AwayError("the storage cannot be reached: its folder is gone, or its disk is")
        else:
            with self._reached():
                self._fs.exists(self._root)

    @contextmanager
    def _reached(self) -> Iterator[None]:
        """What goes wrong in the block because the place cannot be reached comes out as `AwayError`."""
        try:
            yield
        except FileNotFoundError:
            if self._local:
                self.check()
            raise
        except OSError as error:
            if error.errno in _OWN_ERRORS:
                raise
            raise AwayError(f"the storage cannot be reached: {error.strerror or error}") from error
        except Exception as error:
            if self._local:
                raise
            raise AwayError(f"the storage cannot be reached: {error}") from error  # each filesystem of fsspec has its own errors

    def put(self, path: str, data: bytes) -> None:
        """Write a file."""
        with self._reached():
            self._make_folder(path)
            self._fs.pipe_file(self._at(path), data)

    def put_file(self, path: str, source: Path) -> None:
        """Take over a file of this machine: it is moved. Leaves no part of a file that does not fit."""
        with self._reached():
            self._make_folder(path)
            if not self._local:
                self._fs.put_file(str(source), self._at(path))
                source.unlink(missing_ok=True)
                return
            try:
                shutil.move(source, self._at(path))
            except OSError:
                with contextlib.suppress(OSError):
                    Path(self._at(path)).unlink(missing_ok=True)
                raise

    def _make_folder(self, path: str) -> None:
        if self._local:
            self.check()  # or the folder of a disk that is not mounted would be made
            Path(self._at(path)).parent.mkdir(parents=True, exist_ok=True)

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        with self._reached():
            if self._local:
                self.check()
            return bool(self._fs.exists(self._at(path)))

    def size(self, path: str) -> int:
        """In bytes. Raises `FileNotFoundError`."""
        with self._reached():
            return int(self._fs.size(self._at(path)))

    def read(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        """A file's bytes, or those from `start` up to `end`. Raises `FileNotFoundError`."""
        with self._reached():
            if self._local:
                with Path(self._at(path)).open("rb") as file:
                    file.seek(start or 0)
                    return file.read(-1 if end is None else end - (start or 0))
            return bytes(self._fs.cat_file(self._at(path), start=start, end=end))

    def chunks(self, path: str) -> Iterator[bytes]:
        """A file's bytes, piece by piece."""
        with self._reached(), cast("BinaryIO", self._fs.open(self._at(path), "rb")) as file:
            while piece := file.read(_CHUNK):
                yield piece

    @contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """The file as one of this machine, for as long as the block runs; do not write to it.

        Raises `FileNotFoundError`.
        """
        if self._local:
            with self._reached():
                if not Path(self._at(path)).exists():
                    raise FileNotFoundError(errno.ENOENT, "no such file", path)
            yield Path(self._at(path))
            return
        with self.workspace() as folder:
            copy = folder / "copy"
            with self._reached():
                self._fs.get_file(self._at(path), str(copy))
            yield copy

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder of this machine that is gone after the block, or soon after this process was killed."""
        with self.scratch.workspace() as folder:
            yield folder

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all that is in it, if it is there."""
        for last in (False, False, True):
            try:
                with self._reached():
                    self._fs.rm(self._at(path), recursive=True)
            except FileNotFoundError:
                return
            except (OSError, AwayError):  # a worker that does not know yet has put a file there meanwhile
                if last:
                    raise

    def names(self, path: str) -> list[tuple[str, float]]:
        """The names in a folder, and when each was changed.

        Object stores do not say that of folders: there, when this process first saw it. So what is just being
        uploaded is young.
        """
        try:
            with self._reached():
                entries = self._fs.ls(self._at(path), detail=True, refresh=True)
        except FileNotFoundError:
            return []
        before, now, found = self._seen.get(path, {}), time.time(), []
        for entry in entries:
            name, changed = str(entry["name"]).rstrip("/").rsplit("/", 1)[-1], entry.get("mtime")
            is_told = isinstance(changed, int | float) and changed > 0
            found.append((name, float(changed) if is_told else before.get(name, now)))
        self._seen[path] = {} if self._local else dict(found)
        return found

    def free_bytes(self) -> int:
        """Free bytes on the scratch disk, or on the storage disk if it is local and has less."""
        with self._reached():
            free = shutil.disk_usage(self.scratch.folder).free
            return min(free, shutil.disk_usage(self._root).free) if self._local else free
