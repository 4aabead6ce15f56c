"""What a network sees in a picture.

The network itself lives in the workshop, or wherever the caller has one; measures take what it gives.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from jaxtyping import Float32

from unfade.arrays import Image


@dataclass(frozen=True, eq=False)
class PictureFeatures:
    """A network's features of one picture.

    `pooled` (c,) float32: the last layer's features, averaged over the picture. `maps`: (c, h, w) float32
    each, of layers from early to late, for distances between pictures that show the same thing; empty if the
    extractor has none.
    """

    pooled: Float32[np.ndarray, " c"]
    maps: tuple[Float32[np.ndarray, "c h w"], ...] = ()


class Features(Protocol):
    """An extractor of features. The same picture gives the same features; a picture of any size is taken."""

    @property
    def name(self) -> str:
        """The extractor's short name, which stands beside every figure: `lite0`, `inception`."""
        ...

    @property
    def statement(self) -> str:
        """Network, weights, size, crop, normalisation."""
        ...

    @property
    def comparable(self) -> bool:
        """Whether a FID from it may be set beside published ones."""
        ...

    def __call__(self, image: Image) -> PictureFeatures: ...
