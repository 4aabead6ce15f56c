"""A MODEL IS LOADED: the one import of onnxruntime. Each model is opened once, when first asked for, by
whoever holds the `Sessions`."""

from __future__ import annotations

import os
import threading
from collections.abc import Collection, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

import numpy as np

from unfade.arrays import Batch
from unfade.errors import ModelCorruptError, ModelError, UnfadeError, UsageError
from unfade.models.card import Card, Port, Task
from unfade.models.store import find, shipped, verify
from unfade.record import ModelUse

if TYPE_CHECKING:
    import onnxruntime

CPU = "CPUExecutionProvider"
WHOLE: frozenset[Task] = frozenset({"tone", "colorize", "upright", "faces"})
"""The tasks whose model runs once a photograph, on a reduced copy of it."""


def cpu_limit(cgroup: Path = Path("/sys/fs/cgroup"), membership: Path = Path("/proc/self/cgroup")) -> int:
    """How many cores this process may use, at least 1: the least of its affinity and its control group's
    quota.

    onnxruntime, OpenCV and `os.cpu_count` see the host's cores, not the container's: with 64 threads on a
    quota of 2 everything crawls. Reads cgroup v2 (`cpu.max`, of the group and those above it) and v1
    (`cpu.cfs_quota_us`).
    """
    affinity = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return max(1, min([affinity, *(int(-(-quota // 1)) for quota in _quotas(cgroup, membership))]))


def _quotas(cgroup: Path, membership: Path) -> list[float]:
    """The quotas, in cores, that bind this process; a file that is absent or says `max` binds nothing."""
    folders = [cgroup, cgroup / "cpu", cgroup / "cpu,cpuacct"]
    for line in _text(membership).splitlines():
        path = Path(line.split(":", 2)[-1].lstrip("/"))
        folders += [root / parent for root in (cgroup, cgroup / "cpu") for parent in (path, *path.parents)]
    quotas = []
    for folder in dict.fromkeys(folders):
        fields = _text(folder / "cpu.max").split() or [_text(folder / f"cpu.cfs_{part}_us").strip() for part in ("quota", "period")]
        if len(fields) == 2 and fields[0].isdigit() and fields[1].isdigit() and int(fields[1]):
            quotas.append(int(fields[0]) / int(fields[1]))
    return quotas


def _text(path: Path) -> str:
    """A control group's file. Empty where there is none: other kernels and systems have no such files."""
    try:
        return path.read_text()
    except OSError:
        return ""


class Session:
    """One opened model. `card` says what it takes and gives; `run` checks every input against it; `threads`
    may call it at once."""

    def __init__(self, card: Card, weights: Path, *, threads: int, provider: str = CPU) -> None:
        """Open the weights. Raises `ModelCorruptError` if ONNX Runtime cannot, `ModelError` if this ONNX
        Runtime lacks the provider."""
        import onnxruntime

        self.card, self.threads = card, threads
        if provider not in onnxruntime.get_available_providers():
            there = ", ".join(onnxruntime.get_available_providers())
            raise ModelError(f"this onnxruntime has no {provider}; it has {there}. Install the onnxruntime package for your device")
        options = onnxruntime.SessionOptions()
        # Tiled models: one thread a run, several runs at once. Whole-photograph models: one run, every
        # thread. Threads that wait sleep, so that windows of other photographs run meanwhile.
        options.intra_op_num_threads = threads if card.task in WHOLE else 1
        options.inter_op_num_threads = 1
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
        options.log_severity_level = 3  # errors only: its warnings speak of graph internals
        options.enable_mem_pattern = False  # one would be kept for each shape, and windows differ in shape from photograph to photograph
        self._ending = onnxruntime.RunOptions()
        if card.task in WHOLE:  # it runs again with the next photograph, if at all: until then others may have the memory
            self._ending.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
        try:
            self._onnx: onnxruntime.InferenceSession = onnxruntime.InferenceSession(str(weights), options, providers=[provider])
        except Exception as error:  # its classes are made in C++ and differ between versions
            reason = str(error).splitlines()[0]
            raise ModelCorruptError(f"{weights.name}: ONNX Runtime cannot open it ({reason}); export the model again") from error
        declared = {port.name for port in card.inputs}, {port.name for port in card.outputs}
        actual = {port.name for port in self._onnx.get_inputs()}, {port.name for port in self._onnx.get_outputs()}
        if declared != actual:
            raise ModelCorruptError(
                f"{weights.name} takes {sorted(actual[0])} and gives {sorted(actual[1])}; its card says {sorted(declared[0])} and "
                f"{sorted(declared[1])}; export the model again"
            )

    @property
    def use(self) -> ModelUse:
        """The model for a record."""
        return ModelUse(self.card.name, self.card.version, self.card.sha256)

    def gives(self, name: str) -> bool:
        """Whether the model has this output."""
        return any(port.called == name for port in self.card.outputs)

    def run(self, wanted: Collection[str] = (), /, **inputs: np.ndarray) -> dict[str, np.ndarray]:
        """Run the model: inputs by name, float32, of the axes that the card says; gives its outputs by name,
        float32. `wanted`: the outputs to give; none: all.

        Where a port of the card has a role, that is its name here. Where it has a range or a type of its own,
        the numbers are converted on the way. h and w must be multiples of `card.multiple` (`tiles` pads to
        them). Raises `UsageError` for a wrong name, dtype or shape.
        """
        expected = {port.called: port for port in self.card.inputs}
        if inputs.keys() != expected.keys():
            raise UsageError(f"{self.card.name} takes {sorted(expected)}, not {sorted(inputs)}")
        bound: dict[str, int] = {}
        for name, port in expected.items():
            _check(self.card, port, inputs[name], bound)
        given = {port.name: np.ascontiguousarray(_to_network(inputs[name], port)) for name, port in expected.items()}
        ports = [port for port in self.card.outputs if not wanted or port.called in wanted]
        outputs = self._onnx.run([port.name for port in ports], given, self._ending)
        return {port.called: _from_network(output, port) for port, output in zip(ports, outputs, strict=True)}


_UNIT = (0.0, 1.0)


def _to_network(value: np.ndarray, port: Port) -> np.ndarray:
    """Numbers in [0, 1] as this port has them."""
    if port.range != _UNIT:
        low, high = port.range
        value = value * np.float32(high - low) + np.float32(low)
    return np.clip(np.rint(value), 0, 255).astype(np.uint8) if port.dtype == "uint8" else value


def _from_network(value: np.ndarray, port: Port) -> np.ndarray:
    """What this port gave, in [0, 1]."""
    if port.dtype != "float32":
        value = value.astype(np.float32)
    if port.range == _UNIT:
        return value
    low, high = port.range
    unit: np.ndarray = (value - np.float32(low)) / np.float32(high - low)
    return unit


def _check(card: Card, port: Port, value: np.ndarray, bound: dict[str, int]) -> None:
    """Check one input against its port; `bound` holds the lengths that letters stand for, and gains those of
    this input."""
    if value.dtype != np.float32:
        raise UsageError(f"{card.name}: input {port.name} must be float32, not {value.dtype}")
    axes = port.axes.split()
    if value.ndim != len(axes):
        raise UsageError(f"{card.name}: input {port.name} has the shape {value.shape}; it must be ({port.axes})")
    for axis, length in zip(axes, value.shape, strict=True):
        letter, _, divisor = axis.partition("/")
        share = int(divisor or 1)
        expected = int(letter) if letter.isdigit() else bound.setdefault(letter, length * share) // share
        shape = f"{card.name}: input {port.name} has the shape {value.shape}"
        if length != expected:
            raise UsageError(f"{shape}; it must be ({port.axes}), with {axis} = {expected}")
        if letter in ("h", "w") and bound[letter] % card.multiple:
            raise UsageError(f"{shape}; {letter} must be a multiple of {card.multiple}")


class Sessions:
    """The models of one process, each opened once, when first asked for; safe to share between threads.

    `threads`: cores that a step may use, a window each, or all for what sees the whole photograph at once;
    none: all that this process may (`cpu_limit`). `models`: for a task, the name or path of the model to use
    instead of the newest shipped one. Use it as a context manager, or call `close`, to give the memory back.
    """

    def __init__(self, threads: int | None = None, models: Mapping[Task, str | Path] | None = None, *, provider: str = CPU) -> None:
        if threads is not None and threads < 1:
            raise UsageError(f"threads must be 1 or more, not {threads}")
        self.threads = cpu_limit() if threads is None else threads
        self._models, self._provider = dict(models or {}), provider
        self._open: dict[Task, Session] = {}
        self._locks: dict[Task, threading.Lock] = {}
        self._closings = 0

    def get(self, task: Task) -> Session:
        """The opened model for `task`. Raises the `ModelError`s of `store.find`, `store.verify` and
        `Session`."""
        with self._locks.setdefault(task, threading.Lock()):  # one each: while one model is opened, another that is open is to be had
            opened = self._open.get(task)
            if opened is None:
                model = find(task, self._models.get(task))
                opened = self._open[task] = Session(model.card, verify(model), threads=self.threads, provider=self._provider)
            return opened

    def open_ahead(self, *tasks: Task) -> None:
        """Begin to open the models for `tasks`, in this order, on a thread beside: whoever asks for them soon
        waits less.

        What goes wrong is told to whoever asks for it.
        """
        closed = [task for task in tasks if task not in self._open]
        if closed:
            threading.Thread(target=self._try, args=(self._closings, *closed), name=f"open {', '.join(closed)}").start()

    def _try(self, closings: int, *tasks: Task) -> None:
        """Open these until the sessions are closed; what was just being opened then is let go of."""
        for task in tasks:
            if closings != self._closings:
                return
            with suppress(UnfadeError):
                self.get(task)
            if closings != self._closings:
                self._open.pop(task, None)

    @cached_property
    def hashes(self) -> dict[Task, str]:
        """The SHA-256 of the weights that each task has, as the cards say; nothing is opened. Raises as
        `store.find` does."""
        newest = {model.card.task: model.card.sha256 for model in shipped()}  # the newest comes last
        return newest | {task: find(task, model).card.sha256 for task, model in self._models.items()}

    @property
    def opened(self) -> tuple[Task, ...]:
        """The tasks whose models are open."""
        return tuple(self._open)

    def close(self) -> None:
        """Let go of every opened model; one asked for again is opened again."""
        self._closings += 1
        self._open.clear()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


def batch_of(image: np.ndarray) -> Batch:
    """One picture (h, w, c) as a network takes it, (1, c, h, w)."""
    return np.ascontiguousarray(image.transpose(2, 0, 1), np.float32)[None]


def picture_of(batch: Batch) -> np.ndarray:
    """The first picture of what a network gave, (h, w, c)."""
    picture: np.ndarray = batch[0].transpose(1, 2, 0)
    return picture
