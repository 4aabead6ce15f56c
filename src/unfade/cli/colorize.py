"""`unfade colorize`."""

from __future__ import annotations

from typing import Annotated

import typer

from unfade.cli._batch import Done, Steps, finished, run_jobs
from unfade.cli._options import Format, Output, Overwrite, Photographs, Quality, ReportFile, SheetFile
from unfade.cli._outputs import Job, plan


def command(
    photographs: Photographs,
    output: Output = None,
    strength: Annotated[float, typer.Option("--strength", min=0, max=1, help="How much of the guessed color is put in.")] = 1.0,
    saturation: Annotated[float, typer.Option("--saturation", min=0, max=2, help="Paler below 1, stronger above.")] = 1.0,
    force: Annotated[bool, typer.Option("--force", help="Color a photograph anew that is in color already.")] = False,
    report: ReportFile = None,
    sheet: SheetFile = None,
    format: Format = None,
    quality: Quality = None,
    overwrite: Overwrite = False,
) -> None:
    """Guess the colors of black-and-white photographs.

    Every pixel keeps the lightness that it had. The colors are plausible, not known: the photograph does not say what they were.
    Results are called NAME.colorized.EXT.

    \b
    Examples:
      unfade colorize street-1910.tif
      unfade colorize album/*.jpg -o colored/ --saturation 0.8
      unfade colorize faded-autochrome.png --force --strength 0.5
    """
    from unfade import pipeline
    from unfade.files import photo
    from unfade.settings import open_sessions, read_settings

    settings = read_settings()

    jobs = plan(photographs, output, "colorized", format=format, overwrite=overwrite, report=report, sheet=sheet)
    with open_sessions(settings) as sessions:

        def work(job: Job, steps: Steps) -> Done:
            before = photo.read(job.source, max_megapixels=settings.max_megapixels)
            result = pipeline.colorize(before, strength=strength, saturation=saturation, force=force, sessions=sessions, progress=steps)
            return finished(before, result, job, format=format, quality=quality, overwrite=overwrite, on_sheet=sheet is not None)

        run_jobs(jobs, work, overwrite=overwrite, report=report, sheet=sheet)
