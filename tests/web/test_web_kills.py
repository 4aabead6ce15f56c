"""kill -9, again and again, while many clients restore many photographs: all that was accepted is done,
once."""

from __future__ import annotations

import itertools
import os
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.web.conftest import Server, encoded, wait_for
from tests.web.test_web_redis import free_port, redis_at
from unfade.queue.records import new_id

KILLS = ("server", "worker", "both") * 3
CLIENTS = 20


class Patient:
    """A client that asks again, with the same key, until it is answered: as the page does."""

    def __init__(self, server: Server) -> None:
        self._client = httpx.Client(base_url=server.url, trust_env=False, timeout=30)

    def close(self) -> None:
        self._client.close()

    def ask(self, method: str, address: str, **how: Any) -> httpx.Response:
        deadline = time.monotonic() + 300
        while time.monotonic() < deadline:
            try:
                answer = self._client.request(method, address, **how)
            except httpx.TransportError:
                time.sleep(0.2)
                continue
            if answer.status_code not in (429, 503):
                return answer
            time.sleep(min(2.0, float(answer.headers.get("retry-after", 1))))
        raise AssertionError("no answer for five minutes")

    def restore(self, data: bytes) -> dict[str, Any]:
        photo, job = new_id(), new_id()
        uploaded = self.ask("POST", "/api/v1/photos", files={"file": ("a.png", data)}, headers={"Idempotency-Key": photo})
        assert uploaded.status_code == 201, uploaded.text
        sent = self.ask("POST", f"/api/v1/photos/{photo}/jobs", json={"colorize": True}, headers={"Idempotency-Key": job})
        assert sent.status_code == 202, sent.text
        while (state := self.ask("GET", f"/api/v1/jobs/{job}").json())["state"] not in ("done", "failed"):
            time.sleep(0.3)
        result = self.ask("GET", f"/api/v1/jobs/{job}/result")
        assert result.status_code == 200 or state["state"] == "failed", result.text
        return dict(state)


def _total(server: Server, name: str) -> int:
    line = next(line for line in server.client.get("/metrics").text.splitlines() if line.startswith(f"{name} "))
    return int(float(line.split()[1]))


def _kill(server: Server, which: str) -> None:
    workers = server.worker_pids
    if which in ("server", "both"):
        server.kill()
    if which in ("worker", "both"):
        for pid in workers:
            os.kill(pid, signal.SIGKILL)
    if which in ("server", "both"):
        server.start(wait_worker=False)


@pytest.fixture(params=["sqlite", "redis"])
def queue_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str | None]:
    if request.param == "sqlite":
        yield None
        return
    port = free_port()
    redis = redis_at(port, tmp_path)
    yield f"redis://127.0.0.1:{port}/0"
    redis.terminate()
    redis.wait()


@pytest.mark.long
def test_what_was_accepted_is_done_once_whatever_is_killed(
    queue_url: str | None, make_server: Callable[..., Server], sized: Callable[[int, int], int]
) -> None:
    count = sized(300, 45)
    settings = {} if queue_url is None else {"queue": queue_url}
    server = make_server(max_queue=400, job_attempts=10, **settings).start()
    data = [encoded("png", height=140, width=180, seed=seed) for seed in range(10)]
    numbers, kills = itertools.count(), 0

    def client(_: int) -> list[dict[str, Any]]:
        patient, ended = Patient(server), []
        try:
            while (number := next(numbers)) < count:
                ended.append(patient.restore(data[number % 10]))
        finally:
            patient.close()
        return ended

    with ThreadPoolExecutor(CLIENTS) as pool:
        clients = [pool.submit(client, number) for number in range(CLIENTS)]
        for number, which in enumerate(KILLS):
            reached = count * (number + 1) // (len(KILLS) + 2)
            wait_for(lambda reached=reached: _total(server, "unfade_jobs_done") >= reached, 400, pause_s=0.1)
            _kill(server, which)
            kills += 1
        ended = [state for future in clients for state in future.result()]
    assert kills == 9 and len(ended) == count
    assert [state["state"] for state in ended] == ["done"] * count
    time.sleep(6)  # whatever was in flight would have come in by now
    assert _total(server, "unfade_jobs_done") == count and _total(server, "unfade_jobs_failed") == 0
    results = list((server.folder / "data" / "files" / "photos").glob("*/jobs/*/*/result"))
    assert len(results) == count
    assert list((server.folder / "data" / "scratch").iterdir()) == []
    health = server.client.get("/healthz").json()
    assert (health["queued"], health["running"], health["workers"]) == (0, 0, 1)
    print(f"{count} photographs, {CLIENTS} clients, {kills} kills: {sum(state['attempts'] > 1 for state in ended)} done by a second try")
