"""What the review page works on: the results of an archive, the riskiest first, and what people decide."""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal, TypeVar

from unfade.archive.manifest import NAME, Decision, Entry, Manifest, Which
from unfade.archive.orders import FOLDERS, Names, names_of
from unfade.archive.places import Destination, Source
from unfade.archive.settle import settle
from unfade.archive.sidecar import Sidecar, parse_sidecar
from unfade.errors import RecordError, UnreadableError, UsageError
from unfade.files.names import escaped_json
from unfade.queue.store import Store
from unfade.record import Framed
from unfade.web.problems import Problem, not_found

Side = Literal["before", "after"]
T = TypeVar("T")


KEPT_VIEWS = 200


def sweep_views(store: Store) -> None:
    """Remove the oldest tile pyramids of archives; they are made again when they are looked at."""
    views = sorted(store.names("archive"), key=lambda view: view[1])
    for name, _ in views[:-KEPT_VIEWS]:
        store.remove(f"archive/{name}")


def mark_of(entry: Entry) -> str:
    """A word for what is to be seen of a result: another one once it, or its master, is another."""
    return hashlib.sha256(escaped_json(f"{entry.name} {entry.original} {entry.made}").encode()).hexdigest()[:32]


class Review:
    """The archive of a manifest. Masters are read, results are read and moved."""

    def __init__(self, manifest: Path) -> None:
        """`manifest`: its file, or the folder that it lies in. Raises `UsageError`, `RecordError`."""
        self._manifest = Manifest(manifest / NAME if manifest.is_dir() else manifest)
        facts = self._manifest.facts()
        if "source" not in facts:
            raise UsageError(f"{manifest} tells of no run yet; begin with unfade archive run")
        self._source, self._destination = Source(facts["source"]), Destination(facts["destination"])

    def close(self) -> None:
        """Let go of the manifest."""
        self._manifest.close()

    def counts(self) -> dict[str, int]:
        """How many results are open, held back, accepted and refused; and masters that wait or failed."""
        states = self._manifest.counts()
        return self._manifest.review_counts() | {"waiting": states["waiting"], "failed": states["failed"]}

    def entries(self, which: Which, *, limit: int, offset: int) -> list[Entry]:
        """Results, the riskiest first."""
        return self._manifest.review(which, limit=limit, offset=offset)

    def entry(self, number: int) -> Entry:
        """Raises a 404."""
        entry = self._manifest.entry(number)
        if entry is None:
            raise not_found("result")
        return entry

    def decide(self, number: int, decision: Decision | None, seen: str | None = None) -> Entry:
        """Write down a decision, and move the result to where it then belongs.

        Raises a 404, and a 409 where the result is another than the one that was looked at (`seen`: its
        mark).
        """
        if seen not in (None, mark_of(self.entry(number))):
            raise Problem("superseded", "This result was made anew after you looked at it. Look at it again, then decide.")
        self._manifest.decide(number, decision)
        settle(self._manifest, self._destination)
        return self.entry(number)

    def thumbnail(self, entry: Entry, side: Side) -> bytes:
        """The small picture that the run made (JPEG). Raises a 404."""
        names = names_of(entry.base, entry.ending, entry.place)
        try:
            return self._destination.read(names.before if side == "before" else names.after)
        except UnreadableError:
            raise not_found("picture") from None

    def view_path(self, entry: Entry, side: Side) -> str:
        """Where the server keeps the tile pyramid; another name once the result is another."""
        return f"archive/{mark_of(entry)}-{side}/view"

    def frame(self, entry: Entry) -> Framed | None:
        """How the master was cut and turned before it was restored, as its record says. Raises a 404."""
        try:
            facts = self._wherever(entry, self._record).frame
        except (UnreadableError, RecordError):
            raise not_found("record") from None
        return None if facts is None else facts.framed()

    def _record(self, names: Names) -> Sidecar:
        return parse_sidecar(self._destination.read(names.record), names.record)

    def _wherever(self, entry: Entry, read: Callable[[Names], T]) -> T:
        """What `read` gives of a result's files. A decision may be moving them at this moment: they are
        looked for in their place, then in every other, then there again. Raises `UnreadableError`."""
        for place in (entry.place, *FOLDERS):
            with contextlib.suppress(UnreadableError):
                return read(names_of(entry.base, entry.ending, place))
        return read(names_of(entry.base, entry.ending, entry.place))

    @contextmanager
    def picture(self, entry: Entry, side: Side) -> Iterator[Path]:
        """The master or the result as a file of this machine; not to be written to. Raises a 404."""
        try:
            found = self._opened(self._source, entry.name) if side == "before" else self._wherever(entry, self._result)
        except UnreadableError:
            raise not_found("picture") from None
        if isinstance(found, Path):
            yield found
            return
        with TemporaryDirectory() as folder:
            copy = Path(folder) / "copy"
            copy.write_bytes(found)
            yield copy

    def _result(self, names: Names) -> Path | bytes:
        return self._opened(self._destination, names.result)

    @staticmethod
    def _opened(place: Source | Destination, name: str) -> Path | bytes:
        """A file of this machine, or the bytes of one that lies elsewhere. Raises `UnreadableError`."""
        if place.folder is None:
            return place.read(name)
        if not (place.folder / name).is_file():
            raise UnreadableError(f"there is no {name}")
        return place.folder / name
