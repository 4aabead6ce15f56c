"""The look of an old print, made quickly: for networks that see a small copy, where damage hardly shows."""

from __future__ import annotations

import cv2
import numpy as np

from unfade import color


def worn(picture: np.ndarray, rng: np.random.Generator, *, gray_share: float) -> np.ndarray:
    """The picture (h, w, 3) in [0, 1] as an old print may show it: gray or toned, faded, soft, grainy."""
    if rng.random() < gray_share:
        picture = np.repeat(color.luma(picture)[..., None], 3, axis=2)
        if rng.random() < 0.5:
            picture = np.clip(picture, 0, 1) ** np.array([rng.uniform(0.75, 1), 1, rng.uniform(1, 1.4)], np.float32)
    low, high = rng.uniform(0, 0.3), rng.uniform(0.65, 1)
    picture = low + np.clip(picture, 0, 1) ** rng.uniform(0.7, 1.5) * (high - low)
    if rng.random() < 0.5:
        picture = cv2.GaussianBlur(picture.astype(np.float32), (0, 0), float(rng.uniform(0.3, 1.6)))
    grain = rng.standard_normal(picture.shape[:2]) * rng.uniform(0, 0.06)
    return np.clip(picture + grain[..., None], 0, 1).astype(np.float32)
