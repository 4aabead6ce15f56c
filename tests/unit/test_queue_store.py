"""Files in a folder or at any fsspec URL, and the sweeping of what nobody wants any longer."""

from __future__ import annotations

import errno
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="needs the web extra")

from unfade.errors import AwayError, UsageError
from unfade.queue.ledger import Ledger
from unfade.queue.messages import Queue, sweep
from unfade.queue.opening import open_ledger, open_store
from unfade.queue.records import PhotoRecord, new_id
from unfade.queue.scratch import YOUNG_S, Scratch
from unfade.queue.store import Store
from unfade.queue.table_sqlite import SqliteTable
from unfade.settings import Settings


def _photo(expires: float) -> PhotoRecord:
    facts = {"width": 1, "height": 1, "bits": 8, "channels": 1, "format": "png", "bytes": 1, "has_color": False, "has_location": False}
    return PhotoRecord(id=new_id(), name="a", created=0, expires=expires, notes=(), **facts)  # type: ignore[arg-type]


def test_what_has_expired_and_what_belongs_to_nobody_is_swept(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "files"), tmp_path / "scratch")
    ledger = Ledger(SqliteTable(tmp_path / "ledger.sqlite"))
    now = time.time()
    fresh, old = (_photo(now + after) for after in (100, -1))
    orphan, young_orphan = new_id(), new_id()
    for photo in (fresh, old):
        ledger.add_photo(photo)
    for name in (fresh.id, old.id, orphan, young_orphan):
        store.put(f"photos/{name}/original", b"x")
    os.utime(tmp_path / "files" / "photos" / orphan, (now - 7200, now - 7200))
    sweep(ledger, store, now=now)
    assert {name for name, _ in store.names("photos")} == {fresh.id, young_orphan}
    assert ledger.photo(fresh.id) == fresh and not ledger.has_photo(old.id)
    ledger.close()


def test_where_folders_have_no_times_only_what_was_nobody_s_an_hour_ago_is_swept(tmp_path: Path) -> None:
    store = Store("memory://unfade-sweep", tmp_path / "scratch")
    ledger = Ledger(SqliteTable(tmp_path / "ledger.sqlite"))
    now = time.time()
    uploading, orphan = _photo(now + 1e5), new_id()
    for name in (uploading.id, orphan):
        store.put(f"photos/{name}/original", b"x")
    sweep(ledger, store, now=now)  # as an upload is put away, before it is written down
    assert store.exists(f"photos/{uploading.id}/original") and store.exists(f"photos/{orphan}/original")
    ledger.add_photo(uploading)
    sweep(ledger, store, now=now + 1800)
    assert store.exists(f"photos/{orphan}/original")
    sweep(ledger, store, now=now + 3700)
    assert {name for name, _ in store.names("photos")} == {uploading.id}
    ledger.close()


def test_where_folders_have_no_times_the_view_just_made_is_not_swept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from unfade.web import review

    monkeypatch.setattr(review, "KEPT_VIEWS", 2)
    store = Store("memory://unfade-views", tmp_path / "scratch")
    listed = store._fs.ls
    monkeypatch.setattr(store._fs, "ls", lambda *given, **how: sorted(listed(*given, **how), key=lambda entry: entry["name"]))  # as S3
    for name in ("b", "c"):
        store.put(f"archive/{name}/view", b"x")
    review.sweep_views(store)
    store.put("archive/a/view", b"x")
    review.sweep_views(store)
    assert {name for name, _ in store.names("archive")} == {"a", "c"}


def test_a_store_anywhere_fsspec_reaches_behaves_as_a_folder_does(tmp_path: Path) -> None:
    for url in (str(tmp_path / "files"), "memory://unfade-test"):
        store = Store(url, tmp_path / "scratch")
        store.put("photos/a/original", b"0123456789")
        (tmp_path / "made").write_bytes(b"made here")
        store.put_file("photos/a/jobs/result", tmp_path / "made")
        assert not (tmp_path / "made").exists()
        assert store.read("photos/a/original", 2, 5) == b"234" and store.size("photos/a/original") == 10
        assert b"".join(store.chunks("photos/a/jobs/result")) == b"made here"
        with store.local("photos/a/original") as path:
            assert path.read_bytes() == b"0123456789"
        assert [name for name, _ in store.names("photos")] == ["a"]
        store.remove("photos/a")
        store.remove("photos/a")
        assert not store.exists("photos/a/original") and store.names("nowhere") == []
        with pytest.raises(FileNotFoundError):
            store.read("photos/a/original")
        with pytest.raises(FileNotFoundError), store.local("photos/a/original") as path:
            path.read_bytes()
    assert list((tmp_path / "scratch").iterdir()) == []


