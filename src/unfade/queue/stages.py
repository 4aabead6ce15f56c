"""What each step made, kept so that the next preview, or the next job, does only what has changed."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TypeAlias

from unfade.queue.options import Options
from unfade.work import Step, Work

PREVIEW_SIDE_PX = 1024  # what previews are asked for unless another size is named; a job keeps its stages at this size
KEPT_STAGES = 48  # at most 7 MB each
KEPT_WHOLE_BYTES = 256 << 20  # of photographs at full size: three steps of one of 24 megapixels in color
KEPT_WHOLE = 32  # steps of small photographs, of which many more would go into those bytes

StageKey = tuple[object, ...]
Stage: TypeAlias = Work


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


class WholeStages:
    """The work at full size as each step left it, the latest `KEPT_WHOLE` up to so many bytes.

    Safe to share between threads.
    """

    def __init__(self, most_bytes: int = KEPT_WHOLE_BYTES) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[StageKey, Work] = OrderedDict()
        self._lock = threading.Lock()

    def latest(self, key: StageKey, steps: Sequence[Step]) -> Work | None:
        """The work as the most of `steps` left it that is kept, if any is; `key` says of what photograph and
        mask."""
        with self._lock:
            for count in range(len(steps), 0, -1):
                whole = (key, tuple(steps[:count]))
                if whole in self._kept:
                    self._kept.move_to_end(whole)
                    return self._kept[whole]
        return None

    def put(self, key: StageKey, steps: Sequence[Step], work: Work) -> None:
        """Keep the work as `steps` left it, and forget what was used longest ago."""
        with self._lock:
            self._kept[(key, tuple(steps))] = work
            while len(self._kept) > KEPT_WHOLE or self._bytes() > self._most_bytes:
                self._kept.popitem(last=False)

    def _bytes(self) -> int:
        """Samples that several stages share, where a step did nothing, count once."""
        samples = {id(work.photo.samples): work.photo.samples.nbytes for work in self._kept.values()}
        masks = {id(work.mask): work.mask.nbytes for work in self._kept.values() if work.mask is not None}
        return sum(samples.values()) + sum(masks.values())

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()


def mask_key(photo_id: str, options: Options, found: str) -> StageKey:
    """What the mask of a job at full size follows from; `found`: the id of one that the job itself finds."""
    if options.mask is None:
        return (photo_id, found, (), None)
    return (photo_id, options.mask, options.keep, options.largest_dust_px)


def stage_key(photo_id: str, side_px: int, options: Options) -> StageKey:
    """What the small copy and its mask follow from."""
    return (photo_id, side_px, options.fill, options.mask, options.keep, options.largest_dust_px)
