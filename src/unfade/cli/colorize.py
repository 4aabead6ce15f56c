"""`unfade colorize`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from unfade.cli._batch import Steps, run_jobs
from unfade.cli._options import Batch, takes_photographs
from unfade.cli._outputs import Job, plan
from unfade.cli._results import Done, treat_file
from unfade.cli._resume import asked
from unfade.cli._treatment import takes_step
from unfade.work import Step

if TYPE_CHECKING:
    from unfade.files.photo import Photo
    from unfade.pipeline import Result


@takes_photographs()
@takes_step("colorize")
def command(*, steps: tuple[Step, ...], batch: Batch) -> None:
    """Guess the colors of black-and-white photographs.

    Every pixel keeps the lightness that it had. The colors are plausible, not known: the photograph does not
    say what they were. Results are called NAME.colorized.EXT.

    \b
    Examples:
      unfade colorize street-1910.tif
      unfade colorize album/*.jpg -o colored/ --saturation 0.8
      unfade colorize faded-autochrome.png --force --strength 0.5
    """
    from unfade import pipeline
    from unfade.settings import open_sessions, read_settings

    settings = read_settings()
    jobs = plan(batch, "colorized")
    with open_sessions(settings) as sessions:

        def work(job: Job, show: Steps) -> Done:
            pipeline.open_ahead(steps, sessions)

            def treat(before: Photo) -> Result:
                return pipeline.run(before, steps, sessions=sessions, progress=show)

            return treat_file(batch, job, treat, max_megapixels=settings.max_megapixels)

        run_jobs(batch, jobs, work, asked=asked(batch, steps=steps))
