"""`unfade damage`."""

from __future__ import annotations

from unfade.cli._batch import Done, Steps, run_jobs, write_mask
from unfade.cli._options import Output, Overwrite, Photographs, ReportFile
from unfade.cli._outputs import Job, plan
from unfade.cli._treatment import takes_step
from unfade.errors import UnfadeError
from unfade.work import Step


@takes_step("damage")
def command(
    photographs: Photographs,
    *,
    output: Output = None,
    steps: tuple[Step, ...],
    report: ReportFile = None,
    overwrite: Overwrite = False,
) -> None:
    """Find the damage of photographs, and write it as a mask.

    The mask is a PNG of the photograph's size: white = damaged. Paint in it, in any program, and give it to `unfade restore --mask`.
    Masks are called NAME.mask.png.

    \b
    Examples:
      unfade damage grandmother.jpg
      unfade damage album/*.jpg -o masks/ --sensitivity 0.7
    """
    from unfade import pipeline
    from unfade.files import photo
    from unfade.settings import open_sessions, read_settings

    settings = read_settings()

    jobs = plan(photographs, output, "mask", format="png", overwrite=overwrite, report=report)
    with open_sessions(settings) as sessions:

        def work(job: Job, show: Steps) -> Done:
            picture = photo.read(job.source, max_megapixels=settings.max_megapixels)
            result = pipeline.run(picture, steps, sessions=sessions, progress=show)
            if result.mask is None:
                raise UnfadeError(f"{job.source.name}: the damage model gave no mask; choose another with UNFADE_MODELS")
            write_mask(result.mask, job.target, overwrite=overwrite)
            return Done((job.target,), result.report)

        run_jobs(jobs, work, overwrite=overwrite, report=report)
