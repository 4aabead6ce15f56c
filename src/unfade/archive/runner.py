"""A run over an archive: the driver gives masters to the crew, and writes down what became of each.

Nothing is lost and nothing done twice, whoever is killed: a worker's master is given to another; the driver's
manifest tells what is done, and what was done in its last second lies in the destination with its record, and
is taken over from there.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace

from unfade.archive.crew import BYTES_PER_MEGAPIXEL, WORKER_BYTES, Crew, Ended, Worker
from unfade.archive.manifest import Manifest
from unfade.archive.orders import Finished, Order, Task
from unfade.archive.places import FullError
from unfade.errors import AwayError, UnwritableError

DEATHS_MAX = 3
"""A master over which so many workers died is a dead letter: it is likely what kills them."""
KEPT_EACH_S, KEPT_AT_ONCE = 1.0, 64
NOBODY_S = 120.0  # without a single worker for so long, the run ends
_WAIT_S = 1.0


@dataclass(frozen=True)
class How:
    """How a run goes about it: workers (none: as many as cores), the cluster's address (none: this machine),
    megapixels in hand on each machine at once (none: by its memory), and seconds after which a worker that
    does not come back is ended."""

    workers: int | None = None
    address: str | None = None
    megapixels: float | None = None
    timeout_s: float = 3600.0


@dataclass
class Account:
    """What a run has come to."""

    done: int = 0
    adopted: int = 0
    failed: int = 0
    deaths: int = 0
    seconds: float = 0.0
    busy_s: float = 0.0
    megapixels: float = 0.0
    bytes_written: int = 0
    stopped: str = ""
    workers: int = 0
    first_s: float = 0.0
    """Seconds until the first worker was there."""


Tell = Callable[[Account, Finished], None]
"""Called after each master that came to its end."""


@dataclass
class _Budget:
    """Megapixels that may be in hand on each machine, and those that are."""

    most: float | None
    in_hand: dict[str, float] = field(default_factory=dict)

    def of(self, worker: Worker, crew: Crew) -> float:
        """All that the worker's machine may have in hand."""
        if self.most is not None:
            return self.most
        free = worker.node_bytes - WORKER_BYTES * len(crew.machine_workers(worker.node))
        return max(2.0, free / BYTES_PER_MEGAPIXEL)

    def take(self, node: str, megapixels: float) -> None:
        """Megapixels are in hand there from now on; negative: no more."""
        self.in_hand[node] = self.in_hand.get(node, 0.0) + megapixels


