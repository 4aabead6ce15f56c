"""`unfade damage`."""

from __future__ import annotations

from dataclasses import replace

from unfade.cli._batch import Steps, run_jobs
from unfade.cli._options import Batch, takes_photographs
from unfade.cli._outputs import Job, plan
from unfade.cli._results import Done, write_mask
from unfade.cli._resume import asked
from unfade.cli._treatment import takes_step
from unfade.errors import UnfadeError
from unfade.work import Step


@takes_photographs(without=("sheet", "pages", "format", "quality", "drop_location"))
@takes_step("damage")
def command(*, steps: tuple[Step, ...], batch: Batch) -> None:
    """Find the damage of photographs, and write it as a mask.

    The mask is a PNG of the photograph's size: white = damaged. Paint in it, in any program, and give it to
    `unfade restore --mask`. Masks are called NAME.mask.png.

    \b
    Examples:
      unfade damage grandmother.jpg
      unfade damage album/*.jpg -o masks/ --sensitivity 0.7
    """
    from unfade import pipeline
    from unfade.files import photo
    from unfade.settings import open_sessions, read_settings

    settings = read_settings()
    jobs = plan(batch, "mask", format="png")
    with open_sessions(settings) as sessions:

        def work(job: Job, show: Steps) -> Done:
            pipeline.open_ahead(steps, sessions)
            picture = photo.read(job.source, max_megapixels=settings.max_megapixels, page=batch.page)
            result = pipeline.run(picture, steps, sessions=sessions, progress=show)
            lost = result.unframed_mask
            if lost is None:
                raise UnfadeError(f"{job.source.name}: the damage model gave no mask; choose another with UNFADE_MODELS")
            sha256 = write_mask(batch, lost, job.target, result.report)
            report = replace(result.report, output_sha256=sha256)
            return Done((job.target,), report, notes=report.sentences)

        same = asked(batch, sessions, steps=steps)
        run_jobs(batch, jobs, work, asked=lambda job: same)
