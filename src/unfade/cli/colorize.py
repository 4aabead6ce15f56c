"""`unfade colorize`."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from unfade.cli._batch import Steps, run_jobs
from unfade.cli._options import Batch, LikeFile, takes_photographs
from unfade.cli._outputs import Job, plan
from unfade.cli._results import Done, guides_of, treat_file
from unfade.cli._resume import Asked, asked
from unfade.cli._treatment import takes_step
from unfade.errors import UsageError
from unfade.steps.colorize import Colorize, Guide
from unfade.work import Step

if TYPE_CHECKING:
    from unfade.files.photo import Photo
    from unfade.pipeline import Result


@takes_photographs()
@takes_step("colorize")
def command(
    *,
    steps: tuple[Step, ...],
    suggestions: Annotated[
        int, typer.Option(min=1, max=6, metavar="N", help="Write so many guesses that differ in meaning: the likeliest, and N-1 others.")
    ] = 1,
    like: LikeFile = None,
    batch: Batch,
) -> None:
    """Guess the colors of black-and-white photographs.

    Every pixel keeps the lightness that it had. The colors are plausible, not known: the photograph does not
    say what they were. Results are called NAME.colorized.EXT, and of several NAME.colorized.1.EXT, ...

    \b
    Examples:
      unfade colorize street-1910.tif
      unfade colorize album/*.jpg -o colored/ --saturation 0.8
      unfade colorize faded-autochrome.png --force --strength 0.5
      unfade colorize coat.jpg --suggestions 4 --sheet choose.jpg
      unfade colorize album/*.jpg --like finished.jpg
    """
    from unfade import pipeline
    from unfade.settings import open_sessions, read_settings

    if suggestions > 1 and any(isinstance(step, Colorize) and step.suggestion for step in steps):
        raise UsageError("--suggestion is one guess and --suggestions are several; give one of the two")
    settings = read_settings()
    jobs = plan(batch, "colorized", variants=suggestions, reads=(like,))
    with open_sessions(settings) as sessions:
        found = () if like is None else guides_of(like, sessions, max_megapixels=settings.max_megapixels)

        def doing(job: Job) -> tuple[Step, ...]:
            return tuple(_guessing(step, job.variant, found) if isinstance(step, Colorize) else step for step in steps)

        def asked_of(job: Job) -> Asked:
            return asked(batch, sessions, steps=doing(job))

        def work(job: Job, show: Steps) -> Done:
            pipeline.open_ahead(steps, sessions)

            def treat(before: Photo) -> Result:
                return pipeline.run(before, doing(job), sessions=sessions, progress=show)

            return treat_file(batch, job, treat, max_megapixels=settings.max_megapixels)

        run_jobs(batch, jobs, work, asked=asked_of)


def _guessing(step: Colorize, number: int, found: tuple[Guide, ...]) -> Colorize:
    """The step with suggestion `number` (0: that which was asked for), and more guides."""
    return replace(step, suggestion=number or step.suggestion, guides=(*step.guides, *found))
