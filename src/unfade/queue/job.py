"""What is done to one photograph: restored at full size, saved, or shown small as a preview.

How jobs are run (messages, leases, other jobs) is the worker's concern, not this module's.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import cast

import cv2
import numpy as np

from unfade import brush, masks, pipeline, tile_pyramid
from unfade.arrays import Mask
from unfade.errors import UnwritableError, sentence
from unfade.files import disk, photo
from unfade.files.photo import Photo
from unfade.models.session import Sessions
from unfade.queue.options import Options
from unfade.queue.records import SAVING, DoubtOutcome, JobRecord, MaskRecord, PhotoRecord, ResultRecord, StepOutcome
from unfade.queue.retouch import Retouches, Shown, parted, retouched
from unfade.queue.stages import PREVIEW_SIDE_PX, Stage, StageKey, Stages, WholeStages, mask_key, stage_key
from unfade.queue.store import Store
from unfade.record import StepRecord
from unfade.steps.fill import Fill
from unfade.treatment import has_pixels
from unfade.work import Step, Work

PREVIEW_QUALITY = 90

Progress = Callable[[str, float], None]
"""Called with a step's name and the share of it that is done. What it raises ends the job."""


@dataclass(frozen=True)
class Made:
    """What the pipeline made of a job's photograph, still to be saved.

    `seen` is what each step made of it, small; none of a step whose work was kept from a job before.
    """

    job: JobRecord
    record: PhotoRecord
    picture: Photo
    result: pipeline.Result
    seen: Sequence[tuple[Step, Future[Photo] | None]]


@dataclass(frozen=True)
class Saved:
    """What was put into the store: the result, and the mask that was used; a new one has a record."""

    result: ResultRecord
    mask_id: str | None
    mask: MaskRecord | None


