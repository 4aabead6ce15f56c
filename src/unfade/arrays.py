"""The array types that flow through Unfade. Shapes are (height, width, channels), checked in tests and free
at run time."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
from jaxtyping import Bool, Float32, UInt8, UInt16

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
