"""Models are opened once, lazily, and every input is checked against the card."""

from __future__ import annotations

import shutil
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from unfade.errors import ModelCorruptError, ModelError, UsageError
from unfade.models import session as session_module
from unfade.models.session import Session, Sessions, batch_of, cpu_limit, picture_of


def zeros(*shape: int) -> np.ndarray:
    return np.zeros(shape, np.float32)


def test_models_are_opened_when_asked_for_and_once(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    real = Session.__init__

    def counted(self: Session, *arguments: object, **named: object) -> None:
        made.append("one")
        real(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(session_module.Session, "__init__", counted)
    assert sessions.opened == ()
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(sessions.get, ["fill"] * 8))
    assert made == ["one"] and sessions.opened == ("fill",)
    assert sessions.get("fill") is sessions.get("fill")
    sessions.close()
    assert sessions.opened == ()


def test_a_model_is_opened_ahead_and_what_goes_wrong_is_told_to_whoever_asks(sessions: Sessions, tmp_path: Path) -> None:
    sessions.open_ahead("fill", "faces")
    _wait_for("open fill, faces")
    assert sessions.opened == ("fill", "faces")
    absent = Sessions(models={"fill": tmp_path / "absent.toml"})
    absent.open_ahead("fill")
    _wait_for("open fill")
    with pytest.raises(ModelError, match="absent"):
        absent.get("fill")


def test_what_is_opened_ahead_does_not_fill_sessions_that_were_closed(sessions: Sessions, monkeypatch: pytest.MonkeyPatch) -> None:
    real, begun, may_end = Session.__init__, threading.Event(), threading.Event()

    def slow(self: Session, *arguments: object, **named: object) -> None:
        begun.set()
        assert may_end.wait(10)
        real(self, *arguments, **named)  # type: ignore[arg-type]

    monkeypatch.setattr(session_module.Session, "__init__", slow)
    sessions.open_ahead("fill", "tone")
    assert begun.wait(10)
    sessions.close()
    may_end.set()
    _wait_for("open fill, tone")
    assert sessions.opened == ()
    assert sessions.get("fill") is sessions.get("fill")


def _wait_for(name: str) -> None:
    for thread in threading.enumerate():
        if thread.name == name:
            thread.join()


def test_outputs_by_name_and_the_use_for_a_record(sessions: Sessions, rng: np.random.Generator) -> None:
    model = sessions.get("fill")
    image, mask = rng.random((2, 3, 16, 24), dtype=np.float32), zeros(2, 1, 16, 24)
    mask[:, :, 4:8] = 1
    outputs = model.run(image=image, mask=mask)
    assert list(outputs) == ["filled"]
    np.testing.assert_allclose(outputs["filled"], image + 0.02 * mask, atol=1e-6)
    assert model.use.name == "golden-fill" and len(model.use.sha256) == 64


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"image": zeros(1, 3, 16, 16)}, "takes"),
        ({"image": zeros(1, 3, 16, 16), "mask": zeros(1, 1, 16, 16), "more": zeros(1)}, "takes"),
        ({"image": zeros(1, 3, 16, 16).astype(np.float64), "mask": zeros(1, 1, 16, 16)}, "float32"),
        ({"image": zeros(3, 16, 16), "mask": zeros(1, 1, 16, 16)}, "shape"),
        ({"image": zeros(1, 4, 16, 16), "mask": zeros(1, 1, 16, 16)}, "3 = 3"),
        ({"image": zeros(1, 3, 16, 16), "mask": zeros(1, 1, 16, 24)}, "w = 16"),
        ({"image": zeros(1, 3, 12, 16), "mask": zeros(1, 1, 12, 16)}, "h must be a multiple of 8"),
    ],
)
def test_wrong_inputs_are_refused(sessions: Sessions, inputs: dict[str, np.ndarray], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        sessions.get("fill").run(**inputs)


def test_weights_that_cannot_be_opened(golden: Path, tmp_path: Path, sessions: Sessions) -> None:
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(b"not a model")
    with pytest.raises(ModelCorruptError, match=r"broken\.onnx"):
        Session(sessions.get("fill").card, broken, threads=1)


def test_a_card_for_other_weights(golden: Path, sessions: Sessions) -> None:
    with pytest.raises(ModelCorruptError, match="card says"):
        Session(sessions.get("fill").card, golden / "damage.onnx", threads=1)


def test_a_device_that_is_not_there_is_an_error_not_a_fallback(golden: Path) -> None:
    with pytest.raises(ModelError, match="NoSuchExecutionProvider"):
        Sessions(1, {"fill": golden / "fill.toml"}, provider="NoSuchExecutionProvider").get("fill")


def test_threads_must_be_positive() -> None:
    with pytest.raises(UsageError, match="threads"):
        Sessions(0)


def test_corrupt_weights_are_not_opened(golden: Path, tmp_path: Path) -> None:
    shutil.copy(golden / "fill.toml", tmp_path)
    (tmp_path / "fill.onnx").write_bytes((golden / "clean.onnx").read_bytes())
    with pytest.raises(ModelCorruptError, match="SHA-256"):
        Sessions(1, {"fill": tmp_path / "fill.toml"}).get("fill")


def limit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], membership: str = "") -> int:
    """The limit on a machine of 64 cores with these files of its control groups."""
    for name, text in files.items():
        path = tmp_path / "cgroup" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    (tmp_path / "membership").write_text(membership)
    monkeypatch.setattr(session_module.os, "sched_getaffinity", lambda _: set(range(64)), raising=False)
    return cpu_limit(tmp_path / "cgroup", tmp_path / "membership")


@pytest.mark.parametrize(
    ("files", "membership", "expected"),
    [
        ({}, "", 64),
        ({"cpu.max": "200000 100000\n"}, "", 2),
        ({"cpu.max": "max 100000\n"}, "", 64),
        ({"cpu.max": "150000 100000\n"}, "", 2),
        ({"cpu.max": "50000 100000\n"}, "", 1),
        ({"a/b/cpu.max": "max 100000\n", "a/cpu.max": "300000 100000\n"}, "0::/a/b\n", 3),
        ({"cpu/cpu.cfs_quota_us": "400000\n", "cpu/cpu.cfs_period_us": "100000\n"}, "", 4),
        ({"cpu/cpu.cfs_quota_us": "-1\n", "cpu/cpu.cfs_period_us": "100000\n"}, "", 64),
    ],
)
def test_cores_are_counted_from_the_control_group(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: dict[str, str], membership: str, expected: int
) -> None:
    assert limit(tmp_path, monkeypatch, files, membership) == expected


def test_batch_and_picture_are_a_pair(rng: np.random.Generator) -> None:
    image = rng.random((4, 5, 3), dtype=np.float32)
    assert batch_of(image).shape == (1, 3, 4, 5)
    np.testing.assert_array_equal(picture_of(batch_of(image)), image)


@pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="resident memory is read as Linux tells it")
def test_a_model_of_the_whole_photograph_gives_its_memory_back() -> None:
    code = """
from pathlib import Path
import numpy as np
from unfade.models.session import Sessions
def resident():
    return int(Path("/proc/self/statm").read_text().split()[1]) * 4096 / 2**20
with Sessions(1) as sessions:
    faces, before = sessions.get("faces"), resident()
    faces.run(picture=np.zeros((1, 3, 960, 960), np.float32))
    print(resident() - before)
"""
    grown = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, check=True).stdout
    assert float(grown) < 60, "MiB; its layers take about 180"
