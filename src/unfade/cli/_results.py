"""What becomes of one photograph is written: the result, its mask, its account and its place on the contact
sheet."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from unfade.cli._options import Batch
from unfade.cli._outputs import Job
from unfade.cli._records import drop_stale
from unfade.errors import ExistsError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from unfade.arrays import Mask
    from unfade.files.photo import Photo
    from unfade.models.session import Sessions
    from unfade.pipeline import Result
    from unfade.record import Report
    from unfade.steps.colorize import Guide


@dataclass(frozen=True)
class Done:
    """What became of one photograph: the files written, the account, the small pictures for the contact
    sheet, and what is to be said.

    `pages` are the accounts of the pages, where all of several were treated; `report` is then the first
    one's.
    """

    written: tuple[Path, ...]
    report: Report | None = None
    pages: tuple[Report, ...] = ()
    row: tuple[np.ndarray, ...] = ()
    notes: tuple[str, ...] = ()


def treat_file(batch: Batch, job: Job, treat: Callable[[Photo], Result], *, max_megapixels: float, given: bool = False) -> Done:
    """Read a photograph, treat it, and write what becomes of it; with `--pages all`, every page of it.

    `given`: whether the mask was given.
    """
    from unfade.files import photo

    numbers = photo.pages(job.source) if batch.pages == "all" else (batch.page,)
    if len(numbers) == 1:
        before = photo.read(job.source, max_megapixels=max_megapixels, page=numbers[0])
        return finished(batch, job, before, treat(before), given=given)
    reports, pages, older = [], [], []
    row: tuple[np.ndarray, ...] = ()
    for number in numbers:
        before = photo.read(job.source, max_megapixels=max_megapixels, page=number)
        result = _noted(batch, treat(before))
        reports.append(result.report)
        pages.append(without_location(batch, result.photo))
        older.append(without_location(batch, _as_older(result)))
        row = row or ((thumbnail(result.opened), thumbnail(result.photo)) if batch.sheet is not None else ())
    sha256 = put_new(
        job.target,
        lambda: photo.encode_pages(job.target, pages),
        overwrite=batch.overwrite,
        older=lambda: photo.encode_pages(job.target, older),
    )
    reports = [replace(report, output_sha256=sha256) for report in reports]
    notes = [f"page {number}: {note}" for number, report in zip(numbers, reports, strict=True) for note in report.sentences]
    gone = drop_stale(job.target, sha256) if batch.overwrite else ()
    return Done((job.target,), reports[0], tuple(reports), row, (*notes, *gone))


def finished(batch: Batch, job: Job, before: Photo, result: Result, *, given: bool = False) -> Done:
    """Write what became of a photograph, and account for it: the mask first, so that a result that is there
    has its mask.

    `given`: whether the mask was given. The record, if one is asked for, comes last: it has the hashes of the
    others.
    """
    result = _noted(batch, result)
    written: tuple[Path, ...] = ()
    if job.mask is not None and (unframed := result.unframed_mask) is not None:
        write_mask(batch, unframed, job.mask)
        written = (job.mask,)
    sha256, lost = save(batch, result.photo, job.target, older=partial(_as_older, result))
    gone = drop_stale(job.target, sha256) if batch.overwrite and job.record is None else ()
    report = replace(result.report, output_sha256=sha256, notes=(*result.report.notes, *lost, *gone))
    if job.record is not None:
        _write_record(batch, job, before, replace(result, report=report), given=given)
        written = (*written, job.record)
    row = (thumbnail(result.opened), thumbnail(result.photo)) if batch.sheet is not None else ()
    return Done((job.target, *written), report, row=row, notes=report.sentences)


def _noted(batch: Batch, result: Result) -> Result:
    """The result, whose record says how its file is written, too."""
    from unfade import pipeline

    return pipeline.told(result, writing=file_asked(batch))


def _as_older(result: Result) -> Photo:
    """The photograph as older versions made it: its record says neither the page nor how it was written."""
    from unfade import pipeline

    return pipeline.told(result, page=None, writing=None).photo


def file_asked(batch: Batch) -> dict[str, Any]:
    """What is asked of a result's file, where it is not the usual, as its record says it."""
    from unfade.record import writing

    return writing(quality=batch.quality, pages=batch.pages, drop_location=batch.drop_location)


