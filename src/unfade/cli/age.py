"""`unfade age`."""

from __future__ import annotations

import os
import zlib
from typing import Annotated

import typer

from unfade.cli._batch import Steps, run_jobs
from unfade.cli._options import Batch, takes_photographs
from unfade.cli._outputs import Job, plan
from unfade.cli._results import Done, save, write_mask

Kinds = Annotated[list[str] | None, typer.Option("--kind", metavar="NAME", help="Only this kind of damage; may be given again.")]


@takes_photographs(without=("report", "sheet", "pages"))
def command(
    *,
    seed: Annotated[int, typer.Option("--seed", min=0, help="All chance comes from this: the same seed ages a photograph the same.")],
    amount: Annotated[float, typer.Option("--amount", min=0, max=3, help="0: nothing; 1: an old photograph; 2: a ruin.")] = 1.0,
    kinds: Kinds = None,
    batch: Batch,
) -> None:
    """Age photographs on purpose, and write where: to train, to judge a restoration, to try things out.

    Results are called NAME.aged.EXT, their masks NAME.aged.mask.png: white = lost.

    \b
    Examples:
      unfade age holiday.jpg --seed 1
      unfade age sound/*.jpg -o aged/ --seed 7 --amount 1.5
      unfade age holiday.jpg --seed 3 --kind scratches --kind yellowing -o scratched.png
    """
    import numpy as np

    from unfade import ageing
    from unfade.files import photo
    from unfade.settings import read_settings

    settings = read_settings()
    for kind in kinds or ():
        ageing.KINDS[kind]  # an unknown name is said before anything runs
    jobs = plan(batch, "aged", mask_tag="aged.mask")

    def work(job: Job, show: Steps) -> Done:
        picture = photo.read(job.source, max_megapixels=settings.max_megapixels, page=batch.page)
        # The name takes part, so that a folder's photographs differ and yet none depends on which others are
        # named.
        rng = np.random.default_rng([seed, zlib.crc32(os.fsencode(job.source.name))])
        aged = ageing.age(picture.srgb(), rng, amount=amount, kinds=kinds or None)
        colored = picture.as_rgb()
        assert job.mask is not None
        write_mask(batch, aged.mask, job.mask)
        _, lost = save(batch, colored.with_samples(colored.encode(aged.image)), job.target)
        show("age", 1.0)
        return Done(job.outputs, notes=(*picture.notes, *lost))

    run_jobs(batch, jobs, work)
