"""A picture proper is cut out of its scan for a step to look at, and what the step made of it is put back,
sample for sample."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from unfade import tiles
from unfade.arrays import Mask, Samples
from unfade.files.photo import Photo
from unfade.frame import quads

_BAND = 256  # rows that are continued at once


@dataclass(frozen=True, eq=False)
class Region:
    """The smallest box of whole pixels around a picture's `corners`, (4, 2) in pixels of the scan."""

    corners: np.ndarray
    rows: slice
    columns: slice

    @classmethod
    def around(cls, corners: np.ndarray, height: int, width: int) -> Region | None:
        """The region of a picture on a scan of `height` by `width`; None if no pixel of it lies there."""
        near = np.where(np.abs(corners - np.rint(corners)) < 1e-3, np.rint(corners), corners)
        low = np.clip(np.floor(near.min(axis=0)).astype(int), 0, (width, height))
        high = np.clip(np.ceil(near.max(axis=0)).astype(int), 0, (width, height))
        if (high <= low).any():
            return None
        return cls(near, slice(int(low[1]), int(high[1])), slice(int(low[0]), int(high[0])))

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        return self.rows.stop - self.rows.start, self.columns.stop - self.columns.start

    def holds(self, x: float, y: float) -> bool:
        """Whether a place of the scan lies in the region."""
        return bool(self.columns.start <= x < self.columns.stop and self.rows.start <= y < self.rows.stop)

    @property
    def is_box(self) -> bool:
        """Whether the picture fills the region: its sides run along rows and columns of pixels."""
        box = quads.box(self.shape[1], self.shape[0]) + np.array([self.columns.start, self.rows.start])
        return bool(np.abs(self.corners - box).max() < 1e-3)

    def inside(self, rows: slice) -> Mask:
        """Which pixels of these rows of the region belong to the picture, (rows, width)."""
        corners = self.corners - (self.columns.start, self.rows.start + rows.start)
        return quads.inside(corners, rows.stop - rows.start, self.shape[1])

    def bands(self) -> Iterator[slice]:
        """Rows of the region, a band at a time."""
        for top in range(0, self.shape[0], _BAND):
            yield slice(top, min(top + _BAND, self.shape[0]))

    def cut(self, photo: Photo) -> Photo:
        """The picture as a photograph of the region's size. What lies around it there is painted over with
        the picture's own reflection, so that a step sees no surround."""
        samples = photo.samples[self.rows, self.columns]
        alpha = None if photo.alpha is None else photo.alpha[self.rows, self.columns]
        if not self.is_box:
            samples = self._continued(samples)
        lost = None if photo.lost is None else self.cut_mask(photo.lost)
        return replace(photo, samples=samples, alpha=alpha, lost=lost)

    def cut_mask(self, mask: Mask) -> Mask:
        """The part of a mask of the scan that lies in the picture, of the region's size."""
        part = mask[self.rows, self.columns].copy()
        if not self.is_box:
            for rows in self.bands():
                part[rows] &= self.inside(rows)
        return part

    def put(self, samples: Samples, made: Samples) -> None:
        """Put what was made of the region into `samples` of the scan, within the picture only."""
        target = samples[self.rows, self.columns]
        if self.is_box:
            target[:] = made
            return
        for rows in self.bands():
            within = self.inside(rows)
            target[rows][within] = made[rows][within]

    def put_mask(self, mask: Mask | None, found: Mask, height: int, width: int) -> Mask:
        """The scan's mask (none yet: empty, `height` by `width`) with what was found within the picture."""
        whole = np.zeros((height, width), bool) if mask is None else mask
        target = whole[self.rows, self.columns]
        for rows in self.bands():
            target[rows] |= found[rows] & self.inside(rows)
        return whole

    def _continued(self, samples: Samples) -> Samples:
        height, width = self.shape
        continued = samples.copy()
        corners = (self.corners - (self.columns.start, self.rows.start)).astype(np.float32)
        unit = quads.box(1, 1).astype(np.float32)
        into = cv2.getPerspectiveTransform(corners, unit).astype(float)
        back = np.linalg.inv(into)
        for rows in self.bands():
            down, across = np.nonzero(~self.inside(rows))
            if len(down) == 0:
                continue
            places = _mapped(np.stack([across + 0.5, down + rows.start + 0.5], axis=1), into)
            mirrored = np.abs((places + 1) % 2 - 1)  # 1.2 is 0.8, -0.2 is 0.2
            mirrored = np.clip(mirrored, 0.5 / max(width, 2), 1 - 0.5 / max(width, 2))
            found = np.floor(_mapped(mirrored, back)).astype(int)
            x, y = np.clip(found[:, 0], 0, width - 1), np.clip(found[:, 1], 0, height - 1)
            continued[rows.start + down, across] = samples[y, x]
        return continued


def _mapped(points: np.ndarray, place: np.ndarray) -> np.ndarray:
    """Points (n, 2) through a homography."""
    moved = points @ place[:2, :2].T + place[:2, 2]
    depth = points @ place[2, :2] + place[2, 2]
    return np.asarray(moved / depth[:, None])


def regions(pictures: tuple[np.ndarray, ...], photo: Photo) -> list[Region]:
    """The regions of pictures of which anything lies on the photograph."""
    found = [Region.around(corners, photo.height, photo.width) for corners in pictures]
    return [region for region in found if region is not None]


def is_outside(mask: Mask, parts: list[Region]) -> bool:
    """Whether a mask marks anything outside of all these pictures."""
    rest = mask.copy()
    for region in parts:
        target = rest[region.rows, region.columns]
        for rows in region.bands():
            target[rows] &= ~region.inside(rows)
    return bool(rest.any())


def put_together(before: Photo, made: list[tuple[Region, Photo]]) -> tuple[Photo, int]:
    """The scan with what was made of its pictures, and how many of its pixels changed. A gray scan becomes
    RGB if one of them did."""
    if not made:
        return before, 0
    channels = max(after.channels for _, after in made)
    whole = before.as_rgb() if channels > before.channels else before
    samples = whole.samples.copy()
    for region, after in made:
        fitting = after.as_rgb() if after.channels < channels else after
        region.put(samples, fitting.samples)
    return whole.with_samples(samples), tiles.count_changed(before.samples, samples)
