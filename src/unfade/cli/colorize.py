"""`unfade colorize`."""

from __future__ import annotations

from unfade.cli._batch import Done, Steps, finished, run_jobs
from unfade.cli._options import Format, Output, Overwrite, Photographs, Quality, ReportFile, SheetFile
from unfade.cli._outputs import Job, plan
from unfade.cli._treatment import takes_step
from unfade.work import Step


@takes_step("colorize")
def command(
    photographs: Photographs,
    *,
    output: Output = None,
    steps: tuple[Step, ...],
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

        def work(job: Job, show: Steps) -> Done:
            before = photo.read(job.source, max_megapixels=settings.max_megapixels)
            result = pipeline.run(before, steps, sessions=sessions, progress=show)
            return finished(before, result, job, format=format, quality=quality, overwrite=overwrite, on_sheet=sheet is not None)

        run_jobs(jobs, work, overwrite=overwrite, report=report, sheet=sheet)
