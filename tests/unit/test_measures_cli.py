"""`unfade evaluate`, with the tiny golden models."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from unfade.cli import build
from unfade.files import photo


@pytest.fixture
def bench(tmp_path: Path, rng: np.random.Generator) -> Path:
    folder = tmp_path / "bench"
    for number in range(3):
        clean = np.clip(np.tile(np.linspace(60, 190, 64), (48, 1)) + rng.normal(0, 3, (48, 64)), 0, 255).astype(np.uint8)
        mask = np.zeros((48, 64), np.uint8)
        mask[20:23, 5:60] = 255
        for name, picture in (("clean", clean), ("damaged", np.where(mask > 0, 255, clean)), ("mask", mask), ("truth", clean)):
            (folder / name).mkdir(parents=True, exist_ok=True)
            rgb = np.repeat(picture.astype(np.uint8)[:, :, None], 1 if name == "mask" else 3, axis=2)
            photo.write(photo.read(rgb), folder / name / f"p{number}.png")
    return folder


@pytest.fixture(autouse=True)
def _golden_models(golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.setenv("UNFADE_THREADS", "1")


def invoke(*arguments: str | Path, status: int = 0) -> str:
    result = CliRunner().invoke(build(), ["evaluate", *map(str, arguments), "--features", "none"], terminal_width=200)
    assert result.exit_code == status, (result.output, result.exception)
    return result.output


@pytest.mark.parametrize(
    ("task", "folder", "figure"),
    [("restoration", "", "PSNR in mask"), ("colorization", "", "colorfulness"), ("damage", "", "mask F1"), ("harm", "clean", "flagged")],
)
def test_the_pipeline_is_measured_on_each_bench(bench: Path, task: str, folder: str, figure: str) -> None:
    assert figure in invoke(task, "pipeline", "--bench", bench / folder)


@pytest.mark.parametrize(
    ("task", "model"),
    [("restoration", "fill"), ("restoration", "clean"), ("colorization", "colorize"), ("damage", "damage"), ("harm", "damage")],
)
def test_one_model_is_measured(bench: Path, golden: Path, task: str, model: str) -> None:
    assert "N 3" in invoke(task, golden / f"{model}.toml", "--bench", bench / "clean" if task == "harm" else bench)


def test_a_folder_of_results_becomes_a_report(bench: Path, tmp_path: Path) -> None:
    out = invoke("restoration", bench / "damaged", "--bench", bench, "--limit", "2", "-o", tmp_path / "report", "--baselines", "all")
    assert str(tmp_path / "report" / "report.html") in out
    told = json.loads((tmp_path / "report" / "report.json").read_text(encoding="utf-8"))
    assert told["n"] == 2 and told["methods"][0]["name"] == "damaged"
    assert any(one["baseline"] == "biharmonic" and one["value"] < 0 for one in told["differences"] if one["measure"] == "psnr")


def test_a_model_for_another_task_is_refused(bench: Path, golden: Path, tmp_path: Path) -> None:
    out = invoke("colorization", golden / "fill.toml", "--bench", bench, "-o", tmp_path / "report", status=1)
    assert "for colorize" in out and "fill" in out and len(out.strip().splitlines()) == 1
    assert not (tmp_path / "report").exists()


def test_bad_results_leave_no_report(bench: Path, tmp_path: Path) -> None:
    results = tmp_path / "results"
    results.mkdir()
    for number in range(3):
        photo.write(photo.read(np.zeros((48, 64 - (number == 2), 3), np.uint8)), results / f"p{number}.png")
    out = invoke("restoration", results, "--bench", bench, "-o", tmp_path / "report", status=1)
    assert "p2: the result of results is 63×48" in out and len(out.strip().splitlines()) == 1
    assert not (tmp_path / "report").exists()


def test_what_is_neither_model_nor_folder_is_asked_wrong(bench: Path) -> None:
    invoke("restoration", "no-such-thing", "--bench", bench, status=2)
    assert "one picture" in invoke("restoration", bench / "clean" / "p0.png", "--bench", bench, status=2)
    invoke("restoration", "pipeline", "--bench", bench, "--baselines", "otsu", status=2)
