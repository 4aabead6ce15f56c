"""Names and files as they lie in real archives: names that are no UTF-8, links, folders that are closed, and
files that are no photographs."""

from __future__ import annotations

import json
import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

pytest.importorskip("fsspec", reason="needs the archive extra")

from tests.unit.test_archive_parts import LIGHT, run_here, scan

from unfade.archive.archiving import order_of
from unfade.archive.checking import check
from unfade.archive.crew import Crew
from unfade.archive.manifest import NAME, Manifest
from unfade.archive.orders import Order
from unfade.archive.places import Found, PassedOver, Source
from unfade.archive.sidecar import parse_sidecar, read_sidecar
from unfade.archive.summary import report, status
from unfade.cli import build
from unfade.errors import AwayError, RecordError, UnreadableError, UsageError
from unfade.files.names import readable
from unfade.settings import Settings

ODD = os.fsdecode(b"caf\xe9.tif")
any_bytes = pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux only")
links = pytest.mark.skipif(sys.platform == "win32", reason="links need a right of their own there")


@pytest.fixture
def order(tmp_path: Path, golden: Path) -> Order:
    scan(tmp_path / "scans" / "ok.tif")
    return order_of(str(tmp_path / "scans"), str(tmp_path / "to"), LIGHT, Settings(models=golden, threads=1))


def odd_scan(folder: Path, seed: int = 2) -> Path:
    """A scan whose name is no UTF-8; cv2 cannot write to such a name."""
    made = scan(folder / "made.tif", seed=seed)
    return made.rename(folder / ODD)


def invoke(*arguments: object, status: int = 0) -> str:
    ran = CliRunner().invoke(build(), ["archive", *map(str, arguments)])
    assert ran.exit_code == status, (ran.output, ran.exception)
    return ran.output


def process(*arguments: object, status: int = 0) -> subprocess.CompletedProcess[bytes]:
    """Unfade in a process of its own, whose output is bytes."""
    named = [argument if isinstance(argument, str) else os.fsdecode(os.fspath(argument)) for argument in arguments]  # type: ignore[call-overload]
    ran = subprocess.run([sys.executable, "-m", "unfade", *named], capture_output=True, check=False)
    assert ran.returncode == status, ran.stderr
    return ran


# --- names


@any_bytes
def test_a_master_whose_name_is_no_utf_8_is_one_among_others(order: Order) -> None:
    odd_scan(Path(order.source))
    folder = Path(order.source) / os.fsdecode(b"Gro\xdf")
    folder.mkdir()
    (folder / ODD).write_bytes(b"no scan")
    bad = f"{folder.name}/{ODD}"
    manifest = run_here(order)
    assert manifest.counts() == {"waiting": 0, "done": 2, "failed": 1, "gone": 0}
    assert [name for name, _ in manifest.failures()] == [bad] and readable(ODD) in manifest.failures()[0][1]
    assert {entry.name for entry in manifest.review("all", limit=9)} == {"ok.tif", ODD}
    result = Path(order.destination) / os.fsdecode(b"caf\xe9.restored.tif")
    assert result.is_file() and check(manifest).wrong == ()
    again = run_here(order)
    assert again.waiting() == [] and again.counts()["done"] == 2
    assert r"Gro\xdf/caf\xe9.tif" in report(again).encode().decode()
    manifest.died(bad)
    assert manifest.retry() == 1 and [task.deaths for task in manifest.waiting()] == [0]


@any_bytes
def test_such_a_name_is_kept_apart_from_one_that_looks_like_its_escape(order: Order) -> None:
    odd_scan(Path(order.source))
    scan(Path(order.source) / "plain.tif", seed=5).rename(Path(order.source) / r"caf\xe9.tif")
    manifest = run_here(order)
    assert manifest.counts()["done"] == 3 and check(manifest).wrong == ()
    kept = {row[0] for row in sqlite3.connect(manifest.path).execute("SELECT name FROM master")}
    assert kept == {"ok.tif", r"caf\xe9.tif", b"caf\xe9.tif"}


@any_bytes
def test_its_record_names_it_and_a_lost_manifest_is_made_again(order: Order) -> None:
    odd_scan(Path(order.source))
    run_here(order).close()
    path = Path(order.destination) / os.fsdecode(b"caf\xe9.restored.unfade.json")
    told = json.loads(path.read_bytes().decode())  # UTF-8, whatever the name
    assert (told["master"]["name"], told["result"]["name"]) == (ODD, os.fsdecode(b"caf\xe9.restored.tif"))
    record = read_sidecar(path)
    assert record.is_intact and record.master.name == ODD and record.to_json().encode() == path.read_bytes()
    (Path(order.destination) / NAME).unlink()
    assert {row["adopted"] for row in run_here(order).every()} == {1}


@any_bytes
def test_a_record_with_such_a_name_that_is_broken_is_told() -> None:
    for text in (rb'{"master": {"name": "caf\udce9.tif"}}', rb'{"name": "caf\udce9.tif"', rb'["caf\udce9"' + b"[" * 100_000):
        with pytest.raises(RecordError, match="is no record of this version"):
            parse_sidecar(text, "it")


