"""An archive without Ray: the manifest, the places, one master, what a person decides, and what is risky."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("fsspec", reason="needs the archive extra")

from unfade.archive import invented, risk
from unfade.archive.archiving import manifest_path, order_of, restore_archive
from unfade.archive.checking import check
from unfade.archive.manifest import Manifest, only_one
from unfade.archive.orders import Finished, Order, Task, names_of
from unfade.archive.places import Destination, Found, FullError, Source, check_apart
from unfade.archive.prediction import parts_of
from unfade.archive.runner import How
from unfade.archive.settle import settle
from unfade.archive.summary import report, status
from unfade.archive.treating import Treater
from unfade.errors import AwayError, RecordError, UnreadableError, UnwritableError, UsageError
from unfade.files import photo
from unfade.files.photo import Photo
from unfade.record import Doubt, StepRecord
from unfade.settings import Settings
from unfade.treatment import Treatment

LIGHT = Treatment(clean=0, fill=False, lightness=0.2, whole=True)
REPAIR = Treatment(clean=0, whole=True)


def scan(path: Path, *, hole: int = 0, bits: int = 8, seed: int = 1) -> Path:
    rng = np.random.default_rng(seed)
    tone = np.tile(np.linspace(60, 190, 120, dtype=np.float32), (90, 1)) + rng.normal(0, 3, (90, 120)).astype(np.float32)
    tone[40 : 40 + hole, 30 : 30 + hole] = 255
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), (tone * (257 if bits == 16 else 1)).clip(0, 2**bits - 1).astype(np.uint16 if bits == 16 else np.uint8))
    return path


@pytest.fixture
def order(tmp_path: Path, golden: Path) -> Order:
    scan(tmp_path / "scans" / "1912" / "a.tif", bits=16)
    scan(tmp_path / "scans" / "1912" / "A.jpg", seed=2)
    scan(tmp_path / "scans" / "b.png", hole=30, seed=3)
    (tmp_path / "scans" / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    (tmp_path / "scans" / ".hidden.png").write_bytes(b"")
    (tmp_path / "scans" / "notes.txt").write_bytes(b"x")
    return order_of(str(tmp_path / "scans"), str(tmp_path / "to"), LIGHT, Settings(models=golden, threads=1))


def run_here(order: Order, *, limit: int | None = None) -> Manifest:
    """What a run does, in this process and without Ray."""
    path = manifest_path(order.destination, None)
    Destination(order.destination).prepare()
    manifest = Manifest(path, create=True)
    listing = Source(order.source).listed()
    manifest.take_in(listing.masters, order.asked, listing.passed_over)
    number = manifest.begin(order)
    treater = Treater(order)
    finished = [treater.do(task, 200) for task in manifest.waiting(limit)]
    manifest.keep(finished, order.asked)
    manifest.end(number, {})
    return manifest


def test_an_archive_is_done_once_and_told(order: Order) -> None:
    manifest = run_here(order)
    to = Path(order.destination)
    assert manifest.counts() == {"waiting": 0, "done": 3, "failed": 1, "gone": 0}
    assert manifest.failures()[0][0] == "broken.png" and manifest.failures()[0][1]
    there = {path.relative_to(to).as_posix() for path in to.rglob("*") if path.is_file() and ".unfade" not in path.parts}
    results = {"1912/a-tif.restored.tif", "1912/A.restored.jpg", "b.restored.png"}
    assert there == results | {f"{name.rpartition('.')[0]}.unfade.json" for name in results}
    before = {name: (to / name).stat().st_mtime_ns for name in there}
    again = run_here(order)
    assert again.waiting() == [] and {name: (to / name).stat().st_mtime_ns for name in there} == before
    assert check(again).wrong == ()
    page = report(again)
    assert "broken.png" in page and "lightness 0.2" in page and status(again).lines()


def test_a_lost_manifest_is_made_again_from_the_records(order: Order) -> None:
    run_here(order).close()
    manifest_path(order.destination, None).unlink()
    manifest = run_here(order)
    rows = list(manifest.every())
    assert [row["adopted"] for row in rows if row["state"] == "done"] == [1, 1, 1]
    assert check(manifest).wrong == ()


def test_a_result_without_its_record_or_damaged_is_made_again(order: Order) -> None:
    run_here(order).close()
    to = Path(order.destination)
    (to / "b.restored.unfade.json").unlink()  # killed before the record
    (to / "1912" / "a-tif.restored.tif").write_bytes(b"half")
    manifest_path(order.destination, None).unlink()
    manifest = run_here(order)
    assert {row["name"] for row in manifest.every() if row["state"] == "done" and not row["adopted"]} == {"b.png", "1912/a.tif"}
    assert check(manifest).wrong == ()


def test_other_options_and_changed_masters_are_done_again(order: Order) -> None:
    run_here(order).close()
    other = replace(order, treatment=LIGHT.changed(lightness=-0.3).as_json())
    manifest = run_here(other)
    assert manifest.counts()["done"] == 3 and check(manifest).wrong == ()
    record = json.loads((Path(order.destination) / "b.restored.unfade.json").read_text())
    assert record["treatment"]["lightness"] == -0.3
    scan(Path(order.source) / "b.png", hole=10, seed=9)
    os.utime(Path(order.source) / "1912" / "a.tif")  # touched, and the same
    again = run_here(other)
    adopted = {row["name"]: row["adopted"] for row in again.every() if row["state"] == "done"}
    assert adopted == {"1912/A.jpg": 0, "1912/a.tif": 1, "b.png": 0}
    (Path(order.source) / "new.png").write_bytes((Path(order.source) / "b.png").read_bytes())
    assert [task.name for task in Manifest(again.path).waiting()] == []
    again.take_in(Source(order.source).masters(), other.asked)
    assert [task.name for task in again.waiting()] == ["new.png"]


def test_what_is_wrong_with_the_files_is_told(order: Order) -> None:
    manifest = run_here(order)
    to = Path(order.destination)
    (to / "stray.png").write_bytes(b"x")
    (to / "1912" / "A.restored.jpg").write_bytes(b"x")
    (to / "b.restored.png").unlink()
    (Path(order.source) / "1912" / "a.tif").write_bytes(b"x")
    told = "\n".join(check(manifest).wrong)
    for part in ("stray.png lies among", "A.restored.jpg is not the file", "b.restored.png is not there", "1912/a.tif is not the file"):
        assert part in told


def test_a_mask_that_is_missing_or_another_is_told(order: Order) -> None:
    manifest = run_here(replace(order, treatment=REPAIR.as_json()))
    mask = Path(order.destination) / "b.mask.png"
    own = mask.read_bytes()
    assert check(manifest).wrong == ()
    mask.unlink()
    assert check(manifest).wrong == ("b.png is done, and its mask b.mask.png is not there",)
    photo.write(photo.read(np.zeros((90, 120), np.uint8)), mask)
    assert check(manifest).wrong == ("b.mask.png is not the mask that was used",)
    mask.write_bytes(own[:40])
    assert len(check(manifest).wrong) == 1 and "b.mask.png" in check(manifest).wrong[0]
    mask.write_bytes(own)
    manifest.close()
    light = run_here(order)  # nothing is taken for lost: the mask goes
    assert check(light).wrong == () and not mask.exists()
    mask.write_bytes(own)
    assert check(light).wrong == ("b.mask.png lies beside a result that was made without a mask",)


def test_what_nothing_changed_is_the_masters_own_file(order: Order) -> None:
    run_here(replace(order, treatment=LIGHT.changed(lightness=0).as_json()))
    for name, result in (("1912/A.jpg", "1912/A.restored.jpg"), ("b.png", "b.restored.png")):
        assert (Path(order.destination) / result).read_bytes() == (Path(order.source) / name).read_bytes()


def test_what_another_format_cannot_hold_is_told(order: Order) -> None:
    source = Path(order.source)
    scan(source / "deep.png", bits=16).rename(source / "deep.jpg")  # its name is of another format than its bytes
    manifest = run_here(order)
    told = {row["name"]: " ".join(row["notes"]) for row in manifest.every()}
    assert "deep.restored.jpg: JPEG holds 8 bits" in told["deep.jpg"] and "compressed with loss" in told["deep.jpg"]
    assert not any("holds" in notes for name, notes in told.items() if name != "deep.jpg")
    manifest.close()
    manifest.path.unlink()
    again = {row["name"]: row for row in run_here(order).every()}["deep.jpg"]
    assert again["adopted"] and "JPEG holds 8 bits" in " ".join(again["notes"])
    asked = run_here(replace(order, format="jpeg"))
    assert "JPEG holds 8 bits" in next(" ".join(row["notes"]) for row in asked.every() if row["name"] == "1912/a.tif")


def test_a_name_too_long_for_the_record_leaves_nothing_behind(order: Order) -> None:
    name = f"{'n' * 235}.png"  # with .restored it has 248 letters, and its record more than the 255 that a disk holds
    scan(Path(order.source) / name, hole=30)
    manifest = run_here(replace(order, treatment=REPAIR.as_json()))
    why = dict(manifest.failures())[name]
    assert why.count("cannot be written") == 1 and "too long" in why
    assert not [path for path in Path(order.destination).rglob("n*") if path.is_file()] and check(manifest).wrong == ()


def test_a_master_is_never_opened_to_be_written(order: Order, tmp_path: Path) -> None:
    """Every file that Python opens is looked at."""
    code = f"""
