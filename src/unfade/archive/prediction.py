"""How long a run will take, and how many bytes it will write: from a sample, done as the run would do it.

The masters are sorted by kind and size of their files and cut into parts of equal weight, the weight of a
file being 1 + its bytes over the mean. One master of each part, drawn by a seed, is done by the same crew at
the same time as in the run, so that workers are in each other's way as they will be; nothing is written. Each
stands for its part by weight.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePosixPath

import numpy as np

from unfade.archive.crew import Crew
from unfade.archive.orders import Finished, Order, Task
from unfade.archive.places import Found, PassedOver
from unfade.archive.runner import How, Run, Tell

SAMPLE = 48
_SEED = 20260801


@dataclass(frozen=True)
class Prediction:
    """What a run over so many `masters` is expected to come to: seconds, bytes written, and masters that
    fail; from `sampled` of them, on so many workers. `unreadable`: masters that failed as the source was
    listed; `passed_over`: what it holds that is no master."""

    masters: int
    bytes_read: int
    seconds: float
    bytes_written: float
    failures: float
    sampled: int
    workers: int
    unreadable: tuple[Found, ...] = ()
    passed_over: PassedOver = field(default_factory=PassedOver)


def parts_of(tasks: Sequence[Task], count: int) -> list[list[Task]]:
    """The tasks, by kind and size, in at most `count` parts of about equal weight, none of them empty."""
    mean = max(1.0, sum(task.bytes for task in tasks) / max(1, len(tasks)))
    ordered = sorted(tasks, key=lambda task: (PurePosixPath(task.name).suffix.lower(), task.bytes, task.name))
    total = sum(1 + task.bytes / mean for task in ordered)
    parts: list[list[Task]] = [[]]
    reached = 0.0
    for task in ordered:
        if parts[-1] and reached >= total * len(parts) / count:
            parts.append([])
        parts[-1].append(task)
        reached += 1 + task.bytes / mean
    return [part for part in parts if part]


def predict(order: Order, tasks: Sequence[Task], how: How, *, sample: int = SAMPLE, tell: Tell) -> Prediction:
    """Predict a run over `tasks`. Raises what a run raises."""
    if not tasks:
        return Prediction(0, 0, 0.0, 0.0, 0.0, 0, 0)
    rng = np.random.default_rng(_SEED)
    parts = parts_of(tasks, sample)
    drawn = [part[int(rng.integers(len(part)))] for part in parts]
    trial = replace(order, keep=False)
    with Crew(trial, workers=how.workers, address=how.address) as crew:
        warm = Run(
            trial, drawn[: crew.size] * (1 + crew.size // len(drawn)), crew, how, manifest=None, tell=tell
        )  # models are opened once a worker
        warm.go()
        run = Run(trial, drawn, crew, how, manifest=None, tell=tell)
        run.go()
    by_name = {finished.name: finished for finished in run.finished}
    mean = max(1.0, sum(task.bytes for task in tasks) / len(tasks))
    seconds = written = failures = 0.0
    for part, task in zip(parts, drawn, strict=True):
        one: Finished = by_name[task.name]
        scale = sum(1 + each.bytes / mean for each in part) / (1 + task.bytes / mean)
        seconds += one.seconds * scale
        written += one.bytes_written * scale
        failures += len(part) * (one.state == "failed")
    workers = min(crew.size, len(tasks))
    overhead = warm.account.first_s + (warm.account.busy_s - sum(by_name[f.name].seconds for f in warm.finished)) / crew.size
    return Prediction(
        len(tasks), sum(task.bytes for task in tasks), seconds / workers + max(0.0, overhead), written, failures, len(drawn), workers
    )
