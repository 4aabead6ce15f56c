"""What `unfade archive run` costs beside the bare pipeline, how its memory grows, and whether `--dry-run` was
right.

    python benchmarks/archive_speed.py FOLDER [--count 160] [--turns 2]

FOLDER: photographs; `count` copies of them, each cut a little differently so that no two are alike, are the
archive. In turn: the bare pipeline, one process a core, each with its share of them; the archive's run, with
a worker a core. Whole processes, from start to end. Give it a quiet machine.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2

HOW = ["--clean", "0"]
CORES = os.cpu_count() or 1
UNFADE = [sys.executable, "-m", "unfade"]


def make(folder: Path, photographs: list[Path], count: int) -> None:
    """`count` masters: TIFF, PNG and JPEG in turn."""
    for number in range(count):
        picture = cv2.imread(str(photographs[number % len(photographs)]))
        cut = number // len(photographs)
        ending = (".tif", ".png", ".jpg")[number % 3]
        assert cv2.imwrite(str(folder / f"{number:04d}{ending}"), picture[cut:, cut:])


def bare(scans: Path, to: Path) -> float:
    """Seconds of one process a core, each with every so-manieth master."""
    names = sorted(map(str, scans.iterdir()))
    environment = os.environ | {"UNFADE_THREADS": "1"}
    began = time.perf_counter()
    running = []
    for core in range(CORES):
        share = to / str(core)
        share.mkdir(parents=True)
        command = [*UNFADE, "restore", *names[core::CORES], "-o", str(share), "--save-mask", "--record", *HOW]
        running.append(subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
    assert [process.wait() for process in running] == [0] * CORES
    return time.perf_counter() - began


def workers() -> list[int]:
    """The processes of this machine that are an archive's workers."""
    found = []
    for entry in Path("/proc").iterdir():
        try:
            if entry.name.isdigit() and (entry / "cmdline").read_bytes().startswith(b"ray::_Actor"):
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def resident_mb(pid: int) -> float:
    """What a process holds, or 0 if it is gone."""
    try:
        return int((Path("/proc") / str(pid) / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except OSError:
        return 0.0


class Watch(threading.Thread):
    """What the largest worker holds, once a second, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.seen: list[float] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.wait(1):
            self.seen.append(max((resident_mb(pid) for pid in workers()), default=0.0))


def archived(scans: Path, to: Path) -> tuple[float, list[float]]:
    """Seconds of the archive's run, and what its largest worker held."""
    watch = Watch()
    watch.start()
    began = time.perf_counter()
    subprocess.run([*UNFADE, "archive", "run", str(scans), "--to", str(to), "--quiet", *HOW], check=True, stdout=subprocess.DEVNULL)
    seconds = time.perf_counter() - began
    watch.over.set()
    watch.join()
    return seconds, watch.seen


def predicted(scans: Path, to: Path) -> float:
    """Seconds that `--dry-run` foretells."""
    run = subprocess.run(
        [*UNFADE, "archive", "run", str(scans), "--to", str(to), "--dry-run", *HOW], check=True, capture_output=True, text=True
    )
    print(run.stdout.strip())
    seconds, hours = re.search(r"\((\d+) s\)", run.stdout), re.search(r"([\d.,]+) hours", run.stdout)
    assert seconds or hours, run.stdout
    return float(seconds[1]) if seconds else float(hours[1].replace(",", "")) * 3600


def main() -> None:
    """Print each turn's figures and, last, their ratios as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--count", type=int, default=160)
    parser.add_argument("--turns", type=int, default=2)
    asked = parser.parse_args()
    photographs = [path for path in sorted(asked.folder.iterdir()) if cv2.haveImageReader(str(path))]
    with tempfile.TemporaryDirectory() as folder:
        scans = Path(folder) / "scans"
        scans.mkdir()
        make(scans, photographs, asked.count)
        foretold = predicted(scans, Path(folder) / "foretold")
        turns = []
        for turn in range(asked.turns):
            alone = bare(scans, Path(folder) / f"bare-{turn}")
            seconds, held = archived(scans, Path(folder) / f"run-{turn}")
            third = max(1, len(held) // 3)
            middle, end = max(held[third : 2 * third], default=0), max(held[2 * third :], default=0)
            turns.append({"bare": alone, "run": seconds, "middle_mb": middle, "end_mb": end})
            print(turns[-1])
        print(json.dumps({"count": asked.count, "foretold_s": foretold, "turns": turns}))


if __name__ == "__main__":
    main()
