"""A result is proved against its record and its master.

Each check is one sentence: it holds, it does not, or it cannot be told, and why. What a lossy format or
cleaning has changed everywhere cannot be told apart from other changes by looking; `replay` proves it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from unfade import color, tiles
from unfade.archive.sidecar import Sidecar, beside, profile_sha256, read_sidecar, samples_sha256
from unfade.arrays import Mask
from unfade.errors import PhotoError, RecordError, UsageError, pip_line
from unfade.files import photo
from unfade.files.photo import Photo
from unfade.frame.geometry import Frame
from unfade.masks import drawn, mask_sha256
from unfade.record import Run, last_run

# Coloring keeps L*. What rounding to 8 bits moves it by, at most: half a step of each channel in the darkest
# colors, where L* is steepest.
LIGHTNESS_ROUNDING = {8: 0.75, 16: 0.05}


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. `holds`: yes, no, or None: it cannot be told."""

    name: str
    holds: bool | None
    sentence: str


@dataclass(frozen=True)
class Verdict:
    """What was found of one result. It is `proved` if no check failed."""

    result: str
    record: str
    checks: tuple[Check, ...]

    @property
    def proved(self) -> bool:
        """Whether no check failed."""
        return all(check.holds is not False for check in self.checks)


def verify(
    result: Path, *, master: Path | None = None, record: Path | None = None, max_megapixels: float = photo.MAX_MEGAPIXELS
) -> Verdict:
    """Prove a result. `record`: its sidecar; none: the one beside it or, if there is none, the result's XMP.

    Without `master`, only what the record and the result say of themselves is checked. Raises `RecordError`
    where there is no record at all, `PhotoError` where the result or the master cannot be read.
    """
    picture = photo.read(result, max_megapixels=max_megapixels)
    run = last_run(picture.metadata.xmp)
    signed = _credentials(result, picture)
    path = record if record is not None else beside(result)
    sidecar = None if record is None and not path.is_file() else read_sidecar(path)
    if sidecar is None:
        if run is None:
            raise RecordError(f"{result.name} has no record: none in its XMP, and no {path.name} beside it")
        pages = () if master is None else _pages(master, run.page, max_megapixels)
        return Verdict(str(result), "XMP", (*_from_run(run, picture, pages), *signed))
    original = None if master is None else next(iter(_pages(master, sidecar.master.page, max_megapixels)))
    return Verdict(str(result), str(path), (*_from_sidecar(sidecar, path, run, picture, original), *signed))


def _pages(master: Path, page: int | None, max_megapixels: float) -> Iterator[Photo]:
    """The master's page that a record names. If it names none: that which is read without asking, then the
    others, for older versions did not say which they had read."""
    try:
        original = photo.read(master, max_megapixels=max_megapixels, page=page)
    except UsageError:  # it has no such page, and so is not the master, which is said
        page, original = None, photo.read(master, max_megapixels=max_megapixels)
    yield original
    if page is None and len(numbers := photo.pages(master)) > 1:
        for number in numbers:
            with suppress(PhotoError):
                yield photo.read(master, max_megapixels=max_megapixels, page=number)


_MARK = b"c2pa"  # stands in every C2PA manifest (JUMBF)


def _credentials(result: Path, picture: Photo) -> tuple[Check, ...]:
    """Whether the Content Credentials in the file hold; nothing where there are none."""
    data = result.read_bytes()
    if _MARK not in data or picture.format is None:
        return ()
    try:
        from unfade.archive import credentials

        told = credentials.read(data, picture.format)
    except ModuleNotFoundError:
        return (Check("credentials", None, f"the file seems to be signed (C2PA); to have that read: {pip_line('c2pa')}"),)
    if told is None:
        return ()
    if not told.is_whole:
        return (Check("credentials", False, f"the file was changed after it was signed: {'; '.join(told.problems)}"),)
    trust = "by a signer on a list of trusted ones" if told.state == "Trusted" else "by a signer of whom this machine has no list"
    return (Check("credentials", True, f"the file is as it was signed (C2PA), {trust}"),)