@any_bytes
def test_the_commands_tell_such_a_name(tmp_path: Path, order: Order) -> None:
    (Path(order.source) / ODD).write_bytes(b"no scan")
    run_here(order).close()
    to = Path(order.destination)
    assert rb"caf\xe9.tif" in process("archive", "status", to).stdout
    letters = json.loads(process("archive", "status", to, "--json").stdout.decode())["dead_letters"]
    assert [letter["master"] for letter in letters] == [ODD]
    page = tmp_path / os.fsdecode(b"p\xe9.html")
    assert process("archive", "report", to, "-o", page).stdout == os.fsencode(page) + b"\n"
    assert rb"caf\xe9.tif" in page.read_bytes()


@any_bytes
def test_a_record_beside_a_result_is_written_proved_and_replayed(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.setenv("UNFADE_THREADS", "1")
    master = odd_scan(tmp_path)
    process("restore", master, "--record", "--whole", "--clean", "0", "--report", tmp_path / "r.json")
    result, record = tmp_path / os.fsdecode(b"caf\xe9.restored.tif"), tmp_path / os.fsdecode(b"caf\xe9.restored.unfade.json")
    verdict = json.loads(process("verify", result, "--master", master, "--json").stdout.decode())
    assert verdict["proved"] and verdict["result"] == str(result)
    assert b"NO" not in process("verify", result, "--master", master).stdout
    again = tmp_path / os.fsdecode(b"ag\xe9in.tif")
    assert process("replay", record, "--master", master, "-o", again).stdout == os.fsencode(again) + b"\n"
    assert again.read_bytes() == result.read_bytes()


# --- what is passed over, and what cannot be read


@links
def test_what_is_passed_over_is_counted(tmp_path: Path, order: Order) -> None:
    source = Path(order.source)
    for name in ("raw.dng", "scan.JP2", "other.jp2", "README", ".hidden.txt", "Thumbs.db"):
        (source / name).write_bytes(b"x")
    scan(source / "#12.tif", seed=4)  # a natural name
    scan(source / "@eaDir" / "ok.tif", seed=6)  # a thumbnail of a network storage
    (source / "box").mkdir()
    (source / "box" / "._a.JPG").write_bytes(b"x")
    scan(source / ".hid" / "deep" / "b.tif", seed=8)
    scan(tmp_path / "other" / "o2.tif", seed=7)
    (source / "linked").symlink_to(tmp_path / "other")
    (source / "single.tif").symlink_to(tmp_path / "other" / "o2.tif")
    listing = Source(order.source).listed()
    assert {found.name for found in listing.masters} == {"ok.tif", "#12.tif", "single.tif"}
    assert listing.passed_over == PassedOver({".dng": 1, ".jp2": 2, "without an ending": 1}, links=1, hidden=3)
    told = (
        "passed over 4 files that are no photographs by their ending: 1 .dng, 2 .jp2, 1 without an ending",
        "did not follow 1 link to a folder; give each that is wanted a run of its own",
        "left out 3 hidden files, or such as storage systems make",
    )
    assert listing.passed_over.sentences() == told and PassedOver().sentences() == ()
    run_here(order).close()
    for command in ("status", "check"):
        assert all(sentence in invoke(command, order.destination) for sentence in told)
    assert json.loads(invoke("status", order.destination, "--json"))["passed_over"]["links"] == 1


def test_what_is_hidden_is_counted_in_a_bucket_and_in_a_batch(tmp_path: Path) -> None:
    import fsspec

    from unfade.cli._folders import look_into

    names = ("a.jpg", "._a.jpg", "x/.hid/b.png", "x/@eaDir/c.tif", ".notes.txt")
    for name in names:
        fsspec.filesystem("memory").pipe_file(f"/hiding/{name}", b"x")
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    listing = Source("memory://hiding").listed()
    assert [found.name for found in listing.masters] == ["a.jpg"] and listing.passed_over == PassedOver(hidden=3)
    assert look_into(tmp_path, recursive=True).hidden == 3
    flat = look_into(tmp_path, recursive=False)
    assert flat.hidden == 1 and "left out 1 hidden file, or such as storage systems make" in list(flat.notes())


@links
def test_a_link_that_leads_nowhere_is_a_dead_letter_until_it_is_mended(order: Order, tmp_path: Path) -> None:
    source = Path(order.source)
    (source / "broken.tif").symlink_to(tmp_path / "nowhere.tif")
    (source / "loop.tif").symlink_to("loop.tif")
    (source / "folder").symlink_to(tmp_path / "gone")  # it may have been one to a folder
    (source / "notes.txt").symlink_to(tmp_path / "gone.txt")
    manifest = run_here(order)
    letters = dict(manifest.failures())
    assert set(letters) == {"broken.tif", "loop.tif", "folder"} and manifest.counts()["done"] == 1
    assert "what is not there" in letters["broken.tif"] and "back to itself" in letters["loop.tif"]
    assert manifest.passed_over() == PassedOver({".txt": 1})
    assert check(manifest).wrong == () and "3 failed" in invoke("check", order.destination)
    manifest.retry()
    assert run_here(order).counts()["failed"] == 3  # tried again in vain
    scan(tmp_path / "nowhere.tif", seed=5)
    (source / "folder").unlink()
    again = run_here(order)
    assert again.counts() == {"waiting": 0, "done": 2, "failed": 1, "gone": 1} and check(again).wrong == ()
    (tmp_path / "nowhere.tif").unlink()
    assert run_here(order).counts()["done"] == 2  # what was done of it stays


@links
def test_a_run_tells_what_it_passes_over_and_cannot_read(tmp_path: Path) -> None:
    source, to = tmp_path / "scans", tmp_path / "to"
    source.mkdir()
    (source / "loop.tif").symlink_to("loop.tif")
    (source / "raw.dng").write_bytes(b"x")
    told = ("loop.tif is a link that leads back to itself", "passed over 1 file that is no photograph by its ending: 1 .dng")
    dry = invoke("run", source, "--to", to, "--dry-run")
    assert all(part in dry for part in told) and not to.exists()
    first = invoke("run", source, "--to", to, status=1)
    assert all(part in first for part in told) and "0 done, 1 failed" in first
    again = invoke("run", source, "--to", to, status=1)
    assert told[1] in again and told[0] not in again and "1 are in the dead letters" in again


def test_ray_that_refuses_a_name_is_told_with_a_way_out(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    def init(**given: object) -> None:
        "\udcdf".encode()

    monkeypatch.setitem(sys.modules, "ray", SimpleNamespace(init=init))
    with pytest.raises(UsageError, match="plain names"), Crew(order, workers=1, address=None):
        raise AssertionError


def close(monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
    """A folder that may not be looked into, whoever tries it."""
    scanned: Callable[[str], object] = os.scandir

    def refuse(place: str) -> object:
        if Path(place) == folder:
            raise PermissionError(13, "Permission denied", str(place))
        return scanned(place)

    monkeypatch.setattr(os, "scandir", refuse)


def test_a_closed_folder_is_a_dead_letter_and_takes_nothing_away(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Path(order.source)
    scan(source / "box" / "a.tif", seed=3)
    scan(source / "later.tif", seed=4)
    manifest = run_here(order, limit=1)
    assert {task.name for task in manifest.waiting()} == {"later.tif", "ok.tif"}
    manifest.close()
    scan(source / "shut" / "b.tif", seed=5)
    with monkeypatch.context() as patch:
        close(patch, source / "shut")
        shut = run_here(order)
        assert shut.counts() == {"waiting": 0, "done": 3, "failed": 1, "gone": 0}
        assert shut.failures()[0][0] == "shut/" and "cannot be looked into (Permission denied)" in shut.failures()[0][1]
        assert check(shut).wrong == ()
    assert run_here(order).counts() == {"waiting": 0, "done": 4, "failed": 0, "gone": 0}
    with monkeypatch.context() as patch:
        close(patch, source)
        with pytest.raises(UnreadableError, match="cannot be looked into"):
            Source(order.source).listed()


def test_masters_that_wait_in_a_closed_folder_are_not_gone() -> None:
    manifest = Manifest(Path(":memory:"), create=True)
    masters = [Found("box/a.tif", 1, "1"), Found("c.tif", 1, "1")]
    assert manifest.take_in(masters, "x") == []
    shut = Found("box/", 0, "", "box/ cannot be looked into")
    assert manifest.take_in([shut], "x") == [shut] and manifest.take_in([shut], "x") == []  # told once
    assert manifest.counts() == {"waiting": 1, "done": 0, "failed": 1, "gone": 1}
    manifest.take_in(masters, "x")
    assert manifest.counts() == {"waiting": 2, "done": 0, "failed": 0, "gone": 0}


@links
def test_a_share_that_goes_while_it_is_listed_blames_no_master(order: Order, monkeypatch: pytest.MonkeyPatch) -> None:
    source = Source(order.source)
    (Path(order.source) / "loop.tif").symlink_to("loop.tif")
    looked: list[bool] = []
    monkeypatch.setattr(Path, "is_dir", lambda path: not looked and (looked.append(True) or True))
    with pytest.raises(AwayError, match="cannot be reached"):
        source.listed()


def test_a_manifest_of_before_opens_and_tells_what_it_knows(order: Order) -> None:
    manifest = run_here(order)
    manifest.close()
    with sqlite3.connect(manifest.path) as before:  # as versions wrote it that did not tell
        before.execute("DELETE FROM fact WHERE name = 'passed_over'")
    again = Manifest(manifest.path)
    assert status(again).passed_over is None and again.passed_over() is None
    assert status(again).lines()[1] == "1 done, 0 waiting, 0 failed" and check(again).wrong == ()
