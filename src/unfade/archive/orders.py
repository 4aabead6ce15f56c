"""What goes between the driver and its workers: what is to be done, for all masters and for one, and what
became of it. Plain values, so that they travel."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any, Literal

from unfade.archive.places import OURS

State = Literal["done", "failed", "larger", "stopped"]
Place = Literal["delivered", "held", "refused"]
FOLDERS: dict[Place, str] = {"delivered": "", "held": f"{OURS}/held/", "refused": f"{OURS}/refused/"}


@dataclass(frozen=True)
class Order:
    """What holds for every master of a run.

    `models`: the folder of models that `UNFADE_MODELS` names; `model_hashes`: of the weights by task. `hold`:
    results of this risk or more wait for a person; none: every result is delivered at once. `keep`: whether
    results are written; not so where a run is only predicted.
    """

    source: str
    destination: str
    treatment: dict[str, Any]
    model_hashes: dict[str, str]
    format: str | None = None
    quality: int | None = None
    max_megapixels: float = 200.0
    threads: int = 1
    models: Path | None = None
    hold: float | None = None
    keep: bool = True

    @property
    def asked(self) -> str:
        """SHA-256 of what decides how a result looks: treatment, format, quality and models."""
        decides = [self.treatment, self.format, self.quality, self.model_hashes]
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


@dataclass(frozen=True)
class Task:
    """One master: its `name` in the source, the `base` of its result's name in the destination, its file's
    size, how often a worker died over it, and its megapixels, if they are known."""

    name: str
    base: str
    bytes: int
    deaths: int = 0
    megapixels: float | None = None


@dataclass(frozen=True)
class Names:
    """The files that come of one master, in the destination. `place` is where they lie."""

    result: str
    mask: str
    record: str
    before: str
    after: str

    @property
    def moved(self) -> tuple[str, str, str]:
        """What is moved when a result is held, delivered or refused; the record, which proves it, last."""
        return self.result, self.mask, self.record


def names_of(base: str, ending: str, place: Place) -> Names:
    """The names of one master's files.

    >>> names_of("1912/scan.restored", ".tif", "held").mask
    '.unfade/held/1912/scan.mask.png'
    """
    folder, thumbs = FOLDERS[place], f"{OURS}/thumbs/{base}"
    plain = base.removesuffix(".restored")
    return Names(
        f"{folder}{base}{ending}", f"{folder}{plain}.mask.png", f"{folder}{base}.unfade.json", f"{thumbs}.0.jpg", f"{thumbs}.1.jpg"
    )


def base_of(name: str, taken: set[str]) -> str:
    """The base of a result's name: that of its master. Of two masters with one stem (`a.tif`, `a.jpg`) the
    second keeps its ending in it. A slash that a bucket's name begins with is left out. `taken`, in small
    letters, gains it.

    >>> taken: set[str] = set()
    >>> base_of("x/a.tif", taken), base_of("x/A.jpg", taken)
    ('x/a.restored', 'x/A-jpg.restored')
    """
    path = PurePosixPath(name.lstrip("/"))
    number, stem = 1, path.with_suffix("")
    base = f"{stem}.restored"
    while base.casefold() in taken:
        ending = path.suffix.lower().lstrip(".")
        base = f"{stem}-{ending}{'' if number == 1 else f'-{number}'}.restored"
        number += 1
    taken.add(base.casefold())
    return base


@dataclass(frozen=True)
class Finished:
    """What became of one master.

    `state`: "done"; "failed": it goes to the dead letters, `sentence` says why; "larger": it has more
    `megapixels` than were granted; "stopped": the run cannot go on, `sentence` says why. `adopted`: the
    result was there already, of the same master by the same order. `share` of the pixels changed; `risk` in
    [0, 1], with `reasons`.
    """

    name: str
    state: State
    sentence: str = ""
    sha256: str | None = None
    megapixels: float | None = None
    ending: str = ""
    place: Place = "delivered"
    result_sha256: str | None = None
    result_bytes: int = 0
    bytes_written: int = 0
    seconds: float = 0.0
    share: float = 0.0
    risk: float = 0.0
    reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    models: tuple[str, ...] = ()
    adopted: bool = False
    worker: str = field(default="", compare=False)
