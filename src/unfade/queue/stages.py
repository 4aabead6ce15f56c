"""What each step of a preview made, kept so that the next preview does only what has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable

import cv2
import numpy as np

from unfade.arrays import Mask
from unfade.files.photo import Photo
from unfade.queue.options import Options

PREVIEW_SIDE_PX = 1024  # what previews are asked for unless another size is named; a job keeps its stages at this size
KEPT_STAGES = 48  # at most 7 MB each

StageKey = tuple[object, ...]
Stage = tuple[Photo, Mask | None]


class Stages:
    """What each step of a preview made, so that the next preview only does what has changed.

    Safe to share between threads.
    """

    def __init__(self) -> None:
        self._kept: OrderedDict[StageKey, Stage] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: StageKey, make: Callable[[], Stage]) -> Stage:
        """What is kept under `key`, or what `make` gives, which is kept from now on."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        stage = make()
        self.put(key, stage)
        return stage

    def put(self, key: StageKey, stage: Stage) -> None:
        """Keep this, and forget what was used longest ago."""
        with self._lock:
            self._kept[key] = stage
            while len(self._kept) > KEPT_STAGES:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()


def stage_key(photo_id: str, side_px: int, options: Options) -> StageKey:
    """What the small copy and its mask follow from."""
    return (photo_id, side_px, options.fill, options.mask, options.keep, options.largest_dust_px)


def small_mask(mask: Mask, height: int, width: int) -> Mask:
    """A mask on a smaller grid: lost where a quarter is."""
    return cv2.resize(mask.view(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA) >= 64
