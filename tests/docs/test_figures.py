"""The figures of the documentation are drawn by a command: curves of a run, sheets of pictures."""

from __future__ import annotations

import json
import subprocess
import sys
import tomllib
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest

from unfade.files import photo
from unfade.measures.page import PALETTE

SCRIPT = Path(__file__).resolve().parents[2] / "docs" / "figures.py"


def draw(*arguments: object, status: int = 0) -> str:
    run = subprocess.run([sys.executable, str(SCRIPT), *map(str, arguments)], capture_output=True, text=True, check=False)
    assert run.returncode == status, run.stderr
    return run.stdout + run.stderr


@pytest.fixture
def curve(tmp_path: Path) -> Path:
    path = tmp_path / "paper-x-curve.json"
    entries = [{"step": 25 * n, "l1": 1 / n, "accuracy": 0.5 + 0.5 / n} for n in range(1, 400)]
    path.write_text(json.dumps({"curve": entries}), encoding="utf-8")
    return path


def test_curves_are_one_svg_for_light_and_dark(curve: Path, tmp_path: Path) -> None:
    draw("curves", curve, "-o", tmp_path / "curves.svg")
    text = (tmp_path / "curves.svg").read_text(encoding="utf-8")
    drawn = ElementTree.fromstring(text)
    lines = drawn.findall("{http://www.w3.org/2000/svg}polyline")
    assert len(lines) == 2 and "prefers-color-scheme:dark" in text and PALETTE in text and "paper-x: L1" in text
    ends = [float(point.split(",")[1]) for point in lines[0].attrib["points"].split()]
    assert ends[0] < ends[-1] and len(ends) == 300  # it falls, and is thinned


def test_a_run_of_the_loop_has_curves(tmp_path: Path) -> None:
    from torch.utils.tensorboard import SummaryWriter

    with SummaryWriter(str(tmp_path / "run" / "curves")) as writer:
        for step in range(5):
            writer.add_scalar("loss/l1", 1.0 / (step + 1), step)
    draw("curves", tmp_path / "run", "-o", tmp_path / "curves.svg")
    assert "run: L1" in (tmp_path / "curves.svg").read_text(encoding="utf-8")
    (tmp_path / "empty.json").write_text('{"curve": []}')
    assert "has no curves" in draw("curves", tmp_path / "empty.json", "-o", tmp_path / "x.svg", status=1)


def test_a_sheet_puts_folders_side_by_side(tmp_path: Path) -> None:
    for folder, level in (("a", 40), ("b", 200)):
        (tmp_path / folder).mkdir()
        for number in range(3):
            photo.write(photo.read(np.full((32, 48, 3), level, np.uint8)), tmp_path / folder / f"{number}.png")
    draw("sheet", tmp_path / "a", tmp_path / "b", "-o", tmp_path / "sheet.png", "--count", 2, "--gray", "--titles", "a,b")
    made = photo.read(tmp_path / "sheet.png").samples
    assert {40, 200} <= set(np.unique(made[:, :, 0])) and made.shape[1] > 3 * 48


def test_a_plan_draws_everything(curve: Path, tmp_path: Path) -> None:
    for folder in ("truth", "made"):
        (tmp_path / folder).mkdir()
        for number in range(2):
            photo.write(photo.read(np.full((32, 48, 3), 90, np.uint8)), tmp_path / folder / f"{number}.png")
    for name, seconds in (("board", 9), ("quiet", 1)):
        (tmp_path / f"{name}.md").write_text(f"<!-- ours -->\n\n{name}\n\n## Speed and memory\n\n| ours | {seconds} |\n", encoding="utf-8")
    (tmp_path / "plan.toml").write_text(
        f"""
[[curves]]
file = "curves.svg"
runs = ["{curve.name}"]

[[sheet]]
file = "sheet.jpg"
folders = ["truth", "made"]
titles = ["truth", "made"]
gray = true

[[board]]
file = "board-page.md"
board = "board.md"
costs = "quiet.md"
head = "# Our board"
""",
        encoding="utf-8",
    )
    (tmp_path / "out").mkdir()
    said = draw("all", tmp_path / "plan.toml", "--work", tmp_path, "-o", tmp_path / "out")
    assert said.split() == [str(tmp_path / "out" / name) for name in ("curves.svg", "sheet.jpg", "board-page.md")]
    assert PALETTE in (tmp_path / "out" / "curves.svg").read_text(encoding="utf-8")
    assert photo.read(tmp_path / "out" / "sheet.jpg").samples.shape[1] > 3 * 48
    assert (tmp_path / "out" / "board-page.md").read_text(encoding="utf-8") == (
        "# Our board\n\nboard\n\n## Speed and memory\n\n| ours | 1 |\n"
    )


def test_the_plan_of_our_own_figures_is_whole() -> None:
    """What the plan names is there to be seen."""
    explanation = SCRIPT.parent / "explanation"
    told = tomllib.loads((SCRIPT.parent / "figures.toml").read_text(encoding="utf-8"))
    named = {one["file"] for kind in ("curves", "sheet", "board") for one in told[kind]}
    assert len(named) >= 3 and all((explanation / name).is_file() for name in named), named
