"""Benches: pictures whose truth is known, in folders, matched by their files' stems.

restoration    clean/ damaged/ mask/       mask: 255 lost, 128 only stained (either answer is right), 0 sound
damage         damaged/ mask/, or notes by eye (see `notes`) and the photographs beside them or elsewhere
colorization   truth/, and if there is one reference/: other real pictures, for precision and recall
harm           sound photographs, in the folder itself
needs          needs.json (see `needs`), and the photographs in its folders beside it or elsewhere
Where known, kinds/KIND/STEM.png says what kind the damage is: white where it is of that kind.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

import numpy as np

from unfade.arrays import Image, Mask
from unfade.color import lab_from_srgb, srgb_from_lab
from unfade.errors import DataError
from unfade.files import photo
from unfade.files.formats import endings
from unfade.measures import needs
from unfade.measures.detection import WIDTHS_PX, by_width
from unfade.measures.measure import EITHER, LOST, SOUND, DamageTruth, Task
from unfade.measures.needs import Needs, read_needs
from unfade.measures.notes import Notes, read_notes

_FOLDERS: Mapping[Task, tuple[str, ...]] = {
    "restoration": ("clean", "damaged", "mask"),
    "damage": ("damaged", "mask"),
    "colorization": ("truth",),
    "harm": ("",),
    "needs": (),
}


@dataclass(frozen=True, eq=False)
class Example:
    """One picture of a bench: what a method is given, and the truth.

    `given` and `truth` are (h, w, 3) sRGB; `mask` is what a method may use: None where finding the damage is
    its own business. `damage`, or `notes` by eye, is the truth about the damage, for judging only.
    """

    stem: str
    given: Image
    truth: Image | None = None
    mask: Mask | None = None
    damage: DamageTruth | None = None
    parts: Mapping[str, Mask] = field(default_factory=dict)
    notes: Notes | None = None
    needs: Needs | None = None


def pictures(folder: Path) -> dict[str, Path]:
    """The pictures of a folder by stem, sorted.

    Raises `DataError` if there is no folder, if it has no picture, or if two have the same stem.
    """
    if not folder.is_dir():
        raise DataError(f"there is no folder {folder}; a bench or a folder of results must be there")
    found: dict[str, Path] = {}
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() not in endings() or path.name.startswith("."):
            continue
        if path.stem in found:
            raise DataError(f"{folder} has two pictures called {path.stem}: {found[path.stem].name} and {path.name}; keep one")
        found[path.stem] = path
    if not found:
        raise DataError(f"there are no pictures in {folder}; it needs JPEG, PNG, TIFF, WebP, HEIC or AVIF files")
    return found


def read_image(path: Path) -> Image:
    """One picture, (h, w, 3) float32 sRGB.

    Raises the `PhotoError`s of reading a photograph, and `DataError` for samples that are not numbers.
    """
    image = photo.read(path).srgb()
    if not np.isfinite(image).all():
        raise DataError(f"{path} has samples that are not numbers; write it again")
    return image


def read_gray(path: Path) -> np.ndarray:
    """A mask's levels, (h, w) uint8."""
    samples = photo.read(path).samples[:, :, 0]
    return np.asarray((samples >> 8).astype(np.uint8) if samples.dtype == np.uint16 else samples)


def read_damage(path: Path) -> DamageTruth:
    """A mask of the truth: each level goes to the nearest of 0, 128 and 255."""
    levels = read_gray(path)
    return np.where(levels >= 192, LOST, np.where(levels >= 64, EITHER, SOUND)).astype(np.uint8)


def read_mask(path: Path) -> Mask:
    """A mask: True where it is nearer to white than to black."""
    return np.asarray(read_gray(path) >= 128)


def _same_size(stem: str, sizes: Mapping[str, tuple[int, ...]]) -> None:
    if len({size[:2] for size in sizes.values()}) > 1:
        said = ", ".join(f"{what} {size[1]}×{size[0]}" for what, size in sizes.items())
        raise DataError(f"{stem}: the sizes differ: {said}; a bench and its results must be of one size, picture by picture")


