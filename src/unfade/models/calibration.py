"""What was measured of one model once it was trained: thresholds, gates, how it is looked through. It stands
on the model's card.

A step reads it there, so that another model for the same task brings its own. A card without `[calibration]`,
or without a key of it, gets the defaults below. They are neutral: the model is believed as it is, once, and
nothing is done that only some other model was found to need.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError

Range: TypeAlias = tuple[float, float]
"""Two numbers, low and high."""

Share: TypeAlias = Annotated[float, Field(ge=0, le=1)]


class _Calibration(BaseModel):
    # Built when first used: a task's are slow to build, and few tasks are done in one process.
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, defer_build=True)


class SecondLook(_Calibration):
    """Each window is looked at once more, at another size: what is damage at two sizes is rarely a twig or a
    letter."""

    weight: float = Field(ge=0, le=1, description="the share of the second look in the log-odds")
    reduced: float = Field(gt=0, le=1, description="the size of the second look, as a share of the window's")
    least_px: int = Field(ge=1, description="no second look has a shorter short side than this")
    enlarged: float = Field(ge=1, description="its size in a small photograph, where a reduced one would show too little")
    enlarged_below_px: int = Field(ge=0, description="photographs of a shorter short side than this are small")


class Prior(_Calibration):
    """The share of lost pixels that the network was taught to expect. A photograph's own share moves the
    threshold."""

    share: float = Field(gt=0, lt=1, description="the share of lost pixels in training")
    trust: float = Field(ge=0, le=1, description="how much of the difference, in log-odds, the threshold moves by")
    range: Range = Field(description="the least and the most that the threshold's log-odds are lowered by")


class Lines(_Calibration):
    """A scratch too faint for any one pixel is found by its evidence along a line. All numbers are
    log-odds."""

    mean: float = Field(description="how far the line's mean may lie below the threshold")
    contrast: float = Field(description="how far it must lie above the means of the two parallels beside it")
    own: float = Field(description="how far a pixel on the line may lie below the threshold")


class Specks(_Calibration):
    """A speck is found by less evidence than a large mark: what it hides is little, and so is what is lost
    by an error."""

    below: float = Field(ge=0, description="how far it may lie below the threshold, in log-odds")
    sound_share: float = Field(ge=0, le=1, description="so much of that in a photograph of which next to nothing seems lost")
    least: float = Field(description="the log-odds that it needs at any sensitivity")
    longest_share: float = Field(gt=0, lt=1, description="its longer side is at most this share of the short side")
    evidence: float = Field(ge=0, description="the least sum of (p - threshold) / (1 - threshold) over it, with its own threshold")


TRAITS = 11
"""How many traits a piece of a mask has: see `steps._judging`."""


class Pieces(_Calibration):
    """Pieces of the mask are kept by their score: a logistic regression on their traits, one for small
    pieces and what is added to it for large ones."""

    smallest_share: float = Field(gt=0, description="pieces of at least this share of the short side's square are judged")
    least_score: float = Field(description="the score, in log-odds, from which a piece is kept")
    small: tuple[float, ...] = Field(min_length=TRAITS, max_length=TRAITS, description="the weights of the traits")
    large: tuple[float, ...] = Field(min_length=TRAITS, max_length=TRAITS, description="what is added to them for a large piece")


class DamageCalibration(_Calibration):
    """Of a model that finds damage. Neutral: a pixel is lost if its probability is 0.5 or more."""

    threshold: float = Field(default=0.5, gt=0, lt=1, description="the probability from which a pixel is lost")
    hysteresis: float = Field(
        default=0.0, ge=0, description="a pixel joins damage that it touches if it is at most this far below, in log-odds"
    )
    speck_evidence: float = Field(
        default=0.0, ge=0, description="damage is kept if the sum of (p - threshold) / (1 - threshold) over it reaches this"
    )
    growth: float | None = Field(
        default=None, ge=0, description="the mask grows by a pixel where this far below the threshold, in log-odds; none: it does not"
    )
    coarse: tuple[tuple[int, int], ...] = Field(
        default=(), description="reduced copies that are searched too: the factor, and the short side above which"
    )
    face_evidence: float | None = Field(
        default=None,
        ge=0,
        description="a face is left alone unless a piece in it is this far above the threshold, in log-odds; none: it is not",
    )
    second_look: SecondLook | None = None
    prior: Prior | None = None
    lines: Lines | None = None
    specks: Specks | None = None
    pieces: Pieces | None = None


class Prints(_Calibration):
    """When the tone of a black-and-white photograph is lifted, whatever the network says of it.

    Each pair opens a gate: closed at the first number, open at the second. Lightness is L*, chroma in units
    of a*b*.
    """

    short: Range = Field(description="a range of lightness that is too long for a faded print, when the gate is open")
    faded_black: Range = Field(description="the lightness of the black of a faded print")
    cast: Range = Field(description="the mean chroma of yellowed paper")
    toned_black: Range = Field(description="the lightness of the black of a yellowed or toned print")
    no_cast: Range = Field(description="a mean chroma too high for any print, when the gate is open")
    sure: Range = Field(description="`need` from which the black does not matter")
    plain: float = Field(ge=0, description="a range of lightness below which there is too little to see")
    plain_need: Range = Field(description="the gate by `need` in that case")


class ToneCalibration(_Calibration):
    """Of a model for tone. `need` opens each gate by a smoothstep: closed at the first number, open at the
    second."""

    tone_range: Range = Field(default=(0.0, 1.0), description="the gate of the tone; with `prints`: of color photographs")
    detail_range: Range = Field(
        default=(0.0, 1.0), description="the gate of grain, blur and JPEG, which another model undoes, unless that finds noise itself"
    )
    prints: Prints | None = Field(default=None, description="the gates of black-and-white photographs; none: as color ones")


class CleanCalibration(_Calibration):
    """Of a model that undoes grain, blur and JPEG. Neutral: the tone model's `need` decides."""

    noise_range: Range | None = Field(default=None, description="the gate of noise, in levels (see `steps._noise`)")
    noise_taken: float = Field(default=1.0, gt=0, le=1, description="how far the detail of a noisy photograph is cleaned unasked")


