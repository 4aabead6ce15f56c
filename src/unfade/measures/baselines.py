"""What anyone could do without us: every figure stands beside these."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import cv2
import numpy as np

from unfade.arrays import Image, Mask
from unfade.color import luma
from unfade.errors import MissingExtraError, UsageError, pip_line
from unfade.measures.benches import Example
from unfade.measures.measure import LOST, Task


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a method made of a picture: a picture of the same size, or a mask of the damage, or both.

    `colored`: whether it would put colors in; `detail_strength`: how far it cleaned the detail, in [0, 1].
    None: it does not say.
    """

    image: Image | None = None
    found: Mask | None = None
    colored: bool | None = None
    detail_strength: float | None = None


Method = Callable[[Example], Outcome]

# OpenCV's own examples and the papers that compare with it take 3 px.
RADIUS_PX = 3


def _bytes(image: Image) -> np.ndarray:
    return np.asarray(np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8))


def _image(samples: np.ndarray) -> Image:
    return np.asarray(samples, np.float32) / np.float32(255)


def _lost(example: Example) -> Mask:
    """What was lost in truth.

    A classical fill cannot find damage, so it is told even where other methods are not.
    """
    if example.damage is None:
        raise UsageError(f"{example.stem}: a fill needs a mask")
    return np.asarray(example.damage == LOST)


def _opencv_inpainting(method: int) -> Method:
    def run(example: Example) -> Outcome:
        return Outcome(_image(cv2.inpaint(_bytes(example.given), _lost(example).astype(np.uint8), RADIUS_PX, method)))

    return run


def _biharmonic(example: Example) -> Outcome:
    try:
        from skimage.restoration import inpaint_biharmonic
    except ModuleNotFoundError as error:
        raise MissingExtraError(f"the baseline biharmonic is scikit-image's: {pip_line('measures')}") from error
    filled = inpaint_biharmonic(example.given, _lost(example), split_into_regions=True, channel_axis=2)
    return Outcome(np.clip(filled, 0, 1).astype(np.float32))


def _as_it_is(example: Example) -> Outcome:
    return Outcome(example.given)


def _median(example: Example) -> Outcome:
    return Outcome(_image(cv2.medianBlur(_bytes(example.given), 3)))


def _truth(example: Example) -> Outcome:
    return Outcome(example.truth)


def _otsu(example: Example) -> Outcome:
    """What is much lighter or darker than its surroundings of 9 px.

    Top-hat and black-hat, the stronger of the two, over Otsu's threshold.
    """
    gray = np.rint(np.clip(luma(example.given), 0, 1) * 255).astype(np.uint8)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (9, 9))
    stands_out = np.maximum(cv2.morphologyEx(gray, cv2.MORPH_TOPHAT, disc), cv2.morphologyEx(gray, cv2.MORPH_BLACKHAT, disc))
    return Outcome(found=np.asarray(cv2.threshold(stands_out, 0, 255, cv2.THRESH_OTSU)[1] > 0))


BASELINES: Mapping[Task, Mapping[str, Method]] = {
    "restoration": {
        "as it is": _as_it_is,
        "median 3×3": _median,
        "Telea": _opencv_inpainting(cv2.INPAINT_TELEA),
        "Navier–Stokes": _opencv_inpainting(cv2.INPAINT_NS),
        "biharmonic": _biharmonic,
    },
    "colorization": {"gray": _as_it_is, "truth": _truth},
    "damage": {"Otsu": _otsu},
    "harm": {},
    "needs": {"as it is": _as_it_is},
}
"""By task. Telea and Navier–Stokes (OpenCV, radius 3) and biharmonic (scikit-image) are told what was lost.

Biharmonic takes several seconds a picture.
"""

_DEFAULT: Mapping[Task, tuple[str, ...]] = {
    "restoration": ("as it is", "Telea", "Navier–Stokes"),
    "colorization": ("gray",),
    "damage": ("Otsu",),
    "harm": (),
    "needs": ("as it is",),
}


def choose(task: Task, wanted: str) -> dict[str, Method]:
    """The baselines `wanted`: `fast` (all but the slow ones), `all`, `none`, or names with commas.

    Names in any case; `navier-stokes` for Navier–Stokes.

    Raises `UsageError` for one that does not exist.
    """
    there = BASELINES[task]
    if wanted == "fast":
        return {name: there[name] for name in _DEFAULT[task]}
    if wanted in ("all", "none"):
        return dict(there) if wanted == "all" else {}
    plain = {_plain(name): name for name in there}
    chosen: dict[str, Method] = {}
    for asked in wanted.split(","):
        name = plain.get(_plain(asked))
        if name is None:
            known = ", ".join(there) or "none"
            raise UsageError(f"there is no baseline called {asked.strip()!r} for {task}; there are: {known}; or say fast, all or none")
        chosen[name] = there[name]
    return chosen


def _plain(name: str) -> str:
    return name.strip().lower().replace("–", "-").replace("×", "x").replace("-", " ")
