"""`unfade restore`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from unfade.cli._batch import Done, Steps, finished, read_mask, run_jobs, write_mask
from unfade.cli._options import Format, Output, Overwrite, Photographs, Quality, ReportFile, SheetFile
from unfade.cli._outputs import Job, plan
from unfade.cli._treatment import takes_treatment
from unfade.errors import UsageError
from unfade.treatment import Treatment

MaskFile = Annotated[
    Path | None,
    typer.Option("--mask", readable=False, metavar="FILE", help="A picture of the photograph's size: white = damaged. Instead of looking."),
]


@takes_treatment
def command(
    photographs: Photographs,
    *,
    output: Output = None,
    mask: MaskFile = None,
    save_mask: Annotated[bool, typer.Option("--save-mask", help="Write the damage that was found, as NAME.mask.png.")] = False,
    treatment: Treatment,
    report: ReportFile = None,
    sheet: SheetFile = None,
    format: Format = None,
    quality: Quality = None,
    overwrite: Overwrite = False,
) -> None:
    """Find the damage of photographs and make whole what was lost.

    Scratches, tears, stains and holes are filled; fading, yellowing, grain and blur are undone. With --clean 0, every sample outside the
    damage stays as it was, bit for bit. Size, format, depth and metadata stay. Results are called NAME.restored.EXT.

    \b
    Examples:
      unfade restore grandmother.jpg
      unfade restore --colorize album/*.jpg -o restored/
      unfade restore scan.tif --clean 0 --save-mask --report scan.json
      unfade restore scan.tif --mask my-mask.png --overwrite
    """
    if mask is not None and len(photographs) > 1:
        raise UsageError(f"--mask is one photograph's, and {len(photographs)} were named; restore them one by one")
    from unfade import pipeline
    from unfade.files import photo
    from unfade.settings import open_sessions, read_settings

    settings = read_settings()

    jobs = plan(
        photographs,
        output,
        "restored",
        format=format,
        mask_tag="mask" if save_mask else None,
        overwrite=overwrite,
        reads=(mask,),
        report=report,
        sheet=sheet,
    )
    with open_sessions(settings) as sessions:

        def work(job: Job, show: Steps) -> Done:
            before = photo.read(job.source, max_megapixels=settings.max_megapixels)
            given = None if mask is None else read_mask(mask, before, max_megapixels=settings.max_megapixels)
            result = pipeline.treat(before, treatment, sessions=sessions, mask=given, progress=show)
            done = finished(before, result, job, format=format, quality=quality, overwrite=overwrite, on_sheet=sheet is not None)
            if job.mask is None or result.mask is None:
                return done
            write_mask(result.mask, job.mask, overwrite=overwrite)
            return replace(done, written=(*done.written, job.mask))

        run_jobs(jobs, work, overwrite=overwrite, report=report, sheet=sheet)
