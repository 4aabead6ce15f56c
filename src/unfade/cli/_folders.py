"""The photographs in a folder."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unfade.files.names import is_aside

TAGS = ("restored", "colorized", "translated", "aged", "mask")
"""What comes before the ending of a file that a command made: NAME.TAG.EXT."""


@dataclass
class Found:
    """What lies in a folder: the photographs, in order; and, to be said, what was left aside and why."""

    photographs: list[Path] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    results: int = 0
    others: Counter[str] = field(default_factory=Counter)
    folders: int = 0
    links: int = 0

    def notes(self) -> Iterator[str]:
        """What a person may have expected to be done, and was not."""
        if self.results:
            yield f"passed over {_count(self.results, 'result')} of Unfade"
        if self.others:
            kinds = ", ".join(f"{count} {ending}" for ending, count in sorted(self.others.items()))
            yield f"passed over what is no photograph by its ending: {kinds}"
        if self.folders:
            yield f"did not look into {_count(self.folders, 'folder')} in it; --recursive does"
        if self.links:
            yield f"did not follow {_count(self.links, 'link')} to folders; name those that are wanted"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def look_into(folder: Path, *, recursive: bool, without: Iterable[Path] = ()) -> Found:
    """Find the photographs in a folder, by their endings; with `recursive` in all folders below it, too, but
    not through links.

    Hidden files (`._a.jpg`), the folders that storage systems make (`@eaDir`), what Unfade made of a
    photograph that is there, and the folder and files `without`, where results go, are left aside. What
    cannot be listed is in `unreadable`.
    """
    found = Found()

    def unlistable(error: OSError) -> None:
        found.unreadable.append((Path(error.filename or folder), error.strerror or str(error)))

    endings, aside = _endings(), {os.path.realpath(path) for path in without}
    for place, folders, names in os.walk(folder, onerror=unlistable):
        here = Path(place)
        inner = sorted(name for name in folders if not is_aside(name) and os.path.realpath(here / name) not in aside)
        links = [name for name in inner if (here / name).is_symlink()]
        found.links += len(links)
        found.folders += 0 if recursive else len(inner) - len(links)
        folders[:] = [name for name in inner if name not in links] if recursive else []
        stems = {Path(name).stem for name in names}
        for name in sorted(names):
            ending = Path(name).suffix.lower()
            if is_aside(name) or os.path.realpath(here / name) in aside:
                continue
            if ending not in endings:
                found.others[ending or "without an ending"] += 1
            elif _is_result(name, stems):
                found.results += 1
            else:
                found.photographs.append(here / name)
    return found


def _endings() -> frozenset[str]:
    from unfade.files.formats import FORMATS

    return frozenset(ending for codec in FORMATS.values() for ending in codec.extensions)


def _is_result(name: str, stems: set[str]) -> bool:
    """Whether a command made this of a photograph that lies beside it: anna.restored.jpg of anna.png."""
    stem = Path(name).stem
    while (parts := stem.rpartition("."))[2] in TAGS:
        stem = parts[0]
        if stem in stems:
            return True
    return False
