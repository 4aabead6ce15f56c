"""Really damaged photographs with masks: windows of them as they are, and their damage to be laid over sound
pictures.

A folder holds damaged/ and mask/, matched by name: 255 lost, 128 either answer is right, 0 sound. A sound
photograph has a mask that is black. hard/, if it is there, holds for some of them where a detector took what
is sound for lost so far (white): windows are taken there more often. Masks of `unfade damage` on sound
photographs are just that. Masks may be called as it calls them, NAME.mask.png.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from unfade.arrays import Image, Mask
from unfade.errors import DataError
from unfade.files import photo
from unfade.workshop.data import find_pictures
from unfade.workshop.recipe import Real

LOST, EITHER = 255, 128
FREQUENT = 30_000
"""Lost pixels beyond which a photograph is not chosen more often."""
TRIES = 12
"""Windows drawn at random in search of one that holds damage."""


@dataclass(frozen=True, eq=False)
class MarkedPicture:
    """One photograph (h, w, 3) uint8, its mask (h, w) uint8, and where detectors err, (h, w)."""

    picture: np.ndarray
    mask: np.ndarray
    hard: Mask | None


@dataclass(frozen=True, eq=False)
class Cut:
    """A square of a photograph: the picture in [0, 1]; where it is lost; where either answer is right."""

    image: Image
    lost: Mask
    either: Mask


class Marked:
    """The photographs of a folder, and windows of them."""

    def __init__(self, pictures: Sequence[MarkedPicture], real: Real) -> None:
        self._pictures, self._real = pictures, real
        lost = np.array([min(int((one.mask == LOST).sum()), FREQUENT) for one in pictures], float)
        weights = np.where(lost > 0, lost**0.5 + 2, 0)
        self._chances = weights / weights.sum() if weights.any() else None
        self._sound = [one for one in pictures if not (one.mask == LOST).any()]

    @property
    def has_damage(self) -> bool:
        """Whether any of the photographs is damaged."""
        return self._chances is not None

    def window(self, size_px: int, rng: np.random.Generator) -> Cut:
        """A window as it is, of a damaged photograph or of a sound one, by the recipe's shares."""
        if self.has_damage and (not self._sound or rng.random() >= self._real.sound_share):
            if rng.random() < self._real.damaged_share:
                return self.damage(size_px, rng)
            return self._anywhere(self._pictures, size_px, rng)
        return self._anywhere(self._sound, size_px, rng)

    def damage(self, size_px: int, rng: np.random.Generator) -> Cut:
        """A window with damage, unless a few tries find none. Raises `DataError` if nothing is damaged."""
        if self._chances is None:
            raise DataError("no photograph of --real is damaged: their masks are all black; mark what is lost in white")
        for _ in range(TRIES):
            one = self._pictures[int(rng.choice(len(self._pictures), p=self._chances))]
            cut = self._cut(one, one.mask == LOST if rng.random() < 0.75 else None, size_px, rng)
            if cut.lost.any():
                break
        return cut

    def _anywhere(self, pictures: Sequence[MarkedPicture], size_px: int, rng: np.random.Generator) -> Cut:
        """A window of one of `pictures`, by the recipe's share where a detector was wrong."""
        one = pictures[int(rng.integers(len(pictures)))]
        around = one.hard if one.hard is not None and rng.random() < self._real.hard_share else None
        return self._cut(one, around, size_px, rng)

    def _cut(self, one: MarkedPicture, around: Mask | None, size_px: int, rng: np.random.Generator) -> Cut:
        """A square at a random scale, turned and mirrored; `around` a place of this mask, if it has any."""
        height, width = one.mask.shape
        low, high = self._real.scale_range
        side = min(round(size_px / float(np.exp(rng.uniform(np.log(low), np.log(high))))), height, width)
        places = np.flatnonzero(around) if around is not None else np.zeros(0, np.int64)
        if len(places):
            middle = np.array(divmod(int(places[int(rng.integers(len(places)))]), width))
            top, left = np.clip(middle - rng.integers(side, size=2), 0, [height - side, width - side])
        else:
            top, left = rng.integers(height - side + 1), rng.integers(width - side + 1)
        part = np.s_[int(top) : int(top) + side, int(left) : int(left) + side]
        smaller = side > size_px
        image = cv2.resize(one.picture[part], (size_px, size_px), interpolation=cv2.INTER_AREA if smaller else cv2.INTER_CUBIC)
        method = cv2.INTER_AREA if smaller else cv2.INTER_LINEAR
        share, doubt = (
            cv2.resize((one.mask[part] == level).astype(np.float32), (size_px, size_px), interpolation=method) for level in (LOST, EITHER)
        )
        lost = share >= 0.5
        either = ~lost & ((doubt > 0.3) | (share > 0.15))
        quarter, mirrored = int(rng.integers(4)), rng.random() < 0.5

        def turned(plane: np.ndarray) -> np.ndarray:
            return np.ascontiguousarray(np.rot90(plane[:, ::-1] if mirrored else plane, quarter))

        return Cut(turned(image.astype(np.float32) / 255), turned(lost), turned(either))


