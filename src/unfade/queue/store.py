"""Files of the web application: in a folder, or at any fsspec URL.

photos/ID/original                  the very bytes that were uploaded
photos/ID/view                      tiles for the browser, in one file (tile_pyramid.py)
photos/ID/masks/MASK.png            and MASK.json, its components
photos/ID/jobs/JOB/TRY/result       and master.png, record.json, view; each try of a job has its own folder
photos/ID/previews/JOB.jpg
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast

_CHUNK = 1 << 20


class Store:
    """A place for files. Paths are relative, with slashes; every method may be called from any thread."""

    def __init__(self, url: str, scratch: Path) -> None:
        """`url`: a folder, or an fsspec URL; `scratch`: a folder of this machine for what passes through."""
        import fsspec

        self._fs: Any
        self._fs, self._root = fsspec.core.url_to_fs(url)
        protocols = self._fs.protocol if isinstance(self._fs.protocol, tuple | list) else (self._fs.protocol,)
        self._local = "file" in protocols
        self.scratch = scratch
        scratch.mkdir(parents=True, exist_ok=True)
        if self._local:
            Path(self._root).mkdir(parents=True, exist_ok=True)

    def _at(self, path: str) -> str:
        return f"{self._root}/{path}"

    def put(self, path: str, data: bytes) -> None:
        """Write a file. Raises `OSError`, with ENOSPC where the disk is full."""
        self._make_folder(path)
        self._fs.pipe_file(self._at(path), data)

    def put_file(self, path: str, source: Path) -> None:
        """Take over a file of this machine: it is moved."""
        self._make_folder(path)
        if self._local:
            shutil.move(source, self._at(path))
        else:
            self._fs.put_file(str(source), self._at(path))
            source.unlink(missing_ok=True)

    def _make_folder(self, path: str) -> None:
        if self._local:
            Path(self._at(path)).parent.mkdir(parents=True, exist_ok=True)

    def exists(self, path: str) -> bool:
        """Whether there is such a file."""
        return bool(self._fs.exists(self._at(path)))

    def size(self, path: str) -> int:
        """In bytes. Raises `FileNotFoundError`."""
        return int(self._fs.size(self._at(path)))

    def read(self, path: str, start: int | None = None, end: int | None = None) -> bytes:
        """A file's bytes, or those from `start` up to `end`. Raises `FileNotFoundError`."""
        if self._local:
            with Path(self._at(path)).open("rb") as file:
                file.seek(start or 0)
                return file.read(-1 if end is None else end - (start or 0))
        return bytes(self._fs.cat_file(self._at(path), start=start, end=end))

    def chunks(self, path: str) -> Iterator[bytes]:
        """A file's bytes, piece by piece."""
        with cast("BinaryIO", self._fs.open(self._at(path), "rb")) as file:
            while piece := file.read(_CHUNK):
                yield piece

    @contextmanager
    def local(self, path: str) -> Iterator[Path]:
        """The file as one of this machine, for as long as the block runs; do not write to it.

        Raises `FileNotFoundError`.
        """
        if self._local:
            yield Path(self._at(path))
            return
        with self.workspace() as folder:
            copy = folder / "copy"
            self._fs.get_file(self._at(path), str(copy))
            yield copy

    @contextmanager
    def workspace(self) -> Iterator[Path]:
        """A folder of this machine that is gone after the block."""
        with tempfile.TemporaryDirectory(dir=self.scratch, ignore_cleanup_errors=True) as folder:
            yield Path(folder)

    def remove(self, path: str) -> None:
        """Remove a file or a folder with all that is in it, if it is there."""
        for last in (False, False, True):
            try:
                self._fs.rm(self._at(path), recursive=True)
            except FileNotFoundError:
                return
            except OSError:  # a worker that does not know yet has put a file there meanwhile
                if last:
                    raise

    def names(self, path: str) -> list[tuple[str, float]]:
        """The names in a folder, and when each was changed (0 where the place does not say)."""
        try:
            entries = self._fs.ls(self._at(path), detail=True, refresh=True)
        except FileNotFoundError:
            return []
        found = []
        for entry in entries:
            changed = entry.get("mtime", 0)
            found.append((str(entry["name"]).rstrip("/").rsplit("/", 1)[-1], float(changed) if isinstance(changed, int | float) else 0.0))
        return found

    def free_bytes(self) -> int:
        """Free space of the disk that files pass through, and of that on which they stay if that is one."""
        free = shutil.disk_usage(self.scratch).free
        return min(free, shutil.disk_usage(self._root).free) if self._local else free
