"""The documentation does what it says: commands and Python run, links lead somewhere, and the reference is
that of this program.

A fenced block after a comment `<!-- not run: why -->` is shown and not run.
"""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

import cv2
import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
GOLDEN = ROOT / "tests" / "golden" / "models"
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md")), ROOT / "examples" / "README.md"]
BLOCK = re.compile(
    r"(?:<!-- not run: (?P<why>[^>]+) -->\n+)?^```(?P<language>console|python)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)


@dataclass(frozen=True)
class Block:
    """A fenced block: its language, its lines, and why it is not run (None: it is)."""

    language: str
    text: str
    why_not: str | None


def blocks(page: Path) -> list[Block]:
    return [Block(found["language"], found["text"], found["why"]) for found in BLOCK.finditer(page.read_text(encoding="utf-8"))]


def name_of(page: Path) -> str:
    return str(page.relative_to(ROOT))


@pytest.fixture
def desk(tmp_path: Path, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the documentation speaks of: grandmother.jpg, album/ with notes/ and masks/,
    scan.tif, small, with a scratch; finished.jpg, in color."""

    def photograph(path: Path, depth: type = np.uint8) -> None:
        picture = np.clip(np.tile(np.linspace(60, 190, 96), (64, 1)) + rng.normal(0, 3, (64, 96)), 0, 255)
        picture[30:32, 10:80] = 255
        assert cv2.imwrite(str(path), (picture * (257 if depth is np.uint16 else 1)).astype(depth))

    (tmp_path / "album").mkdir()
    (tmp_path / "sound").mkdir()
    for number in range(3):
        waves = [128 + 90 * np.sin((np.mgrid[0:64, 0:96][1] + 9 * number + shift) / 13) for shift in (0, 11, 23)]
        assert cv2.imwrite(str(tmp_path / "sound" / f"{number}.png"), np.stack(waves, axis=2).astype(np.uint8))
    for path in ("grandmother.jpg", "holiday.jpg", "album/1.jpg", "album/2.jpg"):
        photograph(tmp_path / path)
    assert cv2.imwrite(str(tmp_path / "finished.jpg"), cv2.imread(str(tmp_path / "sound" / "0.png")))
    photograph(tmp_path / "scan.tif", np.uint16)
    page = np.clip(252 + rng.normal(0, 1, (200, 240)), 0, 255)  # a print on a white lid
    page[30:120, 40:160] = np.sin(np.arange(120) / 7) * 40 + np.cos(np.arange(90) / 5)[:, None] * 30 + 110
    assert cv2.imwrite(str(tmp_path / "page.png"), page.astype(np.uint8))
    for number in (1, 2):
        (tmp_path / "notes").mkdir(exist_ok=True)
        noted = {"photo": f"{number}.jpg", "complete": True, "lines": [{"points": [[10, 31], [79, 31]]}]}
        (tmp_path / "notes" / f"{number}.json").write_text(json.dumps(noted))
        (tmp_path / "masks").mkdir(exist_ok=True)
        assert cv2.imwrite(str(tmp_path / "masks" / f"{number}.png"), np.zeros((64, 96), np.uint8))
    monkeypatch.chdir(tmp_path)
    for variable in [name for name in os.environ if name.startswith("UNFADE_")]:
        monkeypatch.delenv(variable)
    monkeypatch.setenv("UNFADE_MODELS", str(GOLDEN))
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    return tmp_path


@pytest.mark.parametrize("page", [page for page in PAGES if any(block.language == "console" for block in blocks(page))], ids=name_of)
def test_every_command_runs_in_the_order_of_the_page(page: Path, desk: Path) -> None:
    for block in blocks(page):
        if block.language != "console" or block.why_not:
            continue
        commands = [line[2:] for line in block.text.splitlines() if line.startswith("$ ")]
        assert commands, f"{name_of(page)}: a console block without a line that begins with '$ '"
        for command in commands:
            run = subprocess.run(["bash", "-c", command], capture_output=True, text=True, check=False, cwd=desk, timeout=120)
            assert run.returncode == 0, f"{name_of(page)}: {command}\n{run.stdout}{run.stderr}"


# Python in the pages runs as a reader would run it; the tiny models are put in the place of those that ship.
_STAND_IN = """
from pathlib import Path as _Path
import unfade.models.session as _session
_init = _session.Sessions.__init__
def _with_tiny_models(self, threads=None, models=None, **options):
    _init(self, threads, {{card.stem: card for card in _Path({golden!r}).glob("*.toml")}} | dict(models or {{}}), **options)
_session.Sessions.__init__ = _with_tiny_models
"""


@pytest.mark.parametrize("page", [page for page in PAGES if any(block.language == "python" for block in blocks(page))], ids=name_of)
def test_every_piece_of_python_runs(page: Path, desk: Path) -> None:
    for block in blocks(page):
        if block.language != "python" or block.why_not:
            continue
        code = _STAND_IN.format(golden=str(GOLDEN)) + block.text
        run = subprocess.run(
            [sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False, cwd=desk, timeout=120
        )
        assert run.returncode == 0, f"{name_of(page)}:\n{block.text}\n{run.stdout}{run.stderr}"


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_lead_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", page.read_text(encoding="utf-8")):
        if "://" not in target and not target.endswith((".jpg", ".png")):
            assert (page.parent / target).exists(), f"{name_of(page)} links to {target}"


def test_examples_are_described_and_small() -> None:
    photographs = sorted((ROOT / "examples").glob("*.jpg"))
    described = (ROOT / "examples" / "README.md").read_text(encoding="utf-8")
    assert 4 <= len(photographs) <= 6
    for photograph in photographs:
        assert f"`{photograph.name}`" in described
    assert sum(path.stat().st_size for path in photographs) <= 2 * 2**20


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_reference_is_that_of_this_program(generator: ModuleType) -> None:
    places = {name: generator.place(name) for name in generator.PAGES}
    old = [name for name, at in places.items() if not at.is_file() or at.read_text(encoding="utf-8") != generator.page(name)]
    assert not old, f"out of date: {', '.join(old)}; run make docs"


def test_a_stale_reference_is_noticed(generator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stale = tmp_path / "reference"
    shutil.copytree(generator.REFERENCE, stale)
    page = stale / "settings.md"
    page.write_text(page.read_text(encoding="utf-8").replace("UNFADE_THREADS", "UNFADE_FIBRES"), encoding="utf-8")
    monkeypatch.setattr(generator, "REFERENCE", stale)
    monkeypatch.setattr(sys, "argv", ["generate.py", "--check"])
    with pytest.raises(SystemExit) as caught:
        generator.main()
    assert caught.value.code == 1
