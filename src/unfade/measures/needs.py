"""What each of many real photographs needs, by eye: tone lifted, detail cleaned, colors put in; or left.

One JSON file, needs.json, is a list with an entry a photograph; further keys of an entry are not read:

folder       the folder that the photograph lies in, under that of all photographs; may be missing
photo        the photograph's file name
tone         must (it is to be lifted), leave (it is to stay as it is), or either
detail       must (grain, halftone, blocks are to go), leave, or either; may be missing: either
monochrome   true: black and white, be it toned or stained; false: in color, or tinted by hand
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Literal

import cv2
import numpy as np
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from unfade.errors import DataError
from unfade.measures.measure import Measure, Observation, given_images, mean

NAME = "needs.json"
BLUR_SHARE = 1 / 100  # of the short side: what is finer than this is detail, not tone
LIFTED_LEVELS, LEFT_LEVELS = 6.0, 4.0
CLEANED_STRENGTH = 0.5


class Needs(BaseModel):
    """What one photograph needs."""

    model_config = ConfigDict(frozen=True, extra="ignore")

    photo: str
    folder: str = ""
    tone: Literal["must", "either", "leave"]
    detail: Literal["must", "either", "leave"] = "either"
    monochrome: bool


def read_needs(path: Path) -> tuple[Needs, ...]:
    """The entries of a needs.json. Raises `DataError` if it cannot be read or says something else."""
    try:
        return tuple(TypeAdapter(list[Needs]).validate_json(path.read_bytes()))
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error.strerror}); it lists what each photograph needs") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        raise DataError(f"{path.name}: {where + ': ' if where else ''}{first['msg']}; see `unfade.measures.needs`") from error


def moved_levels(seen: Observation) -> float:
    """By how many of 255 levels the blurred picture moved, on the mean."""
    result, given = given_images(seen)
    sigma = max(1.0, min(given.shape[:2]) * BLUR_SHARE)
    before, after = (cv2.GaussianBlur(picture, (0, 0), sigma) for picture in (given, result))
    return 255 * float(np.abs(after - before).mean())


def _tone_decided(seen: Observation) -> np.ndarray:
    if seen.needs is None or seen.needs.tone == "either":
        return np.array([math.nan])
    moved = moved_levels(seen)
    return np.array([float(moved > LIFTED_LEVELS if seen.needs.tone == "must" else moved < LEFT_LEVELS)])


def _detail_decided(seen: Observation) -> np.ndarray:
    if seen.needs is None or seen.needs.detail == "either" or seen.detail_strength is None:
        return np.array([math.nan])
    return np.array([float((seen.detail_strength >= CLEANED_STRENGTH) == (seen.needs.detail == "must"))])


def _monochrome_decided(seen: Observation) -> np.ndarray:
    return np.array([math.nan if seen.needs is None else float(seen.colored == seen.needs.monochrome)])


FAMILY = {
    "tone-decided": Measure(
        label="tone decided right",
        unit="",
        better="higher",
        tasks=frozenset({"needs"}),
        needs=frozenset({"images", "needs"}),
        statement=(
            f"The share of photographs whose tone is decided right: one that must be lifted moves by more than {LIFTED_LEVELS:g} of "
            f"255 levels, one to be left by less than {LEFT_LEVELS:g}, on the mean of pictures blurred by a hundredth of the short side."
        ),
        observe=_tone_decided,
        summarize=mean,
    ),
    "detail-decided": Measure(
        label="detail decided right",
        unit="",
        better="higher",
        tasks=frozenset({"needs"}),
        needs=frozenset({"needs", "detail"}),
        statement=(
            "The share of photographs whose detail is decided right: one whose grain, halftone or blocks must go is cleaned of them at "
            f"a strength of {CLEANED_STRENGTH:g} or more, one to be left at less. The strength is what the method says it was."
        ),
        observe=_detail_decided,
        summarize=mean,
    ),
    "monochrome-decided": Measure(
        label="monochrome decided right",
        unit="",
        better="higher",
        tasks=frozenset({"needs"}),
        needs=frozenset({"needs", "colored"}),
        statement="The share of photographs that get colors if they are black and white, and none if they are in color or tinted by hand.",
        observe=_monochrome_decided,
        summarize=mean,
    ),
}
