"""Steps are run, one after the other; and the doors to it all: `restore`, `colorize`, `find_damage`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias, Unpack

import numpy as np

from unfade import tiles
from unfade.arrays import Mask
from unfade.errors import UsageError
from unfade.faces import Face, faces_in
from unfade.files.photo import Photo, read
from unfade.frame.geometry import Frame
from unfade.masks import mask_sha256
from unfade.models.session import Sessions
from unfade.record import Framed, Report, xmp
from unfade.treatment import Treatment, alone_options, make_step, options, steps_alone, with_options
from unfade.work import Pictures, Step, Work

if TYPE_CHECKING:
    from unfade.keywords import ColorizeOptions, DamageOptions, TreatmentOptions
    from unfade.steps.colorize import Guide

Source: TypeAlias = Photo | str | Path | bytes | np.ndarray
"""A photograph, or what `photo.read` makes one of."""

StepProgress = Callable[[str, float], None]
"""Called with a step's name and the share of it that is done, rising, from 0 to 1."""

StepDone = Callable[[Step, Work], None]
"""Called with a step that has just run, and the work as it left it."""


@dataclass(frozen=True)
class Result:
    """What came out: the photograph (its XMP says what was done), the damage mask if one was found or given,
    the report, and the corners of what was taken for the picture (none: the whole).

    All of it is of the frame's size, if there is a frame. `opened` is the photograph as it was framed, before
    the first step; without a frame that which was given. `given_mask` is the mask that was given.
    """

    photo: Photo
    mask: Mask | None
    report: Report
    pictures: Pictures | None
    opened: Photo
    given_mask: Mask | None = field(default=None, repr=False)

    @property
    def unframed_mask(self) -> Mask | None:
        """The mask on the photograph as it came, before it was framed: what `mask=` takes, and the very one
        that it took."""
        frame = self.report.frame
        if self.mask is None or frame is None:
            return self.mask
        if self.given_mask is not None:
            return self.given_mask
        return Frame.recorded(frame).undo_mask(self.mask, frame.width, frame.height)


def check(steps: Sequence[Step], *, has_mask: bool) -> None:
    """Raise `UsageError` if a step needs a mask that neither was given nor comes from a step before it."""
    for step in steps:
        if step.needs_mask and not has_mask:
            raise UsageError(f"the step {step.name} needs a damage mask; put the step damage before it, or give a mask")
        has_mask = has_mask or step.gives_mask


def run(
    photo: Photo,
    steps: Sequence[Step],
    *,
    sessions: Sessions,
    mask: Mask | None = None,
    pictures: Pictures | None = None,
    progress: StepProgress | None = None,
    on_step: StepDone | None = None,
) -> Result:
    """Run `steps` in their order, on the photograph as they frame it. `mask`: bool (h, w) of the photograph's
    size before that, True = lost. `pictures`: the corners of what the steps are to look at, as an earlier run
    found them; none: the whole, unless a step finds them.

    `on_step` is called after each step, in this thread; what it raises ends the run. The photograph given is
    left untouched.

    Raises `UsageError`, before anything runs, for a mask of another size or dtype and for a step that lacks
    one, and the `ModelError`s of the steps.
    """
    return _run(photo, steps, None, sessions, Work(photo, mask, pictures=pictures), None, progress, on_step)


def treat(
    photo: Photo,
    treatment: Treatment,
    *,
    sessions: Sessions,
    mask: Mask | None = None,
    begun: Work | None = None,
    cut: Framed | None = None,
    progress: StepProgress | None = None,
    on_step: StepDone | None = None,
) -> Result:
    """Run the steps of a treatment; the report then says what was asked. As `run` in all else.

    `begun`: the work as the first of these steps left it, one step for each of its records. Those are not run
    again. `cut`: how the photograph was cut from its file, so that the report says it, and the result can be
    proved against the file.
    """
    steps = treatment.steps(has_mask=mask is not None)
    return _run(photo, steps, treatment, sessions, Work(photo, mask), begun, progress, on_step, cut)


