"""The classical fill that the networks start from: a smooth guess of what is lost.

The surface that bends least over the hole (biharmonic, or thin-plate, inpainting: Damelin and Hoang 2018,
doi:10.1155/2018/3950312), found from coarse to fine. The exact solution by a sparse solver takes seconds;
nested iteration over a pyramid takes milliseconds and comes as close as matters.
"""

from __future__ import annotations

import cv2
import numpy as np

from unfade.arrays import Mask

# The discrete bilaplacian's off-centre weights over its centre's 20: what a pixel is when its bending is
# zero.
_NEIGHBOURS = np.array([[0, 0, -1, 0, 0], [0, -2, 8, -2, 0], [-1, 8, 0, 8, -1], [0, -2, 8, -2, 0], [0, 0, -1, 0, 0]], dtype=np.float32) / 20
# The spectrum of (1 - neighbours) lies in (0, 3.2]: damping below 2 / 3.2 holds without momentum, and 0.56
# with it was measured best.
_DAMPING = 0.56
_MOMENTUM = 0.7
_SMALLEST_PX = 4
_LANES = 4  # channels at once: numpy moves pixels of 16 bytes, as one number each, several times as fast as those of 12


def biharmonic(image: np.ndarray, mask: Mask, *, sweeps: int = 10, finish: bool = True) -> np.ndarray:
    """Fill the hole with the surface that bends least.

    >>> ramp = np.tile(np.linspace(0, 1, 9, dtype=np.float32), (9, 1))[:, :, None]
    >>> hole = np.zeros((9, 9), bool)
    >>> hole[4, 4] = True
    >>> round(float(biharmonic(np.where(hole[:, :, None], 0, ramp), hole)[4, 4, 0]), 2)
    0.5

    `image` (h, w, c) float32, any range; `mask` (h, w), True = lost. Samples where `mask` is False come back
    bit for bit; what lies under the mask in `image` does not matter. If everything is lost the result is 0.5.
    `sweeps` relaxations are made at each of the pyramid's sizes; without `finish` none at the full one, which
    is as good away from the hole's edge. Overshoot is held to the range of the known
    samples.
    """
    if not mask.any():
        return image.copy()
    if mask.all():
        return np.full_like(image, 0.5)
    known = (~mask).astype(np.uint8)
    lost = np.flatnonzero(mask)
    result = image.copy()
    for first in range(0, image.shape[2], _LANES):
        part = image[:, :, first : first + _LANES]
        lanes = np.zeros((*mask.shape, _LANES), np.float32)
        lanes[:, :, : part.shape[2]] = part
        _packed(lanes)[lost] = 0
        solved = _solve(lanes, known.astype(np.float32), sweeps, whole=True, finish=finish)
        filled = _packed(solved)[lost].view(np.float32).reshape(-1, _LANES)
        for channel in range(part.shape[2]):
            lowest, highest, _, _ = cv2.minMaxLoc(np.ascontiguousarray(part[:, :, channel]), known)
            np.clip(filled[:, channel], lowest, highest, out=filled[:, channel])
        result.reshape(-1, image.shape[2])[lost, first : first + _LANES] = filled[:, : part.shape[2]]
    return result


def _solve(weighted: np.ndarray, weight: np.ndarray, sweeps: int, *, whole: bool = False, finish: bool = True) -> np.ndarray:
    """The fill of one pyramid level.

    `weighted` is value times `weight` (0 = unknown), so that reducing it is a weighted mean. `whole`: each
    weight is 0 or 1. `finish`: relax at this level, too.
    """
    hole = np.flatnonzero(weight <= 0)
    values: np.ndarray = weighted.copy() if whole else weighted / np.maximum(weight, 1e-6)[:, :, None]
    if not len(hole):
        return values
    height, width = weight.shape
    if min(height, width) <= _SMALLEST_PX:
        values.reshape(-1, _LANES)[hole] = weighted.sum(axis=(0, 1)) / max(float(weight.sum()), 1e-6)
        return values
    smaller = ((width + 1) // 2, (height + 1) // 2)
    coarse = _solve(
        cv2.resize(weighted, smaller, interpolation=cv2.INTER_AREA),
        cv2.resize(weight, smaller, interpolation=cv2.INTER_AREA),
        sweeps,
    )
    guess = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    _packed(values)[hole] = _packed(guess)[hole]
    if finish:
        _relax(values, hole, sweeps)
    return values


def _relax(values: np.ndarray, hole: np.ndarray, sweeps: int) -> None:
    """Damped Jacobi sweeps with momentum (Chebyshev's idea, fixed coefficients) on the hole's pixels only:
    `hole` (k,), their places in reading order."""
    rows, columns = np.divmod(hole, values.shape[1])
    margin = 2
    padded = cv2.copyMakeBorder(values, margin, margin, margin, margin, cv2.BORDER_REFLECT_101)
    stride = padded.shape[1]
    packed = _packed(padded)
    at = (rows + margin) * stride + columns + margin
    dy, dx = np.nonzero(_NEIGHBOURS)
    around = at[None, :] + ((dy - margin) * stride + (dx - margin))[:, None]
    shares = _NEIGHBOURS[dy, dx]
    now = packed[at].view(np.float32)
    step = np.zeros_like(now)
    for _ in range(sweeps):
        neighbours = packed.take(around, axis=0).view(np.float32).reshape(len(shares), -1)
        wanted = np.einsum("k,kp->p", shares, neighbours)  # not @: BLAS has threads of its own, and windows wait for each other in them
        step = _MOMENTUM * step + _DAMPING * (wanted - now)
        now = now + step
        packed[at] = now.view(packed.dtype)
    _packed(values)[hole] = now.view(packed.dtype)


def _packed(planes: np.ndarray) -> np.ndarray:
    """Each pixel of a picture (h, w, 4) as one item, (h w,): a view."""
    packed: np.ndarray = planes.reshape(-1).view(np.complex128)
    return packed
