from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

pytest.importorskip("pydantic", reason="needs the web extra")

from unfade.errors import AwayError
from unfade.queue.ledger import Ledger, QueueFullError
from unfade.queue.options import Options
from unfade.queue.records import JobRecord, MaskRecord, PhotoRecord, ResultRecord, new_id
from unfade.queue.shelves import Shelves
from unfade.queue.table import Row
from unfade.queue.table_sqlite import SqliteTable

LEASE_S = 10.0
RESULT = ResultRecord(folder="f", format="png", has_master=False, bytes=1, width=1, height=1, pixels_changed=0, notes=())


class Clock:
    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def _photo(expires: float = 1e6) -> PhotoRecord:
    sizes: dict[str, Any] = {"width": 4, "height": 3, "bits": 8, "channels": 1, "bytes": 9}
    facts: dict[str, Any] = {"format": "png", "has_color": False, "has_location": False, "notes": ()}
    return PhotoRecord(id=new_id(), name="a.png", created=0, expires=expires, **sizes, **facts)


def _job(photo_id: str = "p", created: float = 0.0, **fields: Any) -> JobRecord:
    return JobRecord(id=new_id(), photo_id=photo_id, options=Options(), created=created, **fields)


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def ledger(tmp_path: Path, clock: Clock) -> Iterator[Ledger]:
    ledger = Ledger(SqliteTable(tmp_path / "ledger.sqlite"), clock=clock)
    yield ledger
    ledger.close()


def test_a_job_is_taken_once_and_finished_once_by_whoever_holds_it(ledger: Ledger) -> None:
    job = _job()
    ledger.submit(job, max_queue=5)
    held = ledger.claim(job.id, lease_s=LEASE_S)
    assert held is not None and held.holder and held.attempts == 1
    assert ledger.claim(job.id, lease_s=LEASE_S) is None
    assert not ledger.finish(job.id, "someone else", result=RESULT, mask_id=None)
    assert ledger.finish(job.id, held.holder, result=RESULT, mask_id=None)
    assert not ledger.finish(job.id, held.holder, result=RESULT, mask_id=None)
    done = ledger.job(job.id)
    assert done is not None and done.state == "done" and done.progress == 1
    assert ledger.total("done") == 1


def test_a_worker_thought_dead_changes_nothing_when_it_comes_back(ledger: Ledger, clock: Clock) -> None:
    job = _job()
    ledger.submit(job, max_queue=5)
    first = ledger.claim(job.id, lease_s=LEASE_S)
    assert first is not None and first.holder
    clock.now += LEASE_S - 1
    assert ledger.recover(attempts=3, lease_s=LEASE_S) == []
    assert ledger.beat(job.id, first.holder, "damage", 0.5, lease_s=LEASE_S)
    clock.now += LEASE_S + 1
    assert ledger.recover(attempts=3, lease_s=LEASE_S) == [job.id]
    second = ledger.claim(job.id, lease_s=LEASE_S)
    assert second is not None and second.attempts == 2
    assert not ledger.beat(job.id, first.holder, "fill", 0.1, lease_s=LEASE_S)
    assert not ledger.finish(job.id, first.holder, result=RESULT, mask_id=None)
    assert not ledger.fail(first, first.holder, "no")
    assert not ledger.release(job.id, first.holder)
    assert ledger.job(job.id) == second


def test_a_job_that_killed_three_workers_fails(ledger: Ledger, clock: Clock) -> None:
    job = _job()
    ledger.submit(job, max_queue=5)
    for attempt in (1, 2, 3):
        assert ledger.claim(job.id, lease_s=LEASE_S) is not None
        clock.now += LEASE_S + 1
        assert ledger.recover(attempts=3, lease_s=LEASE_S) == ([job.id] if attempt < 3 else [])
    failed = ledger.job(job.id)
    assert failed is not None and failed.state == "failed" and "3 times" in (failed.error or "")
    assert ledger.claim(job.id, lease_s=LEASE_S) is None
    assert ledger.total("failed") == 1 and ledger.counts() == (0, 0)


def test_a_job_that_is_put_back_keeps_its_place_and_its_attempts(ledger: Ledger) -> None:
    first, second = _job(created=1), _job(created=2)
    ledger.submit(first, max_queue=5)
    ledger.submit(second, max_queue=5)
    assert [ledger.position(job) for job in (first, second)] == [0, 1]
    held = ledger.claim(first.id, lease_s=LEASE_S)
    assert held is not None and held.holder and ledger.position(second) == 0
    assert ledger.release(first.id, held.holder)
    assert ledger.waiting() == [first.id, second.id]
    again = ledger.job(first.id)
    assert again is not None and again.attempts == 0


