"""Draw the figures of the documentation: curves of training runs, and sheets of what models make of pictures.

python docs/figures.py curves runs/paper-restoration runs/paper-colorization -o curves.svg
python docs/figures.py sheet truth colored/paper colored/ours -o sheet.jpg --titles truth,paper,ours --count 4

python docs/figures.py all docs/figures.toml --work runs -o docs/explanation

A run is the folder of `unfade train`, or a JSON file with a list "curve" of {step, l1, accuracy}. `all` draws
what a plan (TOML) names, with the colors of reports and leaderboards; the paths in it are those below --work.
"""

from __future__ import annotations

import argparse
import html
import json
import tomllib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unfade import sheet
from unfade.files import photo
from unfade.measures.benches import gray, pictures, read_image
from unfade.measures.page import PALETTE

WIDTH, HEIGHT, GAP = 340, 150, 46
COSTS = "## Speed and memory"
SHOWN = {"l1": ("L1", ("l1", "loss/l1")), "accuracy": ("discriminator right", ("accuracy", "discriminator_accuracy"))}
# A page that shows the file as a picture passes on whether the reader's system is light or dark.
STYLE = f"""<style>{PALETTE}
text{{font:11px system-ui,sans-serif;fill:var(--ink)}}.title{{font-weight:600}}
.axis{{stroke:var(--faint);fill:none}}.curve{{stroke:var(--curve);fill:none;stroke-width:1.4}}
.mark{{stroke:var(--mark);fill:none;stroke-dasharray:4 3}}
</style>"""


@dataclass(frozen=True)
class Curve:
    """One quantity of one run over its steps."""

    title: str
    steps: np.ndarray
    values: np.ndarray
    mark: float | None = None


def read_curves(run: Path) -> list[Curve]:
    """The curves of a run that are shown: its L1, and how often its discriminator was right."""
    noted = _from_json(run) if run.is_file() else _from_events(run)
    found = []
    for title, names in SHOWN.values():
        points = next((noted[name] for name in names if name in noted), [])
        if points:
            steps, values = np.array(points, float).T
            found.append(Curve(f"{run.stem.removesuffix('-curve')}: {title}", steps, values, 0.5 if title != "L1" else None))
    if not found:
        raise SystemExit(f"{run} has no curves; name the folder of a training run, or a JSON file with a list called curve")
    return found


def _from_json(file: Path) -> dict[str, list[tuple[float, float]]]:
    noted: dict[str, list[tuple[float, float]]] = {}
    for entry in json.loads(file.read_text(encoding="utf-8"))["curve"]:
        for name, value in entry.items():
            noted.setdefault(name, []).append((entry["step"], value))
    return noted


def _from_events(run: Path) -> dict[str, list[tuple[float, float]]]:
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    events = EventAccumulator(str(run / "curves"))
    events.Reload()
    return {name: [(one.step, one.value) for one in events.Scalars(name)] for name in events.Tags()["scalars"]}


