"""Paint over a picture: strokes, blobs and stencils, antialiased, with exact masks.

Every opaque kind of damage is made of these.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from unfade.ageing._chance import Color, Shape
from unfade.ageing._noise import Window, cloud_tile
from unfade.ageing._plan import Effect, check_shape
from unfade.arrays import Image, Mask

FAINTEST = 16
"""Coverage, of 255, below which a pixel is left alone: about 6 %. What is above it counts as lost."""

_SHIFT = 4  # cv2 draws at sixteenths of a pixel
_REACH = 1 << 20  # coordinates beyond this (65,536 px) are pulled in, so that none overflows


@dataclass(frozen=True, eq=False)
class Stroke:
    """A line through `points` (n, 2), n at least 2: x, y in pixels.

    `width_px`: (n,), or one number for all. Opacity lies in [0, 1].
    """

    points: np.ndarray
    width_px: np.ndarray | float
    opacity: float = 1.0

    def draw(self, coverage: np.ndarray) -> None:
        """Onto a plane of coverage, uint8."""
        mean = float(np.mean(self.width_px))
        if isinstance(self.width_px, float) or mean < 1.3:
            # Thinner than a pixel is fainter: a line of width w covers w of each pixel it crosses.
            # cv2 draws an antialiased line of thickness t about t + 1 pixels wide (2: 3.4, 3: 5.4).
            value = 255 * self.opacity * min(1.0, max(mean, 0.2))
            cv2.polylines(coverage, [fixed_point(self.points)], False, value, max(1, round(mean - 1)), cv2.LINE_AA, _SHIFT)
            return
        along = np.empty_like(self.points)
        along[1:-1] = self.points[2:] - self.points[:-2]
        along[0], along[-1] = self.points[1] - self.points[0], self.points[-1] - self.points[-2]
        along /= np.maximum(np.hypot(along[:, 0], along[:, 1]), 1e-6)[:, None]
        # cv2's antialiasing adds 0.4 to 0.7 pixels on either side.
        half = np.maximum(np.asarray(self.width_px) / 2 - 0.5, 0.1)[:, None] * np.stack([-along[:, 1], along[:, 0]], axis=1)
        outline = np.concatenate([self.points + half, (self.points - half)[::-1]])
        cv2.fillPoly(coverage, [fixed_point(outline)], 255 * self.opacity, cv2.LINE_AA, _SHIFT)


@dataclass(frozen=True, eq=False)
class Stencil:
    """A small plane of coverage (uint8), stretched over a rectangle of the picture.

    The rectangle is `left, top, width, height`; it may stick out of the picture.
    """

    coverage: np.ndarray
    left: int
    top: int
    width: int
    height: int

    def draw(self, coverage: np.ndarray) -> None:
        """Onto a plane of coverage, uint8; the stronger of the two stays."""
        top, left = max(self.top, 0), max(self.left, 0)
        bottom, right = min(self.top + self.height, coverage.shape[0]), min(self.left + self.width, coverage.shape[1])
        if bottom <= top or right <= left:
            return
        shrinks = self.width < self.coverage.shape[1]
        cut = cv2.resize(self.coverage, (self.width, self.height), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        cut = cut[top - self.top : bottom - self.top, left - self.left : right - self.left]
        np.maximum(coverage[top:bottom, left:right], cut, out=coverage[top:bottom, left:right])


@dataclass(frozen=True, eq=False)
class Flakes:
    """Flaked emulsion: where ragged noise plus a smooth `grid` of likelihood exceeds `level`."""

    window: Window
    grid: np.ndarray
    level: float
    steepness: float

    def draw(self, coverage: np.ndarray) -> None:
        """Onto a plane of coverage, uint8; the stronger of the two stays."""
        shape: Shape = (coverage.shape[0], coverage.shape[1])
        noise = self.window.over(cloud_tile(self.steepness), shape)
        noise += cv2.resize(self.grid, (shape[1], shape[0]), interpolation=cv2.INTER_LINEAR)
        # A soft step as wide as noise changes over a pixel: antialiased edges.
        slope = 255 * 2.5 / max(self.window.zoom, 0.2)
        soft = cv2.convertScaleAbs(np.maximum(noise - np.float32(self.level), 0), alpha=slope)
        np.maximum(coverage, soft, out=coverage)


class Drawn(Protocol):
    """Something that covers pixels."""

    def draw(self, coverage: np.ndarray) -> None:
        """Onto a plane of coverage, uint8; the stronger of the two stays."""


@dataclass(frozen=True, eq=False)
class Coat:
    """Paint of one color: where it lies and how it looks.

    `texture` is the deviation of the paint's lightness over its texture (seen through `window`, rough at
    `grit` 0 and cloudy at 2); `patchy` in [0, 1] is how far the paint has worn off in places, so that lines
    break.
    """

    color: Color
    strokes: tuple[Stroke, ...] = ()
    blobs: tuple[np.ndarray, ...] = ()
    stencils: tuple[Drawn, ...] = ()
    opacity: float = 1.0
    texture: float = 0.0
    grit: float = 1.0
    patchy: float = 0.0
    window: Window = field(default_factory=lambda: Window(0, 0))

    def coverage(self, shape: Shape) -> np.ndarray:
        """How much of each pixel the paint covers, uint8 (h, w): 0, or from `FAINTEST` to 255."""
        plane = np.zeros(shape, np.uint8)
        for stencil in self.stencils:
            stencil.draw(plane)
        if self.blobs:
            cv2.fillPoly(plane, [fixed_point(blob) for blob in self.blobs], 255, cv2.LINE_AA, _SHIFT)
        for stroke in self.strokes:
            stroke.draw(plane)
        if self.patchy > 0:
            rows, columns = np.nonzero(plane)
            zoom = max(4.0 * 256 / min(shape), 0.5)
            worn = Window(self.window.y, self.window.x, zoom, self.window.mirrored).at(cloud_tile(1.0), rows, columns)
            kept = np.clip(1 - self.patchy * (0.6 + worn), 0, 1)
            plane[rows, columns] = (plane[rows, columns] * kept).astype(np.uint8)
        if self.opacity < 1:
            return _cut_off(cv2.convertScaleAbs(plane, alpha=self.opacity))
        return _cut_off(plane)

    def lay(self, image: Image, lost: Mask) -> None:
        """Onto `image` and into `lost`, both changed in place."""
        plane = self.coverage(lost.shape)
        where = np.flatnonzero(plane)
        if not len(where):
            return
        lost.reshape(-1)[where] = True
        paint = np.asarray(self.color, np.float32)[None, :]
        if self.texture > 0:
            rows, columns = np.divmod(where, plane.shape[1])
            rough = self.window.at(cloud_tile(self.grit), rows, columns)
            paint = np.clip(paint * (1 + self.texture * rough[:, None]), 0, 1)
        pixels = image.reshape(-1, 3)
        share = plane.reshape(-1)[where].astype(np.float32)[:, None] * np.float32(1 / 255)
        under = pixels[where]
        pixels[where] = under + share * (paint - under)


@dataclass(frozen=True, eq=False)
class Painted:
    """A plan of opaque damage: coats, the later over the earlier. Satisfies `Plan`."""

    shape: Shape
    coats: tuple[Coat, ...]

    def apply(self, image: Image) -> Effect:
        """See `Plan.apply`."""
        check_shape(image, self.shape)
        painted = np.array(image, np.float32, order="C")
        lost = np.zeros(self.shape, bool)
        for coat in self.coats:
            coat.lay(painted, lost)
        return Effect(painted, lost=lost)

    def mask(self) -> Mask:
        """The lost pixels without a picture: exactly `apply(...).lost`."""
        lost = np.zeros(self.shape, bool)
        for coat in self.coats:
            lost |= coat.coverage(self.shape) > 0
        return lost


def _cut_off(plane: np.ndarray) -> np.ndarray:
    return np.asarray(cv2.threshold(plane, FAINTEST - 1, 255, cv2.THRESH_TOZERO)[1])


def fixed_point(points: np.ndarray) -> np.ndarray:
    """Pixel centers at whole numbers -> cv2's fixed-point coordinates."""
    return np.asarray(np.clip(np.rint(points * (1 << _SHIFT)), -_REACH, _REACH), np.int32)


