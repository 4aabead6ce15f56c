"""A WEB JOB IS RUN: the queue (huey), and the one place in the web application that runs the pipeline.

huey carries the ids of jobs from the server to the workers, in SQLite or Redis. It forgets a message once it is read, so what must not be
lost is in the ledger: a worker takes a job there under a lease, renews it while it works, and finishes it there. Whoever is alive puts jobs
back whose lease ran out. A message that comes twice finds the job taken; a message that is lost is sent again.
"""

from __future__ import annotations

import ctypes
import json
import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np

from unfade import masks, pipeline, tile_pyramid
from unfade.arrays import Mask
from unfade.errors import UnfadeError
from unfade.files import photo
from unfade.files.photo import Photo
from unfade.settings import Settings, open_sessions
from unfade.treatment import has_pixels
from unfade.web import sandbox
from unfade.web.ledger import SAVING, JobRecord, Kind, Ledger, MaskRecord, PhotoRecord, ResultRecord
from unfade.web.options import Options
from unfade.web.problems import sentence
from unfade.web.store import Store
from unfade.web.table import RedisTable, SqliteTable, Table
from unfade.work import Step, Work

log = logging.getLogger(__name__)
LANES: tuple[Kind, ...] = ("restore", "preview")
POLL_S = 0.1  # how often SQLite is asked for messages, should no server wake the worker; Redis wakes it itself
TICK_S = 0.4  # how often progress is written down
SWEEP_S = 5.0
ORPHAN_S = 3600.0
PREVIEW_SIDE_PX = 768  # what previews are asked for unless another size is named
KEPT_STAGES = 48  # of previews, at most 7 MB each
BESIDE_MEGAPIXELS = 24.0  # what is saved beside the next job is in memory with it: 300 MB in color and 16 bits, before and after


def data_folder(settings: Settings) -> Path:
    """The folder of this process's data, made if it is not there."""
    folder = settings.data.expanduser()
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder


def open_ledger(settings: Settings, *, through_power_cuts: bool = True) -> Ledger:
    """The ledger that the settings say.

    The server writes what it has accepted through power cuts. A worker need not: what it loses, a lease or that a job is done, leads to the
    job being done again.
    """
    table: Table
    if settings.queue is None:
        table = SqliteTable(data_folder(settings) / "ledger.sqlite", through_power_cuts=through_power_cuts)
    else:
        table = RedisTable(settings.queue)
    return Ledger(table)


def open_store(settings: Settings) -> Store:
    """The files that the settings say."""
    folder = data_folder(settings)
    return Store(settings.files or str(folder / "files"), folder / "scratch")


