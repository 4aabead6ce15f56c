"""The photographs in a folder, and what Unfade made of them."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from unfade.files.names import hidden_files, is_aside

Made = Callable[[Path], bool]
"""Whether a command made the file, as the file itself says."""

# What comes before the ending of a file that a command made: NAME.TAG.EXT.
_TAG = re.compile(r"\.(restored|colorized(\.\d+)?|translated|aged|mask|invented|prints)\Z")
_NO_PHOTOGRAPH = (".mask", ".invented", ".prints")  # of these, what nobody would restore
_NUMBER = re.compile(r"\.\d+\Z")


@dataclass
class Found:
    """What lies in a folder: the photographs, in order; and, to be said, what was left aside and why."""

    photographs: list[Path] = field(default_factory=list)
    unreadable: list[tuple[Path, str]] = field(default_factory=list)
    results: int = 0
    others: Counter[str] = field(default_factory=Counter)
    folders: int = 0
    links: int = 0
    hidden: int = 0

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
        if self.hidden:
            yield hidden_files(self.hidden)


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def look_into(folder: Path, *, recursive: bool, without: Iterable[Path] = (), made: Made | None = None) -> Found:
    """Find the photographs in a folder, by their endings; with `recursive` in all folders below it, too, but
    not through links.

    Hidden files (`._a.jpg`), the folders that storage systems make (`@eaDir`), what Unfade made of a
    photograph that is there, and the folder and files `without`, where results go, are left aside. So is
    NAME.N.EXT, which may be anyone's, where NAME lies beside it and the command `made` it. What cannot be
    listed is in `unreadable`.
    """
    from unfade.files.formats import endings

    found = Found()

    def unlistable(error: OSError) -> None:
        found.unreadable.append((Path(error.filename or folder), error.strerror or str(error)))

    known, aside = endings(), {os.path.realpath(path) for path in without}
    for place, folders, names in os.walk(folder, onerror=unlistable):
        here, asides = Path(place), [name for name in folders if is_aside(name)]
        inner = sorted(name for name in folders if not is_aside(name) and os.path.realpath(here / name) not in aside)
        links = [name for name in inner if (here / name).is_symlink()]
        found.links += len(links)
        found.folders += 0 if recursive else len(inner) - len(links)
        folders[:] = [name for name in inner if name not in links] if recursive else []
        if recursive:
            found.hidden += sum(_hidden_below(here / name, known) for name in asides)
        stems = {Path(name).stem for name in names}
        for name in sorted(names):
            ending = Path(name).suffix.lower()
            if os.path.realpath(here / name) in aside:
                continue
            if is_aside(name):
                found.hidden += ending in known
                continue
            if ending not in known:
                found.others[ending or "without an ending"] += 1
            elif is_result(here / name, stems) or (made is not None and is_numbered(here / name, stems) and made(here / name)):
                found.results += 1
            else:
                found.photographs.append(here / name)
    return found


def _hidden_below(folder: Path, known: Container[str]) -> int:
    """How many photographs, by their ending, lie in a hidden folder."""
    return sum(Path(name).suffix.lower() in known for _, _, names in os.walk(folder) for name in names)


# --- what Unfade made ---------------------------------------------------------------------------------------


def is_result(path: Path, stems: Container[str]) -> bool:
    """Whether a command made this of one of the photographs beside it, which have these `stems`:
    anna.restored.jpg of anna.png, anna.restored.invented.png, anna.colorized.2.jpg."""
    stem = path.stem
    if stem.endswith(".prints") and not path.with_suffix(".json").is_file():  # both are made, or neither
        return False
    while tag := _TAG.search(stem):
        stem = stem[: tag.start()]
        if stem in stems:
            return True
    return False


def is_by_product(path: Path, stems: Container[str], results: Container[str]) -> bool:
    """Whether it is a mask or a map of a photograph beside it, which nobody means to restore; or a further
    guess at its colors, where `results` are the stems of the first ones."""
    return is_result(path, stems) and (path.stem.endswith(_NO_PHOTOGRAPH) or is_numbered(path, results))


def is_numbered(path: Path, stems: Container[str]) -> bool:
    """Whether it is called NAME.N.EXT, and NAME is one of these `stems`."""
    number = _NUMBER.search(path.stem)
    return number is not None and path.stem[: number.start()] in stems


def is_print(path: Path) -> bool:
    """Whether a file's XMP says that it was cut from a scan: `unfade split` made it. The whole file is read,
    and nothing decoded."""
    from unfade.files.xmp import packets_in
    from unfade.record import UNFADE_NAMESPACE, last_run

    try:
        content = path.read_bytes()
    except OSError:
        return False
    runs = [run for packet in packets_in(content, UNFADE_NAMESPACE) if (run := last_run(packet)) is not None]
    return any(run.cut is not None or any(step.step == "split" for step in run.steps) for run in runs)