class Job:
    """Does jobs, one photograph at a time: takes files from the store, runs the pipeline, puts files back."""

    def __init__(self, store: Store, sessions: Sessions, beside: ThreadPoolExecutor, *, max_megapixels: float) -> None:
        """`beside`: where small pictures of each step are made while the next step runs."""
        self._store, self._sessions, self._beside = store, sessions, beside
        self._max_megapixels = max_megapixels
        self.stages, self.wholes, self.retouches = Stages(), WholeStages(), Retouches()

    def rest(self) -> None:
        """Give back the memory of what is kept between jobs."""
        self.stages.clear()
        self.retouches.clear()
        self.wholes.clear()

    def _mask(self, record: PhotoRecord, options: Options) -> Mask | None:
        """The mask that the options name, without what is to be kept."""
        if options.mask is None or not options.fill:
            return None
        with self._store.local(f"photos/{record.id}/masks/{options.mask}.png") as path:
            return masks.without(masks.read_mask(path), options.keep, options.largest_dust_px)

    # --- at full size

    def restore(self, job: JobRecord, record: PhotoRecord, progress: Progress) -> Made:
        """Run the pipeline on the photograph at full size."""
        if job.attempts > 1:  # what a worker that died had put there
            self._store.remove(f"photos/{record.id}/jobs/{job.id}")
        with self._store.local(f"photos/{record.id}/original") as path:
            picture = photo.read(path, max_megapixels=self._max_megapixels, name=record.name)
        cut = None
        if record.frame is not None:
            frame = record.frame.frame()
            cut = frame.on(picture.width, picture.height)
            picture = frame.apply(picture)
        given = self._mask(record, job.options)
        treatment = job.options.treatment()
        key = mask_key(record.id, job.options, job.id)
        begun = self.wholes.latest(key, treatment.steps(has_mask=True)) if given is not None else None
        seen: list[tuple[Step, Future[Photo] | None]] = []
        if begun is not None:
            seen += [(step, None) for step in treatment.steps(has_mask=True)[: len(begun.records)]]
        done = [step for step, _ in seen]

        def see(step: Step, work: Work) -> None:
            seen.append((step, self._beside.submit(tile_pyramid.small, work.photo, PREVIEW_SIDE_PX)))
            if step.gives_mask:  # the next job is given it
                return
            if work.opening is not None and not work.opening.frame.is_exact and given is None:
                return  # the mask that is kept is the photograph's, and framed again not quite the same
            done.append(step)
            names = {each.name for each in done}
            self.wholes.put(key, done, replace(work, records=tuple(record for record in work.records if record.step in names)))

        result = pipeline.treat(
            picture, treatment, sessions=self._sessions, mask=given, begun=begun, cut=cut, progress=progress, on_step=see
        )
        progress(SAVING, 0.0)
        return Made(job, record, picture, result, seen)

    def save(self, made: Made, folder: str, progress: Progress) -> Saved:
        """Put what came out into `folder` of the store, and the mask beside the photograph."""
        result = made.result
        with self._store.workspace() as workspace:
            format, has_master, notes = write_result(result.photo, workspace)
            size = (workspace / "result").stat().st_size
            report = replace(result.report, output_sha256=disk.sha256_of(workspace / "result"))
            (workspace / "record.json").write_text(report.to_json(), encoding="utf-8")
            progress(SAVING, 0.5)
            mask_id, mask = self._keep_mask(made, workspace)
            for name in ("result", "record.json", *(["master.png"] if has_master else [])):
                self._store.put_file(f"{folder}/{name}", workspace / name)
        said = dict.fromkeys(sentence(note) for note in (*notes, *(note for step in report.steps for note in step.notes)))
        outcome = ResultRecord(
            folder=folder,
            format=format,
            has_master=has_master,
            bytes=size,
            width=result.photo.width,
            height=result.photo.height,
            frame=report.frame,
            pixels_changed=report.pixels_changed,
            notes=tuple(said),
            steps=tuple(_outcome(step) for step in report.steps),
        )
        return Saved(outcome, mask_id, mask)

    def _keep_mask(self, made: Made, workspace: Path) -> tuple[str | None, MaskRecord | None]:
        """Keep the mask that was used, under the job's id. One that was given and not changed has its own."""
        mask, options = made.result.unframed_mask, made.job.options
        if mask is None:
            return None, None
        if options.mask is not None and not options.keep and options.largest_dust_px is None:
            return options.mask, None
        facts = masks.write_mask(mask, workspace / "mask.png", workspace / "mask.json")
        for ending in ("png", "json"):
            self._store.put_file(f"photos/{made.record.id}/masks/{made.job.id}.{ending}", workspace / f"mask.{ending}")
        kept = MaskRecord(
            id=made.job.id,
            created=time.time(),
            origin="job",
            width=made.record.width,
            height=made.record.height,
            share=facts["share"],
            objects=facts["objects"],
        )
        return kept.id, kept

    def keep_stages(self, made: Made, mask_id: str) -> None:
        """Keep, small, what each step made of the whole photograph: then the first preview is quick, too. Of
        one that was framed nothing is kept: a preview frames the copy."""
        if made.result.report.frame is not None:
            return
        options = made.job.options
        self._keep_shown(made)
        key = stage_key(made.record.id, PREVIEW_SIDE_PX, options.model_copy(update={"mask": mask_id, "keep": (), "largest_dust_px": None}))
        copy, mask = tile_pyramid.small(made.picture, PREVIEW_SIDE_PX), made.result.mask
        little = None if mask is None else masks.reduced(mask, copy.height, copy.width)
        self.stages.put(key, Work(copy, little))
        scale = copy.width / made.picture.width
        pictures = None if made.result.pictures is None else tuple(corners * scale for corners in made.result.pictures)
        for step, small in made.seen:
            if has_pixels(step):
                break  # of the photograph; a preview's are pixels of the copy
            if step.prepares:
                self.stages.put((made.record.id, PREVIEW_SIDE_PX, step), Work(copy, pictures=pictures))
            if not step.gives_mask:  # the next preview is given the mask
                key = (*key, step)
                if small is not None:
                    self.stages.put(key, Work(small.result(), little, pictures=pictures))

    def _keep_shown(self, made: Made) -> None:
        """Keep, small, what the fill and the last step made: a stroke is then seen filled at once."""
        small = {step: future.result() for step, future in made.seen if future is not None}
        fill, _ = parted([step for step, _ in made.seen])
        if fill is None or fill not in small or made.result.mask is None:
            return
        copy, final = small[fill], small.get(made.seen[-1][0])
        if final is None:
            return
        scale = scale_of(copy, made.record)
        wanted, rest = parted(made.job.options.treatment().scaled(scale).steps(has_mask=True))
        assert wanted is not None
        key = (made.record.id, PREVIEW_SIDE_PX, rest)
        self.retouches.put(key, Shown(masks.reduced(made.result.mask, copy.height, copy.width), wanted.heals, copy, final))

    # --- small

    def preview(self, job: JobRecord, record: PhotoRecord, progress: Progress) -> None:
        """Run the steps on a small copy of the photograph, which is quick whatever its size.

        Put the JPEG into the store.
        """
        key = stage_key(record.id, job.side_px, job.options)
        work = self.stages.get(key, lambda: self._small_copy(record, job.options, job.side_px))
        scale = scale_of(work.photo, record)
        if job.strokes:
            base = np.zeros((work.photo.height, work.photo.width), bool) if work.mask is None else work.mask
            work = replace(work, mask=brush.draw(base, brush.scaled([stroke.drawn() for stroke in job.strokes], scale)))
            key = (*key, job.strokes)
        steps = job.options.treatment().scaled(scale).steps(has_mask=work.mask is not None)
        framing = tuple(step for step in steps if step.frames)
        fill, rest = parted(steps)
        whole = (record.id, job.side_px, rest)
        near = None if framing or fill is None or work.mask is None else self.retouches.nearest(whole, work.mask, fill.heals)
        if framing:
            key = (*key, "framed", framing)
            work = self.stages.get(key, partial(pipeline.framed, work, steps, self._sessions))
        if near is not None and fill is not None and work.mask is not None:
            shown = retouched(work.photo, *near, work.mask, fill, self._sessions, partial(progress, Fill.name))
            self.retouches.put(whole, shown)
            copy = shown.final
        else:
            copy = self._small_steps(steps, key, work, whole, progress)
        samples = copy.samples if copy.channels == 1 else cv2.cvtColor(np.ascontiguousarray(copy.samples), cv2.COLOR_RGB2BGR)
        encoded, data = cv2.imencode(".jpg", samples, [cv2.IMWRITE_JPEG_QUALITY, PREVIEW_QUALITY])
        assert encoded
        self._store.put(f"photos/{record.id}/previews/{job.id}.jpg", data.tobytes())

    def _small_steps(self, steps: Sequence[Step], key: StageKey, work: Work, whole: StageKey, progress: Progress) -> Photo:
        """Run the steps that are not kept, on the small copy `work`; gives the picture. `whole`: of which
        photograph, how small and by which other steps, for `retouches`."""
        filled: tuple[Fill, Photo] | None = None
        for step in steps:
            key = (*key, step)
            if step.prepares and work.opening is None:  # it looks at the photograph alone, whatever is lost in it
                found = self.stages.get((*whole[:2], step), partial(self._stepped, step, work, progress))
                work = replace(work, pictures=found.pictures)
                continue
            work = self.stages.get(key, partial(self._stepped, step, work, progress))
            if isinstance(step, Fill):
                filled = step, work.photo
        if filled is not None and work.mask is not None and work.opening is None:
            self.retouches.put(whole, Shown(work.mask, filled[0].heals, filled[1], work.photo))
        return work.photo

    def _stepped(self, step: Step, work: Work, progress: Progress) -> Stage:
        return step(work, self._sessions, partial(progress, step.name))

    def _small_copy(self, record: PhotoRecord, options: Options, side_px: int) -> Stage:
        """The photograph reduced to `side_px`, 8-bit sRGB, gray if it is; and its mask, if one was given."""
        path = f"photos/{record.id}/view"

        def read(start: int | None, end: int | None) -> bytes:
            if start is not None and start < 0:
                size = self._store.size(path)
                start, end = size + start, size if end is None else size + end
            return self._store.read(path, start, end)

        index = tile_pyramid.read_index(read)
        at, length = index.at[tile_pyramid.fit_name(index, side_px)]
        shown = cast("np.ndarray", cv2.imdecode(np.frombuffer(read(at, at + length), np.uint8), cv2.IMREAD_COLOR))
        scale = min(1.0, side_px / max(shown.shape[:2]))
        if scale < 1:
            size = max(1, round(shown.shape[1] * scale)), max(1, round(shown.shape[0] * scale))
            shown = cv2.resize(shown, size, interpolation=cv2.INTER_AREA)
        samples = shown[:, :, ::-1] if record.channels == 3 else shown[:, :, 1:2]
        mask = self._mask(record, options)
        if mask is not None:
            mask = masks.reduced(mask, *samples.shape[:2])
        return Work(photo.read(np.ascontiguousarray(samples), name=record.name), mask)