import os, sys
opened = []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)) and os.fsdecode(arguments[0]).startswith({order.source!r}):
        mode, flags = arguments[1], arguments[2]
        opened.append((arguments[0], mode, flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC)))
    if event in ("os.remove", "os.rename", "os.chmod", "os.truncate", "os.utime") and str(arguments[0]).startswith({order.source!r}):
        opened.append((arguments[0], event, 1))
sys.addaudithook(hook)
from pathlib import Path
from tests.unit.test_archive_parts import REPAIR, run_here
from unfade.archive.archiving import order_of
from unfade.settings import Settings
run_here(order_of({order.source!r}, {order.destination!r}, REPAIR, Settings(models=Path({str(order.models)!r}), threads=1)))
assert len(opened) >= 4, opened
assert not [one for one in opened if one[2]], opened
"""
    root = Path(__file__).resolve().parents[2]
    paths = os.pathsep.join([str(root), *filter(None, [os.environ.get("PYTHONPATH")])])
    subprocess.run([sys.executable, "-c", code], check=True, cwd=tmp_path, env={**os.environ, "PYTHONPATH": paths})


def test_too_large_for_what_was_granted_comes_back(order: Order) -> None:
    treater = Treater(order)
    task = Task("b.png", "b.restored", 1)
    back = treater.do(task, 0.005)
    assert back.state == "larger" and back.megapixels == pytest.approx(0.0108)
    refused = Treater(replace(order, max_megapixels=0.005)).do(task, 1)
    assert refused.state == "failed" and "megapixels" in refused.sentence
    assert not Destination(order.destination).exists("b.restored.png")


def test_a_full_disk_stops_and_fails_no_master(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*arguments: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    stopped = Treater(order).do(Task("b.png", "b.restored", 1), 200)
    assert stopped.state == "stopped" and "is full" in stopped.sentence


def test_a_source_that_is_gone_stops_and_fails_no_master(order: Order) -> None:
    treater = Treater(order)
    Path(order.source).rename(f"{order.source}-unmounted")
    stopped = treater.do(Task("b.png", "b.restored", 1), 200)
    assert stopped.state == "stopped" and "mounted" in stopped.sentence
    with pytest.raises(AwayError):
        Source(order.source).masters()


# --- what a person decides


def test_results_of_risk_are_held_and_refused_ones_not_delivered(order: Order) -> None:
    held = replace(order, hold=0.0001, treatment=LIGHT.changed(lightness=1).as_json())
    manifest, to = run_here(held), Path(order.destination)
    entries = manifest.review("open", limit=10)
    assert "data:image/jpeg;base64," in report(manifest)
    assert [entry.risk for entry in entries] == sorted((entry.risk for entry in entries), reverse=True)
    assert {entry.place for entry in entries if entry.risk} == {"held"} and not (to / "b.restored.png").exists()
    one = next(entry for entry in entries if entry.name == "b.png")
    manifest.decide(one.id, "accepted")
    assert settle(manifest, Destination(order.destination)) == 1 and (to / "b.restored.png").is_file()
    assert (to / "b.restored.unfade.json").is_file() and check(manifest).wrong == ()
    manifest.decide(one.id, "refused")
    settle(manifest, Destination(order.destination))
    assert not (to / "b.restored.png").exists() and (to / ".unfade" / "refused" / "b.restored.png").is_file()
    assert manifest.review_counts()["refused"] == 1 and check(manifest).wrong == ()
    manifest.close()
    manifest_path(order.destination, None).unlink()  # a new manifest knows from where it lies that it was refused
    again = run_here(held)
    assert next(entry for entry in again.review("all", limit=10) if entry.name == "b.png").decision == "refused"


def test_a_decision_that_was_cut_short_is_carried_out_later(order: Order) -> None:
    manifest, to = run_here(order), Path(order.destination)
    one = next(entry for entry in manifest.review("all", limit=10) if entry.name == "b.png")
    manifest.decide(one.id, "refused")  # killed here
    (to / ".unfade" / "refused").mkdir(parents=True)
    (to / "b.restored.png").rename(to / ".unfade" / "refused" / "b.restored.png")  # and in the middle of moving
    assert settle(manifest, Destination(order.destination)) == 1
    assert check(manifest).wrong == () and settle(manifest, Destination(order.destination)) == 0


# --- the manifest


def test_one_run_at_a_time(tmp_path: Path) -> None:
    path = tmp_path / "m.sqlite"
    with only_one(path), pytest.raises(UsageError, match="under way"), only_one(path):
        raise AssertionError
    with only_one(path):
        pass


def test_what_is_no_manifest_is_refused(tmp_path: Path, order: Order) -> None:
    with pytest.raises(UsageError, match="no manifest"):
        Manifest(tmp_path / "none.sqlite")
    (tmp_path / "other.sqlite").write_bytes(b"a letter, and nothing else" * 99)
    with pytest.raises(RecordError, match="no manifest"):
        Manifest(tmp_path / "other.sqlite")
    (tmp_path / "empty.sqlite").touch()
    with sqlite3.connect(tmp_path / "letters.sqlite") as others:
        others.execute("CREATE TABLE letter (text TEXT)")
    for name, create in (("empty.sqlite", False), ("letters.sqlite", False), ("letters.sqlite", True)):
        before = (tmp_path / name).read_bytes()
        with pytest.raises(RecordError, match="is no manifest"):
            Manifest(tmp_path / name, create=create)
        assert (tmp_path / name).read_bytes() == before
    manifest = run_here(order)
    with pytest.raises(UsageError, match="manifest of the source"):
        manifest.begin(replace(order, source="/elsewhere"))


def test_a_hundred_thousand_masters_are_listed_in_seconds(tmp_path: Path) -> None:
    manifest = Manifest(tmp_path / "m.sqlite", create=True)
    found = [Found(f"{number // 1000}/{number}.tif", number, "1") for number in range(20_000)]
    manifest.take_in(found, "x")
    manifest.keep([Finished(one.name, "done") for one in found], "x")
    manifest.take_in(found, "x")
    assert manifest.counts()["done"] == 20_000 and manifest.waiting() == []
    assert sqlite3.connect(tmp_path / "m.sqlite").execute("PRAGMA journal_mode").fetchone()[0] == "delete"
    manifest.take_in(found[:-1], "y")
    assert manifest.counts() == {"waiting": 19_999, "done": 1, "failed": 0, "gone": 0}


def test_dead_letters_are_tried_again(order: Order) -> None:
    manifest = run_here(order)
    assert manifest.retry() == 1 and [task.name for task in manifest.waiting()] == ["broken.png"]
    assert [manifest.died("broken.png") for _ in range(3)] == [1, 2, 3]


# --- places


def test_places_that_harm_are_refused(tmp_path: Path) -> None:
    for one, other in ((tmp_path, tmp_path / "in"), (tmp_path / "in", tmp_path), (tmp_path, tmp_path)):
        with pytest.raises(UsageError, match="lie in each other"):
            check_apart(Source(str(one)), Destination(str(other)))
    with pytest.raises(UsageError, match="cannot be reached"):
        Source("nosuch://bucket")
    with pytest.raises(UsageError, match="--manifest"):
        manifest_path("memory://bucket", None)


def test_a_bucket_serves_as_a_folder_does(tmp_path: Path, order: Order) -> None:
    import fsspec

    memory = fsspec.filesystem("memory")
    memory.pipe_file("/masters/x/b.png", (Path(order.source) / "b.png").read_bytes())
    source, to = Source("memory://masters"), Destination("memory://restored")
    assert [found.name for found in source.masters()] == ["x/b.png"]
    bucket = replace(order, source="memory://masters", destination="memory://restored")
    done = Treater(bucket).do(Task("x/b.png", "x/b.restored", 1), 200)
    assert done.state == "done" and done.sentence == ""
    names = names_of("x/b.restored", ".png", "delivered")
    assert {names.result, names.record} <= set(to.names())
    assert Treater(bucket).do(Task("x/b.png", "x/b.restored", 1), 200).adopted
    to.move(names.result, "held.png")
    assert to.exists("held.png") and not to.exists(names.result)
    to.remove("held.png")
    with pytest.raises(UnreadableError, match="does not exist any more"):
        source.read("x/gone.png")
    assert FullError.__mro__[1].__name__ == "UnwritableError"


@pytest.mark.parametrize("key", ["/{outside}/evil.png", "../evil.png", "x/../../evil.png", "x/./good.png"])
def test_no_key_of_a_bucket_leads_out_of_the_destination(tmp_path: Path, order: Order, key: str) -> None:
    import fsspec

    key = key.format(outside=(tmp_path / "outside").as_posix().lstrip("/"))
    memory = fsspec.filesystem("memory")
    memory.store.clear()
    memory.pipe_file("/odd/plain.png", (Path(order.source) / "b.png").read_bytes())
    memory.store[f"/odd/{key}"] = memory.store.pop("/odd/plain.png")  # as it is in a bucket: memory's own door tidies names
    before = set(tmp_path.rglob("*"))
    manifest = run_here(replace(order, source="memory://odd"))
    letters, counts = manifest.failures(), manifest.counts()
    assert counts["failed"] + counts["done"] == 1 and all("out of" in why for _, why in letters)
    assert {path for path in tmp_path.rglob("*") if Path(order.destination) not in (path, *path.parents)} == before


@pytest.mark.parametrize("name", ["/evil.png", "../evil.png", "x/../../evil.png"])
@pytest.mark.parametrize("url", ["{folder}/to", "memory://to"])
def test_a_destination_takes_no_name_that_leads_out_of_it(tmp_path: Path, name: str, url: str) -> None:
    (tmp_path / "evil.png").write_bytes(b"of others")
    to = Destination(url.format(folder=tmp_path))
    to.put("a.png", b"a")
    for do in (lambda: to.put(name, b"x"), lambda: to.move("a.png", name), lambda: to.move(name, "b.png"), lambda: to.remove(name)):
        with pytest.raises(UnwritableError, match="leads out of"):
            do()
    assert (tmp_path / "evil.png").read_bytes() == b"of others"


def test_a_bucket_that_does_not_exist_is_said(order: Order, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from fsspec.implementations.memory import MemoryFileSystem

    def missing(*given: object, **how: object) -> None:
        raise FileNotFoundError("The specified bucket does not exist")

    bucket = replace(order, destination="memory://nosuch")
    for call in ("exists", "find"):
        with monkeypatch.context() as patch:
            patch.setattr(MemoryFileSystem, call, missing)
            with pytest.raises(AwayError, match="memory://nosuch cannot be reached: The specified bucket does not exist"):
                restore_archive(bucket, tmp_path / "m.sqlite", How(1), tell=lambda account, done: None)


def test_a_sample_stands_for_all(tmp_path: Path) -> None:
    tasks = [Task(f"{number}.{'tif' if number % 2 else 'jpg'}", "", 10 ** (number % 5)) for number in range(500)]
    parts = parts_of(tasks, 24)
    assert 20 <= len(parts) <= 24 and sorted(task.name for part in parts for task in part) == sorted(task.name for task in tasks)
    assert len(parts_of(tasks[:3], 24)) == 3


# --- what is risky, and what was invented


def pair(hole: int) -> tuple[Photo, Photo, np.ndarray]:
    before = np.full((200, 300, 1), 120, np.uint8)
    mask = np.zeros((200, 300), bool)
    mask[50 : 50 + hole, 60 : 60 + hole] = True
    after = before.copy()
    after[mask] = 90
    return Photo(before), Photo(after), mask


def test_a_large_invention_is_named_with_its_distance() -> None:
    before, after, mask = pair(41)
    found = invented.measure(before, after, mask)
    assert found.distance[70, 80] == pytest.approx(21, abs=0.01) and found.distance[0, 0] == 0
    assert [one.box for one in found.large] == [(60, 50, 101, 91)] and found.large[0].distance_px == 21
    assert "1,681 pixels at 60, 50" in found.large[0].sentence()
    assert np.array_equal(invented.distance_of(invented.as_picture(found))[70, 80:82], [21, 20])
    layer = invented.shaded(found.distance)
    assert layer[70, 80, 3] > layer[50, 60, 3] > 0 == layer[0, 0, 3]
    assert invented.measure(*pair(3)).large == ()
    nothing = invented.measure(before, before, mask)
    assert nothing.share == 0 and nothing.large == ()


def test_what_is_riskier_comes_first() -> None:
    scores = [risk.assess(*pair(hole), []).score for hole in (0, 3, 20, 60, 150)]
    assert scores == sorted(scores) and scores[0] == 0 and scores[-1] > 0.5
    before, _, _ = pair(0)
    doubt = StepRecord("damage", {}, doubts=(Doubt("a pale area may be a loss", (0, 0, 100, 100)),))
    assert "left alone" in risk.assess(before, before, None, [doubt]).reasons[0]
    bright = before.with_samples(before.samples + np.uint8(70))
    assert "tone moved by" in risk.assess(before, bright, None, []).reasons[0]
    face = StepRecord("fill", {}, facts={"faces_touched": 2})
    assert "2 faces" in risk.assess(before, before, None, [face]).reasons[0]


def test_how_unsure_a_color_is(golden: Path) -> None:
    from unfade.models.session import Sessions

    before = photo.read(np.tile(np.linspace(0, 255, 160).astype(np.uint8), (120, 1)))
    with Sessions(1) as shipped:
        doubt = invented.color_doubt(before, shipped.get("colorize"))
    assert doubt.shape == (120, 160) and doubt.min() >= 0 and doubt.max() <= 1 and doubt.max() > 0
