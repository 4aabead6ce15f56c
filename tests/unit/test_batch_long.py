"""A thousand photographs, fifty of them bad, stopped once and taken up: memory flat, every failure named,
report and sheets there."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from unfade.sheet import shown_on

# Writes the peak of its memory (KiB) after every photograph, and stops itself after so many.
WATCHED = """
import os, resource, signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)
import unfade.cli, unfade.pipeline
treat, count, last = unfade.pipeline.treat, 0, int(sys.argv.pop(1))
def watched(*arguments, **options):
    global count
    count += 1
    with open("memory.txt", "a") as file:
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, file=file)
    if count == last:
        os.kill(os.getpid(), signal.SIGINT)
    return treat(*arguments, **options)
unfade.pipeline.treat = watched
unfade.cli.main()
"""

BAD = (b"", b"no picture", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01", b"\x89PNG\r\n\x1a\n")


def _album(folder: Path, count: int, bad: int) -> tuple[list[str], set[str]]:
    """A folder of `count` small photographs, `bad` of them none; gives all names, and the bad ones."""
    rng = np.random.default_rng(5)
    picture = np.clip(np.tile(np.linspace(60, 190, 360), (255, 1)) + rng.normal(0, 3, (255, 360)), 0, 255).astype(np.uint8)
    names = [f"p{number:04}.jpg" for number in range(count)]
    wrong = {names[(number * count) // bad] for number in range(bad)}
    for number, name in enumerate(names):
        picture[0, 0] = number % 256
        (folder / name).write_bytes(BAD[number % len(BAD)] if name in wrong else cv2.imencode(".jpg", picture)[1].tobytes())
    return names, wrong


@pytest.mark.long
@pytest.mark.skipif(sys.platform == "win32", reason="no such signals here")
def test_a_large_batch_with_bad_ones_is_stopped_and_taken_up(tmp_path: Path, golden: Path, sized: Callable[[int, int], int]) -> None:
    count = sized(1000, 200)
    bad = count // 20
    (tmp_path / "album").mkdir()
    (tmp_path / "out").mkdir()
    names, wrong = _album(tmp_path / "album", count, bad)
    environment = os.environ | {"UNFADE_MODELS": str(golden), "UNFADE_THREADS": "1"}

    def run(stop_after: int) -> subprocess.CompletedProcess[str]:
        options = ["--no-fill", "--clean", "0.5", "-o", "out", "--report", "r.json", "--sheet", "s.jpg"]
        command = [sys.executable, "-c", WATCHED, str(stop_after), "restore", "album", *options]
        return subprocess.run(command, capture_output=True, text=True, check=False, cwd=tmp_path, env=environment, timeout=600)

    stopped = run(count // 2)
    assert stopped.returncode == 130, stopped.stderr[-2000:]
    accounts = json.loads((tmp_path / "r.json").read_text())
    assert [account["photo"] for account in accounts] == names[: len(accounts)] and len(accounts) > count // 2
    assert {account["photo"] for account in accounts if "error" in account} == wrong & set(names[: len(accounts)])
    assert (tmp_path / "s.jpg").is_file()
    (tmp_path / "memory.txt").rename(tmp_path / "first.txt")

    taken_up = run(-1)
    assert taken_up.returncode == 1
    said = taken_up.stderr
    assert f"{bad} of {count} photographs failed" in said and f"{count // 2 - 1} of {count} photographs were done already" in said
    assert all(f"album/{name}: " in said for name in wrong)
    accounts = json.loads((tmp_path / "r.json").read_text())
    assert [account["photo"] for account in accounts] == names
    assert {account["photo"] for account in accounts if "error" in account} == wrong
    assert all(account["steps"] and account["output_sha256"] for account in accounts if "error" not in account)
    sheets = sorted(tmp_path.glob("s*.jpg"))
    assert sorted(name for sheet in sheets for name in shown_on(sheet)) == [name for name in names if name not in wrong]
    assert len(list((tmp_path / "out").iterdir())) == count - bad

    for record in ("first.txt", "memory.txt"):
        peaks = [int(line) for line in (tmp_path / record).read_text().split()]
        # The first sheet of 40 is written by then; what comes later must cost no more.
        assert peaks[-1] - peaks[min(60, len(peaks) // 2)] < 40_000, (record, peaks[::20])
