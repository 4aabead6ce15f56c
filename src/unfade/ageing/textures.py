"""Real dirt, stains, tears and paper from a folder of scans, to be laid into pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from unfade.ageing._chance import Shape
from unfade.errors import DataError


@dataclass(frozen=True)
class Textures:
    """The textures of `folder`.

    `dust*.png` (masks, white = dirt), `shapes/*/*.png` (alpha = dirt), `stains/`, `tears/` (black = gone),
    `paper/`.

    Each group is read when it is first asked for and kept, small, in memory (about 80 MB for 370 files);
    reading twice from two threads gives the same arrays, and a process forked afterwards shares them. Groups
    that the folder lacks are empty. Raises `DataError` if the folder holds none of them or a picture in it
    cannot be read.
    """

    folder: Path

    def __post_init__(self) -> None:
        groups = [self.folder / name for name in ("shapes", "stains", "tears", "paper")]
        if not any(self.folder.glob("dust*.png")) and not any(group.is_dir() for group in groups):
            raise DataError(f"{self.folder} holds no textures; expected dust*.png or folders shapes, stains, tears, paper")

    @cached_property
    def dust(self) -> tuple[np.ndarray, ...]:
        """Frames of scanned dirt: uint8 coverage."""
        return self._read("dust*.png", cv2.IMREAD_GRAYSCALE, lambda frame: frame)

    @cached_property
    def shapes(self) -> tuple[np.ndarray, ...]:
        """Single shapes of dirt, cut to what they cover: uint8 coverage, at most 200 px."""
        return self._read("shapes/*/*.png", cv2.IMREAD_UNCHANGED, _alpha)

    @cached_property
    def stains(self) -> tuple[np.ndarray, ...]:
        """Stains as shares of the paper's light around them: float32 (h, w, 3) in [0, 1.1], 1 at the rim."""
        return self._read("stains/*.png", cv2.IMREAD_COLOR, _transmission)

    @cached_property
    def corners(self) -> tuple[np.ndarray, ...]:
        """Missing corners: uint8 coverage, the corner at the top left."""
        return self._read("tears/*cornerHoles*.png", cv2.IMREAD_GRAYSCALE, _gone)

    @cached_property
    def borders(self) -> tuple[np.ndarray, ...]:
        """Torn borders: uint8 coverage, the border on top."""
        return self._read("tears/*borderHoles*.png", cv2.IMREAD_GRAYSCALE, _gone)

    @cached_property
    def holes(self) -> tuple[np.ndarray, ...]:
        """Holes: uint8 coverage."""
        return self._read("tears/*centerHoles*.png", cv2.IMREAD_GRAYSCALE, _gone)

    @cached_property
    def paper(self) -> tuple[np.ndarray, ...]:
        """Paper: float32 (h, w) lightness of mean 0 and deviation 1, large shadows taken out."""
        return self._read("paper/*.*", cv2.IMREAD_GRAYSCALE, _relief)

    def _read(self, pattern: str, flag: int, prepare: Callable[[np.ndarray], np.ndarray]) -> tuple[np.ndarray, ...]:
        prepared = []
        for path in sorted(self.folder.glob(pattern)):
            picture = cv2.imread(str(path), flag)
            if picture is None:
                raise DataError(f"{path} cannot be read as a picture; take it out of the textures")
            texture = np.ascontiguousarray(prepare(picture))
            texture.flags.writeable = False
            prepared.append(texture)
        return tuple(prepared)


def _shrunk(picture: np.ndarray, longest_px: int) -> np.ndarray:
    share = longest_px / max(picture.shape[:2])
    return picture if share >= 1 else np.asarray(cv2.resize(picture, None, fx=share, fy=share, interpolation=cv2.INTER_AREA))


def _alpha(picture: np.ndarray) -> np.ndarray:
    coverage = picture[..., 3] if picture.ndim == 3 and picture.shape[2] == 4 else cv2.cvtColor(picture[..., :3], cv2.COLOR_BGR2GRAY)
    left, top, width, height = cv2.boundingRect(coverage)
    return _shrunk(coverage[top : top + height, left : left + width] if width else coverage, 200)


def _gone(picture: np.ndarray) -> np.ndarray:
    return _shrunk(255 - picture, 400)


def _relief(picture: np.ndarray) -> np.ndarray:
    relief = _shrunk(picture, 640).astype(np.float32)
    relief -= cv2.GaussianBlur(relief, (0, 0), 40)
    return np.asarray(np.clip(relief / max(float(relief.std()), 0.5), -4, 4))


def _transmission(picture: np.ndarray) -> np.ndarray:
    stain = _shrunk(picture, 160)[..., ::-1].astype(np.float32)
    rim = np.concatenate([stain[0], stain[-1], stain[:, 0], stain[:, -1]])
    share = np.clip(cv2.GaussianBlur(stain, (0, 0), 0.8) / np.maximum(np.median(rim, axis=0), 1), 0, 1.1)
    # Nothing at the rim, or the cut-out's rectangle would show.
    height, width = stain.shape[:2]
    across, down = np.linspace(-1, 1, width, dtype=np.float32), np.linspace(-1, 1, height, dtype=np.float32)
    inside = np.clip((1 - np.hypot(across[None, :], down[:, None])) * 4, 0, 1)[..., None]
    return np.asarray(1 + (share - 1) * inside, np.float32)


def cut(texture: np.ndarray, rng: np.random.Generator, shape: Shape, scale: float) -> np.ndarray:
    """A random piece of a texture, turned and mirrored.

    Enlarged by `scale` it is as large as `shape`. A texture that is too small is repeated.
    """
    height, width = max(1, round(shape[0] / scale)), max(1, round(shape[1] / scale))
    top, left = int(rng.integers(texture.shape[0])), int(rng.integers(texture.shape[1]))
    top, left = min(top, max(texture.shape[0] - height, 0)), min(left, max(texture.shape[1] - width, 0))
    piece = texture[top : top + height, left : left + width]
    if piece.shape[:2] != (height, width):
        piece = np.pad(piece, ((0, height - piece.shape[0]), (0, width - piece.shape[1])), mode="wrap")
    turns = int(rng.integers(4))
    return piece[:: 1 - 2 * (turns & 1), :: 1 - 2 * (turns >> 1)]
