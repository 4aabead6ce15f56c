"""What a person chose another place for is taken from there: see `healing`."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from unfade import brush
from unfade.arrays import Mask
from unfade.files.photo import Photo
from unfade.healing import difference

if TYPE_CHECKING:
    from unfade.steps.fill import Heal

RIM_PX = 12  # of what lies around a stroke: its tone is carried in


def heal(photo: Photo, mask: Mask, heals: Sequence[Heal], *, neutral: bool) -> tuple[Photo, list[int]]:
    """The photograph with what is lost under each of `heals` taken from its source, in their order, and how
    many pixels that was, for each.

    `photo` is filled already: a source may lie on what was filled. `mask` (h, w), True = lost; nothing
    outside of it changes. A pixel whose source lies outside the photograph keeps its fill. `neutral`: the
    photograph has no tint, so what comes in must have none.
    """
    samples, healed = photo.samples.copy(), [0] * len(heals)
    for number, each in enumerate(heals):
        window = _window(each, photo.height, photo.width)
        if window is None:
            continue
        rows, columns = window
        dx, dy = round(each.dx), round(each.dy)
        hole = _drawn(each, rows, columns) & mask[rows, columns]
        if not hole.any():
            continue
        now = photo.with_samples(samples)
        source = now.srgb(slice(rows.start + dy, rows.stop + dy), slice(columns.start + dx, columns.stop + dx))
        made = source + difference(now.srgb(rows, columns), source, hole)
        painted = np.clip(made[hole][None], 0.0, 1.0)
        if neutral:
            painted = np.repeat(painted.mean(axis=2, keepdims=True), 3, axis=2)
        samples[rows, columns][hole] = photo.encode(painted.astype(np.float32))[0]
        healed[number] = int(hole.sum())
    return photo.with_samples(samples), healed


def _window(each: Heal, height: int, width: int) -> tuple[slice, slice] | None:
    """The part of the photograph in which a stroke, its rim and its source lie; None if there is none."""
    xs, ys = zip(*each.points, strict=True)
    reach = each.radius_px + RIM_PX
    dx, dy = round(each.dx), round(each.dy)
    left, right = max(int(min(xs) - reach), 0, -dx), min(int(max(xs) + reach) + 1, width, width - dx)
    top, foot = max(int(min(ys) - reach), 0, -dy), min(int(max(ys) + reach) + 1, height, height - dy)
    return (slice(top, foot), slice(left, right)) if right > left and foot > top else None


def _drawn(each: Heal, rows: slice, columns: slice) -> Mask:
    """The stroke on its window."""
    stroke = each.stroke
    stroke["points"] = [(x - columns.start, y - rows.start) for x, y in each.points]
    return brush.draw(np.zeros((rows.stop - rows.start, columns.stop - columns.start), bool), [stroke])
