"""What importing Unfade brings in, seen from a fresh interpreter; and that imports point down only."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "lightning_fabric", "tensorboard", "onnx", "huey", "fastapi", "skimage", "scipy")
LOADED = "import json, sys; print(json.dumps(sorted({name.split('.')[0] for name in sys.modules})))"


def _loaded_after(code: str) -> set[str]:
    run = subprocess.run([sys.executable, "-c", f"{code}\n{LOADED}"], capture_output=True, text=True, check=True, cwd=ROOT)
    return set(json.loads(run.stdout.splitlines()[-1]))


@pytest.mark.parametrize(
    "code",
    [
        "import unfade",
        "import unfade.pipeline, unfade.files.photo, unfade.models.session, unfade.settings, unfade.sheet",
        "import unfade.cli; unfade.cli.build()",
        "import unfade; unfade.restore, unfade.read, unfade.Sessions",
        "import unfade.ageing",
    ],
)
def test_nothing_but_the_workshop_needs_torch(code: str) -> None:
    assert not _loaded_after(code) & set(HEAVY)


def test_importing_unfade_does_no_work() -> None:
    assert not _loaded_after("import unfade") & {"numpy", "cv2", "onnxruntime", "pyvips", "pydantic", "typer"}


def test_the_command_line_answers_before_anything_heavy_is_loaded() -> None:
    loaded = _loaded_after("import unfade.cli; unfade.cli.build()")
    assert not loaded & {"numpy", "cv2", "onnxruntime", "pyvips", "PIL", "pydantic", "rich"}


WEB = {"fastapi", "starlette", "uvicorn", "sse_starlette", "python_multipart", "multipart", "prometheus_client"}


@pytest.mark.parametrize("code", ["import unfade.queue.worker", "import unfade.web.supervisor, unfade.queue.worker"])
def test_a_worker_imports_no_web_framework(code: str) -> None:
    pytest.importorskip("huey", reason="needs the web extra")
    assert not _loaded_after(code) & WEB


QUEUED = """
import sys, tempfile, time
from pathlib import Path
from unfade.queue.messages import Queue
from unfade.queue.opening import open_ledger, open_store
from unfade.queue.options import Options
from unfade.queue.records import JobRecord, PhotoRecord, new_id
from unfade.settings import Settings
settings = Settings(data=Path(tempfile.mkdtemp()))
ledger, store, queue = open_ledger(settings), open_store(settings), Queue(settings)
facts = dict(name="a.png", width=1, height=1, bits=8, channels=1, format="png", bytes=1, has_color=False, has_location=False, notes=())
record = PhotoRecord(id=new_id(), created=time.time(), expires=time.time() + 60, **facts)
store.put(f"photos/{record.id}/original", b"x")
ledger.add_photo(record)
job = JobRecord(id=new_id(), photo_id=record.id, options=Options(), created=time.time())
ledger.submit(job, max_queue=5)
queue.send("restore", job.id)
assert ledger.waiting() == [job.id] and queue.pending("restore") == 1
assert not any(name.startswith("unfade.web") for name in sys.modules)
"""


def test_archive_and_queue_know_nothing_of_each_other() -> None:
    pytest.importorskip("fsspec", reason="needs the archive or web extra")
    loaded = _loaded_after("import unfade.archive.treating, unfade.archive.manifest, unfade.archive.summary, unfade.archive.checking")
    assert not loaded & ({"ray", "huey", "torch"} | WEB)
    pytest.importorskip("huey", reason="needs the web extra")
    assert "ray" not in _loaded_after("import unfade.queue.worker, sys\nassert not any('unfade.archive' in name for name in sys.modules)")


def test_the_queue_is_used_without_the_web_application() -> None:
    pytest.importorskip("huey", reason="needs the web extra")
    assert not _loaded_after(QUEUED) & WEB


@pytest.mark.skipif(not hasattr(os, "wait4"), reason="this system does not say how much time a process took")
def test_help_is_quick(tmp_path: Path) -> None:
    """Under 0.3 s of the processor's time: what else runs on the machine makes it wait longer, but is not its
    doing. Bytecode is kept, as it is for a user from the second start on."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPYCACHEPREFIX": str(tmp_path)}
    seconds = []
    for _ in range(4):
        process = subprocess.Popen([str(Path(sys.executable).with_name("unfade")), "--help"], stdout=subprocess.DEVNULL, env=kept)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0
        seconds.append(usage.ru_utime + usage.ru_stime)
    assert min(seconds) < 0.3


def test_the_public_names_are_these_and_all_there() -> None:
    import unfade

    assert set(unfade.__all__) >= {"restore", "colorize", "find_damage", "read", "write", "Photo", "Result", "Sessions", "UnfadeError"}
    for name in unfade.__all__:
        assert getattr(unfade, name) is not None
    assert len(unfade.__all__) <= 14
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = unfade.no_such_name


def test_imports_point_down_only() -> None:
    command = Path(sys.executable).with_name("lint-imports")
    if not command.is_file():
        pytest.skip("import-linter is not installed")
    run = subprocess.run([str(command), "--no-cache"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert run.returncode == 0, run.stdout


def test_a_file_without_a_place_breaks_the_build(tmp_path: Path) -> None:
    """The contract is exhaustive: a new utils.py does not slip in."""
    command = Path(sys.executable).with_name("lint-imports")
    if not command.is_file():
        pytest.skip("import-linter is not installed")
    package = tmp_path / "unfade"
    shutil.copytree(ROOT / "src" / "unfade", package, ignore=shutil.ignore_patterns("__pycache__", "*.onnx"))
    (package / "utils.py").write_text('"""Odds and ends."""\n')
    shutil.copyfile(ROOT / "pyproject.toml", tmp_path / "pyproject.toml")
    run = subprocess.run(
        [str(command), "--no-cache"],
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={"PYTHONPATH": str(tmp_path), "PATH": ""},
    )
    assert run.returncode != 0
    assert "utils" in run.stdout
