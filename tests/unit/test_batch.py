"""Many photographs: said where the person is, stopped and taken up, folders, odd names, reports and sheets
that are never lost."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from tests.commands import unfade, work_in

from unfade.cli._report import Account, untold
from unfade.files import disk
from unfade.sheet import shown_on

QUICK = ("--no-fill", "--clean", "0")
NAMES = ("a.png", "b.png", "c.png", "d.png")


def _photograph(path: Path, seed: int = 0, *, color: bool = False) -> None:
    rng = np.random.default_rng(seed)
    samples = np.clip(np.tile(np.linspace(60, 190, 48), (32, 1)) + rng.normal(0, 3, (32, 48)), 0, 255).astype(np.uint8)
    samples[15:17, 5:40] = 255  # a scratch
    picture = samples
    if color:  # red, green and blue beside each other
        picture = np.repeat(samples[:, :, None] // 3, 3, axis=2)
        for channel in range(3):
            picture[:, 16 * channel : 16 * channel + 16, channel] = 230
    path.write_bytes(cv2.imencode(path.suffix, picture)[1].tobytes())


@pytest.fixture
def album(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Four photographs and a folder for results; the working directory."""
    for number, name in enumerate(NAMES):
        _photograph(tmp_path / name, number)
    (tmp_path / "out").mkdir()
    return work_in(tmp_path, golden, monkeypatch)


def process(code: str, *arguments: str, **environment: str) -> subprocess.CompletedProcess[bytes]:
    """The command line in a process of its own, after `code`."""
    code += "\nimport sys, signal; signal.signal(signal.SIGINT, signal.default_int_handler)\nimport unfade.cli; unfade.cli.main()"
    names = {name: value for name, value in os.environ.items() if not name.startswith("PYTHONIO")} | environment
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, check=False, timeout=120, env=names)


# --- said where the person is ---------------------------------------------------------------------------


def test_what_was_noticed_is_said_under_the_photographs_name_unless_quiet(album: Path) -> None:
    _photograph(album / "color.png", color=True)
    said = unfade("colorize", "a.png", "color.png", "-o", "out").stderr.splitlines()
    line = next(index for index, text in enumerate(said) if text.startswith("2/2 color.png: "))
    assert said[line + 1].startswith("  colorize: ") and "color" in said[line + 1]
    quiet = unfade("colorize", "a.png", "color.png", "-o", "out", "--overwrite", "--quiet")
    assert quiet.stderr == "" and len(quiet.stdout.splitlines()) == 2
    alone = unfade("colorize", "color.png", "--overwrite").stderr.splitlines()
    assert alone[0] == "color.png:" and alone[1].startswith("  colorize: ")


def test_what_another_format_cannot_hold_is_in_the_report_too(album: Path) -> None:
    result = unfade("restore", "a.png", *QUICK, "--format", "jpeg", "--report", "r.json")
    assert "a.restored.jpg: JPEG is compressed with loss" in result.stderr
    assert any("compressed with loss" in note for note in json.loads((album / "r.json").read_text())["notes"])


def test_restore_forces_color_as_colorize_does(album: Path) -> None:
    _photograph(album / "color.png", color=True)
    assert "colorize: " in unfade("restore", "--colorize", "--no-fill", "--clean", "0", "color.png").stderr
    unfade("restore", "--colorize", "--force", "--no-fill", "--clean", "0", "color.png", "-o", "forced.png")
    assert (album / "forced.png").read_bytes() != (album / "color.restored.png").read_bytes()


def test_the_location_is_left_out_where_that_is_asked(album: Path) -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (48.0, 12.0, 0.0)}
    Image.open(album / "a.png").save(album / "g.jpg", exif=exif)
    unfade("restore", "g.jpg", *QUICK, "-o", "kept.jpg")
    unfade("restore", "g.jpg", *QUICK, "-o", "gone.jpg", "--drop-location")
    with Image.open(album / "kept.jpg") as kept, Image.open(album / "gone.jpg") as gone:
        assert kept.getexif().get_ifd(0x8825) and not gone.getexif().get_ifd(0x8825)