@dataclass(frozen=True)
class Bench:
    """A bench for `task` in `folder`.

    `limit`: only the first so many pictures. `mask`: whether a method is given the mask of a restoration
    bench or must find the damage. None: the mask is given if the first picture is damaged under its mask
    only, since filling is then all there is to do. `photographs`: where the photographs of notes lie, if not
    beside them.

    Nothing is read when it is made, but folders are checked when `stems` is first asked for: `DataError`.
    """

    task: Task
    folder: Path
    limit: int | None = None
    mask: Literal["given", "found"] | None = None
    reference: Path | None = None
    photographs: Path | None = None

    @cached_property
    def _paths(self) -> dict[str, dict[str, Path]]:
        """Of each of the bench's folders its pictures by stem; all of them have the same stems."""
        if not self.folder.is_dir():
            raise DataError(f"there is no folder {self.folder}; --bench names a folder of pictures whose truth is known")
        if self.task == "needs":
            return {"photographs": {stem: path for stem, (path, _) in self._needs.items()}}
        if self.is_noted:
            return _noted(self.folder, self.folder if self.photographs is None else self.photographs)
        names = _FOLDERS[self.task]
        if missing := [name for name in names if not (self.folder / name).is_dir()]:
            wanted = ", ".join(f"{name}/" for name in names)
            wanted += ", or notes (.json)" if self.task == "damage" else ""
            raise DataError(f"{self.folder} is no bench for {self.task}: it has no folder {missing[0]}/; it needs {wanted}")
        found = {name: pictures(self.folder / name) for name in names}
        first = found[names[0]]
        for name in names[1:]:
            if unmatched := sorted(first.keys() ^ found[name].keys()):
                only = f"{len(unmatched)} pictures are in one only, the first is {unmatched[0]}"
                raise DataError(f"{self.folder}: {names[0]}/ and {name}/ do not match: {only}")
        return found

    @cached_property
    def _needs(self) -> dict[str, tuple[Path, Needs]]:
        """Each photograph of a bench of needs, and what it needs, by its stem."""
        root = self.folder if self.photographs is None else self.photographs
        found: dict[str, tuple[Path, Needs]] = {}
        for entry in read_needs(self.folder / needs.NAME):
            path = root / entry.folder / entry.photo
            if not path.is_file():
                raise DataError(f"{needs.NAME} is about {path}, which is not there; --photographs names the folder of all photographs")
            if path.stem in found:
                raise DataError(f"{needs.NAME} names two photographs called {path.stem}; keep one")
            found[path.stem] = path, entry
        return found

    @cached_property
    def stems(self) -> tuple[str, ...]:
        """The pictures' names, sorted."""
        stems = sorted(next(iter(self._paths.values())))
        return tuple(stems if self.limit is None else stems[: self.limit])

    @cached_property
    def is_noted(self) -> bool:
        """Whether the damage is told by notes, not by masks."""
        return self.task == "damage" and not (self.folder / "mask").is_dir() and any(self.folder.glob("*.json"))

    @cached_property
    def parts(self) -> tuple[str, ...]:
        """The sizes and, as far as the bench says, the kinds of damage, for detection only."""
        if self.task != "damage" or self.is_noted:
            return ()
        root = self.folder / "kinds"
        return (*WIDTHS_PX, *(sorted(folder.name for folder in root.iterdir()) if root.is_dir() else ()))

    @cached_property
    def references(self) -> tuple[Path, ...]:
        """Other real pictures: those of `reference`, else of the bench's folder reference/, else none."""
        folder = self.folder / "reference" if self.reference is None else self.reference
        if self.reference is None and not folder.is_dir():
            return ()
        return tuple(pictures(folder).values())

    @cached_property
    def gives_mask(self) -> bool:
        """Whether a method is given the mask."""
        if self.task != "restoration":
            return False
        if self.mask is not None:
            return self.mask == "given"
        first = self.stems[0]
        clean, damaged, mask = (self._paths[name][first] for name in ("clean", "damaged", "mask"))
        sound: Mask = read_damage(mask) == SOUND
        before, after = read_image(damaged), read_image(clean)
        _same_size(first, {"clean": after.shape, "damaged": before.shape, "mask": sound.shape})
        return bool(np.array_equal(before[sound], after[sound]))

    def __len__(self) -> int:
        return len(self.stems)

    def __iter__(self) -> Iterator[Example]:
        return (self.example(stem) for stem in self.stems)

    def example(self, stem: str) -> Example:
        """Read one picture of the bench. Raises `DataError` if its sizes differ."""
        paths = {name: found[stem] for name, found in self._paths.items()}
        if self.task == "needs":
            image = read_image(paths["photographs"])
            return Example(stem, image, image, needs=self._needs[stem][1])
        if self.task == "harm":
            image = read_image(paths[""])
            return Example(stem, image, image)
        if self.task == "colorization":
            truth = read_image(paths["truth"])
            return Example(stem, gray(truth), truth)
        if self.is_noted:
            return Example(stem, read_image(paths["photographs"]), notes=read_notes(paths["notes"]))
        given, damage = read_image(paths["damaged"]), read_damage(paths["mask"])
        sizes = {"damaged": given.shape, "mask": damage.shape}
        clean = read_image(paths["clean"]) if "clean" in paths else None
        _same_size(stem, sizes if clean is None else {"clean": clean.shape, **sizes})
        lost: Mask = damage == LOST
        return Example(stem, given, clean, lost if self.gives_mask else None, damage, self._parts(stem, lost))

    def _parts(self, stem: str, lost: Mask) -> dict[str, Mask]:
        """One picture's damage by each of the bench's `parts` that it has."""
        if not self.parts:
            return {}
        found = by_width(lost)
        for kind in self.parts[len(WIDTHS_PX) :]:
            path = self.folder / "kinds" / kind / f"{stem}.png"
            if path.is_file():
                found[kind] = read_mask(path)
                _same_size(stem, {"mask": lost.shape, f"kinds/{kind}": found[kind].shape})
        return found


def _noted(folder: Path, photographs: Path) -> dict[str, dict[str, Path]]:
    """The notes in a folder and the photographs that they name, by the photographs' stems."""
    noted: dict[str, Path] = {}
    shown: dict[str, Path] = {}
    for path in sorted(folder.glob("*.json")):
        photograph = photographs / read_notes(path).photo
        if not photograph.is_file():
            raise DataError(f"{path.name} is about {photograph.name}, which is not in {photographs}; --photographs names their folder")
        if photograph.stem in noted:
            raise DataError(f"{noted[photograph.stem].name} and {path.name} are both about {photograph.stem}; keep one")
        noted[photograph.stem], shown[photograph.stem] = path, photograph
    return {"photographs": shown, "notes": noted}


def gray(image: Image) -> Image:
    """The gray picture of the same L*.

    It is what a colorizer is given, and the baseline that has no color at all.
    """
    lab = lab_from_srgb(image)
    lab[..., 1:] = 0
    # In 8 bits, as a file would have it; one channel thrice, since float rounding must not leave a trace of
    # color.
    levels = np.rint(srgb_from_lab(lab)[..., 1:2] * 255) / np.float32(255)
    return np.repeat(levels.astype(np.float32), 3, axis=2)
