"""What an entry costs on this machine: seconds and memory of a whole process on a photograph of a
megapixel."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory

from unfade.bench.entries import COMMAND_TIMEOUT_S, UNFADE, Entry, arguments, last_line
from unfade.errors import DataError
from unfade.models.session import cpu_limit

FILLS = ("Telea", "Navier–Stokes", "biharmonic")


@dataclass(frozen=True)
class Cost:
    """Seconds from start to end, and the most memory that the process held; None if the system does not
    say."""

    entry: str
    seconds: float
    peak_mb: float | None


def machine() -> dict[str, str]:
    """What the figures were measured on."""
    return {
        "processor": _processor(),
        "cores": str(cpu_limit()),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "versions": ", ".join(f"{name} {version(name)}" for name in ("unfade", "onnxruntime", "opencv-python-headless")),
    }


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or "unknown"


def measure(bench: Path, entries: Sequence[Entry], baselines: Sequence[str]) -> list[Cost]:
    """The cost of each entry that can be run here: Unfade, the classical fills of `baselines`, commands.

    Raises `DataError` if one fails.
    """
    given, mask = bench / "cost" / "in.png", bench / "cost" / "mask.png"
    costs = []
    with TemporaryDirectory() as folder:
        out = Path(folder) / "out.png"
        me = (sys.executable, "-m")
        runs = {
            f"{UNFADE}, mask given": [*me, "unfade", "restore", given, "--mask", mask, "--clean", "0", "-o", out],
            f"{UNFADE}, all steps": [*me, "unfade", "restore", "--colorize", given, "-o", out],
        }
        runs |= {name: [*me, "unfade.bench.classical", name, given, mask, out] for name in FILLS if name in baselines}
        rivals = {one.name: list(arguments(one.command, given, mask, out)) for one in entries if one.command is not None}
        for name, told in (rivals | runs).items():  # what may fail first
            out.unlink(missing_ok=True)
            costs.append(_run(name, [str(part) for part in told]))
    return costs[len(rivals) :] + costs[: len(rivals)]


# A process between: the system counts what a process held before it became another program, so a child of
# this one, which has models open, would seem to hold all that.
_BETWEEN = """
import json, subprocess, sys, time
began = time.perf_counter()
try:
    status = subprocess.run(sys.argv[2:], stdout=subprocess.DEVNULL, timeout=float(sys.argv[1])).returncode
except subprocess.TimeoutExpired:
    status = None
seconds = time.perf_counter() - began
try:
    import resource
except ModuleNotFoundError:
    peak = None
else:
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss
print(json.dumps([status, seconds, peak]))
"""


def _run(name: str, told: list[str]) -> Cost:
    between = [sys.executable, "-c", _BETWEEN, str(COMMAND_TIMEOUT_S)]
    run = subprocess.run([*between, *told], capture_output=True, text=True, errors="replace", check=False)
    if run.returncode != 0:
        raise DataError(f"{name} cannot be run: {last_line(run.stderr)}")
    status, seconds, peak = json.loads(run.stdout)
    if status is None:
        raise DataError(f"{name} took more than {COMMAND_TIMEOUT_S:.0f} s on the photograph that costs are measured on")
    if status != 0:
        raise DataError(f"{name} ended with {status} on the photograph that costs are measured on: {last_line(run.stderr)}")
    # Kilobytes on Linux, bytes on macOS.
    return Cost(name, seconds, None if peak is None else peak / (1e6 if sys.platform == "darwin" else 1e3))
