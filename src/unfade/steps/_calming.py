"""Chroma is calmed where a network is known to color wrongly: skin too strong, unsure cloth violet.

A mean over colors that are likely is not always a likely color. Cloth that may be blue, red or gray comes out
violet, which cloth seldom is; the network says only that it is not green or yellow. And a class-rebalanced
network (Zhang et al. 2016, arXiv:1603.08511, section 2.2) colors what it is sure of, skin above all, stronger
than it is. Blue is its guess for much of what it does not know: a coat, a studio's backdrop, a crowd. In the
eighth of its blue of which it is least sure, on 400 photographs that it was not taught, the truth is gray on
average. How much is done stands on the model's card: see `ColorizeCalibration`.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from unfade import tiles
from unfade.arrays import Chroma, Plane
from unfade.models.calibration import ColorizeCalibration

# Hues in degrees: from nothing to all, and back to nothing. Skin of 454 training photographs with faces, dark
# and light, has a hue of 49 degrees at its median, and in nine of ten places one of 12 to 74.
SKIN = (18.0, 32.0, 58.0, 70.0)
VIOLET = (278.0, 296.0, 338.0, 356.0)
# A violet of more chroma than this is meant: flowers, a painted wall.
VIOLET_CHROMA = (20.0, 36.0)
BLUE = (200.0, 220.0, 320.0, 340.0)
# A color this near to a told one, in a*b*, is that, and stays as it is; the farther is calmed.
TOLD = (12.0, 30.0)
TOLD_REACH = 0.15  # of the short side: so far around a blue that is told, blue is believed
_ALL_TO_NONE, _BAND = (1.0, 0.0), (0.0, 1.0, 1.0, 0.0)


def calmed(chroma: Chroma, calibration: ColorizeCalibration, told: Sequence[np.ndarray] = (), confidence: Plane | None = None) -> Chroma:
    """`chroma` (h, w, 2), as a network gives it, without what its calibration says is wrong.

    `told`: a* and b* that hints say, which stay. `confidence` (h, w): how sure the network is, in [0, 1];
    None: it does not say, and its blue is believed.
    """
    hue = np.degrees(np.arctan2(chroma[:, :, 1], chroma[:, :, 0])) % 360
    strength = np.hypot(chroma[:, :, 0], chroma[:, :, 1])
    violet = np.interp(hue, VIOLET, _BAND) * np.interp(strength, VIOLET_CHROMA, _ALL_TO_NONE)
    calm = chroma * np.float32(calibration.gain)
    calm[:, :, 0] *= 1 - (1 - calibration.violet_kept) * violet
    knee, kept = calibration.skin
    strength = np.hypot(calm[:, :, 0], calm[:, :, 1])
    skin = np.interp(hue, SKIN, _BAND) * np.maximum(strength - knee, 0)
    calm *= (1 - (1 - kept) * skin / np.maximum(strength, 1))[:, :, None]
    if calibration.sure_blue is not None and confidence is not None:
        turned = np.degrees(np.arctan2(calm[:, :, 1], calm[:, :, 0])) % 360
        calm *= (1 - np.interp(turned, BLUE, _BAND) * np.interp(confidence, calibration.sure_blue, _ALL_TO_NONE))[:, :, None]
    for known in told:
        away = np.hypot(*np.moveaxis(chroma - known, 2, 0))
        calm += np.interp(away, TOLD, _ALL_TO_NONE)[:, :, None] * (chroma - calm)
    return calm.astype(np.float32)


def believed(confidence: Plane, told: np.ndarray) -> Plane:
    """`confidence` (h, w), raised by 1 where blue is told and by less around it.

    `told` (H, W, 3): the hints as the network takes them, see `_hints.hint_planes`.
    """
    hue = np.degrees(np.arctan2(told[:, :, 1], told[:, :, 0])) % 360
    blue = tiles.resize((told[:, :, 2] * np.interp(hue, BLUE, _BAND)).astype(np.float32), *confidence.shape) > 0
    if not blue.any():
        return confidence
    away = cv2.distanceTransform((~blue).astype(np.uint8), cv2.DIST_L2, 3)
    raised: Plane = confidence + np.interp(away, (0, TOLD_REACH * min(confidence.shape)), _ALL_TO_NONE).astype(np.float32)
    return raised
