"""`unfade split`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unfade.cli._batch import Steps, run_jobs
from unfade.cli._folders import is_print
from unfade.cli._identity import Key, is_folder, place_of
from unfade.cli._options import Batch, takes_photographs
from unfade.cli._outputs import RECORD_SUFFIX, Job, plan
from unfade.cli._records import drop_stale, refuse_anothers
from unfade.cli._results import Done, finished, save
from unfade.cli._treatment import takes_treatment
from unfade.errors import ExistsError, UsageError
from unfade.treatment import Treatment

if TYPE_CHECKING:
    import numpy as np

    from unfade.files.photo import Photo
    from unfade.frame.geometry import Frame
    from unfade.frame.prints import Found
    from unfade.frame.upright import Way
    from unfade.models.session import Sessions
    from unfade.pipeline import Result, StepProgress
    from unfade.record import Report


_Restore = Annotated[bool, typer.Option("--restore", help="Restore each print, too, as the options below say.")]
_Borderless = Annotated[bool, typer.Option("--borderless", help="Cut to the picture proper: leave the borders of prints off.")]
_Record = Annotated[
    bool,
    typer.Option(
        "--record", help="Of each restored print write the record NAME.1.unfade.json and the mask, for `unfade verify` and `unfade replay`."
    ),
]
_DryRun = Annotated[
    bool, typer.Option("--dry-run", help="Cut nothing: write the outlines, drawn as NAME.prints.png and as NAME.prints.json.")
]


@takes_photographs(without=("sheet", "pages"))
@takes_treatment
def command(
    *,
    restore: _Restore = False,
    borderless: _Borderless = False,
    record: _Record = False,
    dry_run: _DryRun = False,
    treatment: Treatment,
    batch: Batch,
) -> None:
    """Cut scans into their prints: each into a file of its own, straight, at full size and depth.

    A print that lies straight is cut sample for sample; one that is turned or seen in perspective is
    resampled once. Metadata stay, and the scan's SHA-256 is noted. What is not surely a print is not cut,
    which is said; a scan on which no print is sure is one print. Results are called NAME.1.EXT, NAME.2.EXT,
    and so on, row by row. --colorize restores, too.

    \b
    Examples:
      unfade split album-page-3.tif -o prints/
      unfade split scans/*.tif -o prints/ --dry-run
      unfade split shoebox/*.jpg -o prints/ --restore --colorize
    """
    from unfade import pipeline
    from unfade.files import photo
    from unfade.frame.prints import find_prints
    from unfade.settings import open_sessions, read_settings

    _check(batch, treatment, restore=restore, record=record)
    restores = restore or treatment.colorize
    ahead = [step for step in treatment.steps(has_mask=False) if restores or step.frames]
    rotate, treatment = treatment.rotate, treatment.changed(rotate=None)
    settings = read_settings()
    jobs = plan(batch, "1", made=is_print)
    originals = {place_of(job.source): job.source for job in jobs.jobs}
    with open_sessions(settings) as sessions:

        def work(job: Job, show: Steps) -> Done:
            pipeline.open_ahead([] if dry_run else ahead, sessions)
            scan = photo.read(job.source, max_megapixels=settings.max_megapixels, page=batch.page)
            show("split", 0.0)
            found = find_prints(scan)
            doubts = (f"not sure: {found.doubt}",) if found.doubt else ()
            if dry_run:
                return Done(_draw(batch, job, scan, found), notes=(*scan.notes, *doubts))
            cuts = _cuts(found, borderless=borderless)
            prints = _prints(job, len(cuts), originals, record=record)
            done: list[Done] = []
            for number, (corners, one) in enumerate(zip(cuts, prints, strict=True)):
                frame, way = _framed(scan, corners, rotate, sessions)
                said = (*doubts, f"print {number + 1}: {way.sentence}") if way is not None else doubts
                cut, report = _cut(scan, frame, number + 1, said)
                if restores:
                    progress = partial(_share, show, number, len(cuts))
                    done.append(finished(batch, one, scan, _restored(cut, report, treatment, sessions, progress)))
                else:
                    done.append(_saved(batch, one, cut, report))
                show("split", (number + 1) / len(cuts))
            return _together(done, doubts)

        run_jobs(batch, jobs, work)


def _saved(batch: Batch, job: Job, cut: Photo, report: Report) -> Done:
    """One print written as it was cut."""
    sha256, lost = save(batch, cut, job.target)
    gone = drop_stale(job.target, sha256) if batch.overwrite else ()
    return Done((job.target,), replace(report, output_sha256=sha256, notes=(*report.notes, *lost, *gone)))


def _together(prints: Sequence[Done], doubts: tuple[str, ...]) -> Done:
    """What became of a scan, from what became of its prints; what is said of several is said once."""
    reports = [report for one in prints if (report := one.report) is not None]
    said = [report.sentences for report in reports]
    common = set(said[0]).intersection(*said)
    notes = dict.fromkeys(
        (*doubts, *(note if note in common else _of(number, note) for number, notes in enumerate(said, 1) for note in notes))
    )
    return Done(tuple(path for one in prints for path in one.written), reports[0], tuple(reports), notes=tuple(notes))


def _of(number: int, note: str) -> str:
    """A note with the number of its print."""
    said = f"print {number}: "
    return note if note.startswith(said) else said + note


def _share(show: Steps, number: int, count: int, step: str, done: float) -> None:
    """Show how far the print `number` of `count` is."""
    show(step, (number + done) / count)


def _restored(cut: Photo, report: Report, treatment: Treatment, sessions: Sessions, progress: StepProgress) -> Result:
    """One print restored; its account says how it was cut from the scan, as the `report` of that does."""
    from unfade import pipeline

    return pipeline.treat(cut, treatment, sessions=sessions, cut=report.frame, progress=progress)


def _check(batch: Batch, treatment: Treatment, *, restore: bool, record: bool) -> None:
    """Raises `UsageError` where the results would have no folder, a frame is asked for, or a record of what
    is only cut."""
    if batch.output is not None and batch.output.suffix and not is_folder(batch.output):
        raise UsageError(f"{batch.output} is no folder, and a scan may become several files; make a folder and name it with -o")
    if any(value is not None for value in (treatment.crop, treatment.straighten, treatment.corners)):
        raise UsageError("--crop, --straighten and --corners frame one photograph, and split finds the frames itself; leave them out")
    if record and not (restore or treatment.colorize):
        raise UsageError("--record is the record of a restoration; add --restore, or leave it out: what is cut says so in its XMP")


def _prints(job: Job, count: int, originals: Mapping[Key, Path], *, record: bool) -> list[Job]:
    """Where a scan's prints go. Raises `UsageError` where a photograph that is read would be written over."""
    prints = []
    for number in range(1, count + 1):
        target = job.target.with_name(f"{job.source.stem}.{number}{job.target.suffix}")
        mask = target.with_name(f"{target.stem}.mask.png") if record else None
        one = Job(job.source, target, mask, job.name, target.with_name(target.stem + RECORD_SUFFIX) if record else None)
        for path in one.outputs:
            if (read := originals.get(place_of(path))) is not None:
                raise UsageError(f"{read} is read, and a print of {job.source} would be written over it; give another folder with -o")
        refuse_anothers(one)
        prints.append(one)
    return prints


def _cuts(found: Found, *, borderless: bool) -> list[np.ndarray]:
    """The corners of what is cut: of the sure prints; of the whole scan where none is sure."""
    sure = [one for one in found.prints if one.sure]
    return [one.picture if borderless else one.corners for one in sure] if sure else [found.whole_corners]


def _framed(scan: Photo, corners: np.ndarray, rotate: Literal["auto"] | int | None, sessions: Sessions) -> tuple[Frame, Way | None]:
    """A print's frame with its turn; and which way is up, where that was looked at."""
    from unfade.frame.geometry import Frame
    from unfade.frame.upright import which_way

    if rotate != "auto":
        return Frame.of(corners, rotate or 0), None
    way = which_way(scan, Frame.of(corners), sessions.get("upright"))
    return Frame.of(corners, way.turn if way.sure else 0), way


def _cut(scan: Photo, frame: Frame, number: int, doubts: tuple[str, ...]) -> tuple[Photo, Report]:
    """One print, whose XMP says which scan it was cut from and where; and the report of that."""
    from importlib.metadata import version

    from unfade.record import Report, StepRecord, xmp

    one = frame.apply(scan)
    options = {"number": number, "corners": [[round(value, 2) for value in point] for point in frame.corners or ()]}
    report = Report(
        scan.name,
        one.width,
        one.height,
        input_sha256=scan.sha256,
        page=scan.page,
        frame=frame.on(scan.width, scan.height),
        steps=(StepRecord("split", options, "cut"),),
        notes=(*one.notes, *doubts),
        software_version=version("unfade"),
    )
    return one.with_metadata(replace(one.metadata, xmp=xmp(report, one.metadata.xmp))), report


def _draw(batch: Batch, job: Job, scan: Photo, found: Found) -> tuple[Path, ...]:
    """Write the outlines as a picture and as JSON."""
    from unfade.files import disk, photo

    drawn, account = (job.target.with_name(job.source.stem + ending) for ending in (".prints.png", ".prints.json"))
    if account.exists() and not batch.overwrite:
        raise ExistsError(f"{account} is there already; add --overwrite to write over it")
    photo.write(photo.read(found.drawn(scan), name=drawn.name), drawn, format="png", overwrite=batch.overwrite)
    disk.put(found.to_json(scan).encode("utf-8", "backslashreplace"), account, overwrite=batch.overwrite)
    return drawn, account