class FillCalibration(_Calibration):
    """Of a model that fills. Neutral: it is given the picture with the hole black, as most inpainting
    networks are."""

    start: Literal["biharmonic", "zeros", "gray", "as-is"] = Field(
        default="zeros",
        description="what the network sees in the hole: a smooth fill, black, middle gray, or the damage as it is",
    )


class ColorizeCalibration(_Calibration):
    """Of a model that colors. Neutral: the annealed mean at 0.38 (Zhang et al. 2016, section 2.3), at any
    liveliness, believed as it is."""

    temperatures: tuple[float, float, float] = Field(
        default=(0.38, 0.38, 0.38), description="of the distribution over colors, for safe, usual and vivid choices"
    )
    hint_least_px: float = Field(default=0.5, gt=0, description="a hint's disc is at least of this radius, at the working size")
    gain: float = Field(default=1.0, gt=0, description="the factor on chroma")
    violet_kept: float = Field(default=1.0, ge=0, le=1, description="the share of a* that a pale violet keeps; 0: it turns blue")
    skin: tuple[float, Share] = Field(
        default=(0.0, 1.0), description="in the hues of skin: the chroma above which it is too strong, and the share kept of what is above"
    )
    sure_blue: Range | None = Field(
        default=None,
        description="the confidence up to which blue and violet turn gray, and that from which they stay; none: they always stay",
    )


class UprightCalibration(_Calibration):
    """Of a model that tells which way a photograph is up. Neutral: it is believed where it is all but
    sure."""

    least: float = Field(default=0.995, gt=0.25, lt=1, description="the probability from which it is believed")
    temperature: float = Field(default=1.0, gt=0, description="what the logits, summed over the four views, are divided by")


class FacesCalibration(_Calibration):
    """Of a model that finds faces. Neutral: one look, and a face is believed if it is more likely than
    not."""

    least: float = Field(default=0.5, gt=0, lt=1, description="the probability from which a face is believed")
    looks_px: tuple[int, ...] = Field(
        default=(640,), min_length=1, description="the longer sides of the copies that are looked at: large faces show on small ones"
    )


class PlainCalibration(_Calibration):
    """Of a model for which there is nothing to calibrate."""


Calibration = (
    DamageCalibration
    | ToneCalibration
    | CleanCalibration
    | FillCalibration
    | ColorizeCalibration
    | UprightCalibration
    | FacesCalibration
    | PlainCalibration
)

CALIBRATIONS: Mapping[str, type[Calibration]] = {
    "damage": DamageCalibration,
    "tone": ToneCalibration,
    "clean": CleanCalibration,
    "fill": FillCalibration,
    "colorize": ColorizeCalibration,
    "upright": UprightCalibration,
    "faces": FacesCalibration,
}
"""What a card of each task may hold; a task that is not here has nothing to calibrate."""


def calibration_of(task: str, given: Mapping[str, object]) -> Calibration:
    """The calibration of a model for `task`. Raises `ValueError`, naming the key, for what its task does not
    have."""
    try:
        return CALIBRATIONS.get(task, PlainCalibration).model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        said = "a model for this task has no such key" if first["type"] == "extra_forbidden" else first["msg"]
        raise ValueError(f"{'.'.join(('calibration', *map(str, first['loc'])))}: {said}") from None
