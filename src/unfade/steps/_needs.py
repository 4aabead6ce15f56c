"""What a step needs of the work that it is given."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unfade.errors import UsageError

if TYPE_CHECKING:
    from unfade.arrays import Mask
    from unfade.work import Work


def require_mask(work: Work, step: str) -> Mask:
    """The work's mask. Raises `UsageError` if there is none, or it is not bool or of another size than the
    photograph."""
    if work.mask is None:
        raise UsageError(f"the step {step} needs a damage mask; put the step damage before it, or give a mask")
    height, width = work.photo.height, work.photo.width
    if work.mask.shape != (height, width):
        sizes = f"the mask is {'x'.join(map(str, work.mask.shape[::-1]))} pixels and {work.photo.name} is {width}x{height}"
        raise UsageError(f"{sizes}; they must be of one size")
    if work.mask.dtype != bool:
        raise UsageError(f"the mask must be of dtype bool, True = lost, not {work.mask.dtype}")
    return work.mask
