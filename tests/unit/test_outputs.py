"""What a command refuses to write over, by name, through links and `..`, and by the file's identity."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from tests.commands import unfade, work_in

from unfade.cli import _identity, _outputs
from unfade.cli._options import Batch
from unfade.cli._outputs import Job, Kind, Target, check, plan
from unfade.errors import UnwritableError, UsageError

QUICK = ("--no-fill", "--clean", "0")
FILLED = ("--clean", "0")


@pytest.fixture
def album(tmp_path: Path, golden: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three originals and a folder for results; the working directory."""
    (tmp_path / "out").mkdir()
    for name in ("a.jpg", "b.jpg", "c.png"):
        assert cv2.imwrite(str(tmp_path / name), rng.integers(0, 255, (12, 16), np.uint8))
    return work_in(tmp_path, golden, monkeypatch)


def said(*arguments: str, status: int) -> str:
    return unfade(*arguments, status=status).output


def _contents(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("-o", "out", "--overwrite", "--report", "a.jpg", "b.jpg"), "does not end in .json"),  # a file name is missing after --report
        (("-o", "out", "--report", "b.jpg", "a.jpg", "b.jpg", "--overwrite"), "does not end in .json"),
        (("-o", "out", "--overwrite", "--sheet", "a.jpg", "a.jpg", "b.jpg"), "a.jpg is read"),
        (("-o", "out", "--overwrite", "--sheet", "out/../a.jpg", "a.jpg"), "a.jpg is read"),
        (("-o", "out", "--overwrite", "--sheet", "s.json", "a.jpg"), "does not end in"),
        (("-o", "out", "--overwrite", "--report", "out/a.restored.jpg", "a.jpg"), "does not end in .json"),
        (("-o", "out", "--overwrite", "--sheet", "out/../out/a.restored.jpg", "a.jpg"), "both be written"),
        (("-o", "a.jpg", "--overwrite", "a.jpg"), "a.jpg is read"),
        (("-o", "./out/../b.jpg", "--overwrite", "--mask", "b.jpg", "a.jpg"), "b.jpg is read"),
        (("-o", "x.json", "a.jpg"), "does not end in"),
        (("-o", "x.png", "--format", "jpeg", "a.jpg"), "does not end in .jpg"),
        (("-o", "x.png", "--sheet", "x.png", "a.jpg"), "both be written"),
        (("-o", "x.png", "--save-mask", "--sheet", "x.mask.png", "a.jpg"), "both be written"),
    ],
)
def test_an_output_that_would_harm_is_refused_before_anything_runs(album: Path, arguments: tuple[str, ...], word: str) -> None:
    before = _contents(album)
    assert word in said("restore", *QUICK, *arguments, status=2)
    assert _contents(album) == before


@pytest.mark.parametrize("option", ["--report", "--sheet"])
def test_a_report_and_a_sheet_go_over_their_own_kind_only(album: Path, option: str) -> None:
    name = "mine.json" if option == "--report" else "mine.png"
    target = album / name
    target.write_bytes((album / "c.png").read_bytes() if option == "--sheet" else b'{"title": "my notes"}')
    before = target.read_bytes()
    assert "that Unfade wrote" in said("restore", *QUICK, "a.jpg", option, name, "--overwrite", status=1)
    assert target.read_bytes() == before
    target.unlink()
    said("restore", *QUICK, "a.jpg", option, name, "--overwrite", status=0)
    first = target.read_bytes()
    said("restore", *QUICK, "b.jpg", option, name, "--overwrite", status=0)
    assert target.read_bytes() != first


@pytest.mark.parametrize("name", ["s.jpg", "s.png", "s.tif", "s.webp", "s.avif", "s.heic"])
def test_a_sheet_is_known_again_in_every_format_that_holds_xmp(album: Path, name: str) -> None:
    said("restore", *QUICK, "a.jpg", "--sheet", name, status=0)
    said("restore", *QUICK, "a.jpg", "--sheet", name, "--overwrite", status=0)


def test_a_link_does_not_hide_an_original(album: Path) -> None:
    (album / "r.json").symlink_to("a.jpg")
    (album / "s.png").symlink_to("c.png")
    (album / "out" / "a.restored.jpg").symlink_to("../b.jpg")
    (album / "way").symlink_to(".")
    before = _contents(album)
    assert "leads to" in said("restore", *QUICK, "a.jpg", "--report", "r.json", "--overwrite", status=2)
    assert "c.png is read" in said("restore", *QUICK, "c.png", "--sheet", "way/s.png", "--overwrite", status=2)
    assert "b.jpg is read" in said("restore", *QUICK, "a.jpg", "b.jpg", "-o", "out", "--overwrite", status=2)
    assert _contents(album) == before


