"""`unfade translate`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from unfade.cli._batch import Steps, run_jobs
from unfade.cli._names import named_path
from unfade.cli._options import Batch, takes_photographs
from unfade.cli._outputs import Job, plan
from unfade.cli._results import Done, treat_file
from unfade.cli._resume import asked

if TYPE_CHECKING:
    from unfade.files.photo import Photo
    from unfade.pipeline import Result


@takes_photographs()
def command(
    *,
    model: Annotated[
        Path, typer.Argument(parser=named_path, metavar="MODEL", help="The .onnx (or its .toml card) that `unfade export` wrote.")
    ],
    batch: Batch,
) -> None:
    """Turn photographs into what a model trained on your own pairs of pictures makes of them, at any size.

    Results are called NAME.translated.EXT.

    \b
    Examples:
      unfade translate edges.onnx drawing.png
      unfade translate runs/day-to-night.onnx street/*.jpg -o night/
    """
    from unfade import pipeline
    from unfade.models.session import Sessions
    from unfade.settings import read_settings
    from unfade.steps.translate import Translate

    settings = read_settings()
    jobs = plan(batch, "translated", reads=(model,))
    with Sessions(settings.threads, {"translate": model}) as sessions:
        sessions.get("translate")  # a wrong model is said once, before the first photograph

        def work(job: Job, show: Steps) -> Done:
            def treat(before: Photo) -> Result:
                return pipeline.translate(before, sessions=sessions, progress=show)

            return treat_file(batch, job, treat, max_megapixels=settings.max_megapixels)

        same = asked(batch, sessions, steps=[Translate()])
        run_jobs(batch, jobs, work, asked=lambda job: same)
