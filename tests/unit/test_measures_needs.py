"""What a photograph needs, by eye, against what was done to it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from unfade.cli import build
from unfade.errors import DataError
from unfade.measures import MEASURES
from unfade.measures.baselines import Outcome
from unfade.measures.benches import Bench, Example
from unfade.measures.evaluation import evaluate
from unfade.measures.measure import Observation
from unfade.measures.needs import Needs, read_needs

GOLDEN = Path(__file__).resolve().parents[1] / "golden" / "models"


def decided(measure: str, moved: float, *, tone: str = "must", monochrome: bool = True, colored: bool = True) -> float:
    given = np.full((60, 80, 3), 0.4, np.float32)
    seen = Observation(
        given,
        given + np.float32(moved / 255),
        needs=Needs.model_validate({"photo": "a.png", "tone": tone, "monochrome": monochrome}),
        colored=colored,
    )
    return float(MEASURES[measure].observe(seen)[0])


@pytest.mark.parametrize(
    ("tone", "moved", "right"), [("must", 6.5, 1), ("must", 5.5, 0), ("leave", 3.5, 1), ("leave", 4.5, 0), ("leave", 0, 1)]
)
def test_a_tone_is_decided_right_by_how_far_it_moves(tone: str, moved: float, right: float) -> None:
    assert decided("tone-decided", moved, tone=tone) == right


def test_either_is_not_counted() -> None:
    assert np.isnan(decided("tone-decided", 50, tone="either"))


def test_grain_is_no_tone(rng: np.random.Generator) -> None:
    given = np.full((200, 300, 3), 0.4, np.float32)
    grained = given + rng.normal(0, 0.05, given.shape).astype(np.float32)
    seen = Observation(given, grained, needs=Needs(photo="a.png", tone="leave", monochrome=True))
    assert MEASURES["tone-decided"].observe(seen)[0] == 1


@pytest.mark.parametrize(
    ("detail", "strength", "right"), [("must", 0.5, 1), ("must", 0.4, 0), ("leave", 0.4, 1), ("leave", 0.5, 0), ("must", 1, 1)]
)
def test_a_detail_is_decided_right_by_how_far_it_is_cleaned(detail: str, strength: float, right: float) -> None:
    needs = Needs.model_validate({"photo": "a.png", "tone": "either", "detail": detail, "monochrome": True})
    assert MEASURES["detail-decided"].observe(Observation(needs=needs, detail_strength=strength))[0] == right


def test_a_detail_that_is_not_noted_may_be_either() -> None:
    needs = Needs(photo="a.png", tone="must", monochrome=True)
    assert needs.detail == "either"
    assert np.isnan(MEASURES["detail-decided"].observe(Observation(needs=needs, detail_strength=1.0))[0])


@pytest.mark.parametrize(("monochrome", "colored", "right"), [(True, True, 1), (True, False, 0), (False, True, 0), (False, False, 1)])
def test_colors_are_put_into_black_and_white_alone(monochrome: bool, colored: bool, right: float) -> None:
    assert decided("monochrome-decided", 0, monochrome=monochrome, colored=colored) == right


@pytest.fixture
def album(tmp_path: Path) -> Path:
    """A faded print, a sound one, one that may be either, and a color photograph; each in its folder."""
    root = tmp_path / "album"
    root.mkdir()
    entries: list[dict[str, Any]] = []

    def add(folder: str, name: str, picture: np.ndarray, tone: str, *, monochrome: bool, **more: str) -> None:
        (root / folder).mkdir(exist_ok=True)
        assert cv2.imwrite(str(root / folder / name), np.rint(picture * 255).astype(np.uint8))
        entries.append({"folder": folder, "photo": name, "tone": tone, "monochrome": monochrome, "faces": [], **more})

    ramp = np.tile(np.linspace(0, 1, 96), (64, 1))
    add("faded", "anna.png", 0.5 + 0.03 * ramp, "must", monochrome=True, detail="must")
    add("sound", "bert.png", ramp, "leave", monochrome=True, detail="leave")
    add("sound", "cara.png", 0.2 + 0.6 * ramp, "either", monochrome=True)
    colors = np.stack([ramp, ramp[:, ::-1], np.tile(np.linspace(0, 1, 64)[:, None], (1, 96))], axis=2)
    add("sound", "dora.png", colors, "leave", monochrome=False)
    (root / "needs.json").write_text(json.dumps(entries))
    return root


def test_a_method_is_measured(album: Path) -> None:
    def brighter(example: Example) -> Outcome:
        return Outcome(np.clip(example.given + np.float32(0.05), 0, 1), colored=True, detail_strength=1.0)

    evaluation = evaluate(Bench("needs", album), brighter)
    assert evaluation.method.pictures["tone-decided"] == {"anna": 1, "bert": 0, "dora": 0}
    assert evaluation["monochrome-decided"] == 0.75 and evaluation.method.scores["tone-decided"].n == 3
    assert evaluation.method.pictures["detail-decided"] == {"anna": 1, "bert": 0}


def test_the_pipeline_is_measured_by_the_command_line(album: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pinned models take a flat picture for aged, and brighten it by a tenth."""
    monkeypatch.setenv("UNFADE_MODELS", str(GOLDEN))
    (tmp_path / "out").mkdir()
    asked = ["evaluate", "needs", "pipeline", "--bench", str(album), "--baselines", "none", "-o", str(tmp_path / "out")]
    done = CliRunner().invoke(build(), asked, env={"COLUMNS": "200"})
    assert done.exit_code == 0, done.output
    assert "tone decided right" in done.output and "detail decided right" in done.output and "1.000" in done.output
    scores = json.loads((tmp_path / "out" / "report.json").read_text())
    assert "monochrome-decided" in json.dumps(scores)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"tone": "perhaps"}, r"needs\.json: 0\.tone: Input should be 'must', 'either' or 'leave'"),
        ({"photo": "else.png"}, r"else\.png, which is not there; --photographs names"),
        ({"folder": "sound", "photo": "bert.png"}, "names two photographs called bert"),
    ],
)
def test_a_list_that_is_wrong_is_refused(album: Path, change: dict[str, str], words: str) -> None:
    entries = json.loads((album / "needs.json").read_text())
    (album / "needs.json").write_text(json.dumps([entries[0] | change, *entries[1:]]))
    with pytest.raises(DataError, match=words):
        list(Bench("needs", album))


def test_a_bench_without_its_list_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"needs\.json cannot be read"):
        read_needs(tmp_path / "needs.json")


def test_the_shared_list_is_read(shared: Path) -> None:
    bench = Bench("needs", shared / "data" / "bench", photographs=shared / "data")
    assert len(bench) == 85
    entries = read_needs(shared / "data" / "bench" / "needs.json")
    tones, details = [entry.tone for entry in entries], [entry.detail for entry in entries]
    assert (tones.count("must"), tones.count("leave")) == (13, 50)
    assert (details.count("must"), details.count("leave")) == (11, 28)
