"""`unfade translate`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from unfade.cli._batch import Done, Steps, finished, run_jobs
from unfade.cli._options import Format, Output, Overwrite, Photographs, Quality, ReportFile, SheetFile
from unfade.cli._outputs import Job, plan


def command(
    model: Annotated[
        Path, typer.Argument(readable=False, metavar="MODEL", help="The .onnx (or its .toml card) that `unfade export` wrote.")
    ],
    photographs: Photographs,
    output: Output = None,
    report: ReportFile = None,
    sheet: SheetFile = None,
    format: Format = None,
    quality: Quality = None,
    overwrite: Overwrite = False,
) -> None:
    """Turn photographs into what a model trained on your own pairs of pictures makes of them, at any size.

    Results are called NAME.translated.EXT.

    \b
    Examples:
      unfade translate edges.onnx drawing.png
      unfade translate runs/day-to-night.onnx street/*.jpg -o night/
    """
    from unfade import pipeline
    from unfade.files import photo
    from unfade.models.session import Sessions
    from unfade.settings import read_settings

    settings = read_settings()
    jobs = plan(photographs, output, "translated", format=format, reads=(model,), report=report, sheet=sheet, overwrite=overwrite)
    with Sessions(settings.threads, {"translate": model}) as sessions:
        sessions.get("translate")  # a wrong model is said once, before the first photograph

        def work(job: Job, steps: Steps) -> Done:
            before = photo.read(job.source, max_megapixels=settings.max_megapixels)
            result = pipeline.translate(before, sessions=sessions, progress=steps)
            return finished(before, result, job, format=format, quality=quality, overwrite=overwrite, on_sheet=sheet is not None)

        run_jobs(jobs, work, overwrite=overwrite, report=report, sheet=sheet)
