"""Where masters lie and where results go: a folder, or any fsspec URL.

A `Source` can only be read: it has no function that writes. A `Destination` takes each file whole or not at
all on a disk and in a bucket; results are told from halves of them by their records, which are written last.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePath, PurePosixPath
from typing import Any

from unfade.errors import AwayError, UnfadeError, UnreadableError, UnwritableError, UsageError
from unfade.files import disk
from unfade.files.formats import endings
from unfade.files.names import hidden_files, is_aside, readable

OURS = ".unfade"
"""The folder in a destination that holds what is not delivered: held and refused results, thumbnails, the
manifest."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT})
_DOTS = frozenset({".", ".."})  # folders themselves: nothing hidden


class FullError(UnwritableError):
    """The destination is full: no fault of the photograph that was to be written."""


@dataclass(frozen=True)
class Found:
    """A master: its `name` in the source, with slashes; `stamp` changes when the file does.

    `why`: what keeps it from being read; empty: nothing. A folder that cannot be looked into is one such, its
    name with a slash at the end.
    """

    name: str
    bytes: int
    stamp: str
    why: str = ""


@dataclass(frozen=True)
class PassedOver:
    """What lies in a source and is no master: files by their ending, links to folders,
    and photographs that are `hidden` or lie in hidden folders or in a storage system's own."""

    endings: dict[str, int] = field(default_factory=dict)
    links: int = 0
    hidden: int = 0

    def sentences(self) -> tuple[str, ...]:
        """What a person may have expected to be done, and is not.

        >>> PassedOver({".jp2": 1, ".dng": 2}, links=1).sentences()[0]
        'passed over 3 files that are no photographs by their ending: 2 .dng, 1 .jp2'
        """
        said = []
        if count := sum(self.endings.values()):
            kinds = ", ".join(f"{number:,} {ending}" for ending, number in sorted(self.endings.items()))
            one = "1 file that is no photograph by its ending"
            files = one if count == 1 else f"{count:,} files that are no photographs by their ending"
            said.append(f"passed over {files}: {kinds}")
        if self.links:
            links = "1 link to a folder" if self.links == 1 else f"{self.links:,} links to folders"
            said.append(f"did not follow {links}; give each that is wanted a run of its own")
        if self.hidden:
            said.append(hidden_files(self.hidden))
        return tuple(said)


@dataclass
class Listing:
    """All that a source holds: its masters, in no order, and what is none."""

    masters: list[Found] = field(default_factory=list)
    passed_over: PassedOver = field(default_factory=PassedOver)


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

    def _path(self, name: str) -> Path | None:
        """A file of a folder of this machine; None: it is elsewhere, at `_at`."""
        return None if self.folder is None else self.folder / name

    def check(self) -> None:
        """Raise `AwayError` where the place cannot be reached: a share that is not mounted is no empty
        folder."""
        try:
            found = self.folder.is_dir() if self.folder is not None else self._fs.exists(self._root)
        except Exception as error:
            raise AwayError(f"{self.url} cannot be reached: {error}") from error
        if not found:
            raise AwayError(f"{self.url} cannot be reached; see whether its disk or share is mounted")

    @contextlib.contextmanager
    def _in_words(self) -> Iterator[None]:
        """What a place elsewhere answers, as where its bucket does not exist, becomes an `AwayError`."""
        try:
            yield
        except UnfadeError:
            raise
        except Exception as error:  # each filesystem of fsspec has its own errors
            raise AwayError(f"{self.url} cannot be reached: {error}; see whether it exists and you may use it") from error

    def read(self, name: str) -> bytes:
        """All of a file. Raises `UnreadableError`, or `AwayError` where the whole place is gone."""
        try:
            if (path := self._path(name)) is not None:
                return disk.bytes_of(path, name)
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

    def listed(self) -> Listing:
        """Every file below that is a photograph by its ending, and what is passed over. Hidden files and
        folders, and those that storage systems make, are left out.

        What cannot be read is among the masters, with the reason. Raises `AwayError`, and `UnreadableError`
        where the source itself cannot be looked into.
        """
        self.check()
        listing, known = Listing(), endings()
        others: Counter[str] = Counter()
        links: list[str] = []
        hidden = 0
        for found in self._on_disk(self.folder, links) if self.folder is not None else self._elsewhere():
            ending = PurePosixPath(found.name).suffix.lower()
            if any(is_aside(part) for part in found.name.split("/") if part not in _DOTS):
                hidden += ending in known
                continue
            # A link without an ending that leads nowhere may have been one to a folder of masters.
            if ending in known or (found.why and (not ending or found.name.endswith("/"))):
                listing.masters.append(found)
            else:
                others[readable(ending) or "without an ending"] += 1
        if any(found.why for found in listing.masters):
            self.check()
        listing.passed_over = PassedOver(dict(others), len(links), hidden)
        return listing

    def masters(self) -> list[Found]:
        """The masters alone (`listed`)."""
        return self.listed().masters

    def _on_disk(self, folder: Path, links: list[str]) -> Iterator[Found]:
        """Every file, and every folder that cannot be looked into; `links` gains the links to folders."""
        closed: list[OSError] = []
        for place, folders, names in os.walk(folder, onerror=closed.append):
            here = Path(place)
            inner = sorted(name for name in folders if not is_aside(name))
            links += [name for name in inner if (here / name).is_symlink()]
            for name in sorted({*folders} - {*inner}):
                yield from self._hidden(here / name, folder)
            folders[:] = inner  # os.walk does not follow links
            for name in names:
                if is_aside(name):
                    yield Found((here / name).relative_to(folder).as_posix(), 0, "")
                elif (found := _found(here / name, folder)) is not None:
                    yield found
        for error in closed:
            path = Path(error.filename or folder)
            if path == folder:
                raise UnreadableError(f"{path} cannot be looked into ({error.strerror}); give yourself permission to read it") from error
            if os.path.lexists(path):  # else it went while we looked
                name = f"{path.relative_to(folder).as_posix()}/"
                yield Found(name, 0, "", f"{name} cannot be looked into ({error.strerror}); give yourself permission to read it")

    def _hidden(self, aside: Path, folder: Path) -> Iterator[Found]:
        """What lies in a hidden folder, to be counted."""
        for place, _, names in os.walk(aside):
            for name in names:
                yield Found((Path(place) / name).relative_to(folder).as_posix(), 0, "")

    def _elsewhere(self) -> Iterator[Found]:
        with self._in_words():
            every = self._fs.find(self._root, detail=True)
        for path, facts in every.items():
            size = int(facts.get("size") or 0)
            marks = (facts.get(key) for key in ("ETag", "etag", "LastModified", "last_modified", "mtime", "updated", "created"))
            name = str(path)[len(self._root.rstrip("/")) + 1 :]
            out = f"{name} has .. in its name, which leads out of a folder; give it another name"
            yield Found(name, size, f"{size} {next((mark for mark in marks if mark), '')}", out if ".." in name.split("/") else "")