def test_the_queue_holds_so_many(ledger: Ledger) -> None:
    for _ in range(2):
        ledger.submit(_job(), max_queue=2)
    with pytest.raises(QueueFullError):
        ledger.submit(_job(), max_queue=2)
    ledger.submit(_job(kind="preview"), max_queue=2)  # previews wait elsewhere


def test_of_those_who_submit_at_once_no_more_get_in_than_there_are_places(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    count, refused = ledger._table.count, []

    def slow_count(group: str) -> int:
        found = count(group)
        time.sleep(0.05)  # all have counted before one is in
        return found

    monkeypatch.setattr(ledger._table, "count", slow_count)

    def submit() -> None:
        try:
            ledger.submit(_job(), max_queue=2)
        except QueueFullError:
            refused.append(1)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda _: submit(), range(6)))
    assert len(refused) == 4 and len(ledger.waiting()) == 2


def _client(name: str, created: float) -> JobRecord:
    return _job(created=created, client=name)


def test_clients_take_turns_however_many_jobs_one_has(ledger: Ledger) -> None:
    many = [_client("many", number) for number in range(6)]
    for job in many:
        ledger.submit(job, max_queue=100)
    one, two = _client("one", 10), [_client("two", 11), _client("two", 12)]
    ledger.submit(one, max_queue=100)
    for job in two:
        ledger.submit(job, max_queue=100)
    assert ledger.waiting()[:5] == [many[0].id, one.id, two[0].id, many[1].id, two[1].id]
    for _ in range(4):
        first = ledger.first("restore")
        assert first is not None and ledger.claim(first.id, lease_s=LEASE_S)
    late = _client("late", 20)
    ledger.submit(late, max_queue=100)  # in the turn that is on
    assert ledger.position(late) == 1 and ledger.positions()[late.id] == 1


def test_one_client_never_has_every_place(ledger: Ledger) -> None:
    def fill(client: str) -> int:
        count = 0
        while True:
            try:
                ledger.submit(_client(client, count), max_queue=200)
            except QueueFullError as error:
                return error.own if error.own == count else -1
            count += 1

    assert [fill(client) for client in ("a", "b", "c")] == [150, 38, 9]
    ledger.submit(_client("d", 0), max_queue=200)


def test_a_job_that_is_submitted_twice_is_one(ledger: Ledger) -> None:
    job = _job()
    first = ledger.submit(job, max_queue=1)
    again = ledger.submit(job.model_copy(update={"created": 5.0}), max_queue=1)
    assert again == first and ledger.waiting() == [job.id]
    held = ledger.claim(job.id, lease_s=LEASE_S)
    assert ledger.submit(job, max_queue=1) == held and ledger.waiting() == []


@pytest.mark.parametrize("back_s", [60.0, 86_400.0])
def test_a_job_of_a_dead_worker_comes_back_although_the_clock_was_put_back(ledger: Ledger, clock: Clock, back_s: float) -> None:
    clock.now = 1e6
    dead, alive = _job(), _job()
    for job in (dead, alive):
        ledger.submit(job, max_queue=5)
    assert ledger.claim(dead.id, lease_s=LEASE_S)
    held = ledger.claim(alive.id, lease_s=LEASE_S)
    assert held is not None and held.holder is not None
    ledger.greet("dead", lease_s=LEASE_S)
    clock.now -= back_s
    for _ in range(3):
        ledger.recover(attempts=3, lease_s=LEASE_S)
        clock.now += LEASE_S / 2
        assert ledger.beat(alive.id, held.holder, None, 0.0, lease_s=LEASE_S)
    assert ledger.waiting() == [dead.id] and ledger.workers() == 0
    assert ledger.finish(alive.id, held.holder, result=RESULT, mask_id=None)


