"""The queue wakes whoever reads it, and a worker saves beside the next job, but never what may have killed a
worker."""

from __future__ import annotations

import errno
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("huey", reason="needs the web extra")

from tests.lanes import reading

from unfade import tile_pyramid
from unfade.files import photo
from unfade.queue import messages
from unfade.queue import worker as workers
from unfade.queue.job import Made
from unfade.queue.options import Options
from unfade.queue.records import JobRecord, Kind, PhotoRecord, new_id
from unfade.settings import Settings
from unfade.web.requests import PreviewOptions


@pytest.fixture
def make_worker(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., workers.Worker]]:
    """Workers that nobody runs: the test hands them their messages."""
    monkeypatch.setattr(workers, "return_memory", lambda: None)
    made: list[workers.Worker] = []

    def make(**settings: object) -> workers.Worker:
        made.append(workers.Worker(Settings(data=tmp_path / "data", models=golden, threads=1, **settings)))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for worker in made:
        worker._saver.shutdown(wait=True)
        worker._queue.close()
        worker._ledger.close()


def _photo(worker: workers.Worker, side_px: int = 40) -> PhotoRecord:
    """A gray photograph that the server has taken in."""
    picture = photo.read(np.full((side_px, side_px), 120, np.uint8))
    record = PhotoRecord(
        id=new_id(),
        name="a.png",
        created=0,
        expires=time.time() + 1000,
        width=side_px,
        height=side_px,
        bits=8,
        channels=1,
        format="png",
        bytes=1,
        has_color=False,
        has_location=False,
        notes=(),
    )
    worker._store.put(f"photos/{record.id}/original", photo.encode_file(picture, "png"))
    with worker._store.workspace() as folder:
        tile_pyramid.build(picture, folder / "view")
        worker._store.put_file(f"photos/{record.id}/view", folder / "view")
    worker._ledger.add_photo(record)
    return record


def _job(worker: workers.Worker, record: PhotoRecord, attempts: int = 0) -> str:
    """A job that waits, and has been tried so often."""
    job = JobRecord(id=new_id(), photo_id=record.id, options=Options(), created=time.time(), attempts=attempts)
    worker._ledger.submit(job, max_queue=100)
    return job.id


def _state(worker: workers.Worker, job_id: str) -> str:
    job = worker._ledger.job(job_id)
    assert job is not None
    return job.state


@pytest.fixture
def slow_saving(monkeypatch: pytest.MonkeyPatch) -> threading.Event:
    """Saving waits for this event."""
    going_on, save = threading.Event(), workers.Worker._save

    def wait_and_save(self: workers.Worker, hold: workers.Hold, made: Made) -> None:
        assert going_on.wait(20)
        save(self, hold, made)

    monkeypatch.setattr(workers.Worker, "_save", wait_and_save)
    return going_on


@pytest.mark.parametrize("changed", [{"saturation": 0.4}, {"saturation": 1.0}])
def test_a_preview_after_a_job_does_only_what_has_changed(
    make_worker: Callable[..., workers.Worker], monkeypatch: pytest.MonkeyPatch, changed: dict[str, float]
) -> None:
    """Of the size that the page asks for, which is what requests have unless they name another."""
    worker = make_worker()
    record = _photo(worker, side_px=1500)
    options = Options(colorize=True)
    job = JobRecord(id=new_id(), photo_id=record.id, options=options, created=time.time())
    worker._ledger.submit(job, max_queue=100)
    worker._do("restore", job.id)
    worker._settle()
    done = worker._ledger.job(job.id)
    assert done is not None and done.mask_id is not None
    ran: list[str] = []
    stepped = worker._job._stepped
    monkeypatch.setattr(worker._job, "_stepped", lambda step, *given: (ran.append(step.name), stepped(step, *given))[1])
    assert PreviewOptions().side_px == 1024
    asked = PreviewOptions(**options.model_dump() | {"mask": done.mask_id} | changed)
    preview = JobRecord(
        id=new_id(),
        photo_id=record.id,
        kind="preview",
        side_px=asked.side_px,
        options=Options(**asked.model_dump(exclude={"side_px", "strokes"})),
        created=time.time(),
    )
    worker._ledger.submit(preview, max_queue=100)
    worker._do("preview", preview.id)
    assert _state(worker, preview.id) == "done"
    assert ran == (["colorize"] if changed["saturation"] != 1.0 else [])


def test_a_job_is_saved_beside_the_next_one(make_worker: Callable[..., workers.Worker], slow_saving: threading.Event) -> None:
    worker = make_worker()
    first, second = (_job(worker, _photo(worker)) for _ in range(2))
    worker._do("restore", first)  # comes back although nothing is saved
    lane = threading.Thread(target=worker._do, args=("restore", second))
    lane.start()
    lane.join(0.5)
    assert lane.is_alive()  # no more than one waits to be saved
    assert _state(worker, first) == _state(worker, second) == "running"
    slow_saving.set()
    lane.join(20)
    worker._settle()
    assert _state(worker, first) == _state(worker, second) == "done" and not worker._holds
    assert worker._ledger.total("done") == 2


def test_a_job_that_may_have_killed_a_worker_has_none_beside_it(
    make_worker: Callable[..., workers.Worker], slow_saving: threading.Event
) -> None:
    worker = make_worker()
    first, suspect = _job(worker, _photo(worker)), _job(worker, _photo(worker), attempts=1)
    worker._do("restore", first)
    lane = threading.Thread(target=worker._do, args=("restore", suspect))
    lane.start()
    lane.join(0.5)
    assert _state(worker, suspect) == "queued"  # not even taken: a death now would cost it an attempt
    slow_saving.set()
    lane.join(20)
    assert _state(worker, first) == _state(worker, suspect) == "done" and worker._saving is None  # saved before the next


