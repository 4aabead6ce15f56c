"""The command line within the test's own process."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from unfade.cli import build


def unfade(*arguments: str, status: int = 0) -> Result:
    """What a command says, which must end with this `status`."""
    result = CliRunner().invoke(build(), list(arguments))
    assert result.exit_code == status, (result.output, result.exception)
    return result


def work_in(folder: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Make `folder` the working directory, and the tiny pinned models those that commands use; gives it."""
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.setenv("UNFADE_THREADS", "1")
    monkeypatch.chdir(folder)
    return folder
