"""An accepted job survives whatever happens to the processes, and is finished once."""

from __future__ import annotations

import os
import signal
import sqlite3
from collections.abc import Callable
from typing import Any

from tests.web.conftest import Server, command_of, encoded, wait_for


def _slow(server: Server) -> tuple[dict[str, Any], dict[str, Any]]:
    """A photograph, and a job of it that takes seconds even with the tiny models, once it runs."""
    uploaded = server.upload(encoded("png", height=1400, width=1400))
    job = server.submit(uploaded["id"])
    wait_for(lambda: server.job(job["id"])["state"] == "running")
    return uploaded, job


def _total_done(server: Server) -> int:
    line = next(line for line in server.client.get("/metrics").text.splitlines() if line.startswith("unfade_jobs_done "))
    return int(float(line.split()[1]))


def test_a_worker_killed_in_the_middle_is_replaced_and_its_job_done_once(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    _, job = _slow(server)
    (first,) = server.worker_pids
    os.kill(first, signal.SIGKILL)
    done = server.done(job["id"], 90)
    assert done["attempts"] == 2
    assert server.worker_pids != [first]
    assert _total_done(server) == 1


def test_server_and_worker_killed_at_once_lose_nothing(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    uploaded, running = _slow(server)
    waiting = server.submit(uploaded["id"], fill=False)
    (worker,) = server.worker_pids
    server.kill()
    os.kill(worker, signal.SIGKILL)
    server.start()
    for job in (running, waiting):
        server.done(job["id"], 90)
    assert _total_done(server) == 2
    assert server.client.get(f"/api/v1/jobs/{running['id']}/result").status_code == 200


def test_a_worker_whose_server_was_killed_ends_by_itself(make_server: Callable[..., Server]) -> None:
    server = make_server(grace_s=0).start()
    _, job = _slow(server)
    (worker,) = server.worker_pids
    server.kill()
    wait_for(lambda: not command_of(worker), 40)  # a zombie's is empty, too
    server.start()
    assert server.done(job["id"], 90)["attempts"] == 1  # it was put back, which is no fault of the job's


def test_a_job_that_kills_three_workers_fails_and_the_next_one_is_done(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    uploaded, job = _slow(server)
    for attempt in (1, 2, 3):
        wait_for(lambda attempt=attempt: (now := server.job(job["id"]))["state"] == "running" and now["attempts"] == attempt, 60)
        for pid in server.worker_pids:
            os.kill(pid, signal.SIGKILL)
    failed = wait_for(lambda: now if (now := server.job(job["id"]))["state"] == "failed" else None, 60)
    assert "3 times" in failed["error"]
    assert server.client.get(f"/api/v1/jobs/{job['id']}/result").status_code == 422
    assert server.done(server.submit(uploaded["id"], fill=False, clean=0)["id"])["attempts"] == 1


def test_a_worker_killed_twice_among_many_jobs_loses_none_and_does_none_twice(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    uploads = [server.upload(encoded("png", height=500, width=500, seed=seed))["id"] for seed in range(4)]
    jobs = [server.submit(uploads[number % 4], colorize=True)["id"] for number in range(12)]
    for done in (2, 6):  # while one job is worked on and the one before it may be being saved
        wait_for(lambda done=done: _total_done(server) >= done, 60, pause_s=0.01)
        for pid in server.worker_pids:
            os.kill(pid, signal.SIGKILL)
    ended = [server.done(job, 90) for job in jobs]
    assert max(job["attempts"] for job in ended) in (2, 3)
    assert _total_done(server) == 12
    folders = list((server.folder / "data" / "files" / "photos").glob("*/jobs/*/*/result"))
    assert len(folders) == 12


def test_a_shutdown_puts_the_job_back_and_counts_no_attempt(make_server: Callable[..., Server]) -> None:
    server = make_server(grace_s=0).start()
    _, job = _slow(server)
    assert server.stop() == 0
    database = sqlite3.connect(server.folder / "data" / "ledger.sqlite")
    assert '"state":"queued"' in database.execute("SELECT document FROM row WHERE key = ?", (job["id"],)).fetchone()[0]
    database.close()
    server.start()
    assert server.done(job["id"], 90)["attempts"] == 1


def test_a_photograph_deleted_while_it_is_worked_on_leaves_nothing(make_server: Callable[..., Server]) -> None:
    server = make_server().start()
    uploaded, job = _slow(server)
    folder = server.folder / "data" / "files" / "photos" / uploaded["id"]
    assert server.client.delete(f"/api/v1/photos/{uploaded['id']}").status_code == 204
    assert server.client.get(f"/api/v1/jobs/{job['id']}").status_code == 404
    other = server.upload(encoded("png"))
    server.done(server.submit(other["id"], fill=False)["id"])  # the worker is free again
    assert not folder.exists()


def test_a_full_queue_says_when_to_come_back(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0, max_queue=2).start()
    uploaded = server.upload(encoded("png"))
    for _ in range(2):
        server.submit(uploaded["id"])
    answer = server.client.post(f"/api/v1/photos/{uploaded['id']}/jobs", json={})
    assert answer.status_code == 429 and int(answer.headers["retry-after"]) > 0 and answer.json()["code"] == "queue-full"
    assert server.client.get("/healthz").json() | {"version": ""} == {
        "status": "no-worker",
        "version": "",
        "queued": 2,
        "running": 0,
        "workers": 0,
    }


def test_a_full_disk_is_507(make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0, min_free_mb=1e9).start()
    answer = server.client.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))})
    assert answer.status_code == 507 and answer.json()["code"] == "disk-full"


def test_an_idle_worker_gives_its_models_back_and_works_on(make_server: Callable[..., Server]) -> None:
    server = make_server(idle_s=1).start()
    uploaded = server.upload(encoded("png"))
    server.done(server.submit(uploaded["id"])["id"])
    wait_for(lambda: "memory was given back" in server.log.read_text())
    server.done(server.submit(uploaded["id"])["id"])
