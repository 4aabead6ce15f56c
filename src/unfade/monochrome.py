"""Whether a photograph is in color, or gray, or toned (sepia, cyanotype)."""

from __future__ import annotations

import numpy as np

from unfade import color, tiles
from unfade.files.photo import Photo

# A toned photograph's chroma is a function of its lightness; a color photograph's is not. The RMS of what a
# cubic in L* leaves of a* and b*, on a copy of COLOR_COPY_PX: of 641 color photographs, 7 lie below; of 103
# gray and toned old ones 3 above, heavily stained.
COLOR_LEAST = 3.5
COLOR_COPY_PX = 96


def is_color(photo: Photo) -> bool:
    """Whether it is a color photograph, not a gray or a toned one."""
    return measure_color(photo) >= COLOR_LEAST


def measure_color(photo: Photo) -> float:
    """How far the photograph's chroma strays from being a function of its lightness: the RMS in units of
    a*b*, 0 for a gray one."""
    if photo.channels == 1:
        return 0.0
    scale = min(1.0, COLOR_COPY_PX / max(photo.height, photo.width))
    copy = tiles.reduce(photo.srgb, photo.height, photo.width, max(1, round(photo.height * scale)), max(1, round(photo.width * scale)))
    lab = color.lab_from_srgb(copy).reshape(-1, 3)
    lightness = lab[:, 0] / np.float32(color.LIGHTNESS_MAX)
    powers = np.stack([lightness**power for power in range(4)], axis=1)
    if len(lab) < 16:  # too few pixels to tell a tone from colors: only a tint shows
        return float(np.sqrt(((lab[:, 1:] - lab[:, 1:].mean(axis=0)) ** 2).sum(axis=1).mean()))
    tone, *_ = np.linalg.lstsq(powers, lab[:, 1:], rcond=None)
    return float(np.sqrt(((lab[:, 1:] - powers @ tone) ** 2).sum(axis=1).mean()))