def test_a_hard_link_does_not_hide_an_original(album: Path) -> None:
    (album / "out" / "a.restored.jpg").hardlink_to(album / "b.jpg")
    assert "b.jpg is read" in said("restore", *QUICK, "a.jpg", "b.jpg", "-o", "out", "--overwrite", status=2)
    (album / "x.png").hardlink_to(album / "c.png")
    assert "c.png is read" in said("damage", "c.png", "-o", "x.png", "--overwrite", status=2)
    assert (album / "x.png").samefile(album / "c.png")


def test_names_that_a_folder_takes_for_one_are_two_results_in_one_file(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photographs = [album / "a.jpg", album / "out" / "A.jpg"]
    (album / "out" / "A.jpg").write_bytes(b"")
    results = album / "results"
    results.mkdir()
    assert len(plan(Batch(photographs=photographs, output=results), "restored").jobs) == 2  # here the case tells them apart
    monkeypatch.setattr(_outputs, "is_one_file", lambda folder, one, other: True)
    with pytest.raises(UsageError, match="both be written"):
        plan(Batch(photographs=photographs, output=results), "restored")
    assert list(results.iterdir()) == []


def test_whether_a_folder_tells_names_apart_is_tried_out(tmp_path: Path) -> None:
    assert _identity.is_one_file(tmp_path, "same.jpg", "same.jpg")
    assert not _identity.is_one_file(tmp_path, "one.jpg", "other.jpg")
    assert list(tmp_path.iterdir()) == []


def test_a_result_among_the_photographs_is_passed_over(album: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (album / "a.restored.jpg").write_bytes((album / "a.jpg").read_bytes())
    named = [Path("a.jpg"), Path("a.restored.jpg"), Path("b.jpg")]
    assert plan(Batch(photographs=named), "restored").jobs == (
        Job(Path("a.jpg"), Path("a.restored.jpg"), name="a.jpg"),
        Job(Path("b.jpg"), Path("b.restored.jpg"), name="b.jpg"),
    )
    assert "a.restored.jpg: passed over; it is what a.jpg becomes" in capsys.readouterr().err
    with pytest.raises(UsageError, match=r"a.restored.jpg is read"):  # it would be written over, and it was named as an original
        plan(Batch(photographs=named, overwrite=True), "restored")


def test_a_folder_a_device_and_a_dangling_link_are_no_files_to_write(album: Path) -> None:
    (album / "folder.json").mkdir()
    (album / "gone.png").symlink_to("nothing.png")
    with pytest.raises(UnwritableError, match="is a folder"):
        plan(Batch(photographs=[Path("a.jpg")], report=Path("folder.json"), overwrite=True), "restored")
    assert "there already" in said("restore", *QUICK, "a.jpg", "-o", "gone.png", status=1)
    with pytest.raises(UnwritableError, match="no regular file"):
        check([Target(Path("/dev/null"), Kind("the result"))], reads=[], overwrite=True)


# --- the other commands ---------------------------------------------------------------------------------


def test_an_export_writes_over_no_recipe(album: Path) -> None:
    (album / "run").mkdir()
    (album / "run" / "checkpoint.pt").touch()
    (album / "mine.toml").write_text("a recipe")
    assert "mine.toml is there already" in said("export", "run", "-o", "mine.onnx", status=1)
    assert "card that Unfade wrote" in said("export", "run", "-o", "mine.onnx", "--overwrite", status=1)
    assert "does not end in .onnx" in said("export", "run", "-o", "a.jpg", "--overwrite", status=2)
    assert (album / "mine.toml").read_text() == "a recipe"


def test_an_evaluation_writes_into_no_bench_and_over_no_other_report(album: Path) -> None:
    (album / "bench" / "truth").mkdir(parents=True)
    before = _contents(album)
    for folder in ("bench", "bench/truth", "out/../bench"):
        assert "bench is read" in said("evaluate", "restoration", "out", "--bench", "bench", "-o", folder, "--features", "none", status=2)
    assert _contents(album) == before
    (album / "other").mkdir()
    (album / "other" / "report.html").write_text("<p>of another program</p>")
    arguments = ("evaluate", "restoration", "out", "--bench", "bench", "-o", "other", "--features", "none")
    assert "report that Unfade wrote" in said(*arguments, status=1)


def test_a_leaderboard_is_written_into_no_folder_of_photographs_and_over_no_other_page(album: Path) -> None:
    for folder in (".", "out", "out/../out/new"):
        assert "is read, and the report" in said("bench", ".", "-o", folder, status=2)
    (album / "photographs").mkdir()
    (album / "out" / "leaderboard.html").write_text("<p>of another program</p>")
    assert "report that Unfade wrote" in said("bench", "photographs", "-o", "out", status=1)


def test_a_report_goes_over_no_record_and_no_evaluation(album: Path) -> None:
    said("restore", *QUICK, "a.jpg", "--record", status=0)
    (album / "report.json").write_text('{\n  "software": "Unfade",\n  "task": "harm",\n  "bench": "b"}')
    for name in ("a.restored.unfade.json", "report.json"):
        before = (album / name).read_bytes()
        assert "not the report that Unfade wrote" in said("restore", *QUICK, "b.jpg", "--report", name, "--overwrite", status=1)
        assert (album / name).read_bytes() == before
    said("restore", *QUICK, "a.jpg", "--record", "--overwrite", status=0)  # a record goes over a record


def test_a_record_goes_over_no_file_of_another_program(album: Path) -> None:
    (album / "a.restored.unfade.json").write_text('{"title": "my notes"}')
    assert "that Unfade wrote" in said("restore", *QUICK, "a.jpg", "--record", "--overwrite", status=1)
    assert (album / "a.restored.unfade.json").read_text() == '{"title": "my notes"}'


def test_a_record_and_its_mask_go_over_no_other_photographs(album: Path) -> None:
    (album / "a.png").write_bytes((album / "c.png").read_bytes())
    refused = said("restore", *FILLED, "a.png", "a.jpg", "--record", status=2)
    assert "a.png and a.jpg would both be written" in refused and "each with -o and a folder of its own" in refused
    said("restore", *FILLED, "a.png", "--record", status=0)
    said("verify", "a.restored.png", "--master", "a.png", status=0)
    before = _contents(album)
    for command in (("restore", *FILLED, "--record"), ("restore", *FILLED, "--save-mask"), ("damage",)):
        for overwrite in ((), ("--overwrite",)):
            refused = said(*command, "a.jpg", *overwrite, status=1)
            assert "is the record of a.restored.png, made of a.png; neither it nor its mask is written over" in refused
            assert "rename a.jpg, or give another folder with -o" in refused
    assert _contents(album) == before
    said("restore", *FILLED, "a.jpg", "--record", "-o", "out", status=0)  # the ways out are some
    (album / "a.jpg").rename(album / "renamed.jpg")
    said("restore", *FILLED, "renamed.jpg", "--record", status=0)
    for result, master in (("a.restored.png", "a.png"), ("renamed.restored.jpg", "renamed.jpg")):
        said("verify", result, "--master", master, status=0)
    said("restore", *FILLED, "a.png", "--record", "--overwrite", status=0)  # its own


def test_a_result_that_is_written_over_takes_its_record_along(album: Path) -> None:
    for name in ("a.jpg", "b.jpg"):
        said("restore", *QUICK, name, "-o", "one.png", "--record", "--overwrite", status=0)
        said("verify", "one.png", "--master", name, status=0)


def test_a_training_writes_into_no_folder_of_photographs(album: Path) -> None:
    for run in (".", "out", "out/new"):
        assert "is read, and the run" in said("train", "colorize", "--data", ".", "--out", run, status=2)
    (album / "run" / "sheets").mkdir(parents=True)
    (album / "run" / "sheets" / "step-0000001.png").write_bytes((album / "c.png").read_bytes())
    assert "sample sheet that Unfade wrote" in said("train", "colorize", "--data", "out", "--out", "run", status=1)
    assert "checkpoint.pt" in said("train", "colorize", "--resume", "--data", "out", "--out", "run", status=1)  # an older run's sheets


# --- as it is typed -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("restore", ""), "it is empty"),  # "$photo", which is not set: it used to mean the whole folder
        (("restore", "a.jpg", "-o", ""), "it is empty"),
        (("restore", "a.jpg", "--report", ""), "it is empty"),
        (("restore", "https://example.org/a.jpg"), "is an address; download the file"),
        (("restore", "a.jpg", "b.jpg", "-o", "x.jpg"), "name a folder with -o"),
        (("restore", "a.jpg", "-o", "/dev/null"), "/dev/null is no folder"),
        (("export", "out", "-o", "m.onnx"), "is no training run"),
        (("damage", "a.jpg", "-o", "a.jpg", "--overwrite"), "the mask is to be written there"),
    ],
)
def test_what_is_typed_by_mistake_is_asked_wrong(album: Path, arguments: tuple[str, ...], word: str) -> None:
    before = _contents(album)
    assert word in " ".join(said(*arguments, status=2).split())
    assert _contents(album) == before


def test_a_name_that_ends_like_a_folder_is_one(album: Path) -> None:
    assert "there is no folder new.d/" in said("restore", *QUICK, "a.jpg", "-o", "new.d/", status=1)
    assert said("restore", *QUICK, "a.jpg", "-o", "out/", status=0) == "out/a.restored.jpg\n"


def test_a_photograph_in_a_folder_that_is_not_there_does_not_exist(album: Path) -> None:
    assert "nowhere/a.jpg does not exist" in said("restore", "nowhere/a.jpg", status=1)