def test_what_a_killed_process_left_is_cleared_and_what_a_living_one_has_is_not(tmp_path: Path) -> None:
    script = (
        "import sys, time; from pathlib import Path; from unfade.queue.scratch import Scratch\n"
        "with Scratch(Path(sys.argv[1])).workspace() as folder:\n"
        "    (folder / 'upload').write_bytes(b'x'); print(folder.name, flush=True); time.sleep(60)"
    )
    scratch = Scratch(tmp_path / "scratch")
    processes = [subprocess.Popen([sys.executable, "-c", script, str(scratch.folder)], stdout=subprocess.PIPE, text=True) for _ in range(2)]
    try:
        names = [str(process.stdout.readline()).strip() for process in processes if process.stdout is not None]
        assert scratch.clear() == 0  # both live
        processes[0].kill()
        processes[0].wait()
        time.sleep(YOUNG_S)
        assert scratch.clear() == 1
        assert [folder.name for folder in scratch.folder.iterdir()] == [names[1]]
    finally:
        for process in processes:
            process.kill()
            process.wait()
            if process.stdout is not None:
                process.stdout.close()


def test_storage_that_is_gone_is_away_and_not_empty(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "disk"), tmp_path / "scratch")
    store.put("photos/a/original", b"x")
    (tmp_path / "disk").rename(tmp_path / "unplugged")
    (tmp_path / "disk").mkdir()  # the mount point, with nothing on it
    (tmp_path / "made").write_bytes(b"made here")
    acts: list[Callable[[], object]] = [
        store.check,
        lambda: store.read("photos/a/original"),
        lambda: store.size("photos/a/original"),
        lambda: list(store.chunks("photos/a/original")),
        lambda: store.put("photos/b/original", b"x"),
        lambda: store.put_file("photos/b/original", tmp_path / "made"),
        lambda: store.exists("photos/a/original"),
        lambda: store.local("photos/a/original").__enter__(),
        lambda: store.names("photos"),
        lambda: store.remove("photos/a"),
    ]
    for act in acts:
        with pytest.raises(AwayError, match="the storage cannot be reached"):
            act()
    assert list((tmp_path / "disk").iterdir()) == [] and (tmp_path / "made").exists()
    (tmp_path / "disk").rmdir()
    (tmp_path / "unplugged").rename(tmp_path / "disk")
    assert store.read("photos/a/original") == b"x"


def test_a_file_that_does_not_fit_leaves_no_part_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    store = Store(str(tmp_path / "files"), tmp_path / "scratch")
    (tmp_path / "made").write_bytes(b"0123456789")

    def half(source: Path, target: str) -> None:
        Path(target).write_bytes(b"01234")
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(shutil, "move", half)
    with pytest.raises(OSError) as full:
        store.put_file("photos/a/original", tmp_path / "made")
    assert full.value.errno == errno.ENOSPC and not store.exists("photos/a/original")


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"data": "file"}, "UNFADE_DATA is .*file, which is or lies in a file; name a folder"),
        ({"data": "file/below"}, "which is or lies in a file"),
        ({"files": "nowhere://bucket"}, "UNFADE_FILES is nowhere://bucket, which is no folder and no address"),
        ({"files": "file"}, "UNFADE_FILES is .*file, which is or lies in a file"),
        ({"queue": "http://localhost"}, "UNFADE_QUEUE is http://localhost, which is no address of a Redis; write redis://"),
        ({"queue": "redis://:secret@127.0.0.1:1/0"}, "UNFADE_QUEUE is redis://127.0.0.1:1/0, where no Redis answers"),
        ({"queue": "redis://localhost:port/0"}, "which is no address of a Redis"),
    ],
)
def test_settings_that_cannot_be_used_are_told_at_the_start(tmp_path: Path, settings: dict[str, str], said: str) -> None:
    (tmp_path / "file").write_bytes(b"")
    given = {name: str(tmp_path / value) if "file" in value else value for name, value in settings.items()}
    opened = Settings(**{"data": tmp_path / "data"} | given)  # type: ignore[arg-type]
    with pytest.raises(UsageError, match=said) as refused:
        (open_store if "files" in settings else open_ledger)(opened)
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize("broken", [b"this is no database, and never was one" * 100, b"SQLite format 3\0" + bytes(4000)])
def test_a_damaged_ledger_is_told_and_stays_as_it_is(tmp_path: Path, broken: bytes) -> None:
    (tmp_path / "ledger.sqlite").write_bytes(broken)
    with pytest.raises(UsageError, match=r"the ledger .*ledger\.sqlite is damaged|cannot be opened"):
        open_ledger(Settings(data=tmp_path))
    assert (tmp_path / "ledger.sqlite").read_bytes() == broken


def test_damaged_messages_are_made_anew_for_the_jobs_are_in_the_ledger(tmp_path: Path) -> None:
    settings = Settings(data=tmp_path)
    (tmp_path / "queue.sqlite").write_bytes(b"this is no database" * 100)
    queue = Queue(settings)
    queue.send("restore", "x" * 32)
    assert queue.pending("restore") == 1
    queue.close()
