"""How long `unfade restore --colorize` takes and how much memory it needs, as a whole process, beside
OpenCV's inpainting of the same mask.

    python benchmarks/speed.py                          # 1, 12 and 100 megapixels, three times each
    python benchmarks/speed.py --sizes 1 --repeats 5 --json speed.json

Every figure is one process from start to end: start-up, reading, models, writing. Photographs are generated,
from a seed: smooth shapes, edges and grain, faded and gone brown, so that every step has something to do,
JPEG; the damage is scratches and blots over 3 % of the pixels, light, the same mask for all. OpenCV does the
filling only (no looking for damage, no cleaning, no coloring), so that it is a floor, not a rival. Memory is
the peak resident set of that process.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import cv2
import numpy as np

DAMAGE_SHARE = 0.03
SEED = 20261124
INPAINTING_RADIUS_PX = 3  # OpenCV's own example uses 3
FLAGS = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}


def make_photograph(megapixels: float, rng: np.random.Generator) -> np.ndarray:
    """A picture, 3:2, (h, w, 3) uint8: clouds of several sizes, a hundred bright and dark shapes, grain;
    faded and gone brown."""
    height = round((megapixels * 1e6 / 1.5) ** 0.5)
    width = round(height * 1.5)
    picture = np.full((height, width), 110, np.float32)
    for cells, strength in ((4, 45), (16, 20), (64, 8)):
        clouds = rng.standard_normal((cells, round(cells * 1.5))).astype(np.float32) * strength
        picture += cv2.resize(clouds, (width, height), interpolation=cv2.INTER_CUBIC)
    for _ in range(100):
        center = (int(rng.integers(width)), int(rng.integers(height)))
        axes = (int(width * rng.uniform(0.005, 0.06)), int(height * rng.uniform(0.005, 0.1)))
        cv2.ellipse(picture, center, axes, float(rng.uniform(0, 180)), 0, 360, float(rng.uniform(20, 230)), -1, cv2.LINE_AA)
    for top in range(0, height, 1024):  # grain in strips: float noise for 100 megapixels at once would be the benchmark's own peak
        strip = picture[top : top + 1024]
        strip += rng.standard_normal(strip.shape, dtype=np.float32) * 6
    gray = np.clip(picture, 0, 255).astype(np.uint8)
    faded = 55 + 0.5 * np.arange(256)
    return cv2.merge([cv2.LUT(gray, np.rint(faded * share).astype(np.uint8)) for share in (0.68, 0.88, 1.0)])  # blue, green, red


def make_mask(shape: tuple[int, int], rng: np.random.Generator) -> np.ndarray:
    """Scratches and blots over `DAMAGE_SHARE` of the pixels: uint8, 255 = damaged."""
    height, width = shape
    mask = np.zeros(shape, np.uint8)
    unit = max(1, round(min(shape) / 400))
    while np.count_nonzero(mask) < DAMAGE_SHARE * mask.size:
        if rng.random() < 0.7:
            points = np.cumsum(rng.normal(0, 12 * unit, (30, 2)), axis=0) + rng.uniform(0, 1, 2) * (width, height)
            cv2.polylines(mask, [points.astype(np.int32)], isClosed=False, color=255, thickness=int(rng.integers(1, 3)) * unit)
        else:
            center = (int(rng.integers(width)), int(rng.integers(height)))
            cv2.circle(mask, center, int(rng.integers(2, 12)) * unit, 255, -1)
    return mask


def inpaint_with_opencv(method: str, photo: Path, mask: Path, target: Path) -> None:
    """The process that OpenCV's figure is of: read, inpaint, write."""
    picture, damaged = cv2.imread(str(photo), cv2.IMREAD_UNCHANGED), cv2.imread(str(mask), cv2.IMREAD_GRAYSCALE)
    if picture is None or damaged is None:
        raise SystemExit(f"OpenCV cannot read {photo} or {mask}")
    cv2.imwrite(str(target), cv2.inpaint(picture, damaged, INPAINTING_RADIUS_PX, FLAGS[method]))


