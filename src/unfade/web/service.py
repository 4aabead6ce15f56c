"""THE HUB: what a server process holds, and what several requests have in common.

Photographs are taken in, tile pyramids made, jobs put into the queue, masks kept.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import AbstractContextManager, ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Any, TypeAlias
from weakref import WeakValueDictionary

from starlette.concurrency import run_in_threadpool
from starlette.datastructures import UploadFile

from unfade import tile_pyramid
from unfade.errors import AwayError, UsageError
from unfade.frame.framing import require_within
from unfade.masks import MaskFacts
from unfade.models import store as model_store
from unfade.queue.ledger import QueueFullError
from unfade.queue.messages import Queue
from unfade.queue.opening import open_ledger, open_store
from unfade.queue.options import Options, StrokeRequest
from unfade.queue.records import OVER, JobRecord, Kind, MaskRecord, PhotoRecord, ResultRecord, new_id
from unfade.queue.shelves import Shelves
from unfade.record import Framed
from unfade.settings import Settings
from unfade.web import sandbox
from unfade.web.clients import CLIENT, Turns, mark_of
from unfade.web.guard import Rules, rules_of
from unfade.web.problems import Problem, disk_full, not_found
from unfade.web.requests import clean_name
from unfade.web.responses import JobResponse, PhotoResponse, job_response, mask_response, photo_response
from unfade.web.review import Review
from unfade.web.sandbox import Exported, Facts, Sandbox
from unfade.web.uploads import copied
from unfade.web.watch import Watch
from unfade.web.zip_orders import ZipOrders

Picture: TypeAlias = Callable[[], AbstractContextManager[Path]]
"""Opens a picture as a file of this machine."""
KEPT_INDEXES = 256
MAX_PREVIEWS_WAITING = 32
SHELF_KEPT_S = 30 * 86400.0  # a shelf that nobody changes, so that an address on a phone works for a while


class Service:
    """What a server process holds."""

    def __init__(self, settings: Settings, *, wake: Callable[[], None] = lambda: None) -> None:
        """`wake` is called when a job was put into the queue."""
        self.settings = settings
        self.rules: Rules = rules_of(settings)
        self.ledger, self.store = open_ledger(settings), open_store(settings)
        self.shelves = Shelves(self.ledger.table, keep_s=max(settings.keep_hours * 3600, SHELF_KEPT_S))
        self.zips = ZipOrders(self.ledger.table)
        self.queue = Queue(settings, wake=wake)
        self.sandbox = Sandbox(settings)
        self.watch = Watch(self.ledger)
        self.bodies = Turns(2, waiting_each=8, waiting_all=64)  # for reading large JSON
        folder = settings.models or model_store.CARDS
        self.models = {
            model.card.task: (model.card.name, model.card.version) for model in model_store.shipped(folder)
        }  # the newest comes last
        self.review = None if settings.archive is None else Review(settings.archive)
        self._indexes: OrderedDict[str, tile_pyramid.Index] = OrderedDict()
        self._making: dict[str, asyncio.Task[None]] = {}
        self._arriving: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def close(self) -> None:
        """Let go of everything."""
        self.sandbox.close()
        self.queue.close()
        self.ledger.close()
        if self.review is not None:
            self.review.close()

    # --- records

    def photo(self, photo_id: str) -> PhotoRecord:
        """Raises a 404."""
        photo = self.ledger.photo(photo_id)
        if photo is None:
            raise not_found("photograph")
        return photo

    def job(self, job_id: str) -> JobRecord:
        """A job of a photograph that is still there. Raises a 404."""
        job = self.ledger.job(job_id)
        if job is None or job.kind != "restore" or self.ledger.photo(job.photo_id) is None:
            raise not_found("job")
        return job

    def done_job(self, job_id: str) -> tuple[JobRecord, ResultRecord]:
        """A job that is done, and its result. Raises a 404, 409 or 422."""
        job = self.job(job_id)
        if job.state == "failed":
            raise Problem("job-failed", job.error or "The job failed.")
        if job.result is None:
            raise Problem("not-ready", "The job is not done yet.")
        return job, job.result

    def mask(self, photo_id: str, mask_id: str) -> MaskRecord:
        """Raises a 404."""
        mask = next((mask for mask in self.photo(photo_id).masks if mask.id == mask_id), None)
        if mask is None:
            raise not_found("mask")
        return mask

    def job_response(self, job: JobRecord) -> JobResponse:
        """A job with its place in the queue."""
        return job_response(job, self.ledger.position(job))

    def photo_response(self, photo: PhotoRecord) -> PhotoResponse:
        """A photograph with its jobs and masks."""
        return photo_response(
            photo, [self.job_response(job) for job in self.ledger.jobs_of(photo.id)], [mask_response(mask) for mask in photo.masks]
        )

    # --- photographs

    def require_room(self) -> None:
        """Raise a 507 where the disk is nearly full."""
        if self.store.free_bytes() < self.settings.min_free_mb * 1e6:
            raise disk_full()

    async def take_in_once(self, file: UploadFile, key: str) -> PhotoRecord:
        """As `take_in`, with `key` as the id.

        Where the same upload has come before, the photograph that there is.

        Raises a 422 for another file under the same key. Who sends again after a broken connection cannot
        know how far the first try came (the Idempotency-Key header of draft-ietf-httpapi-idempotency-key-
        header).
        """
        lock = self._arriving.setdefault(key, asyncio.Lock())
        async with lock:  # the first try may still be decoded
            there = await run_in_threadpool(self.ledger.photo, key)
            if there is None:
                return await self.take_in(file, key)
        if not await run_in_threadpool(self._is_original, there, file):
            raise Problem("invalid", "This Idempotency-Key belongs to another file; make a new one for each upload.")
        return there

    def _is_original(self, photo: PhotoRecord, file: UploadFile) -> bool:
        """Whether an upload is, byte for byte, what `photo` was made from."""
        file.file.seek(0)
        try:
            pieces = self.store.chunks(f"photos/{photo.id}/original")
            return all(file.file.read(len(piece)) == piece for piece in pieces) and not file.file.read(1)
        except FileNotFoundError:
            raise not_found("photograph") from None

    async def take_in(self, file: UploadFile, photo_id: str | None = None) -> PhotoRecord:
        """Decode an upload in the sandbox, and keep it with its tile pyramid.

        Under a new id, unless there is one for it.
        """
        await run_in_threadpool(self.require_room)
        with self.store.workspace() as folder:
            upload, view = folder / "upload", folder / "view"
            size = await run_in_threadpool(copied, file, upload)
            facts: Facts = await self.sandbox.run(
                sandbox.develop, source=str(upload), view=str(view), max_megapixels=self.settings.max_megapixels
            )
            now = time.time()
            photo = PhotoRecord(
                id=photo_id or new_id(),
                name=clean_name(file.filename),
                created=now,
                expires=now + self.settings.keep_hours * 3600,
                width=facts["width"],
                height=facts["height"],
                bits=facts["bits"],
                channels=facts["channels"],
                format=facts["format"],
                bytes=size,
                has_color=facts["has_color"],
                has_location=facts["has_location"],
                notes=tuple(facts["notes"]),
            )
            await run_in_threadpool(self.keep, photo, upload, view)
        return photo

    def keep(self, photo: PhotoRecord, upload: Path, view: Path) -> None:
        """Put a photograph's file and its view, which are moved, into the store, and write it down."""
        try:
            self.store.put_file(f"photos/{photo.id}/original", upload)
            self.store.put_file(f"photos/{photo.id}/view", view)
            self.ledger.add_photo(photo)
        except (OSError, AwayError):  # what is not written down is nobody's: it leaves nothing
            with contextlib.suppress(OSError, AwayError):
                self.store.remove(f"photos/{photo.id}")
            raise

    def keep_longer(self, photo_id: str) -> PhotoRecord:
        """Keep a photograph until a new one that came now would go. Raises a 404."""
        self.photo(photo_id)  # one whose time is over is gone
        expires = time.time() + self.settings.keep_hours * 3600
        kept = self.ledger.change_photo(photo_id, lambda photo: photo.model_copy(update={"expires": max(photo.expires, expires)}))
        if kept is None:
            raise not_found("photograph")
        return kept

    def remove_photo(self, photo_id: str) -> bool:
        """Delete a photograph and all that came of it. False where there was none."""
        try:
            existed = self.ledger.remove_photo(photo_id)
        except OSError:  # not even the reserve was room enough: the files make more
            self.store.remove(f"photos/{photo_id}")
            existed = self.ledger.remove_photo(photo_id)
        self.store.remove(f"photos/{photo_id}")
        return existed

    # --- tile pyramids

    async def pyramid(self, path: str, *, source: str | Picture | None, frame: Framed | None = None) -> tile_pyramid.Index:
        """The index of the tile pyramid at `path`; where there is none yet, it is made from the picture at
        `source` in the store, or which `source()` opens, in its `frame`."""
        if path in self._indexes:
            self._indexes.move_to_end(path)
            return self._indexes[path]
        if source is not None and not await run_in_threadpool(self.store.exists, path):
            await self._once(path, lambda: self._make_pyramid(path, source, frame))
        index = await run_in_threadpool(tile_pyramid.read_index, self._reader(path))
        self._indexes[path] = index
        if len(self._indexes) > KEPT_INDEXES:
            self._indexes.popitem(last=False)
        return index

    async def _once(self, path: str, make: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Await `make()`, once for all who ask for `path` at the same time."""
        if path not in self._making:
            task = asyncio.create_task(make())
            self._making[path] = task
            task.add_done_callback(lambda _: self._making.pop(path, None))
        await asyncio.shield(self._making[path])

    async def _make_pyramid(self, path: str, source: str | Picture, frame: Framed | None) -> None:
        with ExitStack() as stack:
            folder = stack.enter_context(self.store.workspace())
            opened = self.store.local(source) if isinstance(source, str) else source()
            picture = await run_in_threadpool(stack.enter_context, opened)
            await self.sandbox.run(
                sandbox.show,
                source=str(picture),
                view=str(folder / "view"),
                max_megapixels=self.settings.max_megapixels,
                frame=None if frame is None else asdict(frame),
            )
            await run_in_threadpool(self.store.put_file, path, folder / "view")

    def _reader(self, path: str) -> tile_pyramid.Read:
        size = self.store.size(path)

        def read(start: int | None, end: int | None) -> bytes:
            first = 0 if start is None else start if start >= 0 else size + start
            last = size if end is None else end if end >= 0 else size + end
            return self.store.read(path, first, last)

        return read

    async def pyramid_part(self, path: str, index: tile_pyramid.Index, name: str) -> bytes:
        """A tile or a whole picture of a tile pyramid. Raises a 404."""
        if name not in index.at:
            raise not_found("tile")
        at, length = index.at[name]
        return await run_in_threadpool(self.store.read, path, at, at + length)

    async def put_small(self, photo_id: str, side_px: int, target: Path) -> None:
        """Write the smallest whole picture of a photograph that is at least so long. Raises a 404."""
        path = f"photos/{photo_id}/view"
        try:
            index = await self.pyramid(path, source=None)
            shown = await self.pyramid_part(path, index, tile_pyramid.fit_name(index, side_px))
        except FileNotFoundError:
            raise not_found("photograph") from None
        await run_in_threadpool(target.write_bytes, shown)

    # --- jobs

    def check_options(self, photo: PhotoRecord, options: Options) -> None:
        """Raise a 422 for what does not fit this photograph."""
        treatment = options.treatment()
        require_within("the photograph", photo.width, photo.height, crop=treatment.crop, corners=treatment.corners)
        for hint in options.hints:
            if hint.x >= photo.width or hint.y >= photo.height:
                raise UsageError(
                    f"the hint at {hint.x:g}, {hint.y:g} lies outside the photograph, which is {photo.width}x{photo.height} pixels"
                )
        if options.mask is not None and all(mask.id != options.mask for mask in photo.masks):
            raise UsageError("this photograph has no such mask; upload it first")
        if options.keep and options.mask is None:
            raise UsageError("objects can be kept only of a mask that is named; name it")

    def submit(
        self,
        photo: PhotoRecord,
        options: Options,
        kind: Kind = "restore",
        *,
        side_px: int = 0,
        strokes: tuple[StrokeRequest, ...] = (),
        key: str | None = None,
    ) -> JobRecord:
        """Put a job into the queue, with `key` as its id. Where it has come before, the job that there is.

        `side_px` and `strokes` are a preview's. Raises a 422, 429 or 507.
        """
        self.check_options(photo, options)
        self.require_room()
        job = JobRecord(
            id=key or new_id(),
            photo_id=photo.id,
            client=mark_of(CLIENT.get()),
            kind=kind,
            side_px=side_px,
            strokes=strokes,
            options=options,
            created=time.time(),
        )
        if kind == "preview":
            self.ledger.supersede_previews(photo.id)
        try:
            there = self.ledger.submit(job, max_queue=self.settings.max_queue if kind == "restore" else MAX_PREVIEWS_WAITING)
        except QueueFullError as error:
            raise self._queue_full(kind, error.own) from None
        if (there.photo_id, there.options, there.kind) != (job.photo_id, job.options, job.kind):
            raise Problem("invalid", "This Idempotency-Key belongs to another job; make a new one for each.")
        self.queue.send(kind, there.id)
        return there

    def _queue_full(self, kind: Kind, own: int) -> Problem:
        queued, _ = self.ledger.counts()
        if kind == "restore" and queued < self.settings.max_queue:
            detail = f"{own} of your jobs wait already, and the places that are left are for others. Try again later."
        else:
            detail = f"The queue is full: {queued} jobs wait already. Try again later."
        return Problem("queue-full", detail, retry_after_s=30 if kind == "restore" else 2)

    async def ended(self, job_id: str, *, timeout_s: float, poll_s: float) -> JobRecord | None:
        """Wait until a job is over; None if it is gone, or the time is."""
        deadline = time.monotonic() + timeout_s
        while time.monotonic() < deadline:
            job = await run_in_threadpool(self.ledger.job, job_id)
            if job is None or job.state in OVER:
                return job
            await asyncio.sleep(poll_s)
        return None

    async def exported(
        self, job: JobRecord, result: ResultRecord, *, format: str, quality: int | None, drop_location: bool, stack: ExitStack
    ) -> tuple[Path, Exported]:
        """A result in another format or without its location, as a file that lasts as long as `stack`."""
        folder = stack.enter_context(self.store.workspace())
        source = await run_in_threadpool(stack.enter_context, self.store.local(f"{result.folder}/result"))
        master = None
        if result.has_master:
            master = str(await run_in_threadpool(stack.enter_context, self.store.local(f"{result.folder}/master.png")))
        exported: Exported = await self.sandbox.run(
            sandbox.export,
            source=str(source),
            master=master,
            target=str(folder / "result"),
            format=format,
            quality=quality,
            drop_location=drop_location,
        )
        return folder / "result", exported

    # --- masks

    async def keep_mask(
        self, photo: PhotoRecord, make: Callable[[Path, Path], Awaitable[MaskFacts]], *, mask_id: str | None = None
    ) -> MaskRecord:
        """Keep a mask that `make` writes in the sandbox, to two paths: its picture and its components.

        With `mask_id` as its id; the very mask that came before under that id is there already. Raises a 422
        for another one.
        """
        await run_in_threadpool(self.require_room)
        with self.store.workspace() as folder:
            facts = await make(folder / "mask.png", folder / "mask.json")
            there = next((mask for mask in self.photo(photo.id).masks if mask.id == mask_id), None)
            if there is not None:
                before = await run_in_threadpool(self.store.read, f"photos/{photo.id}/masks/{there.id}.png")
                if before != (folder / "mask.png").read_bytes():
                    raise Problem("invalid", "This Idempotency-Key belongs to another mask; make a new one for each.")
                return there
            mask = MaskRecord(
                id=mask_id or new_id(),
                created=time.time(),
                origin="upload",
                width=photo.width,
                height=photo.height,
                share=facts["share"],
                objects=facts["objects"],
            )
            for ending in ("png", "json"):
                await run_in_threadpool(self.store.put_file, f"photos/{photo.id}/masks/{mask.id}.{ending}", folder / f"mask.{ending}")
        if not await run_in_threadpool(self.ledger.add_mask, photo.id, mask):
            with contextlib.suppress(OSError):
                await run_in_threadpool(self.store.remove, f"photos/{photo.id}")
            raise not_found("photograph")
        return mask

    async def take_mask(self, photo: PhotoRecord, upload: Path, *, scale: bool, mask_id: str | None = None) -> MaskRecord:
        """Keep an uploaded mask of a photograph.

        With `scale`, one of another size and the same shape is enlarged. Raises a 4xx.
        """

        def make(target: Path, facts: Path) -> Awaitable[MaskFacts]:
            return self.sandbox.run(
                sandbox.take_mask,
                source=str(upload),
                target=str(target),
                facts=str(facts),
                width=photo.width,
                height=photo.height,
                scale=scale,
                max_megapixels=self.settings.max_megapixels,
            )

        return await self.keep_mask(photo, make, mask_id=mask_id)
