"""Several workers on a real Redis, one of them killed."""

from __future__ import annotations

import errno
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

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


def test_a_row_that_others_change_meanwhile_is_looked_at_again(redis_url: str) -> None:
    table, other = RedisTable(redis_url), RedisTable(redis_url)
    table.change("a", lambda _: Row("0"))
    looks: list[str] = []

    def add(row: Row | None) -> Row | None:
        assert row is not None
        looks.append(row.document)
        if len(looks) == 1:
            other.change("a", lambda _: Row("7"))
        return Row(str(int(row.document) + 1), {"all": 0.1})

    assert table.change("a", add, counts="done") == Row("8", {"all": 0.1}) == table.get("a")
    assert looks == ["0", "7"] and table.counted("done") == 1
    table.close()
    other.close()


@pytest.mark.parametrize("text", ["nonsense", "7", "[]", "{}", '{"document": "{}", "groups": {"photos": 5}}'])
def test_a_row_that_is_none_of_ours_makes_no_mistake_and_can_be_deleted(
    redis_url: str, make_server: Callable[..., Server], text: str
) -> None:
    server = make_server(workers=0, queue=redis_url).start()
    photo = server.upload(encoded("png"))["id"]
    with redis.Redis.from_url(redis_url) as client:
        client.set(f"unfade:row:photo:{photo}", text)
        assert server.client.get(f"/api/v1/photos/{photo}").status_code == 404
        assert server.client.post(f"/api/v1/photos/{photo}/jobs", json={}).status_code == 404
        assert server.client.post("/api/v1/photos/query", json={"ids": [photo]}).json()["photos"] == []
        assert server.client.delete(f"/api/v1/photos/{photo}").status_code == 204
        assert client.zcard("unfade:group:photos") == 0 and not client.exists(f"unfade:row:photo:{photo}")


@contextmanager
def full(url: str) -> Iterator[None]:
    """A Redis that is full until the block is over."""
    with redis.Redis.from_url(url) as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", "1")
        yield
        client.config_set("maxmemory", "0")


def test_a_full_redis_takes_what_makes_room_and_nothing_else(redis_url: str) -> None:
    table = RedisTable(redis_url)
    for key in "ab":
        table.change(key, lambda _: Row("long", {"photos": 1.0, "old": 2.0}))
    with full(redis_url):
        for key in "bc":
            with pytest.raises(OSError, match="no room") as refused:
                table.change(key, lambda _: Row("longer", {"photos": 1.0}), counts="done")
            assert refused.value.errno == errno.ENOSPC
        assert table.change("a", lambda _: Row("s", {"photos": 3.0}), counts="done", frees=True) == table.get("a")
        assert table.get("b") == Row("long", {"photos": 1.0, "old": 2.0}) and table.get("c") is None
        assert table.keys("photos") == ["b", "a"] and table.keys("old") == ["b"] and table.counted("done") == 1
        table.change("b", lambda _: None)
        assert table.get("b") is None and table.keys("photos") == ["a"] and table.keys("old") == []
    table.close()


def test_a_full_redis_lets_people_delete_and_says_507_to_the_rest(redis_url: str, make_server: Callable[..., Server]) -> None:
    server = make_server(workers=0, queue=redis_url).start()
    photo = server.upload(encoded("png"))["id"]
    job, other = server.submit(photo)["id"], server.submit(photo)["id"]
    shelf = f"/api/v1/shelves/{server.client.post('/api/v1/shelves').json()['id']}"
    assert server.client.post(shelf, json={"add": [photo]}).json()["photos"] == [photo]
    with full(redis_url):
        assert server.client.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))}).status_code == 507
        assert server.client.post(f"/api/v1/photos/{photo}/jobs", json={}).status_code == 507
        assert server.client.delete(f"/api/v1/jobs/{job}").status_code == 204
        assert server.client.post(shelf, json={"remove": [photo]}).json()["photos"] == []
        assert server.client.delete(f"/api/v1/photos/{photo}").status_code == 204
        assert server.client.get(f"/api/v1/photos/{photo}").status_code == 404
        assert server.client.get(f"/api/v1/jobs/{other}").status_code == 404
        assert server.client.get("/healthz").json()["queued"] == 0


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
