"""What the commands on photographs share: which file each result goes to, and doing many of them."""

from __future__ import annotations

import json
import os
import sys
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Annotated, Literal, TypeAlias

import typer

from unfade.errors import ExistsError, UnfadeError, UnwritableError, UsageError
from unfade.files.formats import FORMATS

if TYPE_CHECKING:
    import numpy as np

    from unfade.arrays import Image, Mask
    from unfade.files.photo import Photo
    from unfade.pipeline import Result
    from unfade.record import Report

Photographs = Annotated[list[Path], typer.Argument(metavar="PHOTO", help="The photographs: JPEG, PNG, TIFF, WebP, HEIC, AVIF.")]
Output = Annotated[
    Path | None,
    typer.Option(
        "--output",
        "-o",
        metavar="FILE|FOLDER",
        help="A file for one photograph, or a folder that is there. Default: beside each photograph.",
    ),
]
Overwrite = Annotated[bool, typer.Option("--overwrite", help="Write over results that are there already.")]
if TYPE_CHECKING:
    FormatName: TypeAlias = str
else:
    FormatName = Literal[FORMATS.names()]  # of the files alone: to import the codecs takes numpy and a third of a second
Format = Annotated[FormatName | None, typer.Option("--format", help="Write another format. Default: the photograph's own.")]
Quality = Annotated[
    int | None, typer.Option("--quality", min=0, max=100, help="Of a JPEG, WebP, HEIC or AVIF. Default: the photograph's own.")
]
ReportFile = Annotated[
    Path | None,
    typer.Option("--report", metavar="FILE", help="Write what was done, as JSON: an object for one photograph, a list for several."),
]
SheetFile = Annotated[
    Path | None, typer.Option("--sheet", metavar="FILE", help="Write a contact sheet, before | after, of all photographs.")
]

Steps = Callable[[str, float], None]
"""Called with a step's name and the share of it that is done."""


@dataclass(frozen=True)
class Job:
    """One photograph, the file its result goes to, and the file its mask goes to if one is asked for."""

    source: Path
    target: Path
    mask: Path | None = None

    @property
    def outputs(self) -> tuple[Path, ...]:
        return (self.target,) if self.mask is None else (self.target, self.mask)


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


def plan(
    photographs: Sequence[Path],
    output: Path | None,
    tag: str,
    *,
    extension: str | None = None,
    mask_tag: str | None = None,
    overwrite: bool = False,
    extra: Iterable[Path | None] = (),
) -> list[Job]:
    """Say for each photograph which file its result goes to: `NAME.TAG.EXT` beside it or in the folder `output`, or the file `output`.
    A name without an ending is a folder's.

    `extension` (with its dot) instead of the photograph's own; `mask_tag`: a mask is written too, as NAME.MASK_TAG.png beside the result;
    `extra`: files that the command writes once, such as the report.
    Everything that can be known to go wrong is said before anything runs: `UsageError` for a folder instead of a photograph, for one
    file for several photographs, and for two results in one file; `UnwritableError` for a folder that is not there; `ExistsError` for the
    only photograph's result, if it is there already and `overwrite` is not asked for (of several, each is said when its turn comes).
    """
    for photograph in photographs:
        if photograph.is_dir():
            raise UsageError(f"{photograph} is a folder; name the photographs in it, such as {photograph / _pattern(photograph)}")
    folder = output if output is not None and (output.is_dir() or not output.suffix or len(photographs) > 1) else None
    if folder is not None and folder.is_file():
        raise UsageError(f"{folder} is one file, and there are {len(photographs)} photographs; name a folder with -o")
    jobs = []
    for photograph in photographs:
        if output is not None and folder is None:
            target, stem = output, output.stem
        else:
            stem = photograph.stem
            target = (folder or photograph.parent) / f"{stem}.{tag}{extension or photograph.suffix}"
        jobs.append(Job(photograph, target, None if mask_tag is None else target.parent / f"{stem}.{mask_tag}.png"))
    once = [path for path in extra if path is not None]
    outputs = [path for job in jobs for path in job.outputs] + once
    for path, times in Counter(map(Path.absolute, outputs)).items():
        if times > 1:
            sources = [str(job.source) for job in jobs if path in map(Path.absolute, job.outputs)]
            raise UsageError(f"{' and '.join(sources) or 'two results'} would both be written to {path}; rename one, or run them apart")
    for parent in dict.fromkeys(path.parent for path in outputs):
        if not parent.is_dir():
            raise UnwritableError(f"there is no folder {parent} to write to; make it first: mkdir -p {parent}")
    if not overwrite:
        refuse_existing([*(jobs[0].outputs if len(jobs) == 1 else ()), *once])
    return jobs


def _pattern(folder: Path) -> str:
    """The pattern of the commonest file ending in a folder, for the message that suggests it."""
    try:
        endings = Counter(path.suffix for path in folder.iterdir() if path.suffix)
    except OSError:
        endings = Counter()
    return f"*{endings.most_common(1)[0][0]}" if endings else "*.jpg"