# --- stopped and taken up -------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [QUICK, ("--colorize",)], ids=["nothing changes", "everything changes"])
@pytest.mark.parametrize("with_report", [True, False])
def test_what_is_done_already_is_left_out_with_its_record(album: Path, options: tuple[str, ...], with_report: bool) -> None:
    report = ("--report", "r.json", "--sheet", "s.png") if with_report else ()
    unfade("restore", *NAMES[:2], "-o", "out", *options)
    first = {path.name: (path.stat().st_mtime_ns, path.read_bytes()) for path in (album / "out").iterdir()}
    result = unfade("restore", *NAMES, "-o", "out", *options, *report)
    for name, (time, content) in first.items():
        assert ((album / "out" / name).stat().st_mtime_ns, (album / "out" / name).read_bytes()) == (time, content)
    assert {path.name for path in (album / "out").iterdir()} == {f"{name[0]}.restored.png" for name in NAMES}
    if options != QUICK:
        assert "2 of 4 photographs were done already" in result.stderr
    if with_report:
        accounts = json.loads((album / "r.json").read_text())
        assert [account["photo"] for account in accounts] == list(NAMES)
        assert not any("error" in account for account in accounts)
        assert all(account["steps"] is not None and len(account["output_sha256"]) == 64 for account in accounts)
        again = unfade("restore", *NAMES, "-o", "out", *options, *report)
        assert again.stdout.splitlines() == ["s.png"] and "4 of 4 photographs were done already" in again.stderr
        assert [account["steps"] for account in json.loads((album / "r.json").read_text())] == [account["steps"] for account in accounts]


def test_every_command_goes_on(album: Path, golden: Path) -> None:
    commands = (["colorize"], ["damage"], ["age", "--seed", "1"], ["translate", str(golden / "translate.toml")])
    for command in commands:
        first = unfade(*command, "a.png", "b.png").stdout
        assert len(first.splitlines()) >= 2
        before = {path: path.stat().st_mtime_ns for path in album.iterdir()}
        again = unfade(*command, "a.png", "b.png")
        assert {path: path.stat().st_mtime_ns for path in album.iterdir()} == before, command
        if command[0] != "age":
            assert "2 of 2 photographs were done already" in again.stderr, command


def test_a_result_of_other_options_or_of_another_photograph_is_no_result_of_this(album: Path) -> None:
    unfade("restore", "a.png", "-o", "out")
    assert "made with other options" in unfade("restore", "a.png", "-o", "out", "--colorize", status=1).stderr
    assert "made with other options" in unfade("restore", "a.png", "-o", "out", "--sensitivity", "0.6", status=1).stderr
    _photograph(album / "a.png", 99)
    assert "made of another photograph" in unfade("restore", "a.png", "-o", "out", status=1).stderr
    unfade("restore", "a.png", "-o", "out", "--overwrite")
    assert "done already" in unfade("restore", "a.png", "b.png", "-o", "out").stderr
    (album / "out" / "c.restored.png").write_bytes(b"precious")
    assert "there already" in unfade("restore", "c.png", "-o", "out", status=1).stderr
    assert (album / "out" / "c.restored.png").read_bytes() == b"precious"


def test_another_quality_is_another_request(album: Path) -> None:
    _photograph(album / "e.jpg")
    unfade("restore", "e.jpg", "-o", "out", "--quality", "80")
    unfade("restore", "e.jpg", "-o", "out", "--quality", "80")
    assert "there already" in unfade("restore", "e.jpg", "-o", "out", "--quality", "60", status=1).stderr


def test_a_result_with_its_location_is_not_done_where_it_is_to_be_left_out(album: Path) -> None:
    exif = Image.Exif()
    exif[0x8825] = {1: "N", 2: (48.0, 12.0, 0.0)}
    Image.open(album / "a.png").save(album / "g.jpg", exif=exif)
    unfade("restore", "g.jpg", "-o", "out")
    assert "there already" in unfade("restore", "g.jpg", "-o", "out", "--drop-location", status=1).stderr
    unfade("restore", "g.jpg", "-o", "out", "--drop-location", "--overwrite", "--report", "r.json")
    assert "done already" in unfade("restore", "g.jpg", "-o", "out", "--drop-location", "--report", "r.json").stderr