def read_marked(folder: Path, real: Real, *, largest_side_px: int) -> Marked:
    """The photographs below `folder`, larger ones reduced.

    Raises `DataError` for one without a mask, or with a mask of another size.
    """
    pairs = find_pairs(folder)
    hard = _by_name(folder / "hard", is_masks=True) if (folder / "hard").is_dir() else {}
    _refuse(hard.keys() - pairs.keys(), folder / "hard", f"not in {folder / 'damaged'}", "put the photographs there, with black masks")
    return Marked([_read(name, *pairs[name], hard.get(name), largest_side_px) for name in sorted(pairs)], real)


def find_pairs(folder: Path) -> dict[str, tuple[Path, Path]]:
    """The photographs below `folder`/damaged and their masks below `folder`/mask, by their common name.

    Raises `DataError` for one without the other.
    """
    pictures, masks = _by_name(folder / "damaged"), _by_name(folder / "mask", is_masks=True)
    _refuse(pictures.keys() - masks.keys(), folder / "damaged", f"without a mask in {folder / 'mask'}", "a sound one's is black all over")
    _refuse(masks.keys() - pictures.keys(), folder / "mask", f"not in {folder / 'damaged'}", "put the photographs there")
    return {name: (path, masks[name]) for name, path in pictures.items()}


def _refuse(lonely: Collection[str], folder: Path, why: str, advice: str) -> None:
    """Raise `DataError` if any pictures of a folder are `lonely`."""
    if lonely:
        raise DataError(f"{len(lonely)} in {folder} {why}: {', '.join(sorted(lonely)[:5])}; {advice}")


def _by_name(folder: Path, *, is_masks: bool = False) -> dict[str, Path]:
    """The pictures below a folder by their path in it, without its ending; of masks without `.mask`, too.
    Raises `DataError` if two share one."""
    named: dict[str, Path] = {}
    for path in find_pictures([folder]):
        name = path.relative_to(folder).with_suffix("").as_posix()
        name = name.removesuffix(".mask") if is_masks else name
        if name in named:
            raise DataError(f"{named[name]} and {path} have one name; rename one, so that each picture has its own mask")
        named[name] = path
    return named


def _read(name: str, picture: Path, mask: Path, hard: Path | None, largest_side_px: int) -> MarkedPicture:
    image = np.round(photo.read(picture).srgb() * 255).astype(np.uint8)
    levels = _levels(mask)
    wrong = None if hard is None else _levels(hard) >= EITHER
    for kind, plane in (("mask", levels), ("hard", wrong)):
        if plane is not None and plane.shape != image.shape[:2]:
            size = f"{plane.shape[1]} x {plane.shape[0]} and {image.shape[1]} x {image.shape[0]}"
            raise DataError(f"{name}: {kind}/ and damaged/ are {size}; the two must be of one size")
    scale = largest_side_px / max(image.shape[:2])
    if scale < 1:
        size_px = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
        image = cv2.resize(image, size_px, interpolation=cv2.INTER_AREA).astype(np.uint8)
        # A scratch that a third of a pixel is left of is a scratch; what is left of less may be either.
        lost, doubt = (cv2.resize((levels == level).astype(np.float32), size_px, interpolation=cv2.INTER_AREA) for level in (LOST, EITHER))
        levels = np.where(lost >= 0.35, LOST, np.where((doubt > 0.2) | (lost > 0.1), EITHER, 0)).astype(np.uint8)
        wrong = None if wrong is None else cv2.resize(wrong.astype(np.float32), size_px, interpolation=cv2.INTER_AREA) > 0.1
    return MarkedPicture(image, levels, wrong if wrong is not None and wrong.any() else None)


def _levels(path: Path) -> np.ndarray:
    """A mask's levels, each the nearest of 0, 128 and 255."""
    samples = photo.read(path).samples[:, :, 0]
    levels = (samples >> 8).astype(np.uint8) if samples.dtype == np.uint16 else samples
    return np.where(levels >= 192, LOST, np.where(levels >= 64, EITHER, 0)).astype(np.uint8)