def refuse_existing(paths: Iterable[Path]) -> None:
    """Raise `ExistsError` for the first of these files that is there."""
    for path in paths:
        if path.exists():
            raise ExistsError(f"{path} is there already; add --overwrite to write over it, or -o to write elsewhere")


def run_jobs(
    jobs: Sequence[Job], work: Callable[[Job, Steps], Done], *, overwrite: bool, report: Path | None = None, sheet: Path | None = None
) -> None:
    """Do every job, whatever becomes of the others; then the report and the contact sheet; then say which failed and why.

    The files written are named on standard output, one a line; everything else goes to standard error: a progress bar on a terminal,
    a line a photograph otherwise. Raises `typer.Exit(1)` if any failed. With one photograph only, its error is raised as it is.
    """
    done: list[Done | Failed] = []
    with _progress(len(jobs)) as show:
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
        typer.echo(str(sheet))
    failed = [outcome for outcome in done if isinstance(outcome, Failed)]
    if failed:
        typer.echo(f"unfade: {len(failed)} of {len(jobs)} photographs failed:", err=True)
        for failure in failed:
            typer.echo(f"  {failure.source}: {failure.why}", err=True)
        raise typer.Exit(1)


def _account(outcome: Done | Failed) -> dict[str, object]:
    if isinstance(outcome, Failed):
        return {"photo": outcome.source.name, "error": outcome.why}
    account: dict[str, object] = json.loads(outcome.report.to_json()) if outcome.report else {}
    return account


def _write_sheet(target: Path, jobs: Sequence[Job], done: Sequence[Done | Failed]) -> None:
    import numpy as np

    from unfade.files import photo
    from unfade.sheet import contact_sheet

    shown = [(job, outcome) for job, outcome in zip(jobs, done, strict=True) if isinstance(outcome, Done) and outcome.row]
    if not shown:
        return
    captions = [job.source.name + _filled(outcome.report) for job, outcome in shown]
    picture = contact_sheet([outcome.row for _, outcome in shown], titles=("before", "after"), captions=captions)
    samples = np.round(picture * 255).astype(np.uint8)
    photo.write(photo.read(samples, name=target.name), target, overwrite=True)


def _filled(report: Report | None) -> str:
    """How much was invented, for a caption. Not how much changed: cleaning and coloring change nearly every pixel a little."""
    share = sum(record.pixels_changed for record in report.steps if record.step == "fill") / (report.width * report.height) if report else 0
    return f": {100 * share:.1f} % filled" if share else ""


class _Show:
    """Where the run stands, on standard error: a bar on a terminal, otherwise a line for each of several photographs."""

    def __init__(self, total: int) -> None:
        self._total = total
        self._bar = None
        if sys.stderr.isatty():
            from rich.console import Console
            from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

            columns = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                TimeElapsedColumn(),
                TextColumn("ETA"),
                TimeRemainingColumn(),
            )
            # Results on standard output must not be drawn into the bar when that is a pipe.
            self._bar = Progress(*columns, console=Console(stderr=True), redirect_stdout=sys.stdout.isatty(), transient=True)
            self._task = self._bar.add_task("", total=total)

    def start(self) -> None:
        if self._bar is not None:
            self._bar.start()

    def stop(self) -> None:
        if self._bar is not None:
            self._bar.stop()

    def __call__(self, number: int, name: str, step: str, share: float) -> None:
        if self._bar is not None:
            place = f"{number + 1}/{self._total} " if self._total > 1 else ""
            self._bar.update(self._task, description=f"{place}{name} {step}".rstrip(), completed=number + share)

    def finished(self, count: int, name: str, seconds: float, *, failed: bool) -> None:
        if self._bar is not None:
            self._bar.update(self._task, completed=count)
        elif self._total > 1:
            typer.echo(f"{count}/{self._total} {name}: {'failed' if failed else f'{seconds:.1f} s'}", err=True)

    def result(self, path: Path) -> None:
        print(path, flush=True)  # noqa: T201


@contextmanager
def _progress(total: int) -> Iterator[_Show]:
    show = _Show(total)
    show.start()
    try:
        yield show
    finally:
        show.stop()


def write_text(target: Path, text: str) -> None:
    """Write a text file whole or not at all. Raises `UnwritableError`."""
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        try:
            with part.open("w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)
    except OSError as error:
        raise UnwritableError(f"{target} cannot be written ({error.strerror}); check the folder and the free space") from error


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
            typer.echo(f"{target.name}: {loss}", err=True)
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

    samples: np.ndarray = picture.samples
    scale = side_px / max(samples.shape[:2])
    if scale < 1:
        size = (max(1, round(samples.shape[1] * scale)), max(1, round(samples.shape[0] * scale)))
        samples = cv2.resize(samples, size, interpolation=cv2.INTER_AREA).reshape(size[1], size[0], -1)
    return replace(picture, samples=samples, alpha=None).srgb()