def draw_curves(curves: list[Curve], columns: int = 2) -> str:
    """The curves as one SVG, each smoothed over a fiftieth of its points, from 0 up."""
    rows = -(-len(curves) // columns)
    size = columns * (WIDTH + GAP) + GAP, rows * (HEIGHT + GAP) + GAP // 2
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {size[0]} {size[1]}" width="{size[0]}" height="{size[1]}">', STYLE]
    for number, curve in enumerate(curves):
        left, top = GAP + number % columns * (WIDTH + GAP), GAP // 2 + number // columns * (HEIGHT + GAP)
        parts.append(_panel(curve, left, top))
    return "\n".join([*parts, "</svg>\n"])


def _panel(curve: Curve, left: int, top: int) -> str:
    window = max(1, len(curve.values) // 50)
    smooth = np.convolve(np.pad(curve.values, (window // 2, window - 1 - window // 2), mode="edge"), np.ones(window) / window, "valid")
    highest, last = float(smooth.max()), float(curve.steps[-1])
    x, y = left + curve.steps / last * WIDTH, top + HEIGHT - smooth / highest * HEIGHT
    kept = np.unique(np.linspace(0, len(x) - 1, min(len(x), 300)).astype(int))
    points = " ".join(f"{x[i]:.1f},{y[i]:.1f}" for i in kept)
    said = html.escape(f"{curve.title} (last {smooth[-1]:.3g})")
    parts = [
        f'<text class="title" x="{left}" y="{top - 8}">{said}</text>',
        f'<path class="axis" d="M{left} {top}V{top + HEIGHT}H{left + WIDTH}"/>',
        f'<polyline class="curve" points="{points}"/>',
        f'<text x="{left - 4}" y="{top + 8}" text-anchor="end">{highest:.2g}</text>',
        f'<text x="{left - 4}" y="{top + HEIGHT}" text-anchor="end">0</text>',
        f'<text x="{left + WIDTH}" y="{top + HEIGHT + 14}" text-anchor="end">step {last:,.0f}</text>',
    ]
    if curve.mark is not None and curve.mark < highest:
        at = top + HEIGHT - curve.mark / highest * HEIGHT
        parts.append(f'<path class="mark" d="M{left} {at:.1f}H{left + WIDTH}"/>')
    return "\n".join(parts)


def draw_sheet(folders: list[Path], titles: list[str], names: list[str], count: int, cell_px: int, *, grayed: bool) -> np.ndarray:
    """Pictures of one name side by side, a row a name, (h, w, 3) uint8.

    `grayed`: the first folder's pictures in gray come before all.
    """
    found = [pictures(folder) for folder in folders]
    chosen = names or sorted(set.intersection(*(set(one) for one in found)))[:count]
    rows = []
    for name in chosen:
        row = [read_image(one[name]) for one in found]
        rows.append([gray(row[0]), *row] if grayed else row)
    made = sheet.contact_sheet(rows, titles=["gray", *titles] if grayed else titles, cell_px=cell_px)
    return np.asarray(np.rint(np.clip(made, 0, 1) * 255).astype(np.uint8))


def draw_all(plan: Path, work: Path, output: Path) -> list[Path]:
    """Every figure that a plan names, into the folder `output`; gives the files.

    [[curves]]: file, runs. [[sheet]]: file, folders, and perhaps titles, names, count, cell_px, gray.
    [[board]]: file, board (a leaderboard.md), and perhaps head (what stands above it) and costs (a
    leaderboard.md whose costs are taken instead).
    """
    told = tomllib.loads(plan.read_text(encoding="utf-8"))
    written = []
    for one in told.get("curves", []):
        written.append(write_curves([work / run for run in one["runs"]], output / one["file"]))
    for one in told.get("sheet", []):
        folders = [work / folder for folder in one["folders"]]
        titles, names = one.get("titles", []), one.get("names", [])
        made = draw_sheet(folders, titles, names, one.get("count", 4), one.get("cell_px", 220), grayed=one.get("gray", False))
        photo.write(photo.read(made), output / one["file"], overwrite=True)
        written.append(output / one["file"])
    for one in told.get("board", []):
        text = (work / one["board"]).read_text(encoding="utf-8").split("-->\n", 1)[-1]
        if "costs" in one:
            text = text.split(COSTS)[0] + COSTS + (work / one["costs"]).read_text(encoding="utf-8").split(COSTS)[1]
        (output / one["file"]).write_text(one.get("head", "").strip() + "\n" + text, encoding="utf-8")
        written.append(output / one["file"])
    return written


def write_curves(runs: list[Path], output: Path) -> Path:
    """The curves of all runs as one SVG; gives its path."""
    output.write_text(draw_curves([curve for run in runs for curve in read_curves(run)]), encoding="utf-8")
    return output


def main() -> None:
    """Read the command line, and write the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    kinds = parser.add_subparsers(dest="kind", required=True)
    curves = kinds.add_parser("curves")
    curves.add_argument("runs", nargs="+", type=Path)
    shown = kinds.add_parser("sheet")
    shown.add_argument("folders", nargs="+", type=Path)
    shown.add_argument("--titles", default="")
    shown.add_argument("--names", default="", help="pictures, with commas between; default: the first --count")
    shown.add_argument("--count", type=int, default=4)
    shown.add_argument("--cell-px", type=int, default=220)
    shown.add_argument("--gray", action="store_true")
    everything = kinds.add_parser("all")
    everything.add_argument("plan", type=Path)
    everything.add_argument("--work", required=True, type=Path, help="the folder of runs, boards and pictures")
    for kind in (curves, shown, everything):
        kind.add_argument("-o", "--output", required=True, type=Path)
    asked = parser.parse_args()
    if asked.kind == "curves":
        print(write_curves(asked.runs, asked.output))
    elif asked.kind == "sheet":
        titles, names = ([one for one in text.split(",") if one] for text in (asked.titles, asked.names))
        made = draw_sheet(asked.folders, titles, names, asked.count, asked.cell_px, grayed=asked.gray)
        photo.write(photo.read(made), asked.output, overwrite=True)
        print(asked.output)
    else:
        print(*draw_all(asked.plan, asked.work, asked.output), sep="\n")


if __name__ == "__main__":
    main()
