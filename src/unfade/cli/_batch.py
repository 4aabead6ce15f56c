"""Doing many photographs: each whatever becomes of the others, then the report and the contact sheet, then what failed."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING

import typer

from unfade.cli._names import say_file, shown
from unfade.cli._options import FormatName
from unfade.cli._outputs import Job, refuse_existing, write_text
from unfade.cli._progress import progress
from unfade.errors import UnfadeError, UsageError

if TYPE_CHECKING:
    import numpy as np

    from unfade.arrays import Image, Mask
    from unfade.files.photo import Photo
    from unfade.pipeline import Result
    from unfade.record import Report

Steps = Callable[[str, float], None]
"""Called with a step's name and the share of it that is done."""


@dataclass(frozen=True)
class Done:
    """What became of one photograph: the files written, the account, and the small pictures for the contact sheet."""

    written: tuple[Path, ...]
    report: Report | None = None
    row: tuple[Image, ...] = ()


@dataclass(frozen=True)
class Failed:
    """A photograph that could not be done, and the sentence that says why."""

    source: Path
    why: str


def run_jobs(
    jobs: Sequence[Job], work: Callable[[Job, Steps], Done], *, overwrite: bool, report: Path | None = None, sheet: Path | None = None
) -> None:
    """Do every job, whatever becomes of the others; then the report and the contact sheet; then say which failed and why.

    The files written are named on standard output, one a line; everything else goes to standard error: a progress bar on a terminal,
    a line a photograph otherwise. Raises `typer.Exit(1)` if any failed. With one photograph only, its error is raised as it is.
    """
    done: list[Done | Failed] = []
    with progress(len(jobs)) as show:
        for number, job in enumerate(jobs):
            started = perf_counter()
            show(number, job.source.name, "", 0.0)

            def steps(step: str, share: float, number: int = number, name: str = job.source.name) -> None:
                show(number, name, step, share)

            try:
                if not overwrite:
                    refuse_existing(job.outputs)
                outcome: Done | Failed = work(job, steps)
            except (UnfadeError, MemoryError) as error:
                if len(jobs) == 1:
                    raise
                outcome = Failed(job.source, str(error) or "there is not enough memory for it")
            except Exception as error:
                if len(jobs) == 1:
                    raise
                outcome = Failed(job.source, f"{job.source.name}: a mistake in Unfade: {type(error).__name__}: {error}")
            done.append(outcome)
            show.finished(number + 1, job.source.name, perf_counter() - started, failed=isinstance(outcome, Failed))
            if isinstance(outcome, Done):
                for path in outcome.written:
                    show.result(path)
    if report is not None:
        accounts = [_account(outcome) for outcome in done]
        write_text(report, json.dumps(accounts[0] if len(jobs) == 1 else accounts, indent=2, ensure_ascii=False) + "\n")
    if sheet is not None:
        _write_sheet(sheet, jobs, done)
        say_file(sheet)
    failed = [outcome for outcome in done if isinstance(outcome, Failed)]
    if failed:
        typer.echo(f"unfade: {len(failed)} of {len(jobs)} photographs failed:", err=True)
        for failure in failed:
            typer.echo(shown(f"  {failure.source}: {failure.why}"), err=True)
        raise typer.Exit(1)


def _account(outcome: Done | Failed) -> dict[str, object]:
    if isinstance(outcome, Failed):
        return {"photo": outcome.source.name, "error": outcome.why, "software": "Unfade"}
    account: dict[str, object] = json.loads(outcome.report.to_json()) if outcome.report else {}
    return account


def _write_sheet(target: Path, jobs: Sequence[Job], done: Sequence[Done | Failed]) -> None:
    from unfade import sheet

    rows = [(job, outcome) for job, outcome in zip(jobs, done, strict=True) if isinstance(outcome, Done) and outcome.row]
    if not rows:
        return
    captions = [shown(job.source.name) + _filled(outcome.report) for job, outcome in rows]
    picture = sheet.contact_sheet([outcome.row for _, outcome in rows], titles=("before", "after"), captions=captions)
    sheet.write(picture, target)


def _filled(report: Report | None) -> str:
    """How much was invented, for a caption. Not how much changed: cleaning and coloring change nearly every pixel a little."""
    share = sum(record.pixels_changed for record in report.steps if record.step == "fill") / (report.width * report.height) if report else 0
    return f": {100 * share:.1f} % filled" if share else ""


def read_mask(path: Path, picture: Photo, *, max_megapixels: float) -> Mask:
    """A photograph's mask from a picture file: white (half or more) = lost. Of a picture with alpha, only what is not transparent counts.

    Raises `UsageError` if it is not of the photograph's size.
    """
    from unfade.files import photo

    drawn = photo.read(path, max_megapixels=max_megapixels)
    if (drawn.width, drawn.height) != (picture.width, picture.height):
        raise UsageError(
            f"the mask {path.name} has {drawn.width}x{drawn.height} pixels, {picture.name} has {picture.width}x{picture.height}; "
            f"make the mask of the photograph's size (unfade damage writes one to start from)"
        )
    half = 2 ** (drawn.bits - 1)
    lost: Mask = drawn.samples.max(axis=2) >= half
    return lost if drawn.alpha is None else lost & (drawn.alpha >= half)


def save(picture: Photo, target: Path, *, format: FormatName | None, quality: int | None, overwrite: bool) -> str:
    """Write a result, and say on standard error what a file of another format than the photograph's cannot hold. Gives its SHA-256."""
    from unfade.files import photo

    chosen = format or photo.format_for(target, picture)
    if picture.format is not None and chosen != picture.format:
        for loss in photo.losses(picture, chosen):
            typer.echo(shown(f"{target.name}: {loss}"), err=True)
    return photo.write(picture, target, format=format, quality=quality, overwrite=overwrite)


def finished(
    before: Photo, result: Result, job: Job, *, format: FormatName | None, quality: int | None, overwrite: bool, on_sheet: bool
) -> Done:
    """Write what became of a photograph, and account for it."""
    sha256 = save(result.photo, job.target, format=format, quality=quality, overwrite=overwrite)
    row = (thumbnail(before), thumbnail(result.photo)) if on_sheet else ()
    return Done((job.target,), replace(result.report, output_sha256=sha256), row)


def write_mask(mask: Mask, target: Path, *, overwrite: bool) -> None:
    """A mask as an 8-bit gray PNG: white = lost."""
    from unfade.files import photo

    samples = mask.astype("uint8")[:, :, None] * 255
    photo.write(photo.read(samples, max_megapixels=float("inf"), name=target.name), target, format="png", overwrite=overwrite)


def thumbnail(picture: Photo, side_px: int = 360) -> Image:
    """A photograph small enough for a contact sheet; reduced before it is converted, for a scan may have 200 megapixels."""
    import cv2

    samples: np.ndarray = picture.shown
    scale = side_px / max(samples.shape[:2])
    if scale < 1:
        size = (max(1, round(samples.shape[1] * scale)), max(1, round(samples.shape[0] * scale)))
        samples = cv2.resize(samples, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    return replace(picture, samples=samples, alpha=None).srgb()