class Run:
    """One run over the masters `tasks`. `manifest`: where it is written down; none: nowhere (a
    prediction)."""

    def __init__(self, order: Order, tasks: Sequence[Task], crew: Crew, how: How, *, manifest: Manifest | None, tell: Tell) -> None:
        self._order, self._crew, self._how, self._manifest, self._tell = order, crew, how, manifest, tell
        self._small: deque[Task] = deque()
        self._large: deque[Task] = deque()
        for task in tasks:
            (self._small if task.megapixels is None or task.deaths == 0 else self._large).append(task)
        self._budget = _Budget(how.megapixels)
        self._unkept: list[Finished] = []
        self._kept_at = time.monotonic()
        self._lonely_since = time.monotonic()
        self.account = Account(workers=crew.size)
        self.finished: list[Finished] = []

    def go(self) -> Account:
        """Do it all. Whatever ends it, what is finished is written down. Raises `UnwritableError` where the
        destination is full, `AwayError` where a place or the crew is gone."""
        began = time.monotonic()
        try:
            while (self._small or self._large or self._crew.busy) and not (self.account.stopped and not self._crew.busy):
                self._assign()
                for ended in self._crew.wait(_WAIT_S):
                    self._take(ended)
                self._look_after(began)
                self._keep()
        finally:
            self.account.seconds = time.monotonic() - began
            self._keep(at_once=True)
        if self.account.stopped:
            raise UnwritableError(f"{self.account.stopped}. What is done is kept: put it right, and give the same command again")
        return self.account

    # --- giving

    def _assign(self) -> None:
        if self.account.stopped:
            return
        for worker in self._crew.idle:
            budget, taken = self._budget.of(worker, self._crew), self._budget.in_hand.get(worker.node, 0.0)
            share = budget / max(1, len(self._crew.machine_workers(worker.node)))
            if self._large:  # it waits until there is room, and nothing small takes the room meanwhile
                task = self._large[0]
                wanted = max(share, task.megapixels or 0.0)
                if taken + wanted <= budget or taken == 0:
                    self._give(worker, self._large.popleft(), wanted)
            elif self._small and taken + share <= budget * 1.001:
                self._give(worker, self._small.popleft(), share)

    def _give(self, worker: Worker, task: Task, megapixels: float) -> None:
        self._budget.take(worker.node, megapixels)
        self._crew.give(worker, task, megapixels, time.monotonic())

    # --- taking

    def _take(self, ended: Ended) -> None:
        self._budget.take(ended.worker.node, -ended.worker.granted)
        finished, task = ended.finished, ended.task
        if finished is None:
            finished = self._buried(task)
        elif finished.state == "larger":
            finished = self._put_aside(ended.worker, task, finished)
        elif finished.state == "stopped":
            self.account.stopped = self.account.stopped or finished.sentence
            finished = None
        if finished is not None:
            self._count(finished)

    def _buried(self, task: Task) -> Finished | None:
        """A worker died over a task: it is tried again, alone among the large ones, or is a dead letter."""
        self.account.deaths += 1
        deaths = task.deaths + 1
        if self._manifest is not None:
            with suppress(FullError):
                deaths = self._manifest.died(task.name)
        if deaths >= DEATHS_MAX:
            why = f"{task.name}: {deaths} workers died while they did it; it may need more memory than there is, or break a library"
            return Finished(task.name, "failed", why, megapixels=task.megapixels)
        self._small.append(replace(task, deaths=deaths))
        return None

    def _put_aside(self, worker: Worker, task: Task, finished: Finished) -> Finished | None:
        """A task is larger than what was granted: it waits for more, if the machine can ever give it."""
        most = self._budget.of(worker, self._crew)
        megapixels = finished.megapixels or 0.0
        if megapixels > most:
            why = (
                f"{task.name} has {megapixels:,.0f} megapixels; the memory of a machine is good for {most:,.0f} at once. "
                "Use fewer workers, a larger machine, or --megapixels"
            )
            return Finished(task.name, "failed", why, megapixels=megapixels)
        self._large.append(replace(task, megapixels=megapixels))
        return None

    def _count(self, finished: Finished) -> None:
        account = self.account
        account.busy_s += finished.seconds
        account.failed += finished.state == "failed"
        account.done += finished.state == "done"
        account.adopted += finished.adopted
        account.megapixels += finished.megapixels or 0.0
        account.bytes_written += finished.bytes_written
        if self._manifest is None:
            self.finished.append(finished)
        else:
            self._unkept.append(finished)
        self._tell(account, finished)

    def _keep(self, *, at_once: bool = False) -> None:
        if self._manifest is None or not self._unkept:
            return
        if at_once or len(self._unkept) >= KEPT_AT_ONCE or time.monotonic() - self._kept_at > KEPT_EACH_S:
            try:
                self._manifest.keep(self._unkept, self._order.asked)
            except FullError as error:  # what is done lies there with its record, and is taken over by the next run
                self.account.stopped = self.account.stopped or str(error)
                return
            self._unkept.clear()
            self._kept_at = time.monotonic()

    def _look_after(self, began: float) -> None:
        """End workers that do not come back, and the run where nobody comes."""
        now = time.monotonic()
        for worker in self._crew.busy:
            if now - worker.since > self._how.timeout_s:
                self._crew.dismiss(worker)
        if self._crew.ready:
            self._lonely_since = now
            self.account.first_s = self.account.first_s or now - began
        elif now - self._lonely_since > NOBODY_S:
            raise AwayError(f"no worker came within {NOBODY_S:.0f} seconds; see whether the cluster has cores for them (ray status)")