def test_a_report_and_a_sheet_of_other_photographs_are_not_lost(album: Path) -> None:
    unfade("restore", "a.png", "b.png", *QUICK, "--report", "r.json", "--sheet", "s.png")
    before = (album / "r.json").read_bytes(), (album / "s.png").read_bytes()
    assert "tells of a.png, too" in unfade("restore", "c.png", *QUICK, "--report", "r.json", status=1).stderr
    assert "shows a.png, too" in unfade("restore", "c.png", *QUICK, "--sheet", "s.png", status=1).stderr
    assert ((album / "r.json").read_bytes(), (album / "s.png").read_bytes()) == before
    assert not (album / "c.restored.png").exists()
    unfade("restore", "c.png", *QUICK, "--sheet", "s.png", "--report", "r.json", "--overwrite")
    assert shown_on(album / "s.png") == ["c.png"]


# Whoever runs the tests beneath nohup ignores SIGHUP, and so would what they start.
STOP = """
import os, signal, unfade.pipeline
if signal.getsignal(signal.{signal}) is signal.SIG_IGN:
    signal.signal(signal.{signal}, signal.SIG_DFL)
treat = unfade.pipeline.treat
def stopped(before, *arguments, **options):
    if before.name == "c.png":
        os.kill(os.getpid(), signal.{signal})
    return treat(before, *arguments, **options)
unfade.pipeline.treat = stopped
"""


@pytest.mark.skipif(os.name == "nt", reason="no such signals here")
@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_batch_that_is_stopped_keeps_its_report_and_sheet_and_is_taken_up(album: Path, name: str, status: int) -> None:
    (album / "bad.png").write_bytes(b"no picture")
    arguments = ("restore", "a.png", "bad.png", "b.png", "c.png", "d.png", "-o", "out", "--report", "out/r.json", "--sheet", "out/s.png")
    run = process(STOP.format(signal=name), *arguments)
    said = run.stderr.decode()
    assert run.returncode == status, said
    assert "bad.png: " in said and "2 of 5 photographs were not begun; the same command goes on" in said and "Traceback" not in said
    accounts = json.loads((album / "out" / "r.json").read_text())
    assert [account["photo"] for account in accounts] == ["a.png", "bad.png", "b.png"] and "error" in accounts[1]
    assert shown_on(album / "out" / "s.png") == ["a.png", "b.png"]
    assert sorted(path.name for path in (album / "out").iterdir()) == ["a.restored.png", "b.restored.png", "r.json", "s.png"]
    _photograph(album / "bad.png", 7)
    done = (album / "out" / "a.restored.png").stat().st_mtime_ns
    again = unfade(*arguments)
    assert "2 of 5 photographs were done already" in again.stderr
    assert [("error" in account, account["photo"]) for account in json.loads((album / "out" / "r.json").read_text())] == [
        (False, photo) for photo in ("a.png", "bad.png", "b.png", "c.png", "d.png")
    ]
    assert shown_on(album / "out" / "s.png") == ["a.png", "bad.png", "b.png", "c.png", "d.png"]
    assert (album / "out" / "a.restored.png").stat().st_mtime_ns == done


@pytest.mark.skipif(os.name == "nt", reason="no such signals here")
@pytest.mark.parametrize("overwrite", [(), ("--overwrite",)], ids=["", "overwrite"])
def test_a_batch_that_is_stopped_keeps_what_an_earlier_report_told_of_the_rest(album: Path, overwrite: tuple[str, ...]) -> None:
    options = (*QUICK, "-o", "out", "--report", "r.json")
    unfade("restore", "a.png", "b.png", *options)
    before, told = (album / "r.json").read_bytes(), json.loads((album / "r.json").read_bytes())
    at_once = process(STOP.format(signal="SIGINT"), "restore", "c.png", "a.png", "b.png", *options, *overwrite)
    assert at_once.returncode == 130 and b"3 of 3 photographs were not begun" in at_once.stderr, at_once.stderr
    assert (album / "r.json").read_bytes() == before
    arguments = ("restore", str(album / "a.png"), "c.png", "b.png", *options)
    between = process(STOP.format(signal="SIGINT"), *arguments, *overwrite)
    accounts = json.loads((album / "r.json").read_bytes())
    assert between.returncode == 130 and accounts[1] == told[1] and [account["photo"] for account in accounts] == ["a.png", "b.png"]
    assert "2 of 3 photographs were done already" in unfade(*arguments).stderr
    assert [account["photo"] for account in json.loads((album / "r.json").read_bytes())] == ["a.png", "c.png", "b.png"]


