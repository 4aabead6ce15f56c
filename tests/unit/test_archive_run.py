"""An archive is restored by Ray's real cluster on this machine; driver, workers and a machine are killed, and
the disk fills up. Then the files alone are looked at."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import secrets
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip("ray", reason="needs the archive extra")

LIGHT = ["--whole", "--no-fill", "--clean", "0", "--lightness", "0.2"]  # no model: what is tried here is the archive
ROOT = Path(__file__).resolve().parents[2]
TAIL_S = 240
pytestmark = [pytest.mark.long, pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="finds processes in /proc")]


def make_scans(folder: Path, count: int, *, megapixels: tuple[float, float] = (0.01, 0.03), large: tuple[float, ...] = ()) -> None:
    """Scans of four kinds, with a scratch each, and five that are broken each in its own way."""
    rng = np.random.default_rng(11)
    for number in range(count):
        size = large[number] if number < len(large) else float(np.exp(rng.uniform(*np.log(megapixels))))
        height = round((size * 0.75e6) ** 0.5)
        width = round(size * 1e6 / height)
        tone = (
            np.linspace(60, 190, width, dtype=np.float32)[None]
            + rng.normal(0, 9, (min(height, 64), width)).astype(np.float32)[np.arange(height) % min(height, 64)]
        )
        tone[height // 3 : height // 3 + 2, width // 8 : width // 2] = 255
        place = folder / f"box-{number // 500}"
        place.mkdir(parents=True, exist_ok=True)
        ending = (".jpg", ".png", ".tif", ".tif")[number % 4]
        samples = (tone * 257).clip(0, 65535).astype(np.uint16) if number % 4 == 3 else tone.clip(0, 255).astype(np.uint8)
        assert cv2.imwrite(str(place / f"{number:05d}{ending}"), samples)
    whole = next((folder / "box-0").glob("*.png")).read_bytes()
    lying = bytearray(whole)
    lying[16:24] = b"\0\0\xff\xff\0\0\xff\xff"  # a header of 4,295 megapixels
    broken = {
        "empty.tif": b"",
        "cut.png": whole[: len(whole) // 2],
        "text.jpg": b"a letter",
        "lying.png": bytes(lying),
        "film.tif": b"\x1aE\xdf\xa3" * 9,
    }
    for name, data in broken.items():
        (folder / "box-0" / name).write_bytes(data)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.rglob("*")) if path.is_file()
    }


def command(scans: Path, to: Path, *more: str) -> list[str]:
    return [sys.executable, "-m", "unfade", "archive", "run", str(scans), "--to", str(to), "--quiet", *LIGHT, *more]


def start(scans: Path, to: Path, *more: str) -> subprocess.Popen[str]:
    return subprocess.Popen(command(scans, to, *more), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def said(*arguments: object, status: int = 0) -> str:
    run = subprocess.run([sys.executable, "-m", "unfade", "archive", *map(str, arguments)], capture_output=True, text=True, check=False)
    assert run.returncode == status, (run.stdout, run.stderr)
    return run.stdout + run.stderr


def through(to: Path) -> int:
    """How many results lie there with their record."""
    return sum(1 for path in to.rglob("*.unfade.json") if path.parts[-2] != ".unfade")


def below(pid: int) -> dict[int, str]:
    """The processes below `pid`, and what they are called."""
    parents, names = {}, {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parents[int(entry.name)] = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
                names[int(entry.name)] = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
            except (OSError, IndexError):
                continue
    found: dict[int, str] = {}
    frontier = {pid}
    while frontier:
        frontier = {child for child, parent in parents.items() if parent in frontier} - set(found)
        found |= {child: names.get(child, "") for child in frontier}
    return found


def actors(pid: int) -> list[int]:
    return [child for child, name in below(pid).items() if name.startswith("ray::_Actor")]


def wait_for(what: Callable[[], object], process: subprocess.Popen[str]) -> bool:
    """Wait until it holds; False if the process ended before."""
    deadline = time.monotonic() + TAIL_S
    while time.monotonic() < deadline:
        if what():
            return True
        if process.poll() is not None:
            return False
        time.sleep(0.02)
    raise AssertionError("it took too long")


def wait_for_results(to: Path, count: int, process: subprocess.Popen[str]) -> bool:
    """Wait until so many results are there; False if the process ended before. They may be slow to come, but
    not stop."""
    last, deadline = -1, 0.0
    while (there := through(to)) < count:
        if process.poll() is not None:
            return False
        if there > last:
            last, deadline = there, time.monotonic() + TAIL_S
        assert time.monotonic() < deadline, "no more results come"
        time.sleep(0.02 + count / 5000)
    return True


def kill_workers(process: subprocess.Popen[str], to: Path, times: int, each: int) -> int:
    """Kill a worker whenever so many more results are there; gives how many were killed."""
    killed = 0
    for _ in range(times):
        reached = through(to) + each
        if not (wait_for_results(to, reached, process) and wait_for(lambda: actors(process.pid), process)):
            break
        os.kill(actors(process.pid)[killed % len(actors(process.pid))], signal.SIGKILL)
        killed += 1
    return killed


def end(process: subprocess.Popen[str]) -> None:
    """kill -9"""
    process.kill()
    process.communicate()


def finish(process: subprocess.Popen[str], status: int) -> str:
    output, _ = process.communicate(timeout=3600)
    assert process.returncode == status, output
    return output


@pytest.fixture
def small_disk(tmp_path: Path, sized: Callable[[int, int], int]) -> Iterator[Path]:
    """A folder on a disk of its own, which a test can fill: in a file at full size, else in memory."""
    folder, image = tmp_path / "disk", tmp_path / "disk.ext4"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(folder)]
    if sized(True, False):
        subprocess.run(["truncate", "-s", "16G", str(image)], check=True)
        subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
        mount = ["mount", "-o", "loop", str(image), str(folder)]
    mounted = subprocess.run(mount, capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.skip(f"needs to mount a disk: {mounted.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def test_nothing_is_lost_and_nothing_done_twice(
    tmp_path: Path, small_disk: Path, sized: Callable[[int, int], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_ADDRESS", "127.0.0.1:9")  # a cluster that somebody else may have here is not ours
    count, deaths = sized(10_000, 48), sized(10, 2)
    scans, to = tmp_path / "scans", small_disk / "restored"
    began_all = time.monotonic()
    full = count > 1000
    make_scans(scans, count, megapixels=(0.2, 2.0) if full else (0.01, 0.03), large=(100.0, 24.0, 2.0) if full else ())
    before = hashes(scans)

    first = start(scans, to)  # the driver is killed twice, and workers in between
    wait_for_results(to, count // 8, first)
    end(first)
    killed = 0
    for _ in range(sized(1, 0)):  # a driver more, and all that starts with it
        second = start(scans, to)
        killed = kill_workers(second, to, deaths // 2, max(1, count // 200))
        end(second)
    assert 0 < through(to) < count

    third = start(scans, to)  # the disk fills up: the run ends with one sentence, and fails no master for it
    wait_for_results(to, count // 2, third)
    ballast = small_disk / "ballast"
    with ballast.open("wb") as file, contextlib.suppress(OSError):  # no space left
        while True:
            file.write(bytes(1 << 20))
            file.flush()
    output = finish(third, 1)
    assert "full" in output and "give the same command again" in output
    ballast.unlink()

    fourth = start(scans, to)
    killed += kill_workers(fourth, to, deaths - killed, max(1, count // 200))
    assert "done" in finish(fourth, 1)  # 1: the broken ones are in the dead letters

    status = json.loads(said("status", to, "--json"))
    assert (status["done"], status["failed"], status["waiting"]) == (count, 5, 0)
    letters = {Path(letter["master"]).name: letter["why"] for letter in status["dead_letters"]}
    assert set(letters) == {"empty.tif", "cut.png", "text.jpg", "lying.png", "film.tif"} and all(letters.values())
    assert "0 things are wrong" in said("check", to)
    assert hashes(scans) == before
    assert killed == deaths

    began = time.monotonic()
    again = start(scans, to)
    assert "nothing was to be done" in finish(again, 1)
    seconds = time.monotonic() - began
    print(f"{count} scans in {time.monotonic() - began_all:.0f} s, {killed} workers killed, the second run: {seconds:.2f} s")
    assert seconds < 10 + count / 1000  # the program itself takes a moment to start


def test_a_machine_may_die(tmp_path: Path, sized: Callable[[int, int], int], monkeypatch: pytest.MonkeyPatch) -> None:
    """Two of Ray's nodes on this machine, as two would be; the second is killed in the middle."""
    monkeypatch.setenv("RAY_AUTH_MODE", "token")  # whoever joins or asks shows the cluster's own secret
    monkeypatch.setenv("RAY_AUTH_TOKEN", secrets.token_hex(32))
    count, port = sized(400, 24), 20_000 + secrets.randbelow(10_000)  # another each time it is tried
    scans, to = tmp_path / "scans", tmp_path / "restored"
    make_scans(scans, count)
    ray = str(Path(sys.executable).with_name("ray"))
    quiet = {**os.environ, "RAY_USAGE_STATS_ENABLED": "0", "RAY_TMPDIR": "/tmp"}
    memory = ["--object-store-memory", str(80 << 20), "--include-dashboard", "false", "--disable-usage-stats", "--num-cpus", "1", "--block"]
    head = subprocess.Popen(
        [ray, "start", "--head", "--port", str(port), *memory], env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    other = None
    try:
        time.sleep(4)
        join = [ray, "start", "--address", f"127.0.0.1:{port}", "--object-store-memory", str(80 << 20), "--num-cpus", "1", "--block"]
        other = subprocess.Popen(join, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        run = start(scans, to, "--address", f"127.0.0.1:{port}", "--workers", "2")
        both = lambda: actors(head.pid) and actors(other.pid)  # noqa: E731
        assert wait_for(both, run), run.communicate()[0]
        wait_for_results(to, count // 4, run)
        for pid in [*below(other.pid), other.pid]:
            os.kill(pid, signal.SIGKILL)
        finish(run, 1)
        status = json.loads(said("status", to, "--json"))
        assert (status["done"], status["failed"]) == (count, 5)
        assert "0 things are wrong" in said("check", to)
    finally:
        for process in (other, head):
            if process is not None:
                for pid in [*below(process.pid), process.pid]:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                process.wait()