def open_ahead(steps: Sequence[Step], sessions: Sessions) -> None:
    """Begin to open the models that these steps may ask for, while the photograph is read and looked at."""
    sessions.open_ahead(*dict.fromkeys(task for step in steps for task in step.opens))


def _run(
    photo: Photo,
    steps: Sequence[Step],
    treatment: Treatment | None,
    sessions: Sessions,
    given: Work,
    begun: Work | None,
    progress: StepProgress | None,
    on_step: StepDone | None,
    cut: Framed | None = None,
) -> Result:
    check(steps, has_mask=given.mask is not None)
    opened = framed(given, steps, sessions)
    work = begun or opened
    for step in steps[len(work.records) :]:
        name = step.name

        def report_progress(share: float, name: str = name) -> None:
            if progress is not None:
                progress(name, share)

        work = step(work, sessions, report_progress)
        if on_step is not None:
            on_step(step, work)
    before, opening = opened.photo, opened.opening
    report = Report(
        photo=photo.name,
        width=before.width,
        height=before.height,
        input_sha256=photo.sha256,
        page=photo.page,
        mask_sha256=None if given.mask is None else mask_sha256(given.mask),
        treatment=None if treatment is None else treatment.as_json(),
        frame=None if opening is None else opening.frame.on(opening.width, opening.height),
        cut=cut,
        steps=work.records,
        pixels_changed=0 if work.photo is before else tiles.count_changed(before.samples, work.photo.samples),
        notes=before.notes,
        software_version=version("unfade"),
    )
    result = work.photo
    if report.pixels_changed or cut is not None or (report.frame is not None and not report.frame.is_whole):
        result = result.with_metadata(replace(result.metadata, xmp=xmp(report, result.metadata.xmp)))
    return Result(result, work.mask, report, work.pictures, before, given.mask)


def told(result: Result, **changes: Any) -> Result:
    """The result with these fields of its report changed, also in its XMP, if the run is told there."""
    report = replace(result.report, **changes)
    photo, before = result.photo, result.opened.metadata.xmp
    if photo.metadata.xmp != before:
        photo = photo.with_metadata(replace(photo.metadata, xmp=xmp(report, before)))
    return replace(result, photo=photo, report=report)


def framed(given: Work, steps: Sequence[Step], sessions: Sessions) -> Work:
    """The work as it is opened: the photograph and its mask in the frame that the steps ask for.

    Raises `UsageError` for a mask of another size or dtype, and for a frame that reaches beyond the
    photograph.
    """
    photo = given.photo
    mask = None if given.mask is None else _checked(given.mask, photo)
    opening = next((opening for step in steps if (opening := step.opening(photo, sessions)) is not None), None)
    if opening is None:
        return given
    mask = None if mask is None else opening.frame.apply_mask(mask)
    return replace(given, photo=opening.frame.apply(photo), mask=mask, opening=opening)


def _checked(mask: Mask, photo: Photo) -> Mask:
    if not isinstance(mask, np.ndarray) or mask.dtype != bool or mask.ndim != 2:
        kind = f"an array of {mask.dtype} with {mask.ndim} axes" if isinstance(mask, np.ndarray) else type(mask).__name__
        raise UsageError(f"a mask is a bool array (height, width), True = lost, not {kind}")
    if mask.shape != (photo.height, photo.width):
        sizes = f"the mask is {mask.shape[1]}x{mask.shape[0]} pixels and {photo.name} is {photo.width}x{photo.height}"
        raise UsageError(f"{sizes}; they must be of one size")
    return mask


def _opened(source: Source) -> Photo:
    return source if isinstance(source, Photo) else read(source)


def _held(sessions: Sessions | None) -> AbstractContextManager[Sessions]:
    """The sessions given, which stay open, or new ones, which close after the call."""
    return Sessions() if sessions is None else nullcontext(sessions)


