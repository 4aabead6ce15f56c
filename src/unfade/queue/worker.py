"""A JOB IS RUN: a worker process takes jobs from the ledger under a lease, does them, and finishes them
there.

Whoever is alive puts jobs back whose lease ran out.
"""

from __future__ import annotations

import ctypes
import logging
import os
import secrets
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager, suppress

from unfade.errors import AwayError, TooLargeError, UnfadeError, UsageError, sentence
from unfade.queue.job import Job, Made
from unfade.queue.ledger import Ledger
from unfade.queue.messages import AWAY_S, Queue, recover, succeeds, sweep
from unfade.queue.opening import open_ledger, open_store
from unfade.queue.records import JobRecord, Kind, PhotoRecord
from unfade.settings import Settings, open_sessions

log = logging.getLogger(__name__)
TICK_S = 0.4  # how often progress is written down
SWEEP_S = 5.0
GIVE_WAY_S = 3.0
SOON_PIXELS = 1_200_000  # up to these, a job does not wait for the first look
FIRST_LOOK_S = 0.05
BESIDE_MEGAPIXELS = 24.0  # what is saved beside the next job is in memory with it: 300 MB in color and 16 bits, before and after


class AbandonedError(Exception):
    """Nobody wants the job any longer, or this process has to end: raised out of the pipeline by its progress
    callback.
    """


class Hold:
    """A job that this process holds: where it has come to, and whether it still holds it."""

    def __init__(self, job: JobRecord, gives_way: Callable[[Hold], None]) -> None:
        """`gives_way` waits while something else is more urgent."""
        assert job.holder is not None
        self._gives_way = gives_way
        self.job, self.holder = job, job.holder
        self.began = time.monotonic()
        self.step: str | None = None
        self.share = 0.0
        self.abandoned = False
        self._written: tuple[str | None, float] = (None, 0.0)
        self._beaten = self.began

    def progress(self, step: str, share: float) -> None:
        """What the pipeline calls. Raises `AbandonedError`."""
        self._gives_way(self)
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


