"""Several workers on a real Redis, one of them killed."""

from __future__ import annotations

import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.web.conftest import UNFADE, Server, encoded, wait_for
from unfade.queue.table import Row
from unfade.queue.table_redis import RedisTable


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


def redis_at(port: int, folder: Path, *, keep: bool = False) -> subprocess.Popen[bytes]:
    """A Redis that answers, in a folder; with `keep` it writes down what it is told. Skips where there is
    none."""
    command = shutil.which("redis-server")
    if command is None:
        pytest.skip("needs redis-server (apt install redis-server)")
    arguments = [
        command,
        "--port",
        str(port),
        "--bind",
        "127.0.0.1",
        "--save",
        "",
        "--appendonly",
        "yes" if keep else "no",
        "--dir",
        str(folder),
    ]
    process = subprocess.Popen(arguments, stdout=subprocess.DEVNULL)

    def answers() -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", port)) == 0

    wait_for(answers)
    return process


@pytest.fixture
def redis_url(tmp_path: Path) -> Iterator[str]:
    port = free_port()
    process = redis_at(port, tmp_path)
    yield f"redis://127.0.0.1:{port}/0"
    process.terminate()
    process.wait()


def test_rows_in_redis_behave_as_in_sqlite(redis_url: str) -> None:
    table = RedisTable(redis_url)
    table.change("a", lambda _: Row("first", {"queue": 2.0, "all": 1.0}))
    table.change("b", lambda _: Row("second", {"queue": 1.0}))
    assert table.keys("queue") == ["b", "a"] and table.place("queue", "a") == 1 and table.count("queue") == 2
    assert table.keys("queue", upto=1.5) == ["b"]
    table.change("a", lambda row: Row(row.document + "!", {"all": 1.0}) if row else None)
    assert table.get("a") == Row("first!", {"all": 1.0}) and table.keys("queue") == ["b"]
    table.change("b", lambda _: None)
    assert table.get("b") is None and table.count("queue") == 0
    table.close()


def _worker(server: Server) -> subprocess.Popen[bytes]:
    with server.log.open("ab") as log:
        return subprocess.Popen([UNFADE, "worker"], env=server.env, stdout=log, stderr=log, cwd=server.folder)


@pytest.mark.long
def test_many_jobs_on_two_workers_of_which_one_is_killed_are_each_finished_once(
    redis_url: str, make_server: Callable[..., Server], sized: Callable[[int, int], int]
) -> None:
    count = sized(200, 60)
    server = make_server(workers=0, queue=redis_url, max_queue=300).start()
    workers = [_worker(server), _worker(server)]
    try:
        wait_for(lambda: server.client.get("/healthz").json()["workers"] == 2)
        uploads = [server.upload(encoded("png", seed=seed), f"{seed}.png")["id"] for seed in range(10)]
        began = time.monotonic()
        jobs = [server.submit(uploads[number % 10])["id"] for number in range(count)]

        def finished() -> int:
            line = next(line for line in server.client.get("/metrics").text.splitlines() if line.startswith("unfade_jobs_done "))
            return int(float(line.split()[1]))

        wait_for(lambda: finished() >= count // 4, 120)
        wait_for(lambda: server.client.get("/healthz").json()["running"] == 2, 30, pause_s=0.01)
        workers[0].send_signal(signal.SIGKILL)
        workers[0].wait()
        assert finished() < count
        workers.append(_worker(server))
        wait_for(lambda: finished() >= count, 240)
        seconds = time.monotonic() - began
        states = [server.job(job) for job in jobs]
        assert [job["state"] for job in states] == ["done"] * count
        attempts = [job["attempts"] for job in states]
        time.sleep(6)  # whatever was in flight would have come in by now
        assert finished() == count
        folders = list((server.folder / "data" / "files" / "photos").glob("*/jobs/*/*/result"))
        assert len(folders) == count
        print(f"{count} jobs in {seconds:.1f} s; {sum(attempt > 1 for attempt in attempts)} were done by a second worker")
    finally:
        for worker in workers:
            worker.terminate()
            worker.wait(40)
