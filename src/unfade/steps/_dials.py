"""What a person asks of the tone by hand, on top of the automatic: lighter or darker, contrast, warmth."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from unfade.arrays import Image
from unfade.color import REC_601

# At 1 the slope of the curve doubles in black and halves in white (lightness), grows in the middle and
# shrinks at the ends by this share (contrast), and middle gray gets so much more red and less blue (warmth).
# No slope falls below a half, so that shadows and lights keep their drawing. Red and blue weigh out in luma:
# warmth is no light.
LIGHTNESS_SLOPE = 2.0
CONTRAST_SHARE = 0.5
WARMTH = (0.06, 0.0, -0.06 * REC_601[0] / REC_601[2])


@dataclass(frozen=True)
class Dials:
    """Each in [-1, 1]; 0 changes nothing. Black and white stay where they are."""

    lightness: float
    contrast: float
    warmth: float

    @property
    def are_turned(self) -> bool:
        """Whether any is not at 0."""
        return (self.lightness, self.contrast, self.warmth) != (0, 0, 0)

    def apply(self, image: Image) -> Image:
        """The picture with the dials turned; what lies outside [0, 1] is clipped first."""
        turned = np.clip(image, 0, 1)
        if self.lightness:
            white = np.float32(LIGHTNESS_SLOPE**-self.lightness)  # the slope there; in black it is 1 over that
            turned = turned / (turned + white * (1 - turned))
        if self.contrast:
            # A cubic through black, middle gray and white: steeper in the middle, flatter at the ends, or the
            # reverse.
            turned = turned + np.float32(4 * CONTRAST_SHARE * self.contrast) * turned * (1 - turned) * (turned - np.float32(0.5)) / 2
        if self.warmth:
            middle = 4 * turned * (1 - turned)
            turned = np.clip(turned + middle * (np.float32(self.warmth) * np.array(WARMTH, np.float32)), 0, 1)
        dialed: Image = turned.astype(np.float32, copy=False)
        return dialed
