"""`unfade age`."""

from __future__ import annotations

import os
import zlib
from typing import Annotated

import typer

from unfade.cli._batch import Done, Steps, run_jobs, save, write_mask
from unfade.cli._options import Format, Output, Overwrite, Photographs, Quality
from unfade.cli._outputs import Job, plan

Kinds = Annotated[list[str] | None, typer.Option("--kind", metavar="NAME", help="Only this kind of damage; may be given again.")]


def command(
    photographs: Photographs,
    seed: Annotated[int, typer.Option("--seed", min=0, help="All chance comes from this: the same seed ages a photograph the same.")],
    output: Output = None,
    amount: Annotated[float, typer.Option("--amount", min=0, max=3, help="0: nothing; 1: an old photograph; 2: a ruin.")] = 1.0,
    kinds: Kinds = None,
    format: Format = None,
    quality: Quality = None,
    overwrite: Overwrite = False,
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
    jobs = plan(photographs, output, "aged", format=format, mask_tag="aged.mask", overwrite=overwrite)

    def work(job: Job, steps: Steps) -> Done:
        picture = photo.read(job.source, max_megapixels=settings.max_megapixels)
        # The name takes part, so that a folder's photographs differ and yet none depends on which others are named.
        rng = np.random.default_rng([seed, zlib.crc32(os.fsencode(job.source.name))])
        aged = ageing.age(picture.srgb(), rng, amount=amount, kinds=kinds or None)
        colored = picture.as_rgb()
        save(colored.with_samples(colored.encode(aged.image)), job.target, format=format, quality=quality, overwrite=overwrite)
        assert job.mask is not None
        write_mask(aged.mask, job.mask, overwrite=overwrite)
        steps("age", 1.0)
        return Done(job.outputs)

    run_jobs(jobs, work, overwrite=overwrite)
