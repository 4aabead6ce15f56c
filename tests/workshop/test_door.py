"""What is run as `python -m unfade.workshop.NAME` says what is wrong in a sentence."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from unfade.errors import DataError, MissingExtraError, UsageError
from unfade.workshop.door import door


@pytest.mark.parametrize(
    ("module", "arguments", "said"),
    [
        ("pieces", ["damage-9", "--sound", "nowhere"], "no such folder of pictures"),
        ("identity", ["nowhere.json", "a", "b"], "nowhere.json"),
        ("quantize", ["nowhere.onnx", "--weights-only", "-o", "b.onnx"], "nowhere.toml: no model card can be read"),
    ],
)
def test_a_mistake_is_one_sentence(tmp_path: Path, module: str, arguments: list[str], said: str) -> None:
    command = [sys.executable, "-m", f"unfade.workshop.{module}", *arguments]
    run = subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path)
    assert run.returncode == 1 and run.stderr.startswith("unfade: ") and said in run.stderr and "Traceback" not in run.stderr


def test_a_missing_package_gives_the_line_to_type(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended, door("__main__"):
        import no_such_package_anywhere
    assert ended.value.code == 1 and "no_such_package_anywhere" in (said := capsys.readouterr().err) and "'.[train]'" in said
    with pytest.raises(MissingExtraError), door("unfade.workshop.identity"):
        import no_such_package_anywhere  # noqa: F401


def test_asked_wrong_is_another_status_and_what_is_imported_raises() -> None:
    with pytest.raises(SystemExit) as ended, door("__main__"):
        raise UsageError("asked wrong")
    assert ended.value.code == 2
    with pytest.raises(DataError), door("unfade.workshop.pieces"):
        raise DataError("nothing there")
