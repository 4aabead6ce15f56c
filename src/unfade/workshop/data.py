"""Folders of photographs become batches: decoded once into one file, cropped and aged in worker processes.

The same seed gives the same batches.

Sample number i is a pure function of (seed, i): a run that is taken up again at step s simply goes on at
sample s * batch.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Literal, Protocol, runtime_checkable

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset, Sampler

from unfade.errors import DataError, PhotoError
from unfade.files import photo
from unfade.workshop.recipe import Data

SUFFIXES = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff", ".avif", ".bmp", ".heic", ".heif")
Sample = dict[str, np.ndarray]


class Sampling(Protocol):
    """What a task adds: a crop (h, w, 3) uint8 becomes the arrays that its network trains on.

    With `zooms`, some crops of large pictures come twice as large as the recipe's `size_px`, for the task to
    cut down itself: damage on a large photograph is large too.
    """

    zooms: bool

    def sample(self, crop: np.ndarray, rng: np.random.Generator) -> Sample: ...


@runtime_checkable
class Composing(Protocol):
    """A task that makes a sample of several whole pictures, and of what is known of them: those that it was
    given to `prepare`."""

    def compose(self, number: int, rng: np.random.Generator) -> Sample:
        """A sample of picture `number`, and of others."""


class Pictures:
    """Decoded pictures in one memory-mapped file, so that every worker shares them and decoding happens once.

    `pictures[i]` is (h, w, 3) uint8 sRGB; of pairs, (h, w, 6): the input, then the target. `paths[i]` is the
    file that it was read from, or the first of a pair's.
    """

    def __init__(self, blob: Path) -> None:
        self._bytes = np.memmap(blob, np.uint8, "r")
        index = np.load(blob.with_suffix(".npy"))
        self.paths = [Path(line) for line in blob.with_suffix(".txt").read_text(encoding="utf-8").splitlines()]
        self._shapes = index[:, :3]
        self._starts = index[:, 3]

    def __len__(self) -> int:
        return len(self._shapes)

    def __getitem__(self, number: int) -> np.ndarray:
        height, width, channels = (int(side) for side in self._shapes[number])
        start = int(self._starts[number])
        return self._bytes[start : start + height * width * channels].reshape(height, width, channels)


def find_pictures(folders: Sequence[Path]) -> list[Path]:
    """Every picture below `folders`, in a fixed order.

    Raises `DataError` if a folder is missing or there is no picture.
    """
    found: list[Path] = []
    for folder in folders:
        if not folder.is_dir():
            raise DataError(f"{folder}: no such folder of pictures; give --data an existing folder")
        found += sorted(path for path in folder.rglob("*") if path.suffix.lower() in SUFFIXES)
    if not found:
        raise DataError(f"no pictures ({', '.join(SUFFIXES)}) below {', '.join(map(str, folders))}; give --data a folder that holds some")
    return found


Pairs = Literal["none", "folders", "side-by-side"]


def cache_pictures(folders: Sequence[Path], cache: Path, *, largest_side_px: int, pairs: Pairs = "none") -> Pictures:
    """Decode every picture below `folders` into one file in `cache`, or find it there from an earlier run.

    Pictures larger than `largest_side_px` are reduced to it. `pairs`: "folders" takes two folders, inputs and
    targets with the same names; "side-by-side" takes pictures whose left half is the input and right half the
    target. A single picture that cannot be read is left out; if none can, or a pair is not complete or not of
    one size, `DataError`.
    """
    paths = find_pictures(folders)
    sources = _matched(folders, paths) if pairs == "folders" else [(path,) for path in paths]
    facts = "\n".join(f"{path} {path.stat().st_size} {path.stat().st_mtime_ns}" for path in paths) + f"\n{largest_side_px} {pairs}"
    blob = cache / f"pictures-{hashlib.sha256(facts.encode()).hexdigest()[:16]}.bin"
    if all(blob.with_suffix(suffix).is_file() for suffix in (".npy", ".txt", ".bin")):
        return Pictures(blob)
    cache.mkdir(parents=True, exist_ok=True)
    index: list[tuple[int, int, int, int]] = []
    names: list[str] = []
    start = 0
    growing = blob.with_suffix(f".{os.getpid()}")
    try:
        with growing.open("wb") as file:
            for source in sources:
                try:
                    picture = _decoded(source, pairs, largest_side_px)
                except PhotoError:
                    continue
                file.write(picture.tobytes())
                index.append((*picture.shape, start))
                names.append(str(source[0]))
                start += picture.size
        if not index:
            raise DataError(
                f"none of the {len(paths)} pictures below {', '.join(map(str, folders))} can be read; look at one with `unfade restore`"
            )
        np.save(blob.with_suffix(".npy"), np.array(index, np.int64))
        blob.with_suffix(".txt").write_text("\n".join(names), encoding="utf-8")
        growing.replace(blob)
    finally:
        growing.unlink(missing_ok=True)
    return Pictures(blob)


def _matched(folders: Sequence[Path], paths: Sequence[Path]) -> list[tuple[Path, ...]]:
    """(input, target) by the path below each folder, without its suffix."""
    if len(folders) != 2:
        raise DataError(f"pairs need two folders, --data INPUTS TARGETS; {len(folders)} were given")
    inputs, targets = (
        {path.relative_to(folder).with_suffix(""): path for path in paths if path.is_relative_to(folder)} for folder in folders
    )
    lonely = sorted(map(str, inputs.keys() ^ targets.keys()))
    if lonely:
        raise DataError(
            f"{len(lonely)} pictures have no partner of the same name in {folders[0]} and {folders[1]}: {', '.join(lonely[:5])}"
        )
    return [(inputs[name], targets[name]) for name in sorted(inputs)]


def _decoded(source: Sequence[Path], pairs: Pairs, largest_side_px: int) -> np.ndarray:
    """One picture (h, w, 3), or a pair (h, w, 6), uint8."""
    pictures = [np.round(photo.read(path).srgb() * 255).astype(np.uint8) for path in source]
    if pairs == "side-by-side":
        half = pictures[0].shape[1] // 2
        pictures = [pictures[0][:, :half], pictures[0][:, half : 2 * half]]
    if len(pictures) == 2 and pictures[0].shape != pictures[1].shape:
        sizes = " and ".join(f"{picture.shape[1]} x {picture.shape[0]}" for picture in pictures)
        raise DataError(f"{source[0]} and {source[-1]} are {sizes}; the two of a pair must be of one size")
    scale = largest_side_px / max(pictures[0].shape[:2])
    if scale < 1:
        size = (max(1, round(pictures[0].shape[1] * scale)), max(1, round(pictures[0].shape[0] * scale)))
        pictures = [cv2.resize(picture, size, interpolation=cv2.INTER_AREA).astype(np.uint8) for picture in pictures]
    return np.concatenate(pictures, axis=2)


def crop(picture: np.ndarray, size_px: int, rng: np.random.Generator, *, smallest_scale: float, flip: bool) -> np.ndarray:
    """A square of `size_px`, flipped by a coin.

    It is cut from anywhere in the picture, as large as anything between the whole picture and `size_px`, and
    reduced.

    The part's side is drawn log-uniformly between size_px (or the picture's short side, if that is less) and
    short side * 1, but never asks the picture to be reduced below `smallest_scale`. Enlarged (cubic) only if
    the picture is smaller than `size_px`.
    """
    short = min(picture.shape[:2])
    low = min(size_px, short)
    high = min(short, max(low, size_px / smallest_scale))
    side = round(float(np.exp(rng.uniform(np.log(low), np.log(high))))) if high > low else low
    top = int(rng.integers(picture.shape[0] - side + 1))
    left = int(rng.integers(picture.shape[1] - side + 1))
    square = picture[top : top + side, left : left + side]
    if side != size_px:
        method = cv2.INTER_AREA if side > size_px else cv2.INTER_CUBIC
        parts = [square[..., first : first + 3] for first in range(0, square.shape[2], 3)]
        square = np.concatenate(
            [cv2.resize(np.ascontiguousarray(part), (size_px, size_px), interpolation=method) for part in parts], axis=2
        )
    if flip and rng.random() < 0.5:
        square = square[:, ::-1]
    return np.ascontiguousarray(square)


class _Samples(Dataset[dict[str, torch.Tensor]]):
    def __init__(self, pictures: Pictures, task: Sampling, data: Data, seed: int, large_px: int) -> None:
        self._pictures, self._task, self._data, self._seed = pictures, task, data, seed
        self._order: tuple[int, np.ndarray] = (-1, np.zeros(0, np.int64))
        self._large = [number for number in range(len(pictures)) if min(pictures[number].shape[:2]) >= large_px] if data.large_share else []

    def __getitem__(self, number: int) -> dict[str, torch.Tensor]:
        epoch, place = divmod(number, len(self._pictures))
        if self._order[0] != epoch:
            self._order = (epoch, np.random.default_rng([self._seed, epoch]).permutation(len(self._pictures)))
        rng = np.random.default_rng([self._seed, 1, number])
        if isinstance(self._task, Composing):
            return _tensors(self._task.compose(int(self._order[1][place]), rng))
        picture, size_px = self._pictures[int(self._order[1][place])], self._data.size_px
        if self._large and rng.random() < self._data.large_share:
            picture = self._pictures[self._large[int(rng.integers(len(self._large)))]]
            zooms = self._task.zooms and min(picture.shape[:2]) >= 2 * size_px
            size_px *= 2 if zooms and rng.random() < 0.4 else 1
        square = crop(
            picture,
            size_px,
            rng,
            smallest_scale=self._data.smallest_scale,
            flip=self._data.flip,
        )
        return _tensors(self._task.sample(square, rng))


def _tensors(sample: Sample) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(np.ascontiguousarray(array)) for name, array in sample.items()}


class _From(Sampler[int]):
    def __init__(self, first: int, last: int) -> None:
        self._first, self._last = first, last

    def __iter__(self) -> Iterator[int]:
        return iter(range(self._first, self._last))

    def __len__(self) -> int:
        return self._last - self._first


def _start_worker(_: int) -> None:
    cv2.setNumThreads(0)
    torch.set_num_threads(1)


def batches(
    pictures: Pictures, task: Sampling, data: Data, *, seed: int, first_step: int, steps: int, large_px: int
) -> Iterator[Mapping[str, torch.Tensor]]:
    """Batches for steps `first_step` up to `steps`, made by `data.workers` processes.

    `large_px`: the short side from which a picture is large (`data.large_share`).
    """
    samples = _Samples(pictures, task, data, seed, large_px)
    loader = DataLoader(
        samples,
        batch_size=data.batch,
        sampler=_From(first_step * data.batch, steps * data.batch),
        num_workers=data.workers,
        worker_init_fn=_start_worker,
        prefetch_factor=4 if data.workers else None,
        multiprocessing_context="fork" if data.workers else None,
    )
    return iter(loader)
