from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

import unfade
from unfade.cli import COMMANDS, _options, build
from unfade.cli._batch import run_jobs
from unfade.cli._options import Batch
from unfade.cli._outputs import Job, Plan, plan
from unfade.cli._results import Done
from unfade.errors import MissingExtraError, UnreadableError, UnwritableError, UsageError, needs
from unfade.files import photo

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "models"


@pytest.fixture(autouse=True)
def _golden_models(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFADE_MODELS", str(GOLDEN))
    monkeypatch.setenv("UNFADE_THREADS", "1")


@pytest.fixture
def album(tmp_path: Path, rng: np.random.Generator) -> Path:
    folder = tmp_path / "album"
    folder.mkdir()
    for name in ("anna.png", "bert.png", "cara.png"):
        samples = np.clip(np.tile(np.linspace(60, 190, 96), (64, 1)) + rng.normal(0, 3, (64, 96)), 0, 255).astype(np.uint8)
        samples[30:32, 10:80] = 255  # a scratch
        assert cv2.imwrite(str(folder / name), samples)
    return folder


def invoke(*arguments: str | Path, status: int = 0) -> list[str]:
    """Run the command line in this process; gives the lines on standard output."""
    result = CliRunner().invoke(build(), [str(argument) for argument in arguments])
    assert result.exit_code == status, (result.output, result.exception)
    return result.stdout.splitlines()


# --- commands -----------------------------------------------------------------------------------------------


def test_every_command_has_help_with_examples_that_name_it() -> None:
    assert {"restore", "colorize", "damage", "age", "train", "export", "models"} <= set(COMMANDS)
    for name in COMMANDS:
        text = "\n".join(invoke(name, "--help"))
        assert "Examples:" in text, name
        assert f"unfade {name}" in text.split("Examples:")[1], name


@pytest.mark.parametrize("name", ["restore", "models", "archive"])
def test_a_command_alone_is_what_it_is_among_all(name: str) -> None:
    alone, among = (CliRunner().invoke(built, [name, "--help"], prog_name="unfade") for built in (build(name), build()))
    assert alone.output == among.output
    assert f"Usage: unfade {name}" in alone.output
    assert CliRunner().invoke(build(name), ["--help"]).output.count("\n  restore") == (name == "restore")


def test_the_command_line_knows_every_format() -> None:
    assert get_args(_options.FormatName) == tuple(photo.FORMATS)


def test_another_format_says_what_it_cannot_hold(album: Path) -> None:
    result = CliRunner().invoke(build(), ["restore", str(album / "anna.png"), "-o", str(album / "anna.jpg")])
    assert result.exit_code == 0
    assert "anna.jpg: JPEG is compressed with loss" in result.stderr


def test_a_mistake_of_ours_is_one_sentence_unless_asked_for(album: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def mistaken(*arguments: object, **options: object) -> None:
        raise ZeroDivisionError("never thought of")

    monkeypatch.setattr("unfade.pipeline.treat", mistaken)
    result = CliRunner().invoke(build(), ["restore", str(album / "anna.png")])
    assert result.exit_code == 1
    assert "ZeroDivisionError: never thought of" in result.stderr and "--traceback" in result.stderr
    assert isinstance(result.exception, SystemExit)
    assert isinstance(CliRunner().invoke(build(), ["--traceback", "restore", str(album / "anna.png")]).exception, ZeroDivisionError)


def test_version() -> None:
    assert invoke("--version")[0].startswith("unfade 0.")


def test_restore_writes_beside_the_photograph_and_says_where(album: Path) -> None:
    before = (album / "anna.png").read_bytes()
    assert invoke("restore", album / "anna.png") == [str(album / "anna.restored.png")]
    result = cv2.imread(str(album / "anna.restored.png"), cv2.IMREAD_UNCHANGED)
    assert result is not None and result.shape[:2] == (64, 96)
    assert (album / "anna.png").read_bytes() == before
    assert sorted(path.name for path in album.iterdir()) == ["anna.png", "anna.restored.png", "bert.png", "cara.png"]


def test_restore_with_everything(album: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    out.mkdir()
    photographs = sorted(album.iterdir())
    options = [
        "--colorize",
        "--save-mask",
        "--report",
        out / "report.json",
        "--sheet",
        out / "sheet.png",
        "--format",
        "jpeg",
        "--quality",
        "90",
    ]
    lines = invoke("restore", *photographs, "-o", out, *options)
    expected = [out / f"{name}.{ending}" for name in ("anna", "bert", "cara") for ending in ("restored.jpg", "mask.png")]
    assert lines == [*map(str, expected), str(out / "sheet.png")]
    reports = json.loads((out / "report.json").read_text())
    assert [report["photo"] for report in reports] == ["anna.png", "bert.png", "cara.png"]
    assert all(report["pixels_changed"] > 0 and len(report["output_sha256"]) == 64 for report in reports)
    colored = cv2.imread(str(out / "bert.restored.jpg"), cv2.IMREAD_UNCHANGED)
    assert colored is not None and colored.shape == (64, 96, 3)
    assert np.ptp(colored.astype(int), axis=2).max() > 10
    sheet = cv2.imread(str(out / "sheet.png"))
    assert sheet is not None and sheet.shape[0] > 3 * 64 and sheet.shape[1] > 2 * 96


def test_one_photograph_has_one_report_and_not_a_list(album: Path, tmp_path: Path) -> None:
    invoke("restore", album / "anna.png", "--report", tmp_path / "report.json")
    assert json.loads((tmp_path / "report.json").read_text())["photo"] == "anna.png"


def test_outside_the_mask_nothing_changes_with_cleaning_off(album: Path) -> None:
    invoke("restore", album / "anna.png", "--clean", "0", "--save-mask")
    before, after, mask = (
        cv2.imread(str(album / f"anna.{ending}"), cv2.IMREAD_UNCHANGED) for ending in ("png", "restored.png", "mask.png")
    )
    assert before is not None and after is not None and mask is not None
    assert before.shape == after.shape and before.dtype == after.dtype
    assert 0 < np.count_nonzero(mask) < mask.size
    assert np.array_equal(before[mask == 0], after[mask == 0])
    assert not np.array_equal(before, after)


def test_the_mask_that_is_given_is_the_one_that_is_filled(album: Path, tmp_path: Path) -> None:
    mask = np.zeros((64, 96), np.uint8)
    mask[5:9, 5:9] = 200
    mask[40:44, 5:9] = 100  # darker than half: not lost
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    invoke("restore", album / "anna.png", "--clean", "0", "--mask", tmp_path / "mask.png")
    before, after = (cv2.imread(str(album / name), cv2.IMREAD_UNCHANGED) for name in ("anna.png", "anna.restored.png"))
    assert before is not None and after is not None
    changed = before != after
    assert changed[5:9, 5:9].any()
    assert not changed[mask < 128].any()


def test_no_fill_and_no_cleaning_is_no_change(album: Path) -> None:
    invoke("restore", album / "anna.png", "--clean", "0", "--no-fill")
    before, after = (cv2.imread(str(album / name), cv2.IMREAD_UNCHANGED) for name in ("anna.png", "anna.restored.png"))
    assert before is not None and after is not None
    assert np.array_equal(before, after)


def test_damage_writes_a_mask_of_the_photographs_size(album: Path) -> None:
    assert invoke("damage", album / "anna.png", album / "bert.png") == [str(album / "anna.mask.png"), str(album / "bert.mask.png")]
    mask = cv2.imread(str(album / "anna.mask.png"), cv2.IMREAD_UNCHANGED)
    assert mask is not None and mask.shape == (64, 96) and set(np.unique(mask)) == {0, 255}
    assert mask[30:32, 10:80].mean() > mask.mean()


def test_colorize_keeps_the_size_and_gives_color(album: Path) -> None:
    assert invoke("colorize", album / "anna.png", "-o", album / "colored.png") == [str(album / "colored.png")]
    colored = cv2.imread(str(album / "colored.png"), cv2.IMREAD_UNCHANGED)
    assert colored is not None and colored.shape == (64, 96, 3)
    assert np.ptp(colored.astype(int), axis=2).max() > 10


def test_age_is_the_same_for_the_same_seed(album: Path, tmp_path: Path) -> None:
    for name in ("one", "two", "three"):
        (tmp_path / name).mkdir()
    invoke("age", album / "anna.png", album / "bert.png", "--seed", "4", "-o", tmp_path / "one")
    invoke("age", album / "bert.png", "--seed", "4", "-o", f"{tmp_path / 'two'}")
    invoke("age", album / "bert.png", "--seed", "5", "-o", f"{tmp_path / 'three'}")
    one, two, three = ((tmp_path / name / "bert.aged.png").read_bytes() for name in ("one", "two", "three"))
    assert one == two != three
    assert cv2.imread(str(tmp_path / "one" / "bert.aged.mask.png"), cv2.IMREAD_UNCHANGED).shape == (64, 96)  # type: ignore[union-attr]


def test_models_lists_the_folder_and_shows_a_card() -> None:
    lines = invoke("models", "--verify")
    assert lines[0].startswith("NAME")
    name = unfade.Sessions(1, {"damage": GOLDEN / "damage.toml"}).get("damage").card.name
    assert any(line.startswith(name) for line in lines)
    card = "\n".join(invoke("models", name))
    assert "cannot" in card and "SHA-256" in card


# --- one by one ---------------------------------------------------------------------------------------------


def test_results_go_beside_each_photograph_or_into_the_folder(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    photographs = [tmp_path / "a" / "x.JPG", tmp_path / "y.tar.png"]
    assert [job.target for job in plan(Batch(photographs=photographs), "restored").jobs] == [
        tmp_path / "a" / "x.restored.JPG",
        tmp_path / "y.tar.restored.png",
    ]
    assert [job.target.name for job in plan(Batch(photographs=photographs, output=tmp_path, format="webp"), "restored").jobs] == [
        "x.restored.webp",
        "y.tar.restored.webp",
    ]
    one = plan(Batch(photographs=photographs[:1], output=tmp_path / "z.png"), "restored", mask_tag="mask")
    assert one.jobs == (Job(photographs[0], tmp_path / "z.png", tmp_path / "z.mask.png", "x.JPG"),)


def test_a_plan_refuses_before_anything_runs(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match="holds no photographs"):
        plan(Batch(photographs=[tmp_path / "empty"]), "restored")
    with pytest.raises(UnwritableError, match="mkdir -p"):
        plan(Batch(photographs=[tmp_path / "x.jpg"], report=tmp_path / "none" / "report.json"), "restored")
    with pytest.raises(UsageError, match="both be written"):
        plan(Batch(photographs=[tmp_path / "x.jpg", tmp_path / "x.jpg"], overwrite=True), "restored")
    with pytest.raises(UsageError, match="both be written"):
        plan(Batch(photographs=[tmp_path / "x.jpg"], output=tmp_path / "out.png", sheet=tmp_path / "out.png"), "restored")


def test_a_failure_is_said_at_the_end_and_the_rest_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    jobs = tuple(Job(tmp_path / name, tmp_path / f"{name}.out", name=name) for name in ("a", "b", "c"))

    def work(job: Job, steps: object) -> Done:
        if job.source.name == "a":
            raise UnreadableError("a is empty")
        if job.source.name == "b":
            raise RuntimeError("never thought of")
        return Done((job.target,))

    result = CliRunner()  # typer.Exit is a control flow exception; it must carry 1
    assert result
    with pytest.raises(Exception) as caught:
        run_jobs(Batch(photographs=[job.source for job in jobs]), Plan(jobs, is_list=True), work)
    assert getattr(caught.value, "exit_code", None) == 1
    said = capsys.readouterr()
    assert said.out == f"{jobs[2].target}\n"
    assert "2 of 3 photographs failed" in said.err and "a is empty" in said.err and "RuntimeError: never thought of" in said.err


def test_a_missing_extra_gives_the_line_to_type() -> None:
    with pytest.raises(MissingExtraError, match=r"pip install 'unfade\[train\]', or .* '\.\[train\]'"), needs("train"):
        import no_such_package_anywhere  # noqa: F401
    with pytest.raises(ModuleNotFoundError) as caught, needs("train"):
        import unfade.no_such_module  # noqa: F401
    assert not isinstance(caught.value, MissingExtraError)


def test_an_interruption_ends_with_130_and_leaves_nothing_half_written(album: Path) -> None:
    code = (
        "import unfade.pipeline\n"
        "def interrupted(*arguments, **options): raise KeyboardInterrupt\n"
        "unfade.pipeline.treat = interrupted\n"
        f"import sys; sys.argv = ['unfade', 'restore', {str(album / 'anna.png')!r}, {str(album / 'bert.png')!r}]\n"
        "import unfade.cli; unfade.cli.main()"
    )
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert run.returncode == 130
    assert "interrupted" in run.stderr and "Traceback" not in run.stderr
    assert sorted(path.name for path in album.iterdir()) == ["anna.png", "bert.png", "cara.png"]
