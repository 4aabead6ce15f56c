"""`unfade split`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unfade.cli._batch import Done, Steps, run_jobs, save
from unfade.cli._names import shown
from unfade.cli._options import Format, Overwrite, Photographs, Quality
from unfade.cli._outputs import Job, is_folder, place_of, plan, refuse_existing, write_text
from unfade.cli._treatment import takes_treatment
from unfade.errors import UsageError
from unfade.treatment import Treatment

if TYPE_CHECKING:
    import numpy as np

    from unfade.files.photo import Photo
    from unfade.frame.prints import Found

Folder = Annotated[Path | None, typer.Option("--output", "-o", metavar="FOLDER", help="Where the prints go; else beside the scan.")]


@takes_treatment
def command(
    photographs: Photographs,
    *,
    output: Folder = None,
    restore: Annotated[bool, typer.Option("--restore", help="Restore each print, too, by the options below.")] = False,
    borderless: Annotated[bool, typer.Option("--borderless", help="Cut to the picture proper: leave the borders of prints off.")] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Cut nothing: write the outlines, drawn as NAME.prints.png and as NAME.prints.json.")
    ] = False,
    treatment: Treatment,
    format: Format = None,
    quality: Quality = None,
    overwrite: Overwrite = False,
) -> None:
    """Cut scans into their prints: each into a file of its own, straight, at full size and depth.

    A print that lies straight is cut sample for sample; one that is turned or seen in perspective is
    resampled once. Metadata stay, and the scan's SHA-256 is noted. What is not surely a print is not cut,
    which is said; a scan on which no print is sure is one print. Results are called NAME.1.EXT, NAME.2.EXT,
    and so on, row by row.

    \b
    Examples:
      unfade split album-page-3.tif -o prints/
      unfade split scans/*.tif -o prints/ --dry-run
      unfade split shoebox/*.jpg -o prints/ --restore --colorize
    """
    from unfade import pipeline
    from unfade.files import photo
    from unfade.frame.geometry import Frame
    from unfade.frame.prints import find_prints
    from unfade.settings import open_sessions, read_settings

    if output is not None and output.suffix and not is_folder(output):
        raise UsageError(f"{output} is no folder, and a scan may become several files; make the folder and name it with -o")
    settings = read_settings()
    jobs = plan(photographs, output, "1", format=None if dry_run else format, overwrite=overwrite)
    originals = {place_of(job.source): job.source for job in jobs}

    def outputs(job: Job, count: int, endings: tuple[str, ...] = ()) -> list[Path]:
        stem = job.source.stem
        names = [f"{stem}{ending}" for ending in endings] or [f"{stem}.{number}{job.target.suffix}" for number in range(1, count + 1)]
        paths = [job.target.with_name(name) for name in names]
        for path in paths:
            if (read := originals.get(place_of(path))) is not None:
                raise UsageError(f"{read} is read, and a print of {job.source} would be written over it; give another folder with -o")
        if not overwrite:
            refuse_existing(paths)
        return paths

    with open_sessions(settings) as sessions:

        def work(job: Job, show: Steps) -> Done:
            scan = photo.read(job.source, max_megapixels=settings.max_megapixels)
            show("split", 0.0)
            found = find_prints(scan)
            if found.doubt:
                typer.echo(shown(f"{scan.name}: not sure: {found.doubt}"), err=True)
            if dry_run:
                drawn, account = outputs(job, 0, (".prints.png", ".prints.json"))
                photo.write(photo.read(found.drawn(scan), name=drawn.name), drawn, format="png", overwrite=overwrite)
                write_text(account, found.to_json(scan))
                return Done((drawn, account))
            cuts = _cuts(found, borderless=borderless)
            paths = outputs(job, len(cuts))
            for number, (corners, path) in enumerate(zip(cuts, paths, strict=True)):

                def share(step: str, done: float, number: int = number) -> None:
                    show(step, (number + done) / len(cuts))

                one = _noted(scan, Frame.of(corners).apply(scan), number + 1, corners)
                if restore:
                    one = pipeline.treat(one, treatment, sessions=sessions, progress=share).photo
                save(one, path, format=format, quality=quality, overwrite=overwrite)
                show("split", (number + 1) / len(cuts))
            return Done(tuple(paths))

        run_jobs(jobs, work, overwrite=True)


def _cuts(found: Found, *, borderless: bool) -> list[np.ndarray]:
    """The corners of what is cut: of the sure prints; of the whole scan where none is sure."""
    sure = [one for one in found.prints if one.sure]
    if not sure:
        return [found.prints[0].corners] if len(found.prints) == 1 and found.prints[0].around == "none" else [found.whole_corners]
    return [one.picture if borderless else one.corners for one in sure]


def _noted(scan: Photo, one: Photo, number: int, corners: np.ndarray) -> Photo:
    """A print that says which scan it was cut from, and where."""
    from importlib.metadata import version

    from unfade.record import Report, StepRecord, xmp

    options = {"number": number, "corners": [[round(float(value), 2) for value in point] for point in corners]}
    report = Report(
        scan.name,
        one.width,
        one.height,
        input_sha256=scan.sha256,
        steps=(StepRecord("split", options, "cut"),),
        software_version=version("unfade"),
    )
    return replace(one, metadata=replace(one.metadata, xmp=xmp(report, one.metadata.xmp)))