@pytest.mark.parametrize("settings", [{"job_attempts": 1}, {}])
def test_what_has_one_attempt_or_is_large_is_saved_at_once(
    make_worker: Callable[..., workers.Worker], monkeypatch: pytest.MonkeyPatch, settings: dict[str, int]
) -> None:
    if not settings:
        monkeypatch.setattr(workers, "BESIDE_MEGAPIXELS", 0.001)
    worker = make_worker(**settings)
    job = _job(worker, _photo(worker))
    worker._do("restore", job)
    assert _state(worker, job) == "done" and worker._saving is None


def test_saving_that_fails_is_the_job_s_end_and_not_the_next_one_s(
    make_worker: Callable[..., workers.Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = make_worker()
    first, second = (_job(worker, _photo(worker)) for _ in range(2))

    def full(*_: object) -> None:
        raise OSError("no space left")

    with monkeypatch.context() as patched:
        patched.setattr(workers.Worker, "_save", full)
        worker._do("restore", first)
        worker._settle()
    worker._do("restore", second)
    worker._settle()
    failed = worker._ledger.job(first)
    assert failed is not None and failed.state == "failed" and "disk" in (failed.error or "")
    assert _state(worker, second) == "done" and not worker._holds


def test_a_message_that_was_lost_is_sent_again(make_worker: Callable[..., workers.Worker]) -> None:
    worker = make_worker()
    job = _job(worker, _photo(worker))
    assert worker._queue.pending("restore") == 0
    messages.recover(worker._ledger, worker._queue, worker._settings)
    assert worker._queue.pending("restore") == 1 and _state(worker, job) == "queued"


def test_what_has_expired_goes_although_nothing_can_be_put_back(
    make_worker: Callable[..., workers.Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "there is no room")

    worker = make_worker()
    photo = _photo(worker)
    worker._ledger.change_photo(photo.id, lambda photo: photo.model_copy(update={"expires": 1.0}))
    monkeypatch.setattr(workers, "recover", full)
    monkeypatch.setattr(workers, "SWEEP_S", 0.01)
    sweeper = threading.Thread(target=worker._sweep)
    sweeper.start()
    for _ in range(200):
        if not worker._ledger.has_photo(photo.id):
            break
        time.sleep(0.05)
    worker._stopping.set()
    sweeper.join()
    assert not worker._ledger.has_photo(photo.id) and not worker._store.exists(f"photos/{photo.id}/original")


def test_a_reader_that_is_woken_looks_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(messages, "POLL_S", 60.0)
    read, settings = threading.Event(), Settings(data=tmp_path / "data")
    queue = messages.Queue(settings, lambda kind, job_id: read.set())
    sending = messages.Queue(settings, wake=queue.look)
    assert queue.lanes["restore"].storage.conn.execute("PRAGMA synchronous").fetchone() == (1,)  # NORMAL
    with reading(queue):
        time.sleep(0.3)  # both have looked, and wait
        sending.send("restore", "x" * 32)
        assert read.wait(10)
    sending.close()
    queue.close()


def _held(worker: workers.Worker, record: PhotoRecord, kind: Kind) -> workers.Hold:
    job = JobRecord(id=new_id(), photo_id=record.id, kind=kind, options=Options(), created=0, holder="me")
    return workers.Hold(job, worker._give_way)


def test_a_job_rests_while_a_preview_is_made(make_worker: Callable[..., workers.Worker], monkeypatch: pytest.MonkeyPatch) -> None:
    worker = make_worker()
    record = _photo(worker)

    job, preview = _held(worker, record, "restore"), _held(worker, record, "preview")
    worker._holds |= {job, preview}
    threading.Timer(0.2, worker._holds.discard, [preview]).start()
    began = time.monotonic()
    preview.progress("clean", 0.5)
    assert time.monotonic() - began < 0.1, "a preview rests for nobody"
    job.progress("clean", 0.5)
    assert time.monotonic() - began >= 0.19
    worker._holds.add(preview)
    monkeypatch.setattr(workers, "GIVE_WAY_S", 0.1)
    began = time.monotonic()
    job.progress("clean", 0.6)  # not for ever
    assert 0.09 <= time.monotonic() - began < 5
    job.abandoned = True
    with pytest.raises(workers.AbandonedError):
        job.progress("clean", 0.7)
    worker._holds.clear()


def test_the_first_picture_of_a_large_photograph_comes_before_its_job_begins(
    make_worker: Callable[..., workers.Worker], monkeypatch: pytest.MonkeyPatch
) -> None:
    worker = make_worker()
    small = _photo(worker)
    large = small.model_copy(update={"width": 1300, "height": 1000})
    is_made: list[bool] = []
    monkeypatch.setattr(worker._job, "restore", lambda job, record, progress: is_made.append(not made.is_alive()))

    preview = _held(worker, small, "preview")
    for record, waits in ((large, True), (small, False)):
        monkeypatch.setattr(worker._ledger, "photo", lambda _, record=record: record)
        asked = threading.Timer(0.01, worker._holds.add, [preview])  # a moment after the job
        made = threading.Timer(0.2, worker._holds.discard, [preview])
        asked.start()
        made.start()
        worker._run(_held(worker, small, "restore"))
        assert is_made.pop() is waits
        made.join()
