"""A folder of sound photographs becomes a bench.

The same photographs and the same seed give the same pictures anywhere.
"""

from __future__ import annotations

import hashlib
import json
import shutil
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np

from unfade import sheet, tiles
from unfade.ageing import damage_only
from unfade.arrays import Image
from unfade.bench.tracks import TRACKS
from unfade.errors import DataError, UnwritableError
from unfade.files import photo
from unfade.measures.benches import pictures, read_image
from unfade.measures.colorfulness import colorfulness

MANIFEST = "bench.json"
SEED = 20261126
FEWEST = 2  # a leaderboard of one picture says nothing
COST_MEGAPIXELS = 1.0
# Below, a photograph counts as gray (Hasler and Süsstrunk's "slightly colorful" begins at 15).
LEAST_COLORFUL = 8.0


@dataclass(frozen=True)
class Manifest:
    """What a bench is: enough to make it again.

    `fingerprint`: of all samples of all its pictures. Two leaderboards with the same one are of the same
    pictures.
    """

    seed: int
    side_px: int
    tracks: tuple[str, ...]
    photographs: tuple[str, ...]
    software_version: str
    fingerprint: str


def make_bench(
    photographs: Path,
    folder: Path,
    *,
    tracks: Sequence[str],
    side_px: int,
    limit: int | None = None,
    seed: int = SEED,
    progress: Callable[[float], None] | None = None,
) -> Manifest:
    """Make the bench `folder` of the sound photographs in a folder, or nothing at all.

    Each photograph is reduced by area to `side_px` on its longer side; smaller ones stay as they are. All
    chance is in `seed`, the track's name and the photograph's place among the sorted names. Raises
    `DataError` for too few photographs, the `PhotoError`s of reading one, `UnwritableError` if the bench
    cannot be written.
    """
    found = pictures(photographs)
    names = sorted(found)[:limit]
    if len(names) < FEWEST:
        raise DataError(f"{photographs} has {len(names)} photograph to make a bench of; it needs {FEWEST} or more, better twenty")
    parent = folder.resolve().parent
    fresh = not parent.exists()
    try:
        parent.mkdir(exist_ok=True)
        growing = Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=parent))
    except OSError as error:
        raise UnwritableError(f"{folder} cannot be made ({error.strerror}); choose another folder with -o") from error
    try:
        seen = hashlib.sha256()
        for index, name in enumerate(names):
            image = sheet.fit(read_image(found[name]), side_px)
            for track in tracks:
                _write_track(image, track, name, growing, (seed, index), seen)
            if index == 0:
                _write_cost(read_image(found[name]), growing / "cost", seed, seen)
            if progress is not None:
                progress((index + 1) / len(names))
        if "color" in tracks and not (growing / "color").is_dir():
            raise DataError(f"every photograph in {photographs} is gray; give some in color, or leave the track color out with --tracks")
        manifest = Manifest(seed, side_px, tuple(tracks), tuple(names), version("unfade"), seen.hexdigest())
        (growing / MANIFEST).write_text(json.dumps(vars(manifest), indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        growing.chmod(0o755)  # a temporary folder is the maker's alone
        growing.rename(folder)
    except OSError as error:
        raise UnwritableError(f"{folder} cannot be made ({error.strerror}); choose another folder with -o") from error
    finally:
        shutil.rmtree(growing, ignore_errors=True)
        if fresh and not any(parent.iterdir()):
            parent.rmdir()
    return manifest


def read_manifest(folder: Path) -> Manifest:
    """The manifest of a bench that was made before. Raises `DataError` if it is not one."""
    try:
        told = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
        told |= {"tracks": tuple(told["tracks"]), "photographs": tuple(told["photographs"])}
        return Manifest(**told)
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise DataError(f"{folder / MANIFEST} is not the manifest of a bench ({error}); make the bench again") from error


def _write_track(image: Image, track: str, name: str, folder: Path, seed: tuple[int, int], seen: hashlib._Hash) -> None:
    if track == "color" and colorfulness(image) < LEAST_COLORFUL:
        return
    rng = np.random.default_rng([*seed, *track.encode()])
    for where, picture in TRACKS[track].make(image, rng).items():
        _write(picture, folder / track / where / f"{name}.png", seen)


def _write_cost(image: Image, folder: Path, seed: int, seen: hashlib._Hash) -> None:
    """One photograph of a megapixel with damage: what seconds and memory are measured on."""
    scale = (COST_MEGAPIXELS * 1e6 / (image.shape[0] * image.shape[1])) ** 0.5
    large = tiles.resize(image, *tiles.scaled_size(image.shape[0], image.shape[1], scale, 1))
    damaged, mask = damage_only(large, np.random.default_rng([seed, *b"cost"]))
    _write(damaged, folder / "in.png", seen)
    _write(np.where(mask, 255, 0).astype(np.uint8), folder / "mask.png", seen)


def _write(picture: np.ndarray, path: Path, seen: hashlib._Hash) -> None:
    levels = picture if picture.dtype == np.uint8 else np.rint(np.clip(picture, 0, 1) * 255).astype(np.uint8)
    levels = levels if levels.ndim == 3 else levels[:, :, None]
    seen.update(str(levels.shape).encode() + levels.tobytes())
    path.parent.mkdir(parents=True, exist_ok=True)
    photo.write(photo.read(np.ascontiguousarray(levels)), path)