def _outcome(step: StepRecord) -> StepOutcome:
    """What the ledger keeps of a step's record."""
    return StepOutcome(
        name=step.step,
        outcome=step.outcome,
        facts=step.facts,
        pixels_changed=step.pixels_changed,
        notes=step.notes,
        doubts=tuple(DoubtOutcome(what=doubt.what, box=doubt.box, outline=doubt.outline) for doubt in step.doubts),
    )


def scale_of(copy: Photo, record: PhotoRecord) -> float:
    """How large a small copy is beside the photograph."""
    return max(copy.width, copy.height) / max(record.width, record.height)


def write_result(result: Photo, folder: Path) -> tuple[str, bool, list[str]]:
    """Write a result in the format that came in, as `folder`/result.

    Where that format loses something, its samples are written as master.png, too. A format that cannot hold
    the result gives way to PNG, with a note. Gives the format, whether there is a master, and notes.
    """
    notes: list[str] = []
    try:
        data, format = photo.encode_file(result), result.format or "png"
    except UnwritableError as error:
        notes.append(f"{error}; it was written as PNG")
        result = replace(result, format="png")
        data, format = photo.encode_file(result, "png"), "png"
    (folder / "result").write_bytes(data)
    lossy = photo.is_lossy(result, format)
    if lossy:
        samples = result.samples if result.channels == 1 else result.samples[:, :, ::-1]
        encoded, master = cv2.imencode(".png", np.ascontiguousarray(samples), [cv2.IMWRITE_PNG_COMPRESSION, 1])
        assert encoded
        (folder / "master.png").write_bytes(master.tobytes())
    return format, lossy, notes