@pytest.mark.skipif(os.name == "nt", reason="no such signals here")
def test_a_batch_that_is_stopped_at_once_has_no_report_and_is_taken_up(album: Path) -> None:
    arguments = ("restore", "c.png", "a.png", *QUICK, "--report", "r.json")
    assert process(STOP.format(signal="SIGINT"), *arguments).returncode == 130
    assert not (album / "r.json").exists()
    (album / "r.json").write_bytes(b"[\n\n]\n")  # as such a run used to leave it
    unfade(*arguments)
    assert [account["photo"] for account in json.loads((album / "r.json").read_bytes())] == ["c.png", "a.png"]


def test_a_stopped_run_tells_several_results_of_one_photograph_apart() -> None:
    def account(result: str | None, photo: str = "a.png") -> Account:
        return {"photo": photo, "source": photo} | ({"error": "no"} if result is None else {"result": result})

    earlier = [account("a.0.png"), account("a.1.png"), account(None), account(None, "b.png"), account("a.0.png", "x/a.png")]
    assert untold(earlier, [(Path("a.png"), Path("./a.0.png").absolute())]) == [earlier[1], earlier[3], earlier[4]]


@pytest.mark.skipif(os.name == "nt", reason="no pipes of this kind here")
def test_a_pipe_that_closes_ends_the_batch_with_its_report(album: Path) -> None:
    command = (
        f"'{sys.executable}' -m unfade restore {' '.join(NAMES)} --no-fill --clean 0 -o out --report r.json | true; exit ${{PIPESTATUS[0]}}"
    )
    run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, timeout=120)
    assert run.returncode == 1 and "Traceback" not in run.stderr, run.stderr
    assert [account["photo"] for account in json.loads((album / "r.json").read_text())][:1] == ["a.png"]


# --- reports and sheets ---------------------------------------------------------------------------------


@pytest.mark.parametrize("lost", ["r.json", "s.png"])
def test_what_failed_is_said_though_report_or_sheet_cannot_be_written(album: Path, lost: str, monkeypatch: pytest.MonkeyPatch) -> None:
    (album / "bad.png").write_bytes(b"no picture")
    put = disk._put

    def full(data: bytes, target: Path, **options: bool) -> None:
        if target.name == lost:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        put(data, target, **options)

    monkeypatch.setattr(disk, "_put", full)
    said = unfade("restore", "a.png", "bad.png", "b.png", *QUICK, "--report", "r.json", "--sheet", "s.png", status=1).stderr
    assert "1 of 3 photographs failed" in said and "bad.png: " in said and "the disk is full" in said and lost in said
    other = {"r.json": "s.png", "s.png": "r.json"}[lost]
    assert (album / other).is_file() and not (album / lost).exists()
    assert (album / "a.restored.png").is_file() and (album / "b.restored.png").is_file()


