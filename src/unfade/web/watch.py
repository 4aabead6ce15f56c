"""Jobs are watched for all streams of events together.

However many streams there are, and however many of them ask for the same job, the ledger is read once a
round, and no more than a fifth of one thread's time is spent on it.
"""

from __future__ import annotations

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import suppress

from sse_starlette import ServerSentEvent
from starlette.concurrency import run_in_threadpool

from unfade.errors import AwayError
from unfade.queue.ledger import Ledger
from unfade.queue.records import OVER, JobRecord
from unfade.web.clients import AtOnce
from unfade.web.responses import job_response

ROUND_S = 0.3
PAUSE_SHARE = 4.0  # a round is followed by a pause so many times as long
STREAMS_EACH, STREAMS_ALL = 20, 500  # of one client: a tab has one

State = tuple[str | None, bool]
"""What is said of a job, None: there is none; and whether it is over."""


class Watch:
    """Knows the state of every job that a stream asks for."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._asked: Counter[str] = Counter()
        self._states: dict[str, State] = {}
        self._news = asyncio.Condition()
        self._looking: asyncio.Task[None] | None = None
        self.streams = AtOnce(STREAMS_EACH, STREAMS_ALL)

    async def events(self, job_ids: Sequence[str]) -> AsyncIterator[ServerSentEvent]:
        """What is new of these jobs (`job`, `gone`), until all are over (`end`)."""
        said: dict[str, str | None] = {}
        left = set(job_ids)
        self._asked.update(job_ids)
        try:
            self._look_on()
            while left:
                for job_id in [job_id for job_id in job_ids if job_id in left and job_id in self._states]:
                    state, over = self._states[job_id]
                    if state is None:
                        yield ServerSentEvent(f'{{"id": "{job_id}"}}', event="gone")
                    elif said.get(job_id) != state:
                        yield ServerSentEvent(state, event="job")
                    said[job_id] = state
                    await asyncio.sleep(0)  # a stream of many jobs lets others have their turn between
                    if over:
                        left.discard(job_id)
                if left:
                    async with self._news:
                        await self._news.wait()
            yield ServerSentEvent("{}", event="end")
        finally:
            self._asked.subtract(job_ids)
            for job_id in job_ids:
                if self._asked[job_id] <= 0:
                    del self._asked[job_id]
                    self._states.pop(job_id, None)

    def _look_on(self) -> None:
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())

    async def _look(self) -> None:
        """Read the ledger, round after round, for as long as anyone asks."""
        while self._asked:
            began = time.perf_counter()
            wanted = [job_id for job_id in self._asked if not self._states.get(job_id, (None, False))[1]]
            with suppress(AwayError, OSError):  # the next round may reach it
                found = await run_in_threadpool(self._read, wanted)
                self._states.update({job_id: state for job_id, state in found.items() if job_id in self._asked})
            async with self._news:
                self._news.notify_all()
            await asyncio.sleep(max(ROUND_S, PAUSE_SHARE * (time.perf_counter() - began)))

    def _read(self, job_ids: Sequence[str]) -> dict[str, State]:
        jobs = self._ledger.jobs(job_ids)
        waits = any(job.state == "queued" for job in jobs.values())
        positions = self._ledger.positions() if waits else {}
        return {job_id: self._state(jobs.get(job_id), positions) for job_id in job_ids}

    @staticmethod
    def _state(job: JobRecord | None, positions: dict[str, int]) -> State:
        if job is None:
            return None, True
        return job_response(job, positions.get(job.id)).model_dump_json(), job.state in OVER
