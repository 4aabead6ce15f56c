"""What another version left in the queue, in SQLite or Redis, stops nothing."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.lanes import reading
from tests.web.conftest import GOLDEN, wait_for
from tests.web.test_web_redis import redis_url  # noqa: F401  a fixture
from unfade.queue.ledger import SPOILT, Ledger
from unfade.queue.messages import Queue
from unfade.queue.options import Options
from unfade.queue.records import JobRecord, Kind, PhotoRecord, new_id
from unfade.queue.table import Row
from unfade.queue.worker import Worker
from unfade.settings import Settings
from unfade.web.responses import job_response

PHOTO = "p" * 32
Change = Callable[[dict[str, Any]], Any]


@pytest.fixture(params=["sqlite", "redis"])
def settings(request: pytest.FixtureRequest, tmp_path: Path) -> Settings:
    queue = request.getfixturevalue("redis_url") if request.param == "redis" else None
    return Settings(data=tmp_path / "data", models=GOLDEN, threads=1, queue=queue)


@pytest.fixture
def worker(settings: Settings) -> Iterator[Worker]:
    """One that nobody runs: the test hands it its messages."""
    worker = Worker(settings)
    yield worker
    worker._saver.shutdown(wait=True)
    worker._queue.close()
    worker._ledger.close()


def _job(ledger: Ledger, change: Change | None = None, kind: Kind = "restore") -> str:
    """A job that waits, as another version may have written it."""
    asked = JobRecord(id=new_id(), photo_id=PHOTO, kind=kind, options=Options(saturation=0.5), created=time.time())
    job = ledger.submit(asked, max_queue=100)
    if change is not None:
        _rewrite(ledger, job.id, change)
    return job.id


def _rewrite(ledger: Ledger, job_id: str, change: Change) -> None:
    def apply(row: Row | None) -> Row:
        assert row is not None
        document = json.loads(row.document)
        change(document)
        return Row(json.dumps(document), row.groups)

    ledger.table.change(job_id, apply)


def _stored(ledger: Ledger, job_id: str) -> dict[str, Any]:
    row = ledger.table.get(job_id)
    assert row is not None
    stored: dict[str, Any] = json.loads(row.document)
    return stored


@pytest.mark.parametrize(
    ("change", "unread"),
    [
        (lambda document: document["options"].update(glow=1), ["glow"]),
        (lambda document: document["options"].update(saturation="much"), ["saturation"]),
        (lambda document: document["options"]["frame"].update(shape="round"), ["frame.shape"]),
        (lambda document: document["options"].update(hints=[{"x": 1, "y": 1, "radius_px": 1, "color": "#ffffff", "glow": 1}]), ["hints"]),
    ],
)
def test_a_job_with_options_of_another_version_fails_with_a_sentence_and_the_next_is_taken(
    worker: Worker, change: Change, unread: list[str]
) -> None:
    ledger = worker._ledger
    foreign, next_one = _job(ledger, change), _job(ledger)
    assert {job.id for job in ledger.jobs_of(PHOTO)} == {foreign, next_one} == set(ledger.jobs([foreign, next_one]))
    sizes: dict[str, Any] = {"width": 4, "height": 3, "bits": 8, "channels": 1, "bytes": 9}
    facts: dict[str, Any] = {"format": "png", "has_color": False, "has_location": False, "notes": ()}
    ledger.add_photo(PhotoRecord(id=PHOTO, name="a.png", created=0, expires=time.time() + 1000, **sizes, **facts))
    worker._do("restore", foreign)
    failed = ledger.job(foreign)
    assert failed is not None and failed.state == "failed" and failed.error is not None
    assert f"does not know {', '.join(unread)};" in failed.error
    assert job_response(failed, None).options.saturation == (1.0 if unread == ["saturation"] else 0.5)  # what is known is shown
    first = ledger.first("restore")
    assert first is not None and first.id == next_one


def test_options_that_only_another_version_knows_outlive_what_this_one_changes(worker: Worker) -> None:
    ledger = worker._ledger
    job_id = _job(ledger, lambda document: document["options"].update(glow=1))
    held = ledger.claim(job_id, lease_s=10)
    assert held is not None and held.holder is not None and ledger.release(job_id, held.holder)
    again = ledger.job(job_id)
    assert again is not None and again.unread == ("glow",) and again.state == "queued"
    assert _stored(ledger, job_id)["foreign"]["glow"] == 1
    _rewrite(ledger, job_id, lambda document: document["foreign"].pop("glow"))  # as a version reads it that knows all
    read = ledger.job(job_id)
    assert read is not None and read.unread == () and read.foreign is None and read.options == Options(saturation=0.5)


@pytest.mark.parametrize(
    "change", [lambda document: document.update(state="thinking"), lambda document: document.pop("options"), dict.clear]
)
def test_a_job_whose_record_cannot_be_read_fails_and_the_next_is_taken(worker: Worker, change: Change) -> None:
    ledger = worker._ledger
    broken, next_one = _job(ledger, change), _job(ledger)
    assert [job.id for job in ledger.jobs_of(PHOTO)] == [next_one] == list(ledger.jobs([broken, next_one]))
    first = ledger.first("restore")
    assert first is not None and first.id == next_one
    failed = ledger.job(broken)
    assert failed is not None and failed.state == "failed" and failed.error == SPOILT and failed.photo_id == PHOTO
    assert ledger.waiting() == [next_one] and ledger.total("failed") == 1


def test_a_running_job_and_a_preview_that_cannot_be_read_stop_neither_recovery_nor_previews(worker: Worker) -> None:
    ledger = worker._ledger
    running, lost = _job(ledger), _job(ledger)
    for job_id in (running, lost):
        assert ledger.claim(job_id, lease_s=-1) is not None
    _rewrite(ledger, running, lambda document: document.update(state="thinking"))
    assert ledger.recover(attempts=3, lease_s=10) == [lost]
    failed = ledger.job(running)
    assert failed is not None and failed.state == "failed" and ledger.counts() == (1, 0)
    preview = _job(ledger, lambda document: document.update(state="thinking"), kind="preview")
    ledger.supersede_previews(PHOTO)
    assert ledger.first("preview") is None and ledger.table.get(preview) is None and ledger.total("failed") == 1


def test_a_message_that_cannot_be_read_does_not_end_the_reader(settings: Settings) -> None:
    read: list[str] = []
    queue = Queue(settings, lambda kind, job_id: read.append(job_id))
    for nonsense in (b"no JSON", b"[1, 2]", b'{"job": "x"}'):
        queue.lanes["restore"].storage.enqueue(nonsense)
    queue.send("restore", "x" * 32)
    with reading(queue):
        wait_for(lambda: read == ["x" * 32], seconds=10)
    queue.close()