class Queue:
    """Two lanes of messages: jobs, and previews, which never wait behind jobs. A message is a job's id."""

    def __init__(
        self, settings: Settings, run: Callable[[Kind, str], None] | None = None, *, wake: Callable[[], None] = lambda: None
    ) -> None:
        """`run` is what a worker does with a message; the server, which only sends, gives none. `wake` is called once one is sent."""
        import sqlite3

        from huey import Huey, RedisHuey
        from huey.registry import Message
        from huey.serializer import Serializer
        from huey.storage import SqliteStorage

        class JsonSerializer(Serializer):  # type: ignore[misc]
            """huey's own is pickle: whoever can write to the queue could run code in the workers."""

            def _serialize(self, data: Any) -> bytes:
                return json.dumps(data).encode()

            def _deserialize(self, data: bytes) -> Any:
                return Message(*json.loads(data))

        class Messages(SqliteStorage):  # type: ignore[misc]
            """Kept by huey with a wait for the disk at each message, or so that a power cut may break the file.

            This is neither: a power cut may take the last messages, and what it takes is sent again.
            """

            def _create_connection(self) -> sqlite3.Connection:
                connection: sqlite3.Connection = super()._create_connection()
                connection.execute("PRAGMA synchronous=NORMAL")
                return connection

        def lane(kind: Kind) -> Huey:
            name = f"unfade-{kind}"
            if settings.queue is not None:
                return RedisHuey(name, url=settings.queue, results=False, serializer=JsonSerializer(), read_timeout=1)
            path = str(data_folder(settings) / "queue.sqlite")
            return Huey(
                name, storage_class=Messages, filename=path, results=False, serializer=JsonSerializer(), journal_mode="wal", timeout=10
            )

        self._wake = wake
        self.lanes: dict[Kind, Huey] = {kind: lane(kind) for kind in LANES}
        self._woken: dict[Kind, threading.Event] = {kind: threading.Event() for kind in LANES}
        self._send: dict[Kind, Callable[[str], object]] = {}
        for kind, huey in self.lanes.items():

            def work(job_id: str, kind: Kind = kind) -> None:
                if run is not None:
                    run(kind, job_id)

            self._send[kind] = huey.task(name="work")(work)

    def send(self, kind: Kind, job_id: str) -> None:
        """Send a message."""
        self._send[kind](job_id)
        self._wake()

    def consumers(self) -> list[Any]:
        """huey's threads that read the messages, one for each lane, not started yet."""
        from huey.consumer import Consumer
        from huey.consumer import Worker as Reader

        def consumer(kind: Kind) -> Consumer:
            woken = self._woken[kind]

            class Waking(Reader):  # type: ignore[misc]
                """A reader that looks at once when it is woken."""

                def sleep(self) -> None:
                    woken.wait(POLL_S)
                    woken.clear()  # before the next look: what is sent from now on wakes again

            class Lane(Consumer):  # type: ignore[misc]
                worker_class = Waking

            return Lane(self.lanes[kind], workers=1, periodic=False)

        return [consumer(kind) for kind in LANES]

    def look(self) -> None:
        """Have the readers look for messages now."""
        for woken in self._woken.values():
            woken.set()

    def pending(self, kind: Kind) -> int:
        """How many messages nobody has read."""
        return int(self.lanes[kind].pending_count())

    def close(self) -> None:
        """Let go of connections."""
        for huey in self.lanes.values():
            huey.storage.close()


def recover(ledger: Ledger, queue: Queue, settings: Settings) -> None:
    """Put back the jobs of dead workers, and send again what was lost: a job that waits while no message does."""
    for job_id in ledger.recover(attempts=settings.job_attempts):
        log.warning("a worker died; its job waits again")
        queue.send("restore", job_id)
    if queue.pending("restore") == 0:
        for job_id in ledger.waiting(limit=100):
            queue.send("restore", job_id)


def sweep(ledger: Ledger, store: Store, *, now: float) -> None:
    """Delete photographs whose time is over, and files that belong to none."""
    for photo_id in ledger.expired_photos():
        store.remove(f"photos/{photo_id}")
        ledger.remove_photo(photo_id)
    for name, changed in store.names("photos"):
        if now - changed > ORPHAN_S and not ledger.has_photo(name):
            store.remove(f"photos/{name}")


class AbandonedError(Exception):
    """Nobody wants the job any longer, or this process has to end: raised out of the pipeline by its progress callback."""


class Hold:
    """A job that this process holds: where it has come to, and whether it still holds it."""

    def __init__(self, job: JobRecord) -> None:
        assert job.holder is not None
        self.job, self.holder = job, job.holder
        self.began = time.monotonic()
        self.step: str | None = None
        self.share = 0.0
        self.abandoned = False
        self._written: tuple[str | None, float] = (None, 0.0)
        self._beaten = self.began

    def progress(self, step: str, share: float) -> None:
        """What the pipeline calls. Raises `AbandonedError`."""
        if self.abandoned:
            raise AbandonedError
        self.step, self.share = step, share

    def is_due(self, lease_s: float) -> bool:
        """Whether there is something new to write down, or the lease wants renewing."""
        moved = self.step != self._written[0] or self.share - self._written[1] >= 0.01
        return moved or time.monotonic() - self._beaten > lease_s / 3

    def beat(self, ledger: Ledger, lease_s: float) -> None:
        """Write down where the job is."""
        step, share = self.step, self.share
        if not ledger.beat(self.job.id, self.holder, step, share, lease_s=lease_s):
            self.abandoned = True
        self._written, self._beaten = (step, share), time.monotonic()


