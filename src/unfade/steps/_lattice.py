"""The lattice that a network leaves in what it paints is taken out.

A network that makes its pixels in blocks (sub-pixel convolution: Shi et al. 2016) paints each place of a
block a little differently. In a wide, smooth fill that is seen as a weave. What a picture shows does not keep
step with the blocks: so what the same place of many blocks has in common is the network's own.
"""

from __future__ import annotations

import math

import cv2
import numpy as np

from unfade.arrays import Float32, Image, Mask

BLOCK_PX = 8  # lattices of 2, 4 and 8 px are looked for; coarser ones were not seen
SPREAD_BLOCKS = 1.5  # the Gaussian over blocks whose places are compared
BLURRED_BLOCKS = 7  # it ends so many blocks away
REACH_BLOCKS = 4  # what is farther away has next to no weight
DOUBT_BLOCKS = 3.0  # so many blocks that show nothing stand against those that are there
LEAST_PX = 2  # from so far inside on: thin fills show none, and have too few blocks to tell
GROWING_PX = 4  # over so many more pixels it goes from none of it to all of it
MOST = 12 / 255  # a lattice's dots are no stronger: of stronger detail, such as edges, no more than this counts


def without_lattice(added: Image, lost: Mask, multiple: int) -> Image:
    """What a network added to a picture, (h, w, 3), without what keeps step with its blocks.

    `lost` (h, w): where it added something. The first pixel is the first of a block; the sides of the
    network's blocks divide `multiple`. Where `lost` is thin, nothing changes.
    """
    block = math.gcd(multiple, BLOCK_PX)
    depth = cv2.distanceTransform(lost.view(np.uint8), cv2.DIST_L2, 5)
    share = np.clip((depth - LEAST_PX) / GROWING_PX, 0, 1).astype(np.float32)
    if block == 1 or not share.any():
        return added
    part = _blocks_around(share > 0, block)
    without: Image = added.copy()
    without[part] -= share[part][:, :, None] * _lattice(added[part], lost[part], block)
    return without


def _blocks_around(wide: Mask, block: int) -> tuple[slice, slice]:
    """Whole blocks, but at the last edges, that hold `wide` and what its lattice is told from."""
    spans = []
    for axis, side in ((1, wide.shape[0]), (0, wide.shape[1])):
        at = np.flatnonzero(wide.any(axis=axis))
        first = max(0, int(at[0]) // block - REACH_BLOCKS) * block
        spans.append(slice(first, min(side, int(at[-1]) + 1 + REACH_BLOCKS * block)))
    return spans[0], spans[1]


def _lattice(added: Image, lost: Mask, block: int) -> Image:
    """What each place of a block has in common with the same place of the blocks around it."""
    height, width = lost.shape
    more = (0, -height % block), (0, -width % block)
    there = np.pad(lost.astype(np.float32), more)[:, :, None]
    detail = np.pad(np.clip(_detail(added, lost, block), -MOST, MOST), (*more, (0, 0))) * there
    count = 4 * math.pi * SPREAD_BLOCKS**2  # so many blocks are as good as the Gaussian's
    lattice: Image = _over_blocks(detail, block) / (_over_blocks(there, block) + DOUBT_BLOCKS / count)
    return lattice[:height, :width]


def _detail(added: Image, lost: Mask, block: int) -> Image:
    """What a Gaussian of half a block takes away, under `lost`."""
    known = lost.astype(np.float32)
    blurred = cv2.GaussianBlur(added * known[:, :, None], (0, 0), block / 2)
    detail: Image = added - blurred / np.maximum(cv2.GaussianBlur(known, (0, 0), block / 2), 1e-3)[:, :, None]
    return detail


def _over_blocks(planes: Float32[np.ndarray, "h w c"], block: int) -> Float32[np.ndarray, "h w c"]:
    """Each place of a block, blurred over the same place of the blocks around it; nothing lies beyond the
    edge."""
    height, width, channels = planes.shape
    apart = np.arange(-BLURRED_BLOCKS, BLURRED_BLOCKS + 1)
    shares = np.exp(-(apart**2) / (2 * SPREAD_BLOCKS**2)) / (SPREAD_BLOCKS * math.sqrt(2 * math.pi))
    none = np.ones(1)
    down = cv2.sepFilter2D(planes.reshape(height // block, -1), -1, none, shares, borderType=cv2.BORDER_CONSTANT)
    blocks = down.reshape(height, width // block, block * channels)
    return cv2.sepFilter2D(blocks, -1, shares, none, borderType=cv2.BORDER_CONSTANT).reshape(height, width, channels)