def _write_record(batch: Batch, job: Job, before: Photo, result: Result, *, given: bool) -> None:
    """Write the record of a result that was written; over one that is there only if that is of the very same
    result."""
    from unfade.archive.sidecar import Written, of_result, read_sidecar
    from unfade.files import disk, photo

    assert job.record is not None
    written = photo.read(job.target, max_megapixels=float("inf"))
    chosen = batch.format or photo.format_for(job.target, result.photo)
    how = Written(format=chosen, quality=batch.quality, page=batch.page, given=given)
    record = of_result(before, result, written, job.target, job.mask, how)
    if job.record.exists() and not batch.overwrite and read_sidecar(job.record).result != record.result:
        raise ExistsError(f"{job.record} is there already, and is of another result; add --overwrite to write over it")
    disk.put(record.to_json().encode(), job.record, overwrite=True)


def put_new(target: Path, encode: Callable[[], bytes], *, overwrite: bool, older: Callable[[], bytes] | None = None) -> str:
    """Write what `encode` gives to a file, unless the very same bytes are there already, or those that an
    older version made (`older`). Gives the file's SHA-256.

    Raises `ExistsError` for others; a target that cannot be written is refused before the encoding.
    """
    from unfade.files import disk

    is_there = target.is_file() and not overwrite
    if not is_there:
        disk.check_target(target, overwrite=overwrite)
    content = encode()
    if not is_there:
        disk.put(content, target, overwrite=overwrite)
    elif (there := target.read_bytes()) != content:
        if older is None or there != older():
            raise ExistsError(
                f"{target} is there already, and is another than this command makes; "
                f"add --overwrite to write over it, or -o to write elsewhere"
            )
        content = there
    return hashlib.sha256(content).hexdigest()


def save(batch: Batch, picture: Photo, target: Path, *, older: Callable[[], Photo] | None = None) -> tuple[str, tuple[str, ...]]:
    """Write a result; gives its SHA-256, and what of the photograph a file of another format cannot hold.

    `older`: the result as older versions made it, which is left where it is there.
    """
    from unfade.files import photo

    def encoded(made: Callable[[], Photo]) -> bytes:
        return photo.encode_for(target, without_location(batch, made()), batch.format, batch.quality)

    chosen = batch.format or photo.format_for(target, picture)
    lost = photo.losses_into(without_location(batch, picture), target, chosen)
    before = None if older is None else partial(encoded, older)
    return put_new(target, partial(encoded, lambda: picture), overwrite=batch.overwrite, older=before), lost


def without_location(batch: Batch, picture: Photo) -> Photo:
    """The picture without GPS data, where that is asked."""
    from unfade.files import location

    return picture.with_metadata(location.without_location(picture.metadata)) if batch.drop_location else picture


def write_mask(batch: Batch, mask: Mask, target: Path, report: Report | None = None) -> str:
    """A mask as an 8-bit gray PNG: white = lost. With the report of how it was found in its XMP. Gives its
    SHA-256."""
    from unfade.files import photo
    from unfade.masks import as_photo
    from unfade.record import xmp

    def encoded(report: Report | None) -> bytes:
        said = photo.Metadata(xmp=None if report is None else xmp(report, None))
        return photo.encode_file(as_photo(mask, target.name).with_metadata(said), "png")

    noted = None if report is None else replace(report, writing=file_asked(batch))
    older = None if report is None else partial(encoded, replace(report, page=None))
    return put_new(target, partial(encoded, noted), overwrite=batch.overwrite, older=older)


def read_mask(path: Path, picture: Photo, *, max_megapixels: float) -> Mask:
    """A photograph's mask from a picture file (`masks.drawn`). Raises `UsageError` if it is not of the
    photograph's size."""
    from unfade import masks
    from unfade.files import photo

    drawn = photo.read(path, max_megapixels=max_megapixels)
    if (drawn.width, drawn.height) != (picture.width, picture.height):
        raise UsageError(
            f"the mask {path.name} has {drawn.width}x{drawn.height} pixels, {picture.name} has {picture.width}x{picture.height}; "
            f"make the mask of the photograph's size (unfade damage writes one to start from)"
        )
    return masks.drawn(drawn)


def guides_of(like: Path, sessions: Sessions, *, max_megapixels: float) -> tuple[Guide, ...]:
    """The colors of the photograph that others are to be like."""
    from unfade import pipeline
    from unfade.files import photo

    return pipeline.guides(photo.read(like, max_megapixels=max_megapixels), sessions)


def thumbnail(picture: Photo, side_px: int = 360) -> np.ndarray:
    """A copy of the photograph, (h, w, 3) uint8, sRGB, small enough for a contact sheet.

    It is reduced before it is converted: a scan may have 200 megapixels.
    """
    import numpy as np

    small: np.ndarray = np.round(picture.reduced(side_px).srgb() * 255).astype(np.uint8)
    return small