# The kernel carries a process's peak memory over from the one that started it (Linux: setmax_mm_hiwater_rss
# at exec). This one has held a hundred megapixels; so a small one, which has imported next to nothing, starts
# what is measured.
_LAUNCH = """
import os, sys, time
started = time.perf_counter()
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
_, status, usage = os.wait4(pid, 0)
print(time.perf_counter() - started, usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def measure(command: list[str]) -> tuple[float, float]:
    """Run a process to its end: seconds, and peak resident MiB. A process that fails ends the benchmark: its
    time means nothing."""
    run = subprocess.run([sys.executable, "-I", "-S", "-c", _LAUNCH, *command], stdout=subprocess.PIPE, text=True, check=False)
    if run.returncode:
        raise SystemExit(f"{' '.join(command)} ended with status {run.returncode}")
    seconds, peak = map(float, run.stdout.split())
    return seconds, peak / (2**20 if sys.platform == "darwin" else 2**10)  # ru_maxrss: bytes on macOS, KiB on Linux


def repeated(command: list[str], repeats: int, before: Callable[[], None] = lambda: None) -> dict[str, float]:
    """Median, least and most of `repeats` runs; `before` each, untimed."""
    runs = []
    for _ in range(repeats):
        before()
        runs.append(measure(command))
    seconds, mebibytes = zip(*runs, strict=True)
    return {
        "seconds_median": round(statistics.median(seconds), 3),
        "seconds_least": round(min(seconds), 3),
        "seconds_most": round(max(seconds), 3),
        "peak_mib_median": round(statistics.median(mebibytes), 1),
        "peak_mib_most": round(max(mebibytes), 1),
        "n": repeats,
    }


def processor() -> str:
    """The processor's name."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def commit() -> str:
    """The commit of this checkout, with a mark if the tree was changed since."""
    run = ["git", "-C", str(Path(__file__).parent)]
    found = subprocess.run([*run, "rev-parse", "--short=12", "HEAD"], capture_output=True, text=True, check=False)
    changed = subprocess.run([*run, "status", "--porcelain", "--untracked-files=no"], capture_output=True, text=True, check=False)
    return (found.stdout.strip() or "none") + ("+changes" if changed.stdout.strip() else "")


def main() -> None:
    """Measure, print a table, and write the JSON."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=[1, 12, 100], metavar="MEGAPIXELS")
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--opencv", nargs=4, metavar=("METHOD", "PHOTO", "MASK", "TARGET"), help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.opencv:
        method, *paths = arguments.opencv
        inpaint_with_opencv(method, *map(Path, paths))
        return

    unfade = str(Path(sys.executable).with_name("unfade"))
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)

        def note(megapixels: float, what: str, command: list[str], target: Path) -> None:
            figures = repeated(command, arguments.repeats, lambda: target.unlink(missing_ok=True))
            results.append({"megapixels": megapixels, "what": what, **figures})
            spread = f"{figures['seconds_least']:.2f} to {figures['seconds_most']:.2f}"
            print(f"{megapixels:6g} MP  {what:34} {figures['seconds_median']:8.2f} s ({spread})  {figures['peak_mib_median']:7.0f} MiB")

        note(0, "unfade --help", [unfade, "--help"], folder / "none")
        note(0, "python -c 'import unfade'", [sys.executable, "-c", "import unfade"], folder / "none")
        for megapixels in arguments.sizes:
            rng = np.random.default_rng(SEED)
            photo, mask, target = folder / "photo.jpg", folder / "mask.png", folder / "result.jpg"
            picture = make_photograph(megapixels, rng)
            damaged = make_mask((picture.shape[0], picture.shape[1]), rng)
            picture[damaged > 0] = 245
            cv2.imwrite(str(photo), picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
            cv2.imwrite(str(mask), damaged)
            del picture, damaged
            restore = [unfade, "restore", str(photo), "-o", str(target)]
            note(megapixels, "unfade restore --colorize --mask", [*restore, "--colorize", "--mask", str(mask)], target)
            note(megapixels, "unfade restore --colorize", [*restore, "--colorize"], target)
            note(megapixels, "unfade restore --mask --clean 0", [*restore, "--mask", str(mask), "--clean", "0"], target)
            for method in FLAGS:
                command = [sys.executable, __file__, "--opencv", method, str(photo), str(mask), str(target)]
                note(megapixels, f"OpenCV {method}, filling only", command, target)

    account = {
        "commit": commit(),
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "processor": processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "python": platform.python_version(),
        "versions": {name: version(name) for name in ("unfade", "numpy", "onnxruntime", "opencv-python-headless", "pyvips")},
        "damage_share": DAMAGE_SHARE,
        "seed": SEED,
        "results": results,
    }
    if arguments.json:
        arguments.json.write_text(json.dumps(account, indent=2) + "\n", encoding="utf-8")
    else:
        print(json.dumps(account, indent=2))


if __name__ == "__main__":
    main()