def _from_run(run: Run, picture: Photo, pages: Iterable[Photo]) -> list[Check]:
    """What the XMP alone can prove. `pages`: of the master, the likeliest first; none: it was not given."""
    done = ", ".join(f"{step.step} ({step.pixels_changed:,} pixels)" for step in run.steps)
    said = f"{run.software} {run.software_version}: {done or 'nothing was done'}"
    checks = [
        Check("record", True, f"the file says what was done: {said}")
        if run.is_intact
        else Check("record", False, "the record in the file was changed after it was written")
    ]
    looked: list[Check] = []
    for page in pages:
        if not looked:
            checks.append(_master(run.input_sha256, None, page))
        looked.append(_untouched_by(run, picture, page))
        if looked[-1].holds is not False:
            break
    if looked and looked[-1].holds is False:
        return [*checks, looked[0]]
    return [*checks, *looked[-1:]]


def _untouched_by(run: Run, picture: Photo, page: Photo) -> Check:
    for frame in (run.cut, run.frame):
        if frame is None:
            continue
        if (page.width, page.height) != (frame.width, frame.height):
            sizes = f"{page.width}x{page.height} pixels, and the record is of one of {frame.width}x{frame.height}"
            return Check("untouched", False, f"{page.name} has {sizes}")
        page = Frame.recorded(frame).apply(page)
    found = _untouched(_changed_by(run), None, "the mask was not kept; write the record with --record", picture, page)
    return found if found.holds is False or page.page == run.page else replace(found, sentence=f"{found.sentence}; of page {page.page}")


def _changed_by(run: Run) -> frozenset[str]:
    return frozenset(step.step for step in run.steps if step.pixels_changed)


def _from_sidecar(sidecar: Sidecar, path: Path, run: Run | None, picture: Photo, original: Photo | None) -> list[Check]:
    checks = [_record(sidecar, run, path), _result(sidecar, picture)]
    mask, found = _mask(sidecar, path)
    if found is not None:
        checks.append(found)
    if original is not None:
        checks.append(_master(sidecar.master.sha256, sidecar.master.samples_sha256, original))
        if checks[-1].holds:
            original = sidecar.photograph(original)
            if sidecar.frame is not None:
                frame = sidecar.frame.frame()
                original = frame.apply(original)
                mask = None if mask is None else frame.apply_mask(mask)
            why = "nothing was taken for lost" if sidecar.mask is None else "its mask is not at hand"
            checks.append(_untouched(sidecar.changed_by(), mask, why, picture, original))
    return checks


def _record(sidecar: Sidecar, run: Run | None, path: Path) -> Check:
    if not sidecar.is_intact:
        return Check("record", False, f"the record {path.name} was changed after it was written")
    if run is not None and not run.is_intact:
        return Check("record", False, "the record in the result's XMP was changed after it was written")
    if run is not None and not _agree(sidecar, run):
        return Check("record", False, f"the record {path.name} and the one in the result's XMP speak of different restorations")
    return Check("record", True, f"the record {path.name} is as it was written")


def _agree(sidecar: Sidecar, run: Run) -> bool:
    steps = [(step.step, step.pixels_changed, tuple(model.sha256 for model in step.models)) for step in sidecar.steps]
    return (
        steps == [(step.step, step.pixels_changed, tuple(model.sha256 for model in step.models)) for step in run.steps]
        and run.input_sha256 == sidecar.master.sha256
        and run.treatment == sidecar.treatment
    )


def _result(sidecar: Sidecar, picture: Photo) -> Check:
    if picture.sha256 == sidecar.result.sha256:
        return Check("result", True, "the result is the file that was written, byte for byte")
    if samples_sha256(picture) == sidecar.result.decoded_sha256:
        if sidecar.result.profile_sha256 not in (None, profile_sha256(picture)):
            return Check("result", False, "the result's samples are as written; its color profile is another, and so are its colors")
        return Check("result", True, "the result's samples are those that were written; its metadata was changed since")
    return Check("result", False, "the result's samples are not those that were written")


def _master(sha256: str | None, samples: str | None, original: Photo) -> Check:
    if sha256 is not None and original.sha256 == sha256:
        return Check("master", True, f"{original.name} is the master, byte for byte")
    if samples is not None and samples_sha256(original) == samples:
        return Check("master", True, f"{original.name} has the master's samples; its metadata or its file's form is another")
    return Check("master", False, f"{original.name} is not the master that was restored")


