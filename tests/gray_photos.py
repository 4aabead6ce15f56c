"""A smooth gray photograph, for tests of steps."""

from __future__ import annotations

import numpy as np

from unfade.files.photo import Photo, read


def ignore(share: float) -> None:
    """Progress nobody looks at."""


def gray_photo(height: int, width: int, bits: int = 8, low: float = 0.2, high: float = 0.8) -> Photo:
    """A smooth gray picture."""
    ramp = np.linspace(low, high, width)[None, :] * np.ones((height, 1))
    dtype = np.uint16 if bits == 16 else np.uint8
    return read(np.rint(ramp[:, :, None] * (2**bits - 1)).astype(dtype))
