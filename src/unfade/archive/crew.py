"""The workers of a run: Ray actors, one for each group of cores. The one import of Ray.

Ray's actors, and not Ray Data, because a master is a unit of its own: the driver must see each one end, with
its sentence if it failed, grant it memory by its megapixels, and count how often a worker died over it. Ray
Data moves blocks of rows, and takes up a stopped run only from Parquet it wrote itself. Ray places the actors
on machines, starts them, tells of their deaths, and carries what goes between.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

from unfade.archive.orders import Finished, Order, Task
from unfade.archive.treating import Treater
from unfade.errors import AwayError, UsageError
from unfade.files.names import readable

BYTES_PER_MEGAPIXEL = 60e6
"""What a worker takes for each megapixel that it has in hand, at most: with every step on 16-bit RGB scans 54
MB were measured at 6 megapixels and 45 at 12, above the 412 MB of one with its models open."""
WORKER_BYTES = 600e6  # a worker with its models open and nothing in hand, and Ray beside it
_OBJECTS_BYTES = 80 << 20  # only names and accounts go between; 75 MiB is the least that Ray takes
_QUIET = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_worker_niceness": "0", "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0", "RAY_DEDUP_LOGS": "0"}


@dataclass
class Worker:
    """An actor: the machine (Ray's node) that it runs on, what it does, and since when."""

    actor: Any
    node: str
    node_bytes: float
    task: Task | None = None
    granted: float = 0.0
    since: float = 0.0


@dataclass(frozen=True)
class Ended:
    """A worker has ended a task, or has died over it (`finished` is None)."""

    worker: Worker
    task: Task
    finished: Finished | None


class Crew:
    """Ray, and the actors on it. Use it as a context manager.

    `workers`: how many; none: as many as the cores of all machines give. `address`: of a cluster
    (`ray://host:10001`, `host:6379` or `auto`); none: this machine, for as long as the block runs. Raises
    `AwayError` where the cluster cannot be reached.
    """

    def __init__(self, order: Order, *, workers: int | None, address: str | None) -> None:
        self._order, self._wanted, self._address = order, workers, address
        self.ready: list[Worker] = []
        self._coming: dict[Any, Any] = {}  # the answer that an actor is there: the actor
        self._running: dict[Any, Worker] = {}

    def __enter__(self) -> Self:
        for name, value in _QUIET.items():
            os.environ.setdefault(name, value)  # no network at run time: Ray would report its use
        import ray

        self._ray = ray
        quiet: dict[str, Any] = {"logging_level": "ERROR", "log_to_driver": False}
        try:
            if self._address is None:
                from unfade.models.session import cpu_limit

                cores = max(cpu_limit(), (self._wanted or 1) * self._order.threads)
                ray.init(address="local", num_cpus=cores, include_dashboard=False, object_store_memory=_OBJECTS_BYTES, **quiet)
            else:
                ray.init(address=self._address, **quiet)
        except UnicodeEncodeError as error:  # Ray keeps the command line and the working directory as UTF-8; names within are no matter
            raise UsageError(
                f"Ray cannot begin where a folder's name is no UTF-8 ({readable(error.object)}); make links to the folders, "
                "with plain names (ln -s), name those, and give the command from a folder with a plain name"
            ) from error
        except (ConnectionError, RuntimeError, TimeoutError, ValueError) as error:
            where = f"the Ray cluster {self._address}" if self._address else "Ray"
            raise AwayError(f"{where} cannot be reached: {str(error).splitlines()[0]}; see whether it runs (ray status)") from error
        self._class: Any = ray.remote(_Actor)
        there = sum([float(node["Resources"].get("CPU", 0)) for node in _machines(ray)])
        self.size = self._wanted or max(1, int(there // self._order.threads))
        for _ in range(self.size):
            self._hire()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._ray.shutdown()

    def _hire(self) -> None:
        """Ask for one more actor. Where no machine has cores for it now, it comes when one has."""
        actor = self._class.options(num_cpus=self._order.threads, max_restarts=0).remote(self._order)
        self._coming[actor.where.remote()] = actor

    @property
    def idle(self) -> list[Worker]:
        """The workers that have nothing to do."""
        return [worker for worker in self.ready if worker.task is None]

    @property
    def busy(self) -> list[Worker]:
        """The workers that do something."""
        return list(self._running.values())

    def machine_workers(self, node: str) -> list[Worker]:
        """The workers of one machine."""
        return [worker for worker in self.ready if worker.node == node]

    def give(self, worker: Worker, task: Task, megapixels: float, now: float) -> None:
        """Let a worker do a task, with so many megapixels granted."""
        worker.task, worker.granted, worker.since = task, megapixels, now
        self._running[worker.actor.do.remote(task, megapixels)] = worker

    def wait(self, timeout_s: float) -> list[Ended]:
        """What has ended within this time; a worker that died is replaced. Raises what an actor raised when
        it began."""
        waited_for = [*self._running, *self._coming]
        if not waited_for:
            return []
        there, rest = self._ray.wait(waited_for, num_returns=1, timeout=timeout_s)
        if there and rest:
            there += self._ray.wait(rest, num_returns=len(rest), timeout=0)[0]
        ended = []
        for answer in there:
            if answer in self._coming:
                self._welcome(answer)
            else:
                ended.append(self._ended(answer))
        return ended

    def _welcome(self, answer: Any) -> None:
        actor = self._coming.pop(answer)
        try:
            node, node_bytes = self._ray.get(answer)
        except self._ray.exceptions.ActorDiedError as error:
            if "UsageError" in str(error) or "ModelError" in str(error) or "creation task" in str(error):
                raise UsageError(f"a worker cannot begin: {_last_line(error)}") from error
            self._hire()
        except self._ray.exceptions.RayError:
            self._hire()
        else:
            self.ready.append(Worker(actor, node, node_bytes))

    def _ended(self, answer: Any) -> Ended:
        worker = self._running.pop(answer)
        task = worker.task
        assert task is not None
        worker.task = None
        try:
            return Ended(worker, task, self._ray.get(answer))
        except self._ray.exceptions.RayError:
            self.dismiss(worker)
            return Ended(worker, task, None)

    def dismiss(self, worker: Worker) -> None:
        """End a worker, if it lives, and ask for another."""
        self._ray.kill(worker.actor)
        if worker in self.ready:
            self.ready.remove(worker)
            self._hire()


class _Actor(Treater):
    """A `Treater` as Ray runs it."""

    def where(self) -> tuple[str, float]:
        """The machine (Ray's node), and the bytes of memory that may be taken on it."""
        import ray

        context = ray.get_runtime_context()
        mine = next(node for node in _machines(ray) if node["NodeID"] == context.get_node_id())
        return context.get_node_id(), float(mine["Resources"].get("memory", 4e9))


def _machines(ray: Any) -> list[dict[str, Any]]:
    """The machines of the cluster that live."""
    return [node for node in ray.nodes() if node["Alive"]]


def _last_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return lines[-1] if lines else type(error).__name__