def _mask(sidecar: Sidecar, path: Path) -> tuple[Mask | None, Check | None]:
    """The mask beside the record, if it is the one that was used; and whether it is."""
    if sidecar.mask is None:
        return None, None
    file = path.parent / Path(sidecar.mask.name).name  # beside the record, wherever a changed name may point
    try:
        mask = drawn(photo.read(file, max_megapixels=float("inf")))
    except PhotoError:
        return None, Check("mask", None, f"the mask {file.name} is not beside the record; what lies outside it cannot be told")
    if mask_sha256(mask) != sidecar.mask.sha256:
        return None, Check("mask", False, f"the mask {file.name} is not the one that was used")
    return mask, Check("mask", True, f"the mask {file.name} is the one that was used; {mask.mean():.2%} of the photograph is lost")


def _untouched(changed_by: frozenset[str], mask: Mask | None, why: str, picture: Photo, original: Photo) -> Check:
    """Whether what was not lost is as it was: every sample or, where color was put in, its L*."""
    name = "untouched"
    if (picture.height, picture.width) != (original.height, original.width):
        sizes = f"the result has {picture.width}x{picture.height} pixels, the master, as it was framed, {original.width}x{original.height}"
        return Check(name, False, sizes)
    if _has_other_profile(picture, original):
        return Check(name, False, "the result's color profile is not the master's: the same samples are other colors")
    everywhere = changed_by - {"damage", "fill"}
    if everywhere - {"colorize"}:
        steps = " and ".join(sorted(everywhere))
        return Check(name, None, f"{steps} changed the whole photograph, which only a replay can prove")
    if "fill" in changed_by and mask is None:
        return Check(name, None, f"what lies outside the mask cannot be told: {why}")
    outside = np.ones((picture.height, picture.width), bool) if mask is None or "fill" not in changed_by else ~mask
    if picture.format is not None and photo.is_lossy(picture, picture.format):
        return Check(name, None, f"{picture.format} is lossy: every sample is encoded anew, so that only a replay can prove the result")
    if everywhere:
        return _same_lightness(picture, original, outside)
    return _same_samples(picture, original, outside)


def _has_other_profile(picture: Photo, original: Photo) -> bool:
    """Whether the result's profile is another than that of its master, which it keeps. A format that holds
    none is in sRGB, and a gray master that became color is, too."""
    if picture.channels != original.channels or picture.format is None or "icc" not in photo.FORMATS[picture.format].holds:
        return False
    return picture.profile != original.profile


def _same_samples(picture: Photo, original: Photo, outside: Mask) -> Check:
    if picture.samples.shape != original.samples.shape or picture.bits != original.bits:
        return Check("untouched", False, "the result's channels or depth are not the master's")
    differs = (picture.samples != original.samples).any(axis=2) & outside
    if differs.any():
        y, x = np.argwhere(differs)[0]
        count = int(differs.sum())
        return Check("untouched", False, f"outside the mask {count:,} pixel{'s differ' * (count > 1) or ' differs'}, the first at {x}, {y}")
    return Check("untouched", True, f"outside the mask every sample is the master's ({int(outside.sum()):,} pixels)")


def _same_lightness(picture: Photo, original: Photo, outside: Mask) -> Check:
    most, at = 0.0, (0, 0)
    for rows in tiles.bands(picture.height, picture.width):
        apart = np.abs(color.lightness_from_srgb(picture.srgb(rows)) - color.lightness_from_srgb(original.srgb(rows)))
        apart = np.where(outside[rows], apart, 0)
        _, largest, _, place = cv2.minMaxLoc(apart)
        if largest > most:
            most, at = largest, (place[0], place[1] + rows.start)
    limit = LIGHTNESS_ROUNDING[original.bits]
    if most > limit:
        return Check("untouched", False, f"color changed the lightness by {most:.2f} of L* at {at[0]}, {at[1]}; rounding explains {limit}")
    return Check("untouched", True, f"outside the mask color kept the lightness: L* moved by {most:.2f} at most, which is rounding")
