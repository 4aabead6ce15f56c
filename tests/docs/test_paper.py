"""Every command by which a number of docs/explanation/paper.md came to be runs, on a small scale.

Networks of a few channels, two steps, six photographs of 96 x 96.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner

from unfade.cli import build
from unfade.workshop import train
from unfade.workshop.recipe import BackboneGenerator, LeanGenerator, PatchSpec, Pix2PixGenerator, Recipe, read_recipe

DOCS = Path(__file__).resolve().parents[2] / "docs"
PAGE = DOCS / "explanation" / "paper.md"
SMALL = (
    Pix2PixGenerator(kind="pix2pix", channels=4, depth=5),
    LeanGenerator(kind="lean", channels=(8, 12), blocks=(1, 1)),
    BackboneGenerator(kind="backbone", backbone="resnet18", stages=3, channels=(4, 8, 8, 16)),
)


def commands() -> list[str]:
    """The page's commands in its order."""
    blocks = re.findall(r"^```console\n(.*?)^```$", PAGE.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)
    return [line[2:] for block in blocks for line in block.splitlines() if line.startswith("$ ")]


def reduced(source: Path | str) -> Recipe:
    """A recipe that ships, with a small network of the same kind."""
    recipe = read_recipe(source)
    (generator,) = (one for one in SMALL if one.kind == recipe.generator.kind)
    data = recipe.data.model_copy(update={"size_px": 64, "batch": 2, "workers": 0})
    assert recipe.adversary is not None
    small = {"network": PatchSpec(channels=(4, 8), norm=recipe.adversary.network.norm), "alone_steps": 0}
    parts = {"generator": generator, "data": data, "adversary": recipe.adversary.model_copy(update=small)}
    return recipe.model_copy(update=parts | {"steps": 2, "precision": "32-true", "log_steps": 1})


@pytest.fixture
def desk(tmp_path: Path, rng: np.random.Generator, golden: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What the page speaks of: photographs/, the benches, a torn photograph and a printed one."""
    folders = ("photographs", "bench/color/truth", "bench/color/reference", "bench/color-1910/truth", "sound-photographs")
    for folder in folders:
        (tmp_path / folder).mkdir(parents=True)
        for number in range(2 if folder == "sound-photographs" else 6):
            picture = cv2.resize(rng.integers(0, 256, (6, 6, 3), np.uint8), (96, 96), interpolation=cv2.INTER_CUBIC)
            assert cv2.imwrite(str(tmp_path / folder / f"t{number:03}.png"), picture)
    for name in ("torn.png", "newspaper.png"):
        shutil.copy(tmp_path / "photographs" / "t000.png", tmp_path / name)
    masked = tmp_path / "bench" / "restoration-mask"
    for part in ("clean", "damaged", "mask"):
        (masked / part).mkdir(parents=True)
        for number in range(6):
            picture = cv2.imread(str(tmp_path / "photographs" / f"t{number:03}.png"))
            if part != "clean":
                picture[20:26, 10:80] = 255
            shown = np.where((picture == 255).all(axis=2), 255, 0).astype(np.uint8) if part == "mask" else picture
            assert cv2.imwrite(str(masked / part / f"t{number:03}.png"), shown)
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("UNFADE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.setenv("UNFADE_THREADS", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setattr(train, "read_recipe", reduced)
    return tmp_path


@pytest.mark.long
@pytest.mark.filterwarnings("ignore")
def test_every_command_of_the_paper_runs(desk: Path) -> None:
    told = commands()
    assert sum(command.startswith("unfade evaluate") for command in told) >= 8
    for command in told:
        if "docs/figures.py" in command:  # tests/docs/test_figures.py draws
            continue
        if command.startswith("unfade "):
            result = CliRunner().invoke(build(), shlex.split(command)[1:], terminal_width=300)
            assert result.exit_code == 0, (command, result.output, result.exception)
        else:
            told_here = command.replace("python docs/", f"{sys.executable} {DOCS}/")
            run = subprocess.run(["bash", "-c", told_here], capture_output=True, text=True, check=False, cwd=desk)
            assert run.returncode == 0, (command, run.stdout, run.stderr)
    assert {path.name for path in (desk / "runs").iterdir()} >= {"paper-restoration-128", "paper-colorization", "halftone"}