def guides(like: Source, sessions: Sessions) -> tuple[Guide, ...]:
    """The colors of a finished photograph, by which others are colored like it: a value for `guides`.

    Raises `UsageError` if it is black and white, `PhotoError` if it cannot be read.
    """
    from unfade.monochrome import is_color
    from unfade.steps._chroma import palette
    from unfade.steps._guides import have_hues

    photo = _opened(like)
    found = palette(photo, sessions.get("colorize"))
    if not have_hues(found) and not is_color(photo):
        raise UsageError(f"{photo.name} is black and white or toned, and has no colors to be like; name one in color, or color it first")
    return found


@with_options(options)
def restore(
    photo: Source,
    *,
    mask: Mask | None = None,
    like: Source | None = None,
    sessions: Sessions | None = None,
    progress: StepProgress | None = None,
    on_step: StepDone | None = None,
    **options: Unpack[TreatmentOptions],
) -> Result:
    """Make a damaged, faded photograph whole, and colored if asked.

    `crop`, `straighten`, `rotate` and `corners` frame the photograph first. Damage is found (or given as
    `mask`, bool (h, w), True = lost) and filled, ageing is undone, color is put in: each as its options say.
    The mask and the hints are in pixels of the photograph before it was framed. With `clean` 0 and no color,
    every sample outside the mask is bit-identical. `like`: a finished photograph, in whose colors this one is
    colored. `sessions`: share them between calls, so that models are opened once.

    Raises `UsageError` for an option out of range, `PhotoError` if the photograph cannot be read,
    `ModelError` if a model cannot be used.
    """
    treatment = Treatment(**options)
    if like is not None and not treatment.colorize:
        raise UsageError("like is another photograph's colors, and no color is put in; add colorize=True")
    with _held(sessions) as held:
        open_ahead(treatment.steps(has_mask=mask is not None), held)
        if like is not None:
            treatment = treatment.changed(guides=(*treatment.guides, *guides(like, held)))
        return treat(_opened(photo), treatment, sessions=held, mask=mask, progress=progress, on_step=on_step)


@with_options(lambda: alone_options("colorize"))
def colorize(
    photo: Source,
    *,
    like: Source | None = None,
    sessions: Sessions | None = None,
    progress: StepProgress | None = None,
    **options: Unpack[ColorizeOptions],
) -> Result:
    """Put color into a gray or toned photograph; its L* is kept, within rounding.

    A color photograph comes back as it is unless `force`. `like`: a finished photograph, in whose colors this
    one is colored. Raises as `restore` does.
    """
    steps = steps_alone("colorize", options)
    with _held(sessions) as held:
        open_ahead(steps, held)
        if like is not None:
            options["guides"] = (*options.get("guides", ()), *guides(like, held))
            steps = steps_alone("colorize", options)
        return run(_opened(photo), steps, sessions=held, progress=progress)


@with_options(lambda: alone_options("damage"))
def find_damage(
    photo: Source, *, sessions: Sessions | None = None, progress: StepProgress | None = None, **options: Unpack[DamageOptions]
) -> Result:
    """Find what is lost; the photograph comes back as it is. `Result.mask` is bool (h, w), True = lost.
    Raises as `restore` does."""
    steps = steps_alone("damage", options)
    with _held(sessions) as held:
        open_ahead(steps, held)
        return run(_opened(photo), steps, sessions=held, progress=progress)


def find_faces(photo: Source, *, sessions: Sessions | None = None) -> tuple[Face, ...]:
    """Where the faces of a photograph are, the largest first. Who they are is not asked.

    Raises `PhotoError` if the photograph cannot be read, `ModelError` if the model for `faces` cannot be
    used.
    """
    with _held(sessions) as held:
        held.open_ahead("faces")
        return faces_in(_opened(photo), held.get("faces"))


def translate(photo: Source, *, sessions: Sessions, progress: StepProgress | None = None) -> Result:
    """Turn a photograph into what a model trained on pairs makes of it, at its own size; `sessions` names the
    model for `translate`.

    Raises `ModelError` if it names none, or one for another task; `PhotoError` if the photograph cannot be
    read.
    """
    return run(_opened(photo), [make_step("translate", {})], sessions=sessions, progress=progress)