def test_what_ends_is_counted_in_the_same_stroke(ledger: Ledger, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the two would lose one or the other: there is nothing between."""
    calls: list[str | None] = []
    change = ledger._table.change
    monkeypatch.setattr(ledger._table, "change", lambda *given, **how: (calls.append(how.get("counts")), change(*given, **how))[1])
    job = _job()
    ledger.submit(job, max_queue=5)
    held = ledger.claim(job.id, lease_s=LEASE_S)
    assert held is not None and held.holder is not None
    calls.clear()
    assert ledger.finish(job.id, held.holder, result=RESULT, mask_id=None)
    assert calls == ["done"] and ledger.total("done") == 1
    assert not ledger.finish(job.id, held.holder, result=RESULT, mask_id=None) and ledger.total("done") == 1


def test_removing_a_photograph_takes_its_jobs_from_whoever_holds_them(ledger: Ledger) -> None:
    photo = _photo()
    ledger.add_photo(photo)
    job = _job(photo.id)
    ledger.submit(job, max_queue=5)
    held = ledger.claim(job.id, lease_s=LEASE_S)
    assert held is not None and held.holder
    assert ledger.remove_photo(photo.id) and not ledger.remove_photo(photo.id)
    assert ledger.job(job.id) is None and ledger.photo(photo.id) is None
    assert not ledger.beat(job.id, held.holder, None, 0, lease_s=LEASE_S)
    assert ledger.counts() == (0, 0)


def test_a_photograph_whose_time_is_over_is_not_there_and_due_for_deletion(ledger: Ledger, clock: Clock) -> None:
    photo = _photo(expires=2_000)
    ledger.add_photo(photo)
    assert ledger.photo(photo.id) == photo and ledger.expired_photos() == []
    clock.now = 2_000
    assert ledger.photo(photo.id) is None and ledger.expired_photos() == [photo.id]


@pytest.mark.parametrize("document", ["", "nonsense", "{}", "[]", '{"id": "a", "from": "the future"}'])
def test_a_photograph_whose_record_cannot_be_read_is_not_there_and_goes_in_its_time(ledger: Ledger, clock: Clock, document: str) -> None:
    photo = _photo()
    ledger.add_photo(photo)
    ledger.table.change(f"photo:{photo.id}", lambda _: Row(document, {"photos": 2_000.0}))
    assert ledger.photo(photo.id) is None and ledger.has_photo(photo.id)
    assert ledger.change_photo(photo.id, lambda photo: photo) is None
    ledger.remove_mask(photo.id, "m")
    assert ledger.expired_photos() == []
    clock.now = 3_000.0
    assert ledger.expired_photos() == [photo.id]
    assert ledger.remove_photo(photo.id) and ledger.expired_photos() == []


@pytest.mark.parametrize("document", ["", "nonsense", "[]", '{"photos": 7}'])
def test_a_shelf_that_cannot_be_read_is_not_there_and_may_be_made_again(ledger: Ledger, document: str) -> None:
    shelves = Shelves(ledger.table, keep_s=10)
    shelf = shelves.make("s")
    ledger.table.change("shelf:s", lambda _: Row(document, {"shelves": 1e12}))
    assert shelves.photos(shelf) is None and shelves.change(shelf, add=["a"]) is None
    assert shelves.photos(shelves.make("s")) == ()


def test_masks_come_and_go_with_the_photograph(ledger: Ledger) -> None:
    photo = _photo()
    ledger.add_photo(photo)
    mask = MaskRecord(id="m", created=0, origin="upload", width=4, height=3, share=0.5, objects=1)
    assert ledger.add_mask(photo.id, mask)
    assert ledger.add_mask(photo.id, mask.model_copy(update={"share": 0.25}))
    found = ledger.photo(photo.id)
    assert found is not None and [kept.share for kept in found.masks] == [0.25]
    ledger.remove_mask(photo.id, "m")
    assert not ledger.add_mask("nobody", mask)


def test_a_newer_preview_takes_the_place_of_those_that_wait(ledger: Ledger) -> None:
    older, running, newer = (_job(kind="preview", created=number) for number in range(3))
    ledger.submit(running, max_queue=5)
    assert ledger.claim(running.id, lease_s=LEASE_S)
    ledger.submit(older, max_queue=5)
    ledger.supersede_previews("p")
    ledger.submit(newer, max_queue=5)
    states = [found.state if (found := ledger.job(job.id)) else None for job in (older, running, newer)]
    assert states == ["cancelled", "running", "queued"]


def test_silent_workers_are_forgotten(ledger: Ledger, clock: Clock) -> None:
    ledger.greet("a", lease_s=LEASE_S)
    ledger.greet("b", lease_s=LEASE_S)
    assert ledger.workers() == 2
    ledger.leave("a")
    assert ledger.workers() == 1
    clock.now += LEASE_S + 1
    assert ledger.workers() == 0


def test_progress_is_the_share_of_the_whole(ledger: Ledger) -> None:
    job = JobRecord(id="j", photo_id="p", options=Options(colorize=True), created=0, state="running", step="clean", step_progress=0.5)
    assert [(step.name, step.progress) for step in job.steps()] == [
        ("frame", 1.0),
        ("damage", 1.0),
        ("fill", 1.0),
        ("clean", 0.5),
        ("colorize", 0.0),
        ("saving", 0.0),
    ]
    assert job.progress == pytest.approx((0.05 + 0.3 + 0.25 + 0.15) / 1.05)
    assert JobRecord(id="j", photo_id="p", options=Options(fill=False, clean=0), created=0).weights() == {"saving": 0.05}


def test_many_threads_count_right(tmp_path: Path) -> None:
    table = SqliteTable(tmp_path / "t.sqlite", through_power_cuts=False)

    def count() -> None:
        for _ in range(50):
            table.change("n", lambda row: Row(str(1 + int(row.document if row else 0)), {"g": 1.0}))

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda _: count(), range(4)))
    found = table.get("n")
    assert found is not None and found.document == "200" and table.keys("g") == ["n"]
    table.close()


def test_a_change_that_fails_changes_nothing(tmp_path: Path) -> None:
    table = SqliteTable(tmp_path / "t.sqlite")
    table.change("a", lambda _: Row("kept", {"g": 1.0}))

    def fail(row: Row | None) -> Row | None:
        raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError):
        table.change("a", fail)
    assert table.get("a") == Row("kept", {"g": 1.0})
    table.close()


def test_connections_are_kept_for_as_many_as_need_one_at_once_and_no_more(tmp_path: Path) -> None:
    """Threads of a pool come and go; what each had open went nowhere, 3 files a thread."""
    table = SqliteTable(tmp_path / "t.sqlite")
    for _ in range(30):
        thread = threading.Thread(target=table.get, args=("x",))
        thread.start()
        thread.join()
    assert len(table._free) == 1
    table.close()


def test_a_table_whose_file_is_gone_is_away_until_it_is_back(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    table = SqliteTable(tmp_path / "data" / "t.sqlite")
    table.change("a", lambda _: Row("kept"))
    (tmp_path / "data").rename(tmp_path / "elsewhere")
    for act in (lambda: table.get("a"), lambda: table.change("a", lambda _: Row("lost")), table.check):
        with pytest.raises(AwayError, match="the ledger cannot be reached"):
            act()
    assert not (tmp_path / "data").exists()
    (tmp_path / "elsewhere").rename(tmp_path / "data")
    assert table.get("a") == Row("kept")
    table.close()


class Machine(RuleBasedStateMachine):
    """Whatever order servers, workers, deaths and returns of the dead come in, no job is lost and none is
    finished twice."""

    @initialize()
    def begin(self) -> None:
        self.clock = Clock()
        self.ledger = Ledger(SqliteTable(Path(":memory:")), clock=self.clock)
        self.jobs: list[str] = []
        self.holders: list[tuple[str, str]] = []
        self.finished: list[str] = []

    @rule()
    def submit(self) -> None:
        job = _job(created=self.clock.now)
        self.ledger.submit(job, max_queue=100)
        self.jobs.append(job.id)

    @rule(data=st.data())
    def claim(self, data: st.DataObject) -> None:
        if self.jobs:
            held = self.ledger.claim(data.draw(st.sampled_from(self.jobs)), lease_s=LEASE_S)
            if held is not None and held.holder is not None:
                self.holders.append((held.id, held.holder))

    @rule(data=st.data(), how=st.sampled_from(["finish", "beat", "release"]))
    def act(self, data: st.DataObject, how: str) -> None:
        if not self.holders:
            return
        job_id, holder = data.draw(st.sampled_from(self.holders))  # dead ones, too
        if how == "finish" and self.ledger.finish(job_id, holder, result=RESULT, mask_id=None):
            self.finished.append(job_id)
        elif how == "beat":
            self.ledger.beat(job_id, holder, "damage", 0.5, lease_s=LEASE_S)
        elif how == "release":
            self.ledger.release(job_id, holder)

    @rule(seconds=st.floats(0, 25))
    def time_passes(self, seconds: float) -> None:
        self.clock.now += seconds
        self.ledger.recover(attempts=3, lease_s=LEASE_S)

    @invariant()
    def every_job_is_somewhere_and_none_is_finished_twice(self) -> None:
        if not hasattr(self, "ledger"):
            return
        assert len(self.finished) == len(set(self.finished)) == self.ledger.total("done")
        states = {job_id: found.state if (found := self.ledger.job(job_id)) else None for job_id in self.jobs}
        assert None not in states.values()
        queued, running = self.ledger.counts()
        assert sorted(self.ledger.waiting()) == sorted(job_id for job_id, state in states.items() if state == "queued")
        assert queued + running == sum(state in ("queued", "running") for state in states.values())
        assert {job_id for job_id, state in states.items() if state == "done"} == set(self.finished)

    def teardown(self) -> None:
        if hasattr(self, "ledger"):
            self.ledger.close()


TestMachine = Machine.TestCase
TestMachine.settings = settings(max_examples=25, stateful_step_count=25, deadline=None)