def test_a_folder_that_may_not_be_written_to_is_said_before_the_work(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (album / "locked").mkdir()
    _photograph(album / "locked" / "x.png")
    access, mkdir = os.access, os.mkdir

    def allowed(path: Path, mode: int) -> bool:
        return Path(path).name != "locked" and access(path, mode)

    def made(path: str, *arguments: int) -> None:
        if Path(path).parent.name == "locked":
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        mkdir(path, *arguments)

    def worked(*arguments: object, **options: object) -> None:
        raise AssertionError("it is said too late")

    monkeypatch.setattr(os, "access", allowed)
    monkeypatch.setattr(os, "mkdir", made)
    monkeypatch.setattr("unfade.pipeline.treat", worked)
    for arguments in (["-o", "locked"], ["--report", "locked/r.json"], ["--sheet", "locked/s.png"]):
        assert "you may not write in locked" in unfade("restore", "a.png", "b.png", *QUICK, *arguments, status=1).stderr
    monkeypatch.undo()
    monkeypatch.chdir(album)
    monkeypatch.setattr(os, "access", allowed)
    monkeypatch.setattr(os, "mkdir", made)
    said = unfade("restore", "locked/x.png", "a.png", *QUICK, status=1)  # beside the photograph: the others are done
    assert said.stdout == "a.restored.png\n" and "you may not write in locked" in said.stderr


def test_one_photograph_that_fails_has_its_report(album: Path) -> None:
    (album / "bad.png").write_bytes(b"no picture")
    unfade("restore", "bad.png", "--report", "r.json", status=1)
    assert "error" in json.loads((album / "r.json").read_text())


def test_more_photographs_than_a_sheet_holds_become_several(album: Path) -> None:
    names = [f"p{number:03}.png" for number in range(83)]
    for number, name in enumerate(names):
        _photograph(album / name, number)
    result = unfade("restore", *names, *QUICK, "-o", "out", "--sheet", "out/s.webp")
    sheets = [album / "out" / name for name in ("s.webp", "s-2.webp", "s-3.webp")]
    assert [path for path in result.stdout.splitlines() if "/s" in path] == [str(path.relative_to(album)) for path in sheets]
    assert [len(shown_on(sheet)) for sheet in sheets] == [40, 40, 3]
    assert [name for sheet in sheets for name in shown_on(sheet)] == names
    (album / "out" / "s-2.webp").write_bytes(b"another program's")
    assert "s-2.webp is there already" in unfade("restore", *names, *QUICK, "-o", "out", "--sheet", "out/s.webp", status=1).stderr


@pytest.mark.skipif(os.name == "nt", reason="no such errors here")
@pytest.mark.parametrize("error", [errno.EINVAL, errno.ENOSYS, errno.ENOTSUP])
def test_a_file_system_that_cannot_sync_has_the_result_all_the_same(album: Path, error: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(handle: int) -> None:
        raise OSError(error, os.strerror(error))

    monkeypatch.setattr(os, "fsync", refuse)
    unfade("restore", "a.png", *QUICK, "--report", "r.json", "--sheet", "s.png")
    assert all((album / name).is_file() for name in ("a.restored.png", "r.json", "s.png"))


def test_a_broken_disk_is_a_failure(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(handle: int) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "fsync", broken)
    unfade("restore", "a.png", *QUICK, status=1)
    assert not (album / "a.restored.png").exists()


# --- names ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="names are any bytes on Linux only")
@pytest.mark.parametrize("locale", ["C.UTF-8", "C", "en_US.UTF-8"])
def test_a_name_that_is_not_utf_8_is_one_photograph_among_others(album: Path, locale: str) -> None:
    odd = os.fsdecode(b"b-Gro\xdfmutter.png")
    _photograph(album / odd)
    arguments = ("restore", "a.png", odd, "c.png", *QUICK, "-o", "out", "--report", "r.json", "--sheet", "s.png")
    run = process("", *arguments, LC_ALL=locale)
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines() == [b"out/a.restored.png", b"out/b-Gro\xdfmutter.restored.png", b"out/c.restored.png", b"s.png"]
    accounts = json.loads((album / "r.json").read_bytes())
    assert [os.fsencode(account["photo"]) for account in accounts] == [b"a.png", b"b-Gro\xdfmutter.png", b"c.png"]
    assert shown_on(album / "s.png") == ["a.png", r"b-Gro\xdfmutter.png", "c.png"]
    again = process("", *arguments, "--overwrite", LC_ALL=locale)
    assert again.returncode == 0, again.stderr


def test_a_name_that_the_pipe_cannot_print_ends_nothing(album: Path) -> None:
    for name in ("\u0141\u00f3d\u017a.png", "\u65e5\u672c.png"):
        _photograph(album / name)
    run = process(
        "", "restore", "\u0141\u00f3d\u017a.png", "\u65e5\u672c.png", "a.png", *QUICK, "--report", "r.json", PYTHONIOENCODING="cp1252"
    )
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == b"a.restored.png" and len(run.stdout.splitlines()) == 3
    assert [account["photo"] for account in json.loads((album / "r.json").read_bytes())][:2] == [
        "\u0141\u00f3d\u017a.png",
        "\u65e5\u672c.png",
    ]


# --- folders --------------------------------------------------------------------------------------------


@pytest.fixture
def share(album: Path) -> Path:
    """A folder as it lies on network storage."""
    for name in ("1910/anna.png", "1910/@eaDir/anna.png", "1910/._anna.png", '1920/sub folder/it\'s "b".png', "top.png", ".hidden/x.png"):
        path = album / "share" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        _photograph(path)
    (album / "share" / "1910" / "anna.restored.png").write_bytes(b"an earlier result")
    (album / "share" / "notes.txt").write_text("who is who")
    (album / "share" / "Thumbs.db").write_bytes(b"")
    (album / "share" / "loop").symlink_to("../share")
    return album / "share"


def test_a_folder_keeps_its_structure(share: Path, album: Path) -> None:
    result = unfade("restore", "share", "--recursive", *QUICK, "-o", "out", "--report", "r.json", "--sheet", "s.png")
    results = {"top.restored.png", "1910/anna.restored.png", '1920/sub folder/it\'s "b".restored.png'}
    assert {str(path.relative_to(album / "out")) for path in (album / "out").rglob("*") if path.is_file()} == results
    assert "passed over 1 result of Unfade" in result.stderr and "1 .txt" in result.stderr
    assert len(json.loads((album / "r.json").read_text())) == 3
    assert shown_on(album / "s.png") == ["top.png", "1910/anna.png", '1920/sub folder/it\'s "b".png']


def test_a_folder_is_not_looked_into_further_unasked_and_that_is_said(share: Path, album: Path) -> None:
    result = unfade("restore", "share", *QUICK, "-o", "out")
    assert [path.name for path in (album / "out").iterdir()] == ["top.restored.png"]
    assert "did not look into 2 folders in it; --recursive does" in result.stderr and "did not follow 1 link" in result.stderr
    assert unfade("restore", "share", *QUICK, "-o", "out", "--quiet", "--overwrite").stderr == ""


def test_results_beside_their_photographs_are_no_photographs_of_the_second_run(share: Path, album: Path) -> None:
    (share / "1910" / "anna.restored.png").unlink()
    first = unfade("restore", "share", "-r", *QUICK, "--save-mask", "--sheet", "share/sheet.png").stdout.splitlines()
    assert len(first) == 4 and str(share.relative_to(album) / "top.restored.png") in first
    again = unfade("restore", "share", "-r", *QUICK, "--save-mask", "--sheet", "share/sheet.png")
    assert again.stdout.splitlines()[-1] == "share/sheet.png" and "3 results of Unfade" in again.stderr


def test_results_in_a_folder_within_are_no_photographs_of_the_second_run(share: Path, album: Path) -> None:
    (share / "out").mkdir()
    for _ in range(2):
        unfade("restore", "share", "-r", "--clean", "0.5", "-o", "share/out")
    assert len([path for path in (share / "out").rglob("*") if path.is_file()]) == 3


@pytest.mark.parametrize("options", [("--invented",), ("--save-mask",), ("--record",)])
def test_maps_and_masks_are_no_photographs_of_the_next_run(album: Path, options: tuple[str, ...]) -> None:
    unfade("restore", "a.png", *options)
    before = set(album.iterdir())
    assert "results of Unfade" in unfade("restore", ".").stderr
    assert {path.name for path in set(album.iterdir()) - before} == {f"{name[0]}.restored.png" for name in NAMES[1:]}
    again = unfade("restore", *sorted(path.name for path in album.glob("*.png")))
    assert "passed over; it was made of a photograph that is named, too" in again.stderr
    assert not list(album.glob("*.restored.*.restored.png")) + list(album.glob("*.mask.restored.png"))


def test_guesses_at_colors_are_no_photographs_of_the_next_run(album: Path) -> None:
    (album / "notes").mkdir()
    for name in ("a.png", "a.2.png"):  # a.2 is a photograph, as its name may be
        _photograph(album / "notes" / name)
    unfade("colorize", "notes", "--suggestions", "3")
    written = sorted(path.name for path in (album / "notes").iterdir())
    assert len(written) == 8
    assert "6 results of Unfade" in unfade("colorize", "notes").stderr
    named = [str(path) for path in (album / "notes").iterdir()]
    assert unfade("colorize", *named).stderr.count("passed over") == 6
    assert sorted(path.name for path in (album / "notes").iterdir()) == written


def test_several_folders_keep_their_names(album: Path) -> None:
    for folder in ("one", "two"):
        (album / folder).mkdir()
        _photograph(album / folder / "x.png")
    unfade("restore", "one", "two", *QUICK, "-o", "out")
    assert sorted(str(path.relative_to(album)) for path in (album / "out").rglob("*.png")) == [
        "out/one/x.restored.png",
        "out/two/x.restored.png",
    ]


def test_one_photograph_of_a_folder_has_a_list_for_its_report(album: Path) -> None:
    (album / "one").mkdir()
    _photograph(album / "one" / "x.png")
    unfade("restore", "one", *QUICK, "-o", "out", "--report", "r.json")
    assert isinstance(json.loads((album / "r.json").read_text()), list)


# --- pages ----------------------------------------------------------------------------------------------


@pytest.fixture
def scans(album: Path) -> Path:
    """A TIFF of a thumbnail and three full pages of different brightness, in LZW."""
    tifffile = pytest.importorskip("tifffile")
    with tifffile.TiffWriter(album / "scans.tif") as file:
        for value, size, kind in ((10, (8, 12), 1), (60, (32, 48), 2), (120, (32, 48), 2), (180, (32, 48), 2)):
            file.write(np.full((*size, 3), value, np.uint8), photometric="rgb", compression="lzw", subfiletype=kind, metadata=None)
    return album / "scans.tif"


def test_one_page_is_named(scans: Path, album: Path) -> None:
    unfade("restore", "scans.tif", *QUICK, "--page", "3", "-o", "three.png")
    assert cv2.imread(str(album / "three.png"))[0, 0, 0] == 120
    assert "page" in unfade("restore", "scans.tif", *QUICK, "--page", "9", "-o", "nine.png", status=2).stderr
    assert "give one of the two" in unfade("restore", "scans.tif", "--page", "1", "--pages", "all", status=2).stderr
    unfade("damage", "scans.tif", "--page", "2")


def test_all_pages_become_one_file_of_the_same_compression(scans: Path, album: Path) -> None:
    tifffile = pytest.importorskip("tifffile")
    result = unfade(
        "restore", "scans.tif", "a.png", "--clean", "0.5", "--pages", "all", "-o", "out", "--report", "r.json", "--sheet", "s.png"
    )
    with tifffile.TiffFile(album / "out" / "scans.restored.tif") as file:
        assert [page.shape for page in file.pages] == [(32, 48, 3)] * 3
        assert all(page.compression == tifffile.COMPRESSION.LZW for page in file.pages)
        means = [float(page.asarray().mean()) for page in file.pages]
        assert means == sorted(means) and means[0] < 100 < means[2]
    accounts = json.loads((album / "r.json").read_text())
    assert len(accounts[0]["pages"]) == 3 and "pages" not in accounts[1]
    assert "scans.tif" in result.stderr
    again = unfade(
        "restore", "scans.tif", "a.png", "--clean", "0.5", "--pages", "all", "-o", "out", "--report", "r.json", "--sheet", "s.png"
    )
    assert "2 of 2 photographs were done already" in again.stderr
    assert "for one page" in unfade("restore", "scans.tif", "--pages", "all", "--save-mask", status=2).stderr
    assert not (album / "scans.restored.jpg").exists()
    unfade("restore", "scans.tif", "--pages", "all", "--format", "jpeg", status=2)
    assert not (album / "scans.restored.jpg").exists()


# --- several suggestions ------------------------------------------------------------------------------------


def test_several_suggestions_are_written_beside_each_other_and_taken_up_again(album: Path) -> None:
    written = unfade("colorize", "a.png", "--suggestions", "3", "--report", "r.json", "-q").stdout.splitlines()
    assert written == ["a.colorized.png", "a.colorized.1.png", "a.colorized.2.png"]
    pictures = {cv2.imread(name).tobytes() for name in written}
    assert len(pictures) == 3
    report = json.loads((album / "r.json").read_text())
    assert [one["steps"][-1]["options"]["suggestion"] for one in report] == [0, 1, 2]
    again = unfade("colorize", "a.png", "--suggestions", "4")
    assert again.stdout.splitlines() == ["a.colorized.3.png"] and "3 of 4 photographs were done already" in again.stderr
    one = unfade("colorize", "a.png", "--suggestion", "2", "-o", "two.png", "-q")
    assert one.stdout.splitlines() == ["two.png"] and cv2.imread("two.png").tobytes() == cv2.imread("a.colorized.2.png").tobytes()


def test_results_of_suggestions_are_passed_over_in_a_second_run_and_said_once(album: Path) -> None:
    unfade("colorize", "a.png", "--suggestions", "2", "-q")
    said = unfade("colorize", "a.png", "a.colorized.1.png", "--suggestions", "2").stderr
    assert said.count("a.colorized.1.png: passed over") == 1


def test_one_suggestion_and_several_are_not_asked_at_once(album: Path) -> None:
    said = unfade("colorize", "a.png", "--suggestions", "2", "--suggestion", "1", status=2).output
    assert "one of the two" in said
