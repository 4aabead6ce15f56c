"""The array types that flow through Unfade. Shapes are (height, width, channels), for the reader and for a
type checker, and free at run time.

jaxtyping is slow to import. Where it is imported already, as by its own import hook, which checks each call,
the types are its types; elsewhere they are plain arrays.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np

if TYPE_CHECKING or "jaxtyping" in sys.modules:
    from jaxtyping import Bool, Float32, Float64, UInt8, UInt16
else:

    class _Unchecked:
        """`Unchecked[kind, axes]` is `kind`."""

        def __class_getitem__(cls, given: tuple[Any, str]) -> Any:
            return given[0]

    Bool = Float32 = Float64 = UInt8 = UInt16 = _Unchecked

__all__ = ["Batch", "Chroma", "Float32", "Float64", "Image", "Lab", "Mask", "Plane", "Samples", "UInt8"]

Samples: TypeAlias = UInt8[np.ndarray, "h w c"] | UInt16[np.ndarray, "h w c"]
"""A photograph at rest: what its file holds, in its own profile, oriented. c is 1 (gray) or 3 (RGB)."""

Image: TypeAlias = Float32[np.ndarray, "h w 3"]
"""A picture at work: sRGB-encoded, in [0, 1]."""

Lab: TypeAlias = Float32[np.ndarray, "h w 3"]
"""CIE L*a*b* under D65: L* in [0, 100], a* and b* about [-110, 110]."""

Plane: TypeAlias = Float32[np.ndarray, "h w"]
"""One plane of numbers at work; the name of the argument says which."""

Chroma: TypeAlias = Float32[np.ndarray, "h w 2"]
"""a* and b* of CIE L*a*b* under D65."""

Mask: TypeAlias = Bool[np.ndarray, "h w"]
"""True = lost."""

Batch: TypeAlias = Float32[np.ndarray, "n c h w"]
"""What a network takes and gives; exists in `models.session` and the workshop only."""
