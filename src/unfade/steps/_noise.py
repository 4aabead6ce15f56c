"""How strong the noise of a photograph is: grain, halftone, paper's texture, as the cleaning network sees it.

What the network would take away is noise, or a texture that it takes for noise: cloth, skin, boards. The two
differ in that noise is everywhere and is most of the fine detail.
"""

from __future__ import annotations

import cv2
import numpy as np

from unfade import color, tiles
from unfade.arrays import Image, Plane
from unfade.files.photo import Photo
from unfade.models.session import Session, batch_of, picture_of

# Windows of 256 px show the network too little: it takes brick and a face's skin for noise there. The first
# is the middle; the others lie half way to the corners, within the mount of most scans.
SIDE_PX = 384
PLACES = ((0.5, 0.5), (0.25, 0.25), (0.75, 0.75), (0.25, 0.75), (0.75, 0.25))
FINE_PX = 2.0  # what a blur of this deviation takes away is fine detail
ROUNDING = 0.25  # levels squared: without it the rounding of a smooth sky would be all noise


def find_noise(photo: Photo, session: Session, *, enough: float) -> float:
    """The strength of the noise that is in every window, in levels of 255, times its share of the fine
    detail.

    Looks no further after the first window that has less than `enough`, so that a sound photograph costs one.
    """
    found = []
    for down, across in PLACES:
        rows, columns = _span(photo.height, down), _span(photo.width, across)
        found.append(_noise(photo.srgb(rows, columns), session))
        if found[-1] < enough or (rows.stop - rows.start, columns.stop - columns.start) == (photo.height, photo.width):
            break
    return min(found)


def _span(length: int, place: float) -> slice:
    side = min(SIDE_PX, length)
    start = round((length - side) * place)
    return slice(start, start + side)


def _noise(part: Image, session: Session) -> float:
    """The deviation of what the network takes away, times the share of the fine detail's energy that goes
    with it."""
    height, width = part.shape[:2]
    multiple = session.card.multiple
    padded = tiles.pad(part, tiles.round_up(height, multiple), tiles.round_up(width, multiple))
    cleaned = picture_of(session.run(image=batch_of(padded))["cleaned"])[:height, :width]
    fine = _fine(part)
    taken = fine - _fine(cleaned)
    share = max(float((taken * fine).mean()), 0.0) / (float((fine * fine).mean()) + ROUNDING)
    return share * float(np.sqrt((taken * taken).mean()))


def _fine(image: Image) -> Plane:
    luma = 255 * color.luma(image)
    fine: Plane = luma - cv2.GaussianBlur(luma, (0, 0), FINE_PX)
    return fine
