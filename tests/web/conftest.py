"""Real servers: `unfade serve` as a process of its own, with its workers, on a free port and in a folder of
its own."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Coroutine, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, TypeVar

import httpx
import numpy as np
import pytest

import unfade
from unfade.files import photo

pytest.importorskip("fastapi", reason="needs the web extra")

T = TypeVar("T")
UNFADE = str(Path(sys.executable).with_name("unfade"))
GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "models"


def wait_for(what: Callable[[], Any], seconds: float = 30.0, pause_s: float = 0.05) -> Any:
    """What `what` gives, once that is true; fails after a while."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if found := what():
            return found
        time.sleep(pause_s)
    raise AssertionError(f"waited {seconds:g} s in vain")


def awaited(coroutine: Coroutine[Any, Any, T]) -> T:
    """What a coroutine gives. It runs in a thread of its own: Playwright's loop may run in this one."""
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, coroutine).result()


def children(pid: int) -> list[int]:
    """The processes whose parent is `pid` (Linux)."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rsplit(")", 1)[1].split()
        except (OSError, IndexError):
            continue
        if int(fields[1]) == pid and fields[0] != "Z":
            found.append(int(stat.parent.name))
    return sorted(found)


def command_of(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


def memory_mb(pid: int) -> float:
    """Resident memory of a process."""
    found = re.search(r"VmRSS:\s+(\d+) kB", Path(f"/proc/{pid}/status").read_text())
    assert found
    return int(found[1]) / 1000


class Server:
    """`unfade serve` in `folder`; may be killed and started again there."""

    def __init__(self, folder: Path, port: int = 0, workers: int = 1, max_files: int | None = None, **settings: object) -> None:
        self.folder, self.port, self.workers, self.max_files = folder, port, workers, max_files
        bare = {name: value for name, value in os.environ.items() if not name.startswith("UNFADE_")}
        mine = {"data": folder / "data", "models": GOLDEN, "threads": 1, "lease_s": 2, "min_free_mb": 1, "requests_per_minute": 100_000}
        self.env = bare | {f"UNFADE_{name.upper()}": str(value) for name, value in (mine | settings).items()}
        self.env["PYTHONPATH"] = str(Path(unfade.__file__).parents[1])  # the code that is tested, whatever is installed
        self.process: subprocess.Popen[bytes] | None = None
        self.log = folder / "log"
        self.client = httpx.Client(timeout=60, trust_env=False)

    def start(self, *, wait_worker: bool = True) -> Server:
        with self.log.open("ab") as log:
            began = log.tell()
            arguments = [UNFADE, "serve", "--port", str(self.port), "--workers", str(self.workers)]
            if self.max_files is not None:  # of file descriptors; a shell sets it, since preexec_fn is not safe beside threads
                arguments = ["sh", "-c", f'ulimit -n {self.max_files}; exec "$@"', "sh", *arguments]
            self.process = subprocess.Popen(arguments, stderr=log, stdout=log, env=self.env, cwd=self.folder)

        def address() -> str | None:
            assert self.process is not None and self.process.poll() is None, self.log.read_text()
            found = re.search(r"Unfade is at (http://\S+?)/(?:#|\s)", self.log.read_text()[began:])
            return found[1] if found else None

        self.url = wait_for(address)
        self.port = int(self.url.rsplit(":", 1)[1])
        self.client.base_url = httpx.URL(self.url)

        def healthy() -> bool:
            try:
                answer = self.client.get("/healthz").json()
            except httpx.TransportError:
                return False
            return answer["status"] == "ok" or not (wait_worker and self.workers)

        wait_for(healthy)
        return self

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    @property
    def worker_pids(self) -> list[int]:
        return [pid for pid in children(self.pid) if "be_worker" in command_of(pid)]

    def kill(self) -> None:
        """kill -9 of the server process alone."""
        assert self.process is not None
        self.process.kill()
        self.process.wait()

    def stop(self) -> int:
        """Shut down as an init system does; gives the exit status."""
        if self.process is None:
            return 0
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(40)
            except subprocess.TimeoutExpired:
                self.process.kill()
        return self.process.wait()

    # --- what tests do often

    def upload(self, data: bytes, name: str = "aunt-may.jpg") -> dict[str, Any]:
        answer = self.client.post("/api/v1/photos", files={"file": (name, data)})
        assert answer.status_code == 201, answer.text
        return dict(answer.json())

    def submit(self, photo_id: str, **options: object) -> dict[str, Any]:
        answer = self.client.post(f"/api/v1/photos/{photo_id}/jobs", json=options)
        assert answer.status_code == 202, answer.text
        return dict(answer.json())

    def job(self, job_id: str) -> dict[str, Any]:
        return dict(self.client.get(f"/api/v1/jobs/{job_id}").json())

    def done(self, job_id: str, seconds: float = 60) -> dict[str, Any]:
        job = wait_for(lambda: job if (job := self.job(job_id))["state"] in ("done", "failed", "cancelled") else None, seconds)
        assert job["state"] == "done", job
        return dict(job)


@pytest.fixture
def make_server(tmp_path: Path) -> Iterator[Callable[..., Server]]:
    """Make servers that end with the test; settings by name."""
    made: list[Server] = []

    def make(**settings: Any) -> Server:
        folder = tmp_path / f"server-{len(made)}"
        folder.mkdir()
        made.append(Server(folder, **settings))
        return made[-1]

    yield make
    for server in made:
        server.stop()
        server.client.close()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for a whole file of tests."""
    server = Server(tmp_path_factory.mktemp("server"))
    yield server.start()
    server.stop()
    server.client.close()


def picture(height: int = 96, width: int = 128, *, channels: int = 1, bits: int = 8, seed: int = 1) -> np.ndarray:
    """A soft gray picture with a few hard scratches, that the golden damage model finds."""
    rows, columns = np.mgrid[:height, :width].astype(np.float32)
    soft = 0.5 + 0.15 * np.sin(columns / 37) * np.cos(rows / 29)
    rng = np.random.default_rng(seed)
    for _ in range(3):
        column = int(rng.integers(5, width - 5))
        soft[height // 4 : height // 2, column : column + 2] = 1.0
    full = 255 if bits == 8 else 65535
    samples = np.repeat(np.round(soft * full).astype(np.uint8 if bits == 8 else np.uint16)[:, :, None], channels, axis=2)
    return np.ascontiguousarray(samples)


def encoded(format: photo.Format = "jpeg", **how: Any) -> bytes:
    return photo.encode_file(photo.read(picture(**how)), format)