class Worker:
    """Takes jobs and does them, one at a time, and previews beside them, until told to stop.

    One per process; models are opened once. What a job made is encoded and put away in a thread beside the
    next job's steps, so that these never wait for that. The job is held, and its lease renewed, until it is
    saved. A job that a worker died of, or beside which one died, runs alone: see `_is_alone`.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._ledger, self._store = open_ledger(settings, through_power_cuts=False), open_store(settings)
        self._sessions = open_sessions(settings)
        self._queue = Queue(settings, self._do)
        self._name = secrets.token_hex(8)
        self._holds: set[Hold] = set()
        self._lock = threading.Lock()
        self._stopping = threading.Event()
        self._last_work = time.monotonic()
        self._saver = ThreadPoolExecutor(1, thread_name_prefix="saver")
        self._job = Job(self._store, self._sessions, self._saver, max_megapixels=settings.max_megapixels)
        self._saving: Future[None] | None = None  # of the last job; only the lane of jobs looks at it

    # --- the process

    def run(self, *, parent_alive: Callable[[], bool] = lambda: True) -> None:
        """Work until SIGTERM or SIGINT comes or `parent_alive` says no.

        Then finish the job, or put it back after `grace_s`.
        """
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
        with suppress(AwayError, OSError):  # it is forgotten once its lease has run out
            self._ledger.leave(self._name)
        log.info("a worker has stopped")

    def look(self) -> None:
        """Look for messages now: one was sent."""
        self._queue.look()

    def _give_back(self) -> None:
        """Put back into the queue what is still held: a step that did not end within its time."""
        for hold in list(self._holds):
            self._release(hold)

    def _tick(self) -> None:
        """Renew leases and write progress down.

        End the process where a job takes too long: nothing else stops native code.
        """
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
            succeeds(self._store.scratch.clear)
            succeeds(lambda: recover(self._ledger, self._queue, self._settings))
            if time.monotonic() - swept > 60 and succeeds(lambda: sweep(self._ledger, self._store, now=time.time())):
                swept = time.monotonic()

    def _rest(self) -> None:
        """Give the models' memory back once nothing was asked for a while."""
        with self._lock:
            idle = not self._holds and time.monotonic() - self._last_work > self._settings.idle_s
        if idle and self._sessions.opened:
            self._sessions.close()
            self._job.rest()
            return_memory()
            log.info("idle: the models' memory was given back")

    # --- one job

    def _do(self, kind: Kind, job_id: str) -> None:
        """What a message leads to."""
        if self._stopping.is_set():
            self._queue.send(kind, job_id)
            return
        try:
            job = self._take(kind)
        except (AwayError, OSError) as error:
            log.warning("no job can be taken for now: %s", error)
            self._stopping.wait(AWAY_S)
            return
        if job is None:
            return
        with ExitStack() as held:
            hold = held.enter_context(self._holding(job))
            made = self._run(hold)
            if made is not None:
                self._hand_on(hold, made, held.pop_all())

    def _take(self, kind: Kind) -> JobRecord | None:
        """Take the job whose turn it is; None where there is none."""
        while (first := self._ledger.first(kind)) is not None:
            if kind == "restore" and self._is_alone(first.attempts + 1):
                self._settle()
            job = self._ledger.claim(first.id, lease_s=self._settings.lease_s)
            if job is not None:
                return job
        return None

    @contextmanager
    def _holding(self, job: JobRecord) -> Iterator[Hold]:
        """Hold a job that was taken.

        What goes wrong in the block, be it in several threads, is written down as the job's end.
        """
        hold = Hold(job, self._give_way)
        with self._lock:
            self._holds.add(hold)
        try:
            yield hold
        except AbandonedError:
            self._release(hold)
        except AwayError as error:  # nobody is at fault: the job waits for the storage to come back
            log.warning("a job waits until what it needs can be reached: %s", error)
            self._release(hold)
            self._stopping.wait(AWAY_S)
        except TooLargeError as error:
            self._fail(hold, error.for_visitors)
        except UnfadeError as error:
            self._fail(hold, sentence(str(error)))
        except MemoryError:
            self._fail(hold, "There is not enough memory for this photograph; try a smaller copy.")
        except FileNotFoundError:
            self._fail(hold, "The photograph is gone; it was deleted or has expired.")
        except OSError:
            log.exception("a job could not read or write its files")
            self._fail(hold, "The server could not read or write its files; its disk may be full. Try again later.")
        except Exception:
            log.exception("a mistake in a job")
            self._fail(hold, "Something went wrong in the server itself; its log says what.")
        finally:
            with self._lock:
                self._holds.discard(hold)
                self._last_work = time.monotonic()

    def _give_way(self, hold: Hold) -> None:
        """Let previews go first, for somebody waits for them.

        A job rests between two pieces of its work while one is made, not longer than `GIVE_WAY_S`.
        """
        if hold.job.kind == "preview":
            return
        until = time.monotonic() + GIVE_WAY_S
        while time.monotonic() < until and not hold.abandoned and any(other.job.kind == "preview" for other in list(self._holds)):
            time.sleep(0.01)

    def _fail(self, hold: Hold, said: str) -> None:
        """Write down that a job cannot be done.

        Where that cannot be written now, the lease runs out instead.
        """
        try:
            self._ledger.fail(hold.job, hold.holder, said)
        except (AwayError, OSError) as error:
            log.warning("it could not be written down that a job failed; it is tried again: %s", error)

    def _release(self, hold: Hold) -> None:
        """Put a job back into the queue. Where that cannot be written now, the lease runs out instead."""
        try:
            if self._ledger.release(hold.job.id, hold.holder):
                self._queue.send(hold.job.kind, hold.job.id)
        except (AwayError, OSError) as error:
            log.warning("a job could not be put back; it is done again when its lease has run out: %s", error)

    def _is_alone(self, attempt: int) -> bool:
        """Whether a job's attempt of this number may have no other job beside it.

        Where a worker dies that held two jobs, both have lost an attempt, and one of them through no fault of
        its own. From then on each runs alone, so that it loses none for the other any more; and where a job
        has one attempt in all, none can be lost at all.
        """
        return attempt > 1 or self._settings.job_attempts == 1

    def _settle(self) -> None:
        """Wait until the last job is saved."""
        saving, self._saving = self._saving, None
        if saving is not None and (error := saving.exception()) is not None:
            log.error("what became of a job could not be written down; it is done again", exc_info=error)

    def _hand_on(self, hold: Hold, made: Made, held: ExitStack) -> None:
        """Save what was made beside the next job, or now, where it is large or must be alone.

        `held` gives the job up afterwards.
        """

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
        job, record = hold.job, self._ledger.photo(hold.job.photo_id)
        if record is None:
            self._ledger.remove_job(job.id)
        elif job.unread:
            names = ", ".join(job.unread)
            raise UsageError(f"this was asked of another version of the server, and this one does not know {names}; start it again")
        elif job.kind == "preview":
            self._job.preview(job, record, hold.progress)
            self._ledger.finish(job.id, hold.holder, result=None, mask_id=None)
        else:
            self._let_first_look_go_first(hold, record)
            return self._job.restore(job, record, hold.progress)
        return None

    def _let_first_look_go_first(self, hold: Hold, record: PhotoRecord) -> None:
        """Let the first, small picture come before a job begins.

        A page asks for both in the same moment. Beside a job that reads and looks for prints without a rest
        the first picture would take half as long again; of a small photograph the job itself is soon done.
        """
        if record.width * record.height > SOON_PIXELS:
            time.sleep(FIRST_LOOK_S)
            self._give_way(hold)

    def _save(self, hold: Hold, made: Made) -> None:
        """Put what came out where the ledger says, and finish the job."""
        folder = f"photos/{made.record.id}/jobs/{hold.job.id}/{hold.holder}"
        saved = self._job.save(made, folder, hold.progress)
        if saved.mask is not None:
            self._ledger.add_mask(made.record.id, saved.mask)
        if not self._ledger.finish(hold.job.id, hold.holder, result=saved.result, mask_id=saved.mask_id):
            self._store.remove(folder)  # it was deleted, or another worker has it
            if not self._ledger.has_photo(made.record.id):
                self._store.remove(f"photos/{made.record.id}")
        elif saved.mask_id is not None:
            self._job.keep_stages(made, saved.mask_id)


def return_memory() -> None:
    """Ask the C library to give freed memory back to the system, where it can (glibc)."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)


def work(settings: Settings, *, tied: bool = False) -> None:
    """Be a worker process until told to stop.

    `tied` to whoever started it: what comes on standard input says that a message was sent; when it closes,
    they have died, and this ends.
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
