"""Which way a photograph is up, as a model tells it: all four ways are looked at, and believed together."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import cv2
import numpy as np

from unfade.files.photo import Photo
from unfade.frame.geometry import Frame
from unfade.models.calibration import UprightCalibration

if TYPE_CHECKING:
    from unfade.models.session import Session

COPY_PX = 640  # a photograph is framed on a copy of this size: the model sees less
TURNS = (0, 90, 180, 270)


@dataclass(frozen=True)
class Way:
    """By how many degrees clockwise a photograph is to be turned until it is upright, the most likely guess;
    its `probability`; and whether it is `sure`."""

    turn: int
    probability: float
    sure: bool

    @property
    def sentence(self) -> str:
        """What is said of it, for a person."""
        if not self.sure:
            return f"not sure which way is up ({self.probability:.0%} for {self.turn} degrees); nothing was turned"
        return f"turned by {self.turn} degrees clockwise" if self.turn else "it is upright"


def which_way(photo: Photo, frame: Frame, session: Session) -> Way:
    """Which way is up in the frame, before its turn. Raises `ModelTaskError` if the session is no model for
    that."""
    calibration = session.card.calibrated(UprightCalibration)
    seen = photo.reduced(COPY_PX) if frame.corners is None else _framed(photo, frame)
    side = session.card.tile_px
    small = cv2.resize(seen.shown, (side, side), interpolation=cv2.INTER_AREA).reshape(side, side, -1)
    thumbnail = replace(seen, samples=small, alpha=None, lost=None).srgb()
    views = np.stack([np.rot90(thumbnail, -quarters).transpose(2, 0, 1) for quarters in range(4)])
    logits = session.run(thumbnail=np.ascontiguousarray(views, np.float32))["turns"]
    logits -= np.log(np.exp(logits - logits.max(axis=1, keepdims=True)).sum(axis=1, keepdims=True)) + logits.max(axis=1, keepdims=True)
    # a photograph that is turned by so many quarters is turned by as many more in each further view
    turned = np.array([sum(logits[view, (quarters + view) % 4] for view in range(4)) for quarters in range(4)])
    shares = np.exp((turned - turned.max()) / calibration.temperature)
    shares /= shares.sum()
    best = int(np.argmax(shares))
    return Way(TURNS[-best % 4], float(shares[best]), bool(shares[best] >= calibration.least))


def _framed(photo: Photo, frame: Frame) -> Photo:
    small = photo.reduced(COPY_PX)
    scale = np.array([small.width / photo.width, small.height / photo.height])
    return Frame.of(np.asarray(frame.corners) * scale).apply(small)
