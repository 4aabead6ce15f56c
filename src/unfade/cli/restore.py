"""`unfade restore`."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from unfade.cli._batch import Steps, run_jobs
from unfade.cli._identity import is_folder
from unfade.cli._names import named_path
from unfade.cli._options import Batch, LikeFile, takes_photographs
from unfade.cli._outputs import Job, plan
from unfade.cli._results import Done, guides_of, put_new, read_mask, treat_file, without_location
from unfade.cli._resume import Asked, asked
from unfade.cli._treatment import takes_treatment
from unfade.errors import UsageError
from unfade.treatment import Treatment

if TYPE_CHECKING:
    from unfade.archive.layers import Collected
    from unfade.files.photo import Photo
    from unfade.models.session import Sessions
    from unfade.pipeline import Result

MaskFile = Annotated[
    Path | None,
    typer.Option(
        "--mask",
        parser=named_path,
        metavar="FILE",
        help="A picture of the photograph's size, before it is framed: white = damaged. Instead of looking.",
    ),
]
SaveMaskOption = Annotated[bool, typer.Option("--save-mask", help="Write the damage that was found, as NAME.mask.png.")]
RecordOption = Annotated[
    bool,
    typer.Option("--record", help="Write the record NAME.restored.unfade.json and the mask, for `unfade verify` and `unfade replay`."),
]
LayersOption = Annotated[
    Literal["psd", "ora"] | None,
    typer.Option("--layers", help="Write NAME.restored.psd or .ora, too: the original and what each step changed, as layers."),
]
InventedOption = Annotated[
    bool,
    typer.Option(
        "--invented",
        help="Write NAME.restored.invented.png, too: how far each repainted pixel is from a known one, and how sure color is.",
    ),
]


@takes_photographs()
@takes_treatment
def command(
    *,
    mask: MaskFile = None,
    save_mask: SaveMaskOption = False,
    record: RecordOption = False,
    layers: LayersOption = None,
    invented: InventedOption = False,
    like: LikeFile = None,
    treatment: Treatment,
    batch: Batch,
) -> None:
    """Find the damage of photographs and make whole what was lost.

    Scratches, tears, stains and holes are filled; fading, yellowing, grain and blur are undone. With --clean
    0, every sample outside the damage stays as it was, bit for bit. Size, format, depth and metadata stay.
    Results are called NAME.restored.EXT. Given again, the command goes on where it was stopped: what is done
    already is left as it is.

    \b
    Examples:
      unfade restore grandmother.jpg
      unfade restore --colorize album/*.jpg -o restored/
      unfade restore album/ --recursive -o restored/
      unfade restore scan.tif --clean 0 --save-mask --report scan.json
      unfade restore scan.tif --mask my-mask.png --overwrite
    """
    from unfade import pipeline
    from unfade.files import photo
    from unfade.masks import drawn, mask_sha256
    from unfade.settings import open_sessions, read_settings

    settings = read_settings()
    _check(batch, mask, save_mask=save_mask, record=record, layers=layers, invented=invented)
    _check_like(like, treatment)
    mask_tag = "mask" if save_mask or record else None
    jobs = plan(batch, "restored", mask_tag=mask_tag, recorded=record, layers=layers, invented=invented, reads=(mask, like))
    with open_sessions(settings) as sessions:
        if like is not None:
            found = guides_of(like, sessions, max_megapixels=settings.max_megapixels)
            treatment = treatment.changed(guides=(*treatment.guides, *found))
        steps = treatment.steps(has_mask=mask is not None)
        same = asked(batch, sessions, treatment=treatment)

        def request(job: Job) -> Asked:
            if mask is None or not job.target.is_file():
                return same
            return replace(same, mask_sha256=mask_sha256(drawn(photo.read(mask, max_megapixels=settings.max_megapixels))))

        def work(job: Job, show: Steps) -> Done:
            pipeline.open_ahead(steps, sessions)

            def treat(before: Photo) -> Result:
                given = None if mask is None else read_mask(mask, before, max_megapixels=settings.max_megapixels)
                collected = None if job.layers is None else _collected(before)
                on_step = None if collected is None else collected.on_step
                result = pipeline.treat(before, treatment, sessions=sessions, mask=given, progress=show, on_step=on_step)
                if collected is not None:
                    _put_layers(batch, job, collected, result)
                return result if job.invented is None else _put_invented(batch, job, result, sessions)

            done = treat_file(batch, job, treat, max_megapixels=settings.max_megapixels, given=mask is not None)
            return replace(done, written=(*done.written, *filter(None, (job.layers, job.invented))))

        run_jobs(batch, jobs, work, asked=request)


def _collected(before: Photo) -> Collected:
    from unfade.archive.layers import Collected

    return Collected(before)


def _put_layers(batch: Batch, job: Job, collected: Collected, result: Result) -> None:
    """Write the layers, in the format that their file's name says."""
    from unfade.archive.layers import open_raster, photoshop

    assert job.layers is not None
    shown = without_location(batch, result.photo).metadata
    encode = partial(photoshop, collected) if job.layers.suffix == ".psd" else partial(open_raster, collected, metadata=shown)
    put_new(job.layers, encode, overwrite=batch.overwrite)


def _put_invented(batch: Batch, job: Job, result: Result, sessions: Sessions) -> Result:
    """Write what was invented; gives the result with its large inventions among the report's notes."""
    from unfade.archive import invented
    from unfade.files import photo

    assert job.invented is not None
    is_colored = any(step.step == "colorize" and step.pixels_changed for step in result.report.steps)
    doubt = invented.color_doubt(result.opened, sessions.get("colorize")) if is_colored else None
    found = invented.measure(result.opened, result.photo, result.mask, doubt)
    put_new(job.invented, lambda: photo.encode_file(invented.as_picture(found), "png"), overwrite=batch.overwrite)
    notes = (*result.report.notes, *(one.sentence() for one in found.large))
    return replace(result, report=replace(result.report, notes=notes))


def _check_like(like: Path | None, treatment: Treatment) -> None:
    if like is not None and not treatment.colorize:
        raise UsageError("--like is another photograph's colors, and no color is put in; add --colorize")


def _check(batch: Batch, mask: Path | None, *, save_mask: bool, record: bool, layers: str | None, invented: bool) -> None:
    """Refuse what is for one photograph or one page where there are more. Raises `UsageError`."""
    if mask is not None and (len(batch.photographs) > 1 or is_folder(batch.photographs[0])):
        raise UsageError("--mask is one photograph's, and several were named; restore them one by one")
    if batch.pages and (mask is not None or save_mask or layers or invented):
        raise UsageError("--mask, --save-mask, --layers and --invented are for one page; name it with --page instead of --pages all")
    if record and (batch.page or batch.pages):
        raise UsageError("--record is of the page that is read without --page and --pages; save the page as a file of its own first")