StageKey = tuple[object, ...]
Stage = tuple[Photo, Mask | None]


class Stages:
    """What each step of a preview made, so that the next preview only does what has changed. Safe to share between threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[StageKey, Stage] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: StageKey, make: Callable[[], Stage]) -> Stage:
        """What is kept under `key`, or what `make` gives, which is kept from now on."""
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        stage = make()
        self.put(key, stage)
        return stage

    def put(self, key: StageKey, stage: Stage) -> None:
        """Keep this, and forget what was used longest ago."""
        with self._lock:
            self._kept[key] = stage
            while len(self._kept) > KEPT_STAGES:
                self._kept.popitem(last=False)

    def clear(self) -> None:
        """Forget all."""
        with self._lock:
            self._kept.clear()


def stage_key(photo_id: str, side_px: int, options: Options) -> StageKey:
    """What the small copy and its mask follow from."""
    return (photo_id, side_px, options.fill, options.mask, options.keep, options.largest_dust_px)


def small_mask(mask: Mask, height: int, width: int) -> Mask:
    """A mask on a smaller grid: lost where a quarter is."""
    return cv2.resize(mask.view(np.uint8) * 255, (width, height), interpolation=cv2.INTER_AREA) >= 64


@dataclass(frozen=True)
class Made:
    """What the pipeline made of a job's photograph, still to be saved; `seen` is what each step made of it, small."""

    record: PhotoRecord
    picture: Photo
    result: pipeline.Result
    seen: Sequence[tuple[Step, Future[Photo]]]


