"""What was filled is made as fine as what surrounds it.

A smooth patch in a grainy photograph is seen at once, so grain is added. A weave in a soft photograph, as
networks leave one, is seen too, so it is weakened.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import cv2
import numpy as np

from unfade.arrays import Image, Mask, Plane
from unfade.files.photo import Photo

GRAIN_RING_PX = 12  # how far around a hole its grain is measured
GRAIN_RING_LEAST = 32  # from fewer pixels than this, nothing is told
GRAIN_PATCH_PX = 7  # the neighborhood over which the flattest places are sought: grain is everywhere, texture is not,
GRAIN_FLATTEST = 0.2  # so the flattest fifth tells the grain,
GRAIN_FLATTEST_POWER = 1.4  # which is this much stronger (white noise, measured), because the flattest fifth is flattest by chance too
GRAIN_RANGE = (0.04, 0.96)  # in black and white it is clipped
GRAIN_LEAST = 0.002  # half a step of 8 bits: less is not seen
GRAIN_MOST = 1.0  # no stronger than in the flattest places of the whole photograph: texture around a hole is no grain
GRAIN_FLATTEST_OF_ALL = 0.05
GRAIN_PROBES, GRAIN_PROBE_PX = 8, 96  # the whole is known from so many small parts down and across
# Measured on white noise of 1 that was blurred by a sigma (px): the correlation of neighbours in its
# residual, which tells how coarse a grain is, and the standard deviation of the residual. Coarser grain than
# the last is not told from texture.
_GRAIN_SIGMAS = (0.0, 0.5, 0.7, 1.0)
_GRAIN_CORRELATIONS = (-0.176, 0.006, 0.285, 0.539)
_GRAIN_RESIDUALS = (0.871, 0.497, 0.241, 0.113)
_BLOCK_PX = 64


@dataclass(frozen=True)
class Grain:
    """What is known of a photograph's grain.

    `seed`: of the noise. `most`: the strongest grain to add, as the standard deviation of its residual.
    `sigma`: the blur (px) that makes white noise as coarse as this grain.
    """

    seed: int
    most: float
    sigma: float


def without_excess(image: Image, lost: Mask) -> Image:
    """Weaken the finest detail under `lost` where it is stronger than in the ring around it.

    Medians are compared, so that an edge that runs through the hole counts on neither side. The hole's own
    edge is left out, where it is wide enough: a step there is no fine detail. The factor is the same for the
    whole window: what was made keeps its structure.
    """
    residual, energy = _residual(image)
    inner = cv2.erode(lost.view(np.uint8), np.ones((GRAIN_PATCH_PX, GRAIN_PATCH_PX), np.uint8), borderValue=1) > 0
    around, inside = energy[_ring(lost) & _unclipped(image)], energy[inner if inner.any() else lost]
    if len(around) < GRAIN_RING_LEAST or not len(inside):
        return image
    present = float(np.quantile(inside, 0.5))  # np.median imports all of numpy.ma
    share = float(np.sqrt(np.quantile(around, 0.5) / max(present, 1e-12)))
    if share >= 1 or present < 3 * GRAIN_LEAST**2:
        return image
    tamed = image.copy()
    tamed[lost] -= np.float32(1 - share) * residual[lost]
    return tamed


def _ring(lost: Mask) -> Mask:
    """The pixels around `lost`, but those that touch it."""
    near = cv2.dilate(lost.view(np.uint8), np.ones((2 * GRAIN_RING_PX + 1,) * 2, np.uint8)) > 0
    ring: Mask = near & (cv2.dilate(lost.view(np.uint8), np.ones((5, 5), np.uint8)) == 0)
    return ring


def add_grain(image: Image, lost: Mask, origin: tuple[int, int], grain: Grain) -> Image:
    """Add grain under `lost` until its fine residual is as strong as that of the ring around it, and as alike
    in the channels.

    `origin` is where the window lies in the photograph: the noise belongs to the photograph's pixels, so that
    windows that overlap agree and every run gives the same. Only what is missing is added: variances add up.
    """
    residual, energy = _residual(image)
    around = _flattest(_ring(lost) & _unclipped(image), energy, GRAIN_FLATTEST)
    inside = _flattest(lost, energy, GRAIN_FLATTEST)
    if np.count_nonzero(around) < GRAIN_RING_LEAST or not inside.any():
        return image
    flat = residual[around]
    spread, present = (flat**2).mean(axis=0), (residual[inside] ** 2).mean(axis=0)
    missing = np.minimum(np.sqrt(np.maximum(spread - present, 0) * GRAIN_FLATTEST_POWER), grain.most).astype(np.float32)
    if missing.max() < GRAIN_LEAST:
        return image
    together = float(((flat / np.sqrt(np.maximum(spread, 1e-12))).sum(axis=1) ** 2).mean())
    alike = min(max((together - 3) / 6, 0.0), 1.0)  # the variance of a sum of three of variance 1: 3 + 6 r
    common = _unit_noise(lost.shape, origin, grain.seed, 0, grain.sigma)
    grained = image.copy()
    for channel in range(3):
        noise = common
        if alike <= 0.98:
            own = _unit_noise(lost.shape, origin, grain.seed, channel + 1, grain.sigma)
            noise = np.float32(alike**0.5) * common + np.float32((1 - alike) ** 0.5) * own
        grained[:, :, channel][lost] += missing[channel] * noise[lost]
    return grained


def measure_grain(photo: Photo, mask: Mask) -> Grain:
    """The grain of the whole photograph, from its flattest places outside `mask`."""
    seed = zlib.crc32(photo.shown[::16, ::16].tobytes())
    residuals, energies, usable = [], [], []
    for top in np.linspace(0, max(photo.height - GRAIN_PROBE_PX, 0), GRAIN_PROBES, dtype=int):
        for left in np.linspace(0, max(photo.width - GRAIN_PROBE_PX, 0), GRAIN_PROBES, dtype=int):
            rows, columns = slice(top, min(top + GRAIN_PROBE_PX, photo.height)), slice(left, min(left + GRAIN_PROBE_PX, photo.width))
            part = photo.srgb(rows, columns)
            residual, energy = _residual(part)
            near = cv2.dilate(mask[rows, columns].view(np.uint8), np.ones((GRAIN_PATCH_PX + 4,) * 2, np.uint8)) > 0
            residuals.append(residual)
            energies.append(energy)
            usable.append(_unclipped(part) & ~near)
    energy = np.concatenate([energy[where] for energy, where in zip(energies, usable, strict=True)])
    if len(energy) < 32:
        return Grain(seed, 0.0, 0.0)
    limit = np.quantile(energy, GRAIN_FLATTEST_OF_ALL)
    flat = [where & (energy <= limit) for energy, where in zip(energies, usable, strict=True)]
    power = np.concatenate([(residual[where] ** 2).mean(axis=1) for residual, where in zip(residuals, flat, strict=True)]).mean()
    alike, own = 0.0, 1e-12
    for residual, where in zip(residuals, flat, strict=True):
        luma, pair = residual.mean(axis=2), where[:, 1:] & where[:, :-1]
        alike += float((luma[:, 1:][pair] * luma[:, :-1][pair]).sum())
        own += float((luma[:, 1:][pair] ** 2).sum())
    sigma = float(np.interp(alike / own, _GRAIN_CORRELATIONS, _GRAIN_SIGMAS))
    return Grain(seed, GRAIN_MOST * float((power * GRAIN_FLATTEST_POWER) ** 0.5), sigma)


def _unclipped(image: Image) -> Mask:
    """Where a picture is neither black nor white, where grain does not show."""
    inside: Mask = (image[:, :, 1] > GRAIN_RANGE[0]) & (image[:, :, 1] < GRAIN_RANGE[1])
    return inside


def _flattest(where: Mask, energy: Plane, share: float) -> Mask:
    """The pixels of `where` whose neighborhood has the least fine detail: what is left there is grain, not
    texture."""
    if not where.any():
        return where
    flattest: Mask = where & (energy <= np.quantile(energy[where], share))
    return flattest


def _residual(image: np.ndarray) -> tuple[np.ndarray, Plane]:
    """What a small Gaussian leaves over, grain and the finest texture, (h, w, 3); and its mean power around
    each pixel, (h, w)."""
    residual: np.ndarray = image - cv2.GaussianBlur(image, (5, 5), 1.0)
    red, green, blue = cv2.split(cv2.multiply(residual, residual))  # numpy is slow on sums of three
    return residual, cv2.blur(red + green + blue, (GRAIN_PATCH_PX, GRAIN_PATCH_PX))


def _unit_noise(shape: tuple[int, ...], origin: tuple[int, int], seed: int, plane: int, sigma: float) -> Plane:
    """Noise whose residual has a standard deviation of 1, blurred by `sigma`; a pixel's depends on its place
    in the photograph alone."""
    margin = 6
    top, left = origin[0] - margin, origin[1] - margin
    height, width = shape[0] + 2 * margin, shape[1] + 2 * margin
    first, last = (top // _BLOCK_PX, left // _BLOCK_PX), ((top + height - 1) // _BLOCK_PX, (left + width - 1) // _BLOCK_PX)
    blocks = [
        [
            np.random.Generator(np.random.SFC64([seed, plane, down + 1, across + 1])).standard_normal((_BLOCK_PX, _BLOCK_PX), np.float32)
            for across in range(first[1], last[1] + 1)
        ]
        for down in range(first[0], last[0] + 1)
    ]
    field = np.block(blocks)[top - first[0] * _BLOCK_PX :, left - first[1] * _BLOCK_PX :][:height, :width]
    if sigma > 0.2:
        field = cv2.GaussianBlur(field, (0, 0), sigma)
    # Between the measured sigmas the residual falls about exponentially.
    spread = np.exp(np.interp(sigma, _GRAIN_SIGMAS, np.log(_GRAIN_RESIDUALS)))
    noise: Plane = field[margin:-margin, margin:-margin] / np.float32(spread)
    return noise
