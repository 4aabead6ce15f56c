"""Which photographs and jobs there are, and how far they have come.

What is written here outlives kill -9 of any process.

A job goes queued -> running -> done | failed, or is cancelled. It is taken by a worker under a lease,
which the worker renews; a lease that runs out means that the worker died, and the job is queued again, or
failed once it has killed so many workers. Whoever holds a job holds a random word, and every change of
theirs must show it: a worker that was thought dead and comes back changes nothing. So a job is finished
once.

Clients take turns: each one's first job waits for the first jobs of the others, its second for their
second, and so on. However many jobs one client has waiting, another's first comes next.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Literal

from unfade.queue.options import Options
from unfade.queue.records import JobRecord, Kind, MaskRecord, PhotoRecord, ResultRecord
from unfade.queue.table import Row, Table, read_row

Ending = Literal["done", "failed"]
PREVIEW_WAITS_S = 120.0  # longer than whoever asked for it waits
SHARE = 3.0  # a client may have this many times the free places: of an empty queue three quarters, and never the last ones
SPOILT = "This version of the server cannot read what was asked for; ask again."
TURN = 1e10  # ranks of one turn are the times of arrival, which are less (seconds since 1970)


class QueueFullError(Exception):
    """As many jobs wait as may, of all or of this client, who has `own` of them."""

    def __init__(self, own: int) -> None:
        self.own = own
        super().__init__(f"{own} of this client")


def _queue(kind: Kind) -> str:
    return "queued" if kind == "restore" else "previews-queued"


def _own(job: JobRecord) -> str:
    return f"{_queue(job.kind)}-of:{job.client}"


def _job_row(job: JobRecord) -> Row:
    groups = {f"jobs:{job.photo_id}" if job.kind == "restore" else f"previews:{job.photo_id}": job.created}
    if job.state == "queued":
        groups[_queue(job.kind)] = groups[_own(job)] = job.rank or job.created
    elif job.state == "running":
        groups["running" if job.kind == "restore" else "previews-running"] = job.lease_until
    return Row(job.model_dump_json(), groups)


def _read(row: Row | None) -> JobRecord | None:
    """What a row says of a job; None where there is none, or its record cannot be read."""
    return read_row(row, JobRecord.read, "the record of a job")


def _read_photo(row: Row | None) -> PhotoRecord | None:
    """What a row says of a photograph; None where there is none, or its record cannot be read."""
    return read_row(row, PhotoRecord.model_validate_json, "the record of a photograph")


class Ledger:
    """The records, in a table. Safe to use from any thread of any process."""

    def __init__(self, table: Table, *, clock: Callable[[], float] = time.time) -> None:
        self._table, self._clock = table, clock
        self._submitting = threading.Lock()

    def check(self) -> None:
        """Raise `AwayError` where the table cannot be reached."""
        self._table.check()

    @property
    def table(self) -> Table:
        """Where the records lie."""
        return self._table

    def close(self) -> None:
        """Let go of the table."""
        self._table.close()

    # --- photographs

    def add_photo(self, photo: PhotoRecord) -> None:
        """Write a new photograph down."""
        self._table.change(f"photo:{photo.id}", lambda _: Row(photo.model_dump_json(), {"photos": photo.expires}))

    def photo(self, photo_id: str) -> PhotoRecord | None:
        """A photograph; None where there is none, its time is over, or its record cannot be read."""
        photo = _read_photo(self._table.get(f"photo:{photo_id}"))
        return None if photo is None or photo.expires <= self._clock() else photo

    def change_photo(self, photo_id: str, change: Callable[[PhotoRecord], PhotoRecord], *, frees: bool = False) -> PhotoRecord | None:
        """Change a photograph's record; None where there is none that can be read. `frees`: the change makes
        room.
        """

        def apply(row: Row | None) -> Row | None:
            before = _read_photo(row)
            if before is None:
                return row  # one that cannot be read stays until its time is over
            photo = change(before)
            return Row(photo.model_dump_json(), {"photos": photo.expires})

        return _read_photo(self._table.change(f"photo:{photo_id}", apply, frees=frees))

    def add_mask(self, photo_id: str, mask: MaskRecord) -> bool:
        """Add a mask to a photograph, or put a new one in the place of that of its id.

        False where there is no such photograph.
        """

        def change(photo: PhotoRecord) -> PhotoRecord:
            others = tuple(other for other in photo.masks if other.id != mask.id)
            return photo.model_copy(update={"masks": (*others, mask)})

        return self.change_photo(photo_id, change) is not None

    def remove_mask(self, photo_id: str, mask_id: str) -> None:
        """Forget a mask."""

        def change(photo: PhotoRecord) -> PhotoRecord:
            return photo.model_copy(update={"masks": tuple(mask for mask in photo.masks if mask.id != mask_id)})

        self.change_photo(photo_id, change, frees=True)

    def remove_photo(self, photo_id: str) -> bool:
        """Forget a photograph and its jobs; whoever works on one learns it at their next beat.

        False where there was none.
        """
        existed = self._table.get(f"photo:{photo_id}") is not None
        self._table.change(f"photo:{photo_id}", lambda _: None, frees=True)
        for group in (f"jobs:{photo_id}", f"previews:{photo_id}"):
            for job_id in self._table.keys(group):
                self._table.change(job_id, lambda _: None, frees=True)
        return existed

    def expired_photos(self) -> list[str]:
        """The ids of photographs whose time is over."""
        return [key.removeprefix("photo:") for key in self._table.keys("photos", upto=self._clock())]

    def has_photo(self, photo_id: str) -> bool:
        """Whether there is a record of this photograph, its time over or not."""
        return self._table.get(f"photo:{photo_id}") is not None

    # --- jobs, from the server's side

    def submit(self, job: JobRecord, *, max_queue: int) -> JobRecord:
        """Put a job into the queue.

        Gives the job that there is: where one of this id was submitted before, that one.

        Raises `QueueFullError` where all places are taken, or this client has so many that the rest is
        for others. Those who submit at once are let in one by one, or both would see the last place free;
        servers that share a table may be over by one each.
        """
        with self._submitting:
            there = self.job(job.id)
            if there is not None:
                return there
            own, free = self._table.count(_own(job)), max_queue - self._table.count(_queue(job.kind))
            if free <= 0 or own >= SHARE * free:
                raise QueueFullError(own)
            ranked = job.model_copy(update={"rank": self._rank(job)})
            row = self._table.change(job.id, lambda row: _job_row(ranked) if row is None else row)
        return _read(row) or ranked

    def _rank(self, job: JobRecord) -> float:
        """Where a new job stands: in the turn after its client's last, or in that which is on."""
        if job.kind == "preview":
            return job.created
        last, first = self._table.last_rank(_own(job)), self._table.ranks(_queue(job.kind), limit=1)
        turn = last // TURN + 1 if last is not None else first[0][1] // TURN if first else 0.0
        return turn * TURN + job.created

    def job(self, job_id: str) -> JobRecord | None:
        """A job; None where there is none, or its record cannot be read."""
        return _read(self._table.get(job_id))

    def jobs(self, job_ids: Sequence[str]) -> dict[str, JobRecord]:
        """Those of these jobs that there are."""
        read = {job_id: _read(row) for job_id, row in self._table.get_many(job_ids).items()}
        return {job_id: job for job_id, job in read.items() if job is not None}

    def positions(self) -> dict[str, int]:
        """How many jobs come before each of those that wait."""
        return {job_id: place for place, job_id in enumerate(self.waiting(limit=100_000))}

    def first(self, kind: Kind) -> JobRecord | None:
        """The job whose turn it is. Those before it whose records cannot be read fail."""
        for job_id in self.waiting(kind, limit=100):
            job = self.job(job_id)
            if job is not None:
                return job
            self._spoil(job_id, kind)
        return None

    def jobs_of(self, photo_id: str) -> list[JobRecord]:
        """A photograph's jobs, oldest first, without previews."""
        jobs = (self.job(job_id) for job_id in self._table.keys(f"jobs:{photo_id}"))
        return [job for job in jobs if job is not None]

    def position(self, job: JobRecord) -> int | None:
        """How many jobs come before this one; None if it does not wait."""
        return self._table.place(_queue(job.kind), job.id) if job.state == "queued" else None

    def remove_job(self, job_id: str) -> bool:
        """Forget a job, whatever its state. False where there was none."""
        existed = self._table.get(job_id) is not None
        self._table.change(job_id, lambda _: None, frees=True)
        return existed

    def supersede_previews(self, photo_id: str) -> None:
        """Cancel the previews of a photograph that still wait."""
        for job_id in self._table.keys(f"previews:{photo_id}"):
            self._change(job_id, lambda job: job.model_copy(update={"state": "cancelled"}) if job.state == "queued" else None)

    def counts(self) -> tuple[int, int]:
        """How many jobs wait, and how many run."""
        return self._table.count("queued"), self._table.count("running")

    def waiting(self, kind: Kind = "restore", *, limit: int = 1000) -> list[str]:
        """The ids of jobs that wait, in their order."""
        return self._table.keys(_queue(kind), limit=limit)

    def total(self, what: Ending) -> int:
        """How many jobs have ended so since the ledger began."""
        return self._table.counted(what)

    # --- jobs, from a worker's side

    def _change(self, job_id: str, change: Callable[[JobRecord], JobRecord | None], *, counts: Ending | None = None) -> JobRecord | None:
        """Change a job; `change` gives None to leave it. What is changed `counts` as an ending.

        Gives the job as it became, None where there is none or it was left.
        """
        became: JobRecord | None = None

        def apply(row: Row | None) -> Row | None:
            nonlocal became
            job = _read(row)
            became = None if job is None else change(job)
            return row if became is None else _job_row(became)

        self._table.change(job_id, apply, counts=counts)
        return became

    def _spoil(self, job_id: str, kind: Kind) -> None:
        """Put a failed job in the place of one whose record cannot be read; a preview goes."""

        def apply(row: Row | None) -> Row | None:
            if row is None or _read(row) is not None:
                return row
            of = next(((group.removeprefix("jobs:"), created) for group, created in row.groups.items() if group.startswith("jobs:")), None)
            if of is None:
                return None
            photo_id, created = of
            now = self._clock()
            failed = JobRecord(id=job_id, photo_id=photo_id, options=Options(), created=created, state="failed", finished=now, error=SPOILT)
            return _job_row(failed)

        self._table.change(job_id, apply, counts="failed" if kind == "restore" else None)

    def _change_held(self, job_id: str, holder: str, update: Mapping[str, object], *, counts: Ending | None = None) -> bool:
        """Change these fields of a job that `holder` holds; False where they hold it no longer."""

        def change(job: JobRecord) -> JobRecord | None:
            return job.model_copy(update=dict(update)) if job.state == "running" and job.holder == holder else None

        return self._change(job_id, change, counts=counts) is not None

    def claim(self, job_id: str, *, lease_s: float) -> JobRecord | None:
        """Take a job that waits; None where there is none, or someone else has it.

        Its `holder` is the word to show from now on.
        """
        now = self._clock()

        def change(job: JobRecord) -> JobRecord | None:
            if job.state != "queued":
                return None
            update = {
                "state": "running",
                "holder": secrets.token_hex(8),
                "lease_until": now + lease_s,
                "attempts": job.attempts + 1,
                "started": now,
                "step": None,
                "step_progress": 0.0,
            }
            return job.model_copy(update=update)

        return self._change(job_id, change)

    def beat(self, job_id: str, holder: str, step: str | None, progress: float, *, lease_s: float) -> bool:
        """Renew the lease, and say how far the job is.

        False where the job is held no longer: stop working on it.
        """
        return self._change_held(job_id, holder, {"lease_until": self._clock() + lease_s, "step": step, "step_progress": progress})

    def finish(self, job_id: str, holder: str, *, result: ResultRecord | None, mask_id: str | None) -> bool:
        """The job is done. False where it was held no longer: throw the result away."""
        update = {"state": "done", "finished": self._clock(), "result": result, "mask_id": mask_id, "holder": None}
        return self._change_held(job_id, holder, update, counts="done" if result is not None else None)  # a preview has none

    def fail(self, job: JobRecord, holder: str, sentence: str) -> bool:
        """The job cannot be done; `sentence` says why."""
        update = {"state": "failed", "finished": self._clock(), "error": sentence, "holder": None}
        return self._change_held(job.id, holder, update, counts="failed" if job.kind == "restore" else None)

    def release(self, job_id: str, holder: str) -> bool:
        """Put a job back into the queue, where it stood. It is not at fault: the attempt is not counted."""

        def change(job: JobRecord) -> JobRecord | None:
            if job.state != "running" or job.holder != holder:
                return None
            return job.model_copy(update={"state": "queued", "holder": None, "attempts": job.attempts - 1, "step": None})

        return self._change(job_id, change) is not None

    def recover(self, *, attempts: int, lease_s: float) -> list[str]:
        """Queue the jobs again whose leases have run out; gives their ids.

        Those that killed `attempts` workers fail instead.
        """
        self._shorten_leases(lease_s)
        now, again = self._clock(), []
        for job_id in self._table.keys("running", upto=now):

            def requeue(job: JobRecord) -> JobRecord | None:
                if job.state != "running" or job.lease_until > now or job.attempts >= attempts:
                    return None
                return job.model_copy(update={"state": "queued", "holder": None, "step": None})

            def give_up(job: JobRecord) -> JobRecord | None:
                if job.state != "running" or job.lease_until > now:
                    return None
                error = f"It stopped its worker {job.attempts} times, most likely for want of memory or time. Try a smaller copy."
                return job.model_copy(update={"state": "failed", "holder": None, "finished": now, "error": error})

            if self._change(job_id, requeue) is not None:
                again.append(job_id)
            elif self._change(job_id, give_up, counts="failed") is None:
                self._spoil(job_id, "restore")
        old = now - PREVIEW_WAITS_S
        for job_id in (*self._table.keys("previews-running", upto=now), *self._table.keys("previews-queued", upto=old)):
            self._table.change(job_id, lambda _: None, frees=True)  # nobody waits for these any longer
        return again

    def _shorten_leases(self, lease_s: float) -> None:
        """Let leases end in time although the clock was put back: whoever lives renews theirs long before
        that.
        """
        now = self._clock()
        until = now + lease_s

        def shorten(job: JobRecord) -> JobRecord | None:
            return job.model_copy(update={"lease_until": until}) if job.lease_until > until else None

        for group in ("running", "previews-running"):
            for job_id in self._table.keys(group, above=now + 2 * lease_s):
                self._change(job_id, shorten)
        for key in self._table.keys("workers", above=now + 2 * lease_s):
            self._table.change(key, lambda row: None if row is None else Row(str(until), {"workers": until}))
        for job_id in self._table.keys("previews-queued", above=now + PREVIEW_WAITS_S):
            self._table.change(job_id, lambda _: None, frees=True)

    # --- workers

    def greet(self, worker: str, *, lease_s: float) -> None:
        """A worker says that it lives."""
        until = self._clock() + lease_s
        self._table.change(f"worker:{worker}", lambda _: Row(str(until), {"workers": until}))

    def leave(self, worker: str) -> None:
        """A worker goes."""
        self._table.change(f"worker:{worker}", lambda _: None, frees=True)

    def workers(self) -> int:
        """How many workers live; those that are silent are forgotten."""
        for key in self._table.keys("workers", upto=self._clock()):
            self._table.change(key, lambda _: None, frees=True)
        return self._table.count("workers")
