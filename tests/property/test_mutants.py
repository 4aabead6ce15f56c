"""Damaged files of every kind through the command line: a result or a sentence, never a crash, and nothing
half written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.mutants import mutants, originals
from typer.testing import CliRunner

from unfade.cli import build

KINDS = tuple(originals())


def _through(kind: str, count: int, folder: Path) -> None:
    original = originals()[kind]
    names = []
    for number, content in enumerate([original, *mutants(original, count, KINDS.index(kind))]):
        names.append(f"m{number:02}{Path(kind).suffix}")
        (folder / names[-1]).write_bytes(content)
    (folder / "out").mkdir()
    arguments = ["restore", *names, "--no-fill", "--clean", "0", "-o", "out", "--report", "r.json"]
    result = CliRunner().invoke(build(), arguments, catch_exceptions=False)
    assert result.exit_code in (0, 1), result.output
    assert "mistake in Unfade" not in result.output and "Traceback" not in result.output, result.output
    accounts = json.loads((folder / "r.json").read_text())
    assert [account["photo"] for account in accounts] == names
    done = [account for account in accounts if "error" not in account]
    assert done and done[0]["photo"] == names[0], "the file before its damage is read"
    assert sorted(path.name for path in (folder / "out").iterdir()) == [Path(account["result"]).name for account in done]
    assert all(len(account["error"]) < 500 and "\n" not in account["error"] for account in accounts if "error" in account)


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_damaged_files_of_each_kind(kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, golden: Path) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.setenv("UNFADE_MAX_MEGAPIXELS", "4")
    _through(kind, 8, tmp_path)


@pytest.mark.long
@pytest.mark.parametrize("kind", KINDS)
def test_damaged_files_of_each_kind(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, golden: Path, sized: Callable[[int, int], int]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.setenv("UNFADE_MAX_MEGAPIXELS", "4")
    _through(kind, sized(200, 40), tmp_path)
