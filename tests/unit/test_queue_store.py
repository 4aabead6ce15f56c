"""Files in a folder or at any fsspec URL, and the sweeping of what nobody wants any longer."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

pytest.importorskip("fsspec", reason="needs the web extra")

from unfade.queue.ledger import Ledger
from unfade.queue.messages import sweep
from unfade.queue.records import PhotoRecord, new_id
from unfade.queue.store import Store
from unfade.queue.table import SqliteTable


def test_what_has_expired_and_what_belongs_to_nobody_is_swept(tmp_path: Path) -> None:
    store = Store(str(tmp_path / "files"), tmp_path / "scratch")
    ledger = Ledger(SqliteTable(tmp_path / "ledger.sqlite"))
    now = time.time()
    facts = {"width": 1, "height": 1, "bits": 8, "channels": 1, "format": "png", "bytes": 1, "has_color": False, "has_location": False}
    fresh, old = (PhotoRecord(id=new_id(), name="a", created=now, expires=now + after, notes=(), **facts) for after in (100, -1))
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