def turned(x: np.ndarray, y: np.ndarray, angle: float | np.ndarray, center: np.ndarray | tuple[float, float] = (0.0, 0.0)) -> np.ndarray:
    """Points (..., 2) that lie at `x`, `y` in axes turned by `angle` around `center`."""
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([center[0] + x * cosine - y * sine, center[1] + x * sine + y * cosine], axis=-1)


def blob(rng: np.random.Generator, center: np.ndarray, radius_px: float, *, roughness: float, flatness: float = 1.0) -> np.ndarray:
    """A closed irregular outline (n, 2) around `center`.

    A circle whose radius wanders, pressed to an ellipse of `flatness`.

    `roughness` is the deviation of the radius' logarithm: 0.1 is a drop, 0.5 a ragged flake.
    """
    number = int(np.clip(radius_px * 2.2, 7, 160))
    angles = np.linspace(0, 2 * np.pi, number, endpoint=False)
    harmonics = min(number // 2, 24)
    orders = np.arange(1, harmonics + 1)
    strengths = rng.standard_normal((2, harmonics)) * roughness / orders**0.9
    turns = angles[:, None] * orders
    radii = radius_px * np.exp(np.cos(turns) @ strengths[0] + np.sin(turns) @ strengths[1])
    tilt = rng.random() * np.pi
    x, y = radii * np.cos(angles), radii * np.sin(angles) * flatness
    return turned(x, y, tilt, center).astype(np.float32)


def specks(rng: np.random.Generator, centers: np.ndarray, radii_px: np.ndarray) -> tuple[np.ndarray, ...]:
    """Many small irregular outlines at once: seven corners each."""
    number = len(centers)
    angles = (np.arange(7) / 7 * 2 * np.pi)[None, :] + rng.random((number, 1)) * 6.3
    radii = radii_px[:, None] * np.exp(rng.standard_normal((number, 7)) * 0.28)
    flat = 1 - 0.6 * rng.random((number, 1)) ** 1.5
    tilt = rng.random((number, 1)) * np.pi
    x, y = radii * np.cos(angles), radii * np.sin(angles) * flat
    return tuple((centers[:, None, :] + turned(x, y, tilt)).astype(np.float32))