class Worker:
    """Takes jobs and does them, one at a time, and previews beside them, until told to stop. One per process; models are opened once.

    What a job made is encoded and put away in a thread beside the next job's steps, so that these never wait for that. The job is held,
    and its lease renewed, until it is saved. A job that a worker died of, or beside which one died, runs alone: see `_is_alone`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger, self._store = open_ledger(settings, through_power_cuts=False), open_store(settings)
        self._sessions = open_sessions(settings)
        self._queue = Queue(settings, self._do)
        self._name = secrets.token_hex(8)
        self._stages = Stages()
        self._holds: set[Hold] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._last_work = time.monotonic()
        self._saver = ThreadPoolExecutor(1, thread_name_prefix="saver")
        self._saving: Future[None] | None = None  # of the last job; only the lane of jobs looks at it

    # --- the process

    def run(self, *, parent_alive: Callable[[], bool] = lambda: True) -> None:
        """Work until SIGTERM or SIGINT comes or `parent_alive` says no; then finish the job, or put it back after `grace_s`."""
        consumers = self._queue.consumers()
        for consumer in consumers:
            consumer.start()
        for number in (signal.SIGTERM, signal.SIGINT):  # after huey has set its own
            signal.signal(number, lambda *_: self._stopping.set())
        ticker = threading.Thread(target=self._tick, name="ticker", daemon=True)
        sweeper = threading.Thread(target=self._sweep, name="sweeper", daemon=True)
        ticker.start()
        sweeper.start()
        log.info("a worker has started")
        while not self._stopping.wait(0.5) and parent_alive():
            self._rest()
        self._stopping.set()
        for consumer in consumers:
            consumer.stop_flag.set()
        deadline = time.monotonic() + self._settings.grace_s
        while self._holds and time.monotonic() < deadline:
            time.sleep(0.05)
        for hold in list(self._holds):
            hold.abandoned = True
        threads = [thread for consumer in consumers for _, thread in consumer.worker_threads]
        for thread in threads:
            thread.join(timeout=30)
        if self._saving is not None:
            wait([self._saving], timeout=30)
        self._saver.shutdown(wait=False, cancel_futures=True)
        self._give_back()
        ticker.join(timeout=5)
        self._ledger.leave(self._name)
        log.info("a worker has stopped")

    def look(self) -> None:
        """Look for messages now: one was sent."""
        self._queue.look()

    def _give_back(self) -> None:
        """Put back into the queue what is still held: a step that did not end within its time."""
        for hold in list(self._holds):
            if self._ledger.release(hold.job.id, hold.holder):
                self._queue.send(hold.job.kind, hold.job.id)

    def _tick(self) -> None:
        """Renew leases and write progress down; end the process where a job takes too long: nothing else stops native code."""
        greeted = 0.0
        while not self._stopping.is_set() or self._holds:
            try:
                if time.monotonic() - greeted > self._settings.lease_s / 3:
                    self._ledger.greet(self._name, lease_s=self._settings.lease_s)
                    greeted = time.monotonic()
                for hold in list(self._holds):
                    if hold.is_due(self._settings.lease_s):
                        hold.beat(self._ledger, self._settings.lease_s)
                    if time.monotonic() - hold.began > self._settings.job_timeout_s:
                        log.error("a job took longer than %g seconds; the worker ends", self._settings.job_timeout_s)
                        os._exit(70)
            except Exception:  # the database is away for a moment: the lease outlives that, or the job goes to another
                log.exception("a worker could not reach the ledger")
            time.sleep(TICK_S)

    def _sweep(self) -> None:
        swept = 0.0
        while not self._stopping.wait(SWEEP_S * (0.75 + secrets.randbelow(500) / 1000)):  # not all workers at once
            try:
                recover(self._ledger, self._queue, self._settings)
                if time.monotonic() - swept > 60:
                    sweep(self._ledger, self._store, now=time.time())
                    swept = time.monotonic()
            except Exception:
                log.exception("sweeping did not succeed; it is tried again")

    def _rest(self) -> None:
        """Give the models' memory back once nothing was asked for a while."""
        with self._lock:
            idle = not self._holds and time.monotonic() - self._last_work > self._settings.idle_s
        if idle and self._sessions.opened:
            self._sessions.close()
            self._stages.clear()
            return_memory()
            log.info("idle: the models' memory was given back")

    # --- one job

    def _do(self, kind: Kind, job_id: str) -> None:
        """What a message leads to."""
        if self._stopping.is_set():
            self._queue.send(kind, job_id)
            return
        if kind == "restore" and (waiting := self._ledger.job(job_id)) is not None and self._is_alone(waiting.attempts + 1):
            self._settle()
        job = self._ledger.claim(job_id, lease_s=self._settings.lease_s)
        if job is None:
            return
        with ExitStack() as held:
            hold = held.enter_context(self._holding(job))
            made = self._run(hold)
            if made is not None:
                self._hand_on(hold, made, held.pop_all())

    @contextmanager
    def _holding(self, job: JobRecord) -> Iterator[Hold]:
        """Hold a job that was taken; what goes wrong in the block, be it in several threads, is written down as the job's end."""
        hold = Hold(job)
        with self._lock:
            self._holds.add(hold)
        try:
            yield hold
        except AbandonedError:
            if self._ledger.release(job.id, hold.holder):
                self._queue.send(job.kind, job.id)
        except UnfadeError as error:
            self._ledger.fail(job.id, hold.holder, sentence(str(error)))
        except MemoryError:
            self._ledger.fail(job.id, hold.holder, "There is not enough memory for this photograph; try a smaller copy.")
        except FileNotFoundError:
            self._ledger.fail(job.id, hold.holder, "The photograph is gone; it was deleted or has expired.")
        except OSError:
            log.exception("a job could not read or write its files")
            self._ledger.fail(job.id, hold.holder, "The server could not read or write its files; its disk may be full. Try again later.")
        except Exception:
            log.exception("a mistake in a job")
            self._ledger.fail(job.id, hold.holder, "Something went wrong in the server itself; its log says what.")
        finally:
            with self._lock:
                self._holds.discard(hold)
                self._last_work = time.monotonic()

    def _is_alone(self, attempt: int) -> bool:
        """Whether a job's attempt of this number may have no other job beside it.

        Where a worker dies that held two jobs, both have lost an attempt, and one of them through no fault of its own. From then on each
        runs alone, so that it loses none for the other any more; and where a job has one attempt in all, none can be lost at all.
        """
        return attempt > 1 or self._settings.job_attempts == 1

    def _settle(self) -> None:
        """Wait until the last job is saved."""
        saving, self._saving = self._saving, None
        if saving is not None and (error := saving.exception()) is not None:
            log.error("what became of a job could not be written down; it is done again", exc_info=error)

    def _hand_on(self, hold: Hold, made: Made, held: ExitStack) -> None:
        """Save what was made beside the next job, or now, where it is large or must be alone; `held` gives the job up afterwards."""

        def save() -> None:
            with held:
                self._save(hold, made)

        self._settle()  # no more than one is kept in memory
        if self._is_alone(hold.job.attempts) or made.picture.megapixels > BESIDE_MEGAPIXELS:
            save()
        else:
            self._saving = self._saver.submit(save)

    def _run(self, hold: Hold) -> Made | None:
        """Do a job up to what is to be saved, if anything is."""
        record = self._ledger.photo(hold.job.photo_id)
        if record is None:
            self._ledger.remove_job(hold.job.id)
        elif hold.job.kind == "preview":
            self._preview(hold, record)
        else:
            return self._restore(hold, record)
        return None

    def _mask(self, record: PhotoRecord, options: Options) -> Mask | None:
        """The mask that the options name, without what is to be kept."""
        if options.mask is None or not options.fill:
            return None
        with self._store.local(f"photos/{record.id}/masks/{options.mask}.png") as path:
            return masks.without(masks.read_mask(path), options.keep, options.largest_dust_px)

    def _restore(self, hold: Hold, record: PhotoRecord) -> Made:
        """Run the pipeline on the photograph at full size."""
        options = hold.job.options
        if hold.job.attempts > 1:  # what a worker that died had put there
            self._store.remove(f"photos/{record.id}/jobs/{hold.job.id}")
        with self._store.local(f"photos/{record.id}/original") as path:
            picture = photo.read(path, max_megapixels=self._settings.max_megapixels, name=record.name)
        given = self._mask(record, options)
        seen: list[tuple[Step, Future[Photo]]] = []

        def see(step: Step, work: Work) -> None:
            seen.append((step, self._saver.submit(tile_pyramid.small, work.photo, PREVIEW_SIDE_PX)))

        result = pipeline.treat(picture, options.treatment(), sessions=self._sessions, mask=given, progress=hold.progress, on_step=see)
        hold.progress(SAVING, 0.0)
        return Made(record, picture, result, seen)

    def _save(self, hold: Hold, made: Made) -> None:
        """Put what came out where the ledger says, and finish the job."""
        record, result = made.record, made.result
        folder = f"photos/{record.id}/jobs/{hold.job.id}/{hold.holder}"
        with self._store.workspace() as workspace:
            format, has_master, notes = sandbox.save(result.photo, workspace)
            size = (workspace / "result").stat().st_size
            report = replace(result.report, output_sha256=_sha256(workspace / "result"))
            (workspace / "record.json").write_text(report.to_json(), encoding="utf-8")
            hold.progress(SAVING, 0.5)
            mask_id = self._keep_mask(hold, record, result.mask, workspace)
            for name in ("result", "record.json", *(["master.png"] if has_master else [])):
                self._store.put_file(f"{folder}/{name}", workspace / name)
        said = tuple(dict.fromkeys(sentence(note) for note in (*notes, *(note for step in report.steps for note in step.notes))))
        outcome = ResultRecord(
            folder=folder,
            format=format,
            has_master=has_master,
            bytes=size,
            width=result.photo.width,
            height=result.photo.height,
            pixels_changed=report.pixels_changed,
            notes=said,
        )
        if not self._ledger.finish(hold.job.id, hold.holder, result=outcome, mask_id=mask_id):
            self._store.remove(folder)  # it was deleted, or another worker has it
            if not self._ledger.has_photo(record.id):
                self._store.remove(f"photos/{record.id}")
            return
        if mask_id is not None:
            self._keep_stages(made, hold.job.options, mask_id)

    def _keep_stages(self, made: Made, options: Options, mask_id: str) -> None:
        """Keep, small, what each step made of the whole photograph: then the first preview, with a hint or a slider moved, is quick too."""
        key = stage_key(made.record.id, PREVIEW_SIDE_PX, options.model_copy(update={"mask": mask_id, "keep": (), "largest_dust_px": None}))
        copy, mask = tile_pyramid.small(made.picture, PREVIEW_SIDE_PX), made.result.mask
        little = None if mask is None else small_mask(mask, copy.height, copy.width)
        self._stages.put(key, (copy, little))
        for step, small in made.seen:
            if has_pixels(step):
                break  # of the photograph; a preview's are pixels of the copy
            if not step.gives_mask:  # the next preview is given the mask
                key = (*key, step)
                self._stages.put(key, (small.result(), little))

    def _keep_mask(self, hold: Hold, record: PhotoRecord, mask: Mask | None, workspace: Path) -> str | None:
        """Keep the mask that was used, under the job's id; one that was given and not changed keeps its own."""
        options = hold.job.options
        if mask is None:
            return None
        if options.mask is not None and not options.keep and options.largest_dust_px is None:
            return options.mask
        facts = masks.write_mask(mask, workspace / "mask.png", workspace / "mask.json")
        for ending in ("png", "json"):
            self._store.put_file(f"photos/{record.id}/masks/{hold.job.id}.{ending}", workspace / f"mask.{ending}")
        kept = MaskRecord(
            id=hold.job.id,
            created=time.time(),
            origin="job",
            width=record.width,
            height=record.height,
            share=facts["share"],
            objects=facts["objects"],
        )
        self._ledger.add_mask(record.id, kept)
        return hold.job.id

    def _preview(self, hold: Hold, record: PhotoRecord) -> None:
        """Run the steps on a small copy of the photograph, taken from its view, which is quick whatever the photograph's size."""
        options, side_px = hold.job.options, hold.job.side_px
        key = stage_key(record.id, side_px, options)
        copy, mask = self._stages.get(key, lambda: self._small_copy(record, options, side_px))
        scale = max(copy.width, copy.height) / max(record.width, record.height)
        for step in options.treatment().scaled(scale).steps(has_mask=mask is not None):
            key = (*key, step)

            def make(step: Step = step, copy: Photo = copy, mask: Mask | None = mask) -> Stage:
                result = pipeline.run(copy, [step], sessions=self._sessions, mask=mask, progress=hold.progress)
                return result.photo, result.mask

            copy, mask = self._stages.get(key, make)
        result = copy
        samples = result.samples if result.channels == 1 else cv2.cvtColor(np.ascontiguousarray(result.samples), cv2.COLOR_RGB2BGR)
        encoded, data = cv2.imencode(".jpg", samples, [cv2.IMWRITE_JPEG_QUALITY, 90])
        assert encoded
        self._store.put(f"photos/{record.id}/previews/{hold.job.id}.jpg", data.tobytes())
        self._ledger.finish(hold.job.id, hold.holder, result=None, mask_id=None)

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
            mask = small_mask(mask, *samples.shape[:2])
        return photo.read(np.ascontiguousarray(samples), name=record.name), mask


def _sha256(path: Path) -> str:
    import hashlib

    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def return_memory() -> None:
    """Ask the C library to give freed memory back to the system, where it can (glibc)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def work(settings: Settings, *, tied: bool = False) -> None:
    """Be a worker process until told to stop.

    `tied` to whoever started it: what comes on standard input says that a message was sent; when it closes, they have died, and this ends.
    """
    if sys.platform != "win32":
        os.nice(5)  # the page answers first
    worker, closed = Worker(settings), threading.Event()
    if tied:

        def listen() -> None:
            while os.read(0, 64):
                worker.look()
            closed.set()

        threading.Thread(target=listen, name="tie", daemon=True).start()
    worker.run(parent_alive=lambda: not closed.is_set())