def _found(path: Path, folder: Path) -> Found | None:
    """A file of a folder; None where it went while we looked."""
    name = path.relative_to(folder).as_posix()
    try:
        state = path.stat()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            if not path.is_symlink():
                return None
            return Found(name, 0, "", f"{name} is a link to what is not there; put the photograph in its place")
        if error.errno == errno.ELOOP:
            return Found(name, 0, "", f"{name} is a link that leads back to itself; put the photograph in its place")
        return Found(name, 0, "", f"{name} cannot be read ({error.strerror or error}); see whether it can be opened by another program")
    return Found(name, state.st_size, f"{state.st_size} {state.st_mtime_ns}")


class Destination(_Place):
    """Where results go. No name leads out of it: a bucket's masters may be called `/a.jpg` or `../a.jpg`."""

    def _at(self, name: str) -> str:
        return super()._at(self._below(name))

    def _path(self, name: str) -> Path | None:
        return super()._path(self._below(name))

    def _below(self, name: str) -> str:
        """The name. Raises `UnwritableError` for one that leads out of the destination."""
        kind: type[PurePath] = PurePosixPath if self.folder is None else PurePath  # Windows knows drives and backslashes, too
        path = kind(name)
        if path.anchor or ".." in path.parts:
            raise UnwritableError(f"{name} leads out of {self.url}, and is not written; give the master another name")
        return name

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
        path = self._path(name)
        if path is not None:
            return os.path.isfile(path)  # noqa: PTH113  a name may be too long for Path.is_file
        with self._in_words():
            return bool(self._fs.exists(self._at(name)))

    def put(self, name: str, data: bytes) -> None:
        """Write a file, in place of one that is there. Raises `FullError`, `UnwritableError`, `AwayError`."""
        target = self._path(name)
        try:
            if target is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                disk.put(data, target, overwrite=True)
            else:
                self._fs.pipe_file(self._at(name), data)
        except (UnwritableError, OSError) as error:
            why = error.__cause__ if isinstance(error, UnwritableError) else error
            if isinstance(why, OSError) and why.errno in _FULL:
                raise FullError(f"{self.url} is full: {len(data) / 1e6:,.1f} MB are needed for {name}") from error
            self.check()
            if isinstance(error, UnwritableError):
                raise  # it says so already
            raise UnwritableError(f"{name} cannot be written: {error.strerror or error}") from error
        except Exception as error:
            self.check()
            raise UnwritableError(f"{name} cannot be written: {error}") from error

    def move(self, name: str, to: str) -> None:
        """Move a file, in place of one that is there; one that was moved before is left. Raises
        `UnwritableError`."""
        path, target = self._path(name), self._path(to)
        try:
            if path is not None and target is not None:
                target.parent.mkdir(parents=True, exist_ok=True)
                path.replace(target)
            else:
                self._fs.mv(self._at(name), self._at(to))
        except FileNotFoundError:
            return
        except OSError as error:
            raise UnwritableError(f"{name} cannot be moved to {to}: {error.strerror or error}") from error

    def remove(self, name: str) -> None:
        """Remove a file, if it is there."""
        with contextlib.suppress(FileNotFoundError):
            if (path := self._path(name)) is not None:
                path.unlink()
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
        with self._in_words():
            return sorted(str(path)[len(self._root.rstrip("/")) + 1 :] for path in self._fs.find(self._root))


def check_apart(source: Source, destination: Destination) -> None:
    """Refuse a destination in the source, or the other way round: results would be taken for masters.
    Raises `UsageError`."""
    one, other = (str(place.folder.resolve()) if place.folder is not None else place.url.rstrip("/") for place in (source, destination))
    if one == other or one.startswith(f"{other}/") or other.startswith(f"{one}/"):
        raise UsageError(f"{destination.url} and {source.url} lie in each other; results must not lie among masters: name another folder")
