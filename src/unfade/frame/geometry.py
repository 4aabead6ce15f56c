"""A photograph is cropped, turned and straightened: once, on opening or cutting.

A box of whole pixels and a quarter turn move samples and change none. Anything else resamples once, by
Lanczos' kernel in linear light, at the photograph's own depth.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import product

import cv2
import numpy as np

from unfade.arrays import Mask, Samples
from unfade.color import linear_from_srgb, srgb_from_linear
from unfade.errors import UsageError
from unfade.files import sizes
from unfade.files.photo import Photo
from unfade.files.regions import Move
from unfade.frame import quads
from unfade.record import Framed

STRAIGHT_PX = 0.35  # corners that stray less from whole pixels are taken to lie on them
RECTANGLE_DEGREES = 0.35  # a print whose corners are this close to right angles was not seen in perspective
_BAND_PIXELS = 1_000_000
_PART_COLUMNS = 1 << 14  # OpenCV resamples no side of 32,767 px
_STEPS = 1 << 16
_MARGIN_PX = 6  # what the kernel reaches beyond a place, and a little


@dataclass(frozen=True)
class Frame:
    """What of a scan becomes the photograph.

    `corners`: four points, clockwise from the one that becomes the top left, x then y, in pixels from the
    outer edge of the first (none: the whole). They become a rectangle as wide and as high as their sides are
    long, in the mean. `turn`: 0, 90, 180 or 270 degrees clockwise, after that. Raises `UsageError` for
    corners that are no convex quadrilateral and for other turns.
    """

    corners: tuple[tuple[float, float], ...] | None = None
    turn: int = 0

    def __post_init__(self) -> None:
        if self.turn not in (0, 90, 180, 270):
            raise UsageError(f"turn must be 0, 90, 180 or 270 degrees, not {self.turn}")
        if self.corners is None:
            return
        corners = np.asarray(self.corners, float)
        if corners.shape != (4, 2) or not np.isfinite(corners).all() or not quads.is_convex(corners):
            raise UsageError(f"corners must be four points, clockwise, of a convex quadrilateral, not {self.corners}")

    @classmethod
    def of(cls, corners: np.ndarray, turn: int = 0) -> Frame:
        """A frame of an array of corners (4, 2)."""
        return cls(tuple((float(x), float(y)) for x, y in corners), turn)

    @classmethod
    def recorded(cls, framed: Framed) -> Frame:
        """The frame that a record tells of."""
        return cls(framed.corners, framed.turn)

    def on(self, width: int, height: int) -> Framed:
        """This frame of a photograph of `width` by `height`, for a record."""
        return Framed(self.corners, self.turn, width, height)

    @classmethod
    def box(cls, left: float, top: float, width: float, height: float) -> Frame:
        """A box whose sides are level and upright."""
        return cls.of(quads.box(width, height) + np.array([left, top]))

    def size(self, width: int, height: int) -> tuple[int, int]:
        """(width, height) of what a photograph of `width` by `height` becomes, in pixels."""
        wide, tall = (width, height) if self.corners is None else _cut_size(np.asarray(self.corners, float), width, height)
        return (tall, wide) if self.turn in (90, 270) else (wide, tall)

    def homography(self, width: int, height: int) -> np.ndarray:
        """From places on a photograph of `width` by `height` to places in the frame: (3, 3), places in pixels
        from the outer edge of the first."""
        place = np.eye(3) if self.corners is None else np.linalg.inv(_back(np.asarray(self.corners, float), width, height))
        wide, tall = (width, height) if self.corners is None else _cut_size(np.asarray(self.corners, float), width, height)
        turns = {
            0: np.eye(3),
            90: np.array([[0, -1, tall], [1, 0, 0], [0, 0, 1.0]]),
            180: np.array([[-1, 0, wide], [0, -1, tall], [0, 0, 1.0]]),
            270: np.array([[0, 1, 0], [-1, 0, wide], [0, 0, 1.0]]),
        }
        return np.asarray(turns[self.turn] @ place)

    @property
    def is_exact(self) -> bool:
        """Whether it moves samples and changes none: a box of whole pixels, a quarter turn."""
        return self.corners is None or straight_box(np.asarray(self.corners, float), 1 << 30, 1 << 30) is not None

    def apply(self, photo: Photo) -> Photo:
        """The photograph in this frame: samples, alpha, what is lost, resolution, and what its metadata tell
        of size and places; notes say what was left out of them. Raises `UsageError` if less than a pixel of
        it lies there."""
        before = photo
        if self.corners is not None:
            photo = _cut(photo, np.asarray(self.corners, float))
        if self.turn:
            quarters = -(self.turn // 90)

            def turned(array: np.ndarray | None) -> np.ndarray | None:
                return None if array is None else np.ascontiguousarray(np.rot90(array, quarters))

            dpi = photo.dpi[::-1] if photo.dpi is not None and self.turn != 180 else photo.dpi
            samples = np.ascontiguousarray(np.rot90(photo.samples, quarters))
            photo = replace(photo, samples=samples, alpha=turned(photo.alpha), lost=turned(photo.lost), dpi=dpi)
        back = np.linalg.inv(self.homography(before.width, before.height))
        corners = cv2.perspectiveTransform(quads.box(photo.width, photo.height)[None], back)[0]
        move = Move(corners, (before.width, before.height), (photo.width, photo.height))
        if move.is_none:
            return photo
        metadata, left_out = sizes.moved(photo.metadata, move)
        return replace(photo, metadata=metadata, notes=photo.notes + left_out)

    def apply_mask(self, mask: Mask) -> Mask:
        """A mask of the photograph, (h, w), in this frame. Where samples are resampled, it also takes in what
        a lost one would be mixed into."""
        return self._moved_mask(mask, self.size(mask.shape[1], mask.shape[0]), self.homography(mask.shape[1], mask.shape[0]))

    def undo_mask(self, mask: Mask, width: int, height: int) -> Mask:
        """A mask of this frame on the photograph, of `width` by `height`, that was framed: empty outside.
        Framed again, it covers the mask; a frame that is exact gives the very mask."""
        return self._moved_mask(mask, (width, height), np.linalg.inv(self.homography(width, height)), outside=False)

    def _moved_mask(self, mask: Mask, size: tuple[int, int], place: np.ndarray, *, outside: bool = True) -> Mask:
        grown: np.ndarray = mask.view(np.uint8)
        if not self.is_exact:
            grown = cv2.dilate(grown, np.ones((3, 3), np.uint8))
        half = np.array([[1, 0, -0.5], [0, 1, -0.5], [0, 0, 1]])
        centers = half @ place @ np.linalg.inv(half)
        border = cv2.BORDER_REPLICATE if outside else cv2.BORDER_CONSTANT
        moved = cv2.warpPerspective(grown, centers, size, flags=cv2.INTER_NEAREST, borderMode=border)
        return np.asarray(moved > 0)


def straight_box(corners: np.ndarray, width: int, height: int) -> tuple[int, int, int, int] | None:
    """Left, top, right, bottom if the corners lie on whole pixels, within STRAIGHT_PX; None if they do
    not."""
    low, high = np.rint(corners.min(axis=0)), np.rint(corners.max(axis=0))
    exact = np.array([[low[0], low[1]], [high[0], low[1]], [high[0], high[1]], [low[0], high[1]]])
    if np.abs(corners - exact).max() > STRAIGHT_PX:
        return None
    left, top = np.maximum(low, 0).astype(int)
    right, bottom = np.minimum(high, (width, height)).astype(int)
    return int(left), int(top), int(right), int(bottom)


def as_rectangle(corners: np.ndarray) -> np.ndarray:
    """The corners as those of a true rectangle, where they are nearly one: it is then turned only, and its
    sides keep their proportions."""
    sides = np.roll(corners, -1, axis=0) - corners
    angles = np.degrees(np.arctan2(sides[:, 1], sides[:, 0])) - np.array([0, 90, 180, 270])
    angles = (angles + 180) % 360 - 180
    if np.ptp(angles) > RECTANGLE_DEGREES:
        return corners
    lengths = quads.side_lengths(corners)
    wide, tall = (lengths[0] + lengths[2]) / 2, (lengths[1] + lengths[3]) / 2
    turn = math.radians(quads.angle(corners))
    rotation = np.array([[math.cos(turn), -math.sin(turn)], [math.sin(turn), math.cos(turn)]])
    return np.asarray((quads.box(wide, tall) - (wide / 2, tall / 2)) @ rotation.T + corners.mean(axis=0))


def _cut_size(corners: np.ndarray, width: int, height: int) -> tuple[int, int]:
    """(width, height) of what is cut out between corners."""
    box = straight_box(corners, width, height)
    if box is not None:
        return box[2] - box[0], box[3] - box[1]
    lengths = quads.side_lengths(as_rectangle(corners))
    return max(1, round((lengths[0] + lengths[2]) / 2)), max(1, round((lengths[1] + lengths[3]) / 2))


def _back(corners: np.ndarray, width: int, height: int) -> np.ndarray:
    """From places in what is cut out to places on the photograph, (3, 3)."""
    box = straight_box(corners, width, height)
    if box is not None:
        return np.array([[1, 0, box[0]], [0, 1, box[1]], [0, 0, 1.0]])
    target = quads.box(*_cut_size(corners, width, height)).astype(np.float32)
    return np.asarray(cv2.getPerspectiveTransform(target, as_rectangle(corners).astype(np.float32)), float)


def _cut(photo: Photo, corners: np.ndarray) -> Photo:
    if (corners.max(axis=0) <= 0).any() or (corners.min(axis=0) >= (photo.width, photo.height)).any():
        raise UsageError(f"nothing of {photo.name}, which is {photo.width}x{photo.height} pixels, lies in the frame {corners.tolist()}")
    lost = None if photo.lost is None else Frame.of(corners).apply_mask(photo.lost)
    box = straight_box(corners, photo.width, photo.height)
    if box is not None:
        left, top, right, bottom = box
        if right <= left or bottom <= top:
            raise UsageError(f"nothing of {photo.name}, which is {photo.width}x{photo.height} pixels, lies in the frame {corners.tolist()}")
        rows, columns = slice(top, bottom), slice(left, right)
        samples = np.ascontiguousarray(photo.samples[rows, columns])
        alpha = None if photo.alpha is None else np.ascontiguousarray(photo.alpha[rows, columns])
        return replace(photo, samples=samples, alpha=alpha, lost=lost)
    width, height = _cut_size(corners, photo.width, photo.height)
    place = _back(corners, photo.width, photo.height)
    decode, encode = _curve(photo.samples.dtype.itemsize)
    samples = _resampled(photo.samples, place, height, width, decode, encode)
    if photo.alpha is None:
        return replace(photo, samples=samples, lost=lost)
    opaque = int(np.iinfo(photo.alpha.dtype).max)
    plain = np.arange(opaque + 1, dtype=np.float32) / np.float32(opaque)

    def back(linear: np.ndarray) -> np.ndarray:
        return np.asarray(np.rint(linear * np.float32(opaque)), photo.samples.dtype)

    alpha = _resampled(photo.alpha[..., None], place, height, width, plain, back)[..., 0]
    return replace(photo, samples=samples, alpha=alpha, lost=lost)


@lru_cache(maxsize=2)
def _curve(itemsize: int) -> tuple[np.ndarray, Callable[[np.ndarray], np.ndarray]]:
    """A table from samples to linear light, and the way back.

    sRGB's curve is taken whatever the profile: the samples must come back as they went, and every
    photographic profile's curve is near. The way back is a table over the square root, in which dark tones
    have steps enough.
    """
    kind = np.uint8 if itemsize == 1 else np.uint16
    top = np.iinfo(kind).max
    decoded = linear_from_srgb(np.arange(top + 1) / top)
    table = np.rint(srgb_from_linear((np.arange(4 * _STEPS + 1) / (4 * _STEPS)) ** 2) * top).astype(kind)

    def encode(light: np.ndarray) -> np.ndarray:
        return np.asarray(np.take(table, np.rint(np.sqrt(light) * np.float32(4 * _STEPS)).astype(np.int32)))

    return decoded, encode


def _resampled(
    samples: Samples, place: np.ndarray, height: int, width: int, decode: np.ndarray, encode: Callable[[np.ndarray], np.ndarray]
) -> Samples:
    """`height` by `width` new samples, each taken where the homography `place` puts its middle; part by
    part."""
    made = np.empty((height, width, samples.shape[2]), samples.dtype)
    limit = np.array([samples.shape[1], samples.shape[0]])
    wide = min(width, _PART_COLUMNS)
    tall = max(1, _BAND_PIXELS // wide)
    for top, left in product(range(0, height, tall), range(0, width, wide)):
        part = np.s_[top : min(top + tall, height), left : min(left + wide, width)]
        rows = np.arange(part[0].start, part[0].stop, dtype=np.float64)[:, None] + 0.5
        columns = np.arange(part[1].start, part[1].stop, dtype=np.float64) + 0.5
        depth = place[2, 0] * columns + place[2, 1] * rows + place[2, 2]
        x = (place[0, 0] * columns + place[0, 1] * rows + place[0, 2]) / depth - 0.5
        y = (place[1, 0] * columns + place[1, 1] * rows + place[1, 2]) / depth - 0.5
        low = np.clip(np.floor([x.min(), y.min()]).astype(int) - _MARGIN_PX, 0, limit - 1)
        high = np.clip(np.ceil([x.max(), y.max()]).astype(int) + _MARGIN_PX, low + 1, limit)
        light = np.take(decode, samples[low[1] : high[1], low[0] : high[0]])
        taken = cv2.remap(
            light, (x - low[0]).astype(np.float32), (y - low[1]).astype(np.float32), cv2.INTER_LANCZOS4, borderMode=cv2.BORDER_REPLICATE
        )
        made[part] = encode(np.clip(taken, 0, 1)).reshape(len(rows), len(columns), -1)
    return made
