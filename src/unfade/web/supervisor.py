"""Worker processes are started beside the server, and started again when they die."""

from __future__ import annotations

import contextlib
import logging
import os
import subprocess
import sys
import threading
import time
from dataclasses import dataclass, field

from unfade.errors import UnfadeError

log = logging.getLogger(__name__)

# The worker reads its settings from the same environment. Its standard input wakes it when a message is sent.
# When that closes, which the server's death does, even by kill -9, the worker ends.
COMMAND = (sys.executable, "-c", "from unfade.web.supervisor import be_worker; be_worker()")
SHORT_LIFE_S = 10.0
LONGEST_PAUSE_S = 30.0


def be_worker() -> None:
    """What a worker process that a supervisor starts does."""
    from unfade.queue import logs
    from unfade.queue.worker import work
    from unfade.settings import read_settings

    logs.set_up("worker")
    try:
        work(read_settings(), tied=True)
    except UnfadeError as error:
        log.error("a worker could not start: %s", error)
        raise SystemExit(1) from None


@dataclass
class _Place:
    """One worker's place: the process in it, and how often it died young."""

    process: subprocess.Popen[bytes] | None = None
    started: float = 0.0
    deaths: int = 0
    not_before: float = field(default=0.0)


class Supervisor:
    """Keeps `count` worker processes alive.

    `stop` lets them finish or put back what they do, for `grace_s` and a little more.
    """

    def __init__(self, count: int, grace_s: float) -> None:
        self._places = [_Place() for _ in range(count)]
        self._grace_s = grace_s
        self._stopping = threading.Event()
        self._lock = threading.Lock()  # over what is written to workers and closed
        self._thread = threading.Thread(target=self._watch, name="supervisor", daemon=True)

    def start(self) -> None:
        """Start the workers."""
        self._thread.start()

    def wake(self) -> None:
        """Have the workers look for messages at once.

        One that this does not reach looks by itself a moment later.
        """
        if sys.platform == "win32":
            return  # a full pipe would hold the server up, and before Python 3.12 nothing prevents that there
        with self._lock:
            for place in self._places:
                if place.process is not None and place.process.stdin is not None and not place.process.stdin.closed:
                    with contextlib.suppress(BrokenPipeError, BlockingIOError):
                        os.write(place.process.stdin.fileno(), b"\n")

    def _watch(self) -> None:
        while not self._stopping.is_set():
            now = time.monotonic()
            for place in self._places:
                if place.process is not None and place.process.poll() is not None:
                    self._bury(place, now)
                if place.process is None and now >= place.not_before:
                    self._fill(place, now)
            self._stopping.wait(0.2)

    def _fill(self, place: _Place, now: float) -> None:
        """Start a worker; where the system cannot now, for want of memory, processes or files, it is tried
        again.
        """
        place.started = now
        try:
            place.process = self._started()
        except OSError as error:
            log.error("a worker could not be started, and is tried again: %s", error)
            self._note_early_death(place, now)

    @staticmethod
    def _started() -> subprocess.Popen[bytes]:
        process = subprocess.Popen(COMMAND, stdin=subprocess.PIPE)
        if sys.platform != "win32" and process.stdin is not None:
            os.set_blocking(process.stdin.fileno(), False)
        return process

    def _bury(self, place: _Place, now: float) -> None:
        """Note a death, and when the next may start: at once, unless this one died young."""
        assert place.process is not None
        log.warning("a worker ended with %s; another takes its place", place.process.returncode)
        with self._lock:
            if place.process.stdin is not None:
                place.process.stdin.close()
            place.process = None
        if now - place.started < SHORT_LIFE_S:
            self._note_early_death(place, now)
        else:
            place.deaths, place.not_before = 0, now

    @staticmethod
    def _note_early_death(place: _Place, now: float) -> None:
        """Let the next wait the longer, the more died young one after the other."""
        place.deaths += 1
        place.not_before = now + min(LONGEST_PAUSE_S, 2.0 ** (place.deaths - 1))

    def stop(self) -> None:
        """End the workers."""
        self._stopping.set()
        self._thread.join()
        alive = [place.process for place in self._places if place.process is not None]
        for process in alive:
            with contextlib.suppress(ProcessLookupError):
                process.terminate()
        deadline = time.monotonic() + self._grace_s + 10
        for process in alive:
            try:
                process.wait(max(0.1, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                log.warning("a worker did not end in time, and was killed; its job is done again later")
                process.kill()
                process.wait()
            with self._lock:
                if process.stdin is not None:
                    process.stdin.close()
