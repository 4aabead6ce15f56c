"""A full disk still lets people delete; what is gone is said, and comes back by itself; a start that fails
says why."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lanes import reading
from tests.web.conftest import UNFADE, Server, encoded, wait_for
from tests.web.test_web_redis import free_port, redis_at
from unfade.queue.messages import LANES, Queue
from unfade.queue.records import Kind
from unfade.settings import Settings


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A filesystem of its own, of 24 MB; skips where none can be mounted."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if sys.platform != "linux" or os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs to mount a filesystem, which root may on Linux")
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)], capture_output=True, text=True, check=False)
    if mounted.returncode != 0:
        pytest.skip(f"needs to mount a filesystem: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def _fill(folder: Path) -> None:
    """Fill a disk to its last byte, as another program might."""
    with (folder / "of another program").open("wb", buffering=0) as filler:
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    filler.write(b"x" * size)
            except OSError:
                continue
    assert shutil.disk_usage(folder).free == 0


@pytest.mark.parametrize("min_free_mb", [0, 1])
def test_a_full_disk_lets_people_delete_and_says_507_to_the_rest(
    make_server: Callable[..., Server], small_disk: Path, min_free_mb: int
) -> None:
    server = make_server(workers=0, data=small_disk / "data", min_free_mb=min_free_mb).start()
    photos = [server.upload(encoded("png", seed=seed))["id"] for seed in range(4)]
    jobs = [server.submit(photo)["id"] for photo in photos for _ in range(6)]
    time.sleep(0.5)
    before = len(server.log.read_text())
    _fill(small_disk)
    refused: list[Any] = [
        server.client.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))}),
        server.client.post(f"/api/v1/photos/{photos[0]}/masks/edits", json={"strokes": [{"kind": "brush", "points": [[5, 5]]}]}),
    ]
    job = server.client.post(f"/api/v1/photos/{photos[0]}/jobs", json={})
    if min_free_mb:
        refused += [job, server.client.post(f"/api/v1/photos/{photos[0]}/preview", json={})]
    else:
        assert job.status_code in (202, 507)  # the ledger has room of its own for some
    assert [(answer.status_code, answer.json()["code"]) for answer in refused] == [(507, "disk-full")] * len(refused)
    assert server.client.get("/").status_code == 200
    assert server.client.get(f"/api/v1/photos/{photos[0]}").status_code == 200
    assert server.client.get(f"/api/v1/photos/{photos[0]}/image").status_code == 200
    assert server.client.delete(f"/api/v1/jobs/{jobs[0]}").status_code == 204
    for photo in photos[:3]:
        answer = server.client.delete(f"/api/v1/photos/{photo}")
        assert answer.status_code == 204, answer.text
        _refill(small_disk)
    gone = server.client.post("/api/v1/photos/query", json={"ids": photos}).json()["photos"]
    assert [found["id"] for found in gone] == photos[3:]
    assert not any((small_disk / "data" / "files" / "photos" / photo).exists() for photo in photos[:3])
    log = server.log.read_text()[before:]
    assert "Traceback" not in log and len(log) < 20_000, log
    for filler in [*small_disk.glob("more of it*"), small_disk / "of another program"]:
        filler.unlink()
    server.upload(encoded("png"))  # there is room again


def _refill(folder: Path) -> None:
    (folder / "of another program").rename(folder / f"more of it {time.monotonic_ns()}")
    _fill(folder)


def test_storage_that_goes_is_said_and_comes_back_by_itself(make_server: Callable[..., Server], tmp_path: Path) -> None:
    files = tmp_path / "disk" / "files"
    files.parent.mkdir()
    server = make_server(files=files).start()
    photo = server.upload(encoded("png", height=700, width=700))["id"]
    before = len(server.log.read_text())
    waiting = [server.submit(photo, sensitivity=share)["id"] for share in (0.3, 0.4, 0.5)]
    files.parent.rename(tmp_path / "unplugged")
    health = server.client.get("/healthz")
    assert health.status_code == 503 and health.json()["status"] == "storage-away"
    for _ in range(30):
        answers = [
            server.client.get(f"/api/v1/photos/{photo}/original"),
            server.client.get(f"/api/v1/photos/{photo}/image"),
            server.client.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))}),
            server.client.post(f"/api/v1/photos/{photo}/jobs", json={}),
        ]
        for answer in answers:
            assert answer.status_code == 503 and answer.json()["code"] == "away", answer.text
            assert int(answer.headers["retry-after"]) > 0
    time.sleep(2)
    assert not any(server.job(job)["state"] == "failed" for job in waiting)
    log = server.log.read_text()[before:]
    assert "Traceback" not in log and len(log) < 20_000, log
    (tmp_path / "unplugged").rename(files.parent)
    assert server.client.get("/healthz").status_code == 200
    for job in waiting:
        assert server.done(job, 90)["attempts"] == 1  # to wait for the storage is no fault of a job's
    assert sorted(found.name for found in (files / "photos").iterdir()) == [photo]  # what was refused left nothing
    assert list((server.folder / "data" / "scratch").iterdir()) == []


def test_redis_that_goes_is_said_and_comes_back_by_itself(make_server: Callable[..., Server], tmp_path: Path) -> None:
    port = free_port()
    redis = redis_at(port, tmp_path, keep=True)
    try:
        server = make_server(queue=f"redis://127.0.0.1:{port}/0").start()
        photo = server.upload(encoded("png"))["id"]
        before = len(server.log.read_text())
        redis.terminate()
        redis.wait()
        for _ in range(20):
            for answer in (
                server.client.get(f"/api/v1/photos/{photo}"),
                server.client.post(f"/api/v1/photos/{photo}/jobs", json={}),
                server.client.post("/api/v1/photos", files={"file": ("a.png", encoded("png"))}),
            ):
                assert answer.status_code == 503 and answer.json()["code"] == "away", answer.text
                assert int(answer.headers["retry-after"]) > 0
        health = server.client.get("/healthz")
        assert health.status_code == 503 and health.json()["status"] == "ledger-away"
        assert server.client.get("/").status_code == 200 and server.client.get("/metrics").status_code == 200
        time.sleep(4)
        log = server.log.read_text()[before:]
        assert "Traceback" not in log and len(log) < 20_000, log
        assert [found.name for found in (server.folder / "data" / "files" / "photos").iterdir()] == [photo]
        redis = redis_at(port, tmp_path, keep=True)
        wait_for(lambda: server.client.get("/healthz").json()["status"] == "ok", 30)
        server.done(server.submit(photo)["id"])
    finally:
        redis.terminate()
        redis.wait()


@pytest.mark.parametrize("kind", LANES)
def test_a_lane_goes_on_after_redis_was_away_while_it_worked(tmp_path: Path, kind: Kind) -> None:
    port = free_port()
    servers = [redis_at(port, tmp_path)]
    did: list[str] = []

    def work(kind: Kind, job_id: str) -> None:
        if not did:
            servers[-1].kill()
            servers[-1].wait()
        did.append(job_id)
        if job_id == "wrong":
            raise ValueError("a mistake")

    queue = Queue(Settings(data=tmp_path / "data", queue=f"redis://127.0.0.1:{port}/0"), work)
    try:
        with reading(queue):
            queue.send(kind, "first")
            wait_for(lambda: did)
            time.sleep(0.5)  # the reader is done with the message, and Redis is away
            servers.append(redis_at(port, tmp_path))
            for job_id in ("wrong", "last"):
                queue.send(kind, job_id)
                wait_for(lambda job_id=job_id: did[-1] == job_id)
    finally:
        queue.close()
        for server in servers:
            server.terminate()
            server.wait()


def _start(folder: Path, *command: str, **settings: object) -> subprocess.CompletedProcess[str]:
    bare = {name: value for name, value in os.environ.items() if not name.startswith("UNFADE_")}
    given = {f"UNFADE_{name.upper()}": str(value) for name, value in settings.items()}
    arguments = [UNFADE, *(command or ("serve", "--port", "0"))]
    return subprocess.run(arguments, env=bare | given, cwd=folder, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("command", [("serve", "--port", "0"), ("worker",)])
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"data": "{}/a-file"}, "UNFADE_DATA is {}/a-file, which is or lies in a file; name a folder"),
        ({"data": "/proc/nowhere"}, "UNFADE_DATA is /proc/nowhere, where"),
        ({"data": "{}/broken"}, "the ledger {}/broken/ledger.sqlite is damaged"),
        ({"data": "{}/new", "queue": "http://localhost:6379"}, "UNFADE_QUEUE is http://localhost:6379, which is no address of a Redis"),
        ({"data": "{}/new", "queue": "redis://127.0.0.1:1/0"}, "UNFADE_QUEUE is redis://127.0.0.1:1/0, where no Redis answers"),
        ({"data": "{}/new", "files": "nowhere://bucket"}, "UNFADE_FILES is nowhere://bucket, which is no folder"),
    ],
)
def test_a_start_that_fails_says_why_in_one_sentence(tmp_path: Path, settings: dict[str, str], said: str, command: tuple[str, ...]) -> None:
    (tmp_path / "a-file").write_bytes(b"")
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "ledger.sqlite").write_bytes(b"not a database at all" * 500)
    run = _start(tmp_path, *command, **{name: value.format(tmp_path) for name, value in settings.items()})
    assert run.returncode == 2, run.stderr
    assert said.format(tmp_path) in " ".join(run.stderr.split()) and "Traceback" not in run.stderr and "listened" not in run.stderr


def test_an_address_that_is_taken_is_said(make_server: Callable[..., Server], tmp_path: Path) -> None:
    server = make_server(workers=0).start()
    run = _start(tmp_path, "serve", "--port", str(server.port), data=tmp_path / "other")
    assert run.returncode == 2 and f"127.0.0.1:{server.port} cannot be listened on" in " ".join(run.stderr.split())
    run = _start(tmp_path, "serve", "--root-path", "unfade/", data=tmp_path / "other")
    assert run.returncode == 2 and "the root path is unfade/" in " ".join(run.stderr.split())
