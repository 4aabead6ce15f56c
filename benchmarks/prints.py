"""How well prints are found: scans are made from photographs, from seeds, and the outlines that `find_prints`
gives are held against those that are known.

    python benchmarks/prints.py FOLDER... [--scans 60] [--first 0] [--pictures OUT] [--json scans.jsonl]

A print is found if a sure outline shares more than FOUND of their union with it. A sure outline that belongs
to no print is false. A corner's error is its distance from where the print's paper has it, relative to the
print's side (the mean of the four). The intervals are 95 %, by drawing the scans anew. With `--pictures`,
every scan with a miss, a false outline or a corner off is drawn: truth in green, found in red.
"""

from __future__ import annotations

import argparse
import json
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from unfade import find_prints, read
from unfade.frame import quads
from unfade.workshop.scans import MadeScan, make_scan

FOUND = 0.9
CORNER_MUST = 0.004
LONG_SIDE_RANGE_PX = (1500, 2500)
EACH_FOLDER = 120  # photographs
DRAWS = 2000
ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


@dataclass(frozen=True)
class Score:
    """One scan: its seed and ground, how many prints lie on it, and of each that was found the errors of its
    corners, (4,), with its border and angle; how many outlines are false; and the doubt that was said."""

    seed: int
    ground: str
    prints: int
    errors: tuple[tuple[float, ...], ...]
    kinds: tuple[str, ...]
    missed: tuple[str, ...]
    false: int
    doubt: str
    seconds: float


def photographs_in(folders: list[Path]) -> list[np.ndarray]:
    """Up to EACH_FOLDER photographs of each folder and those in it, (h, w, 3) uint8, drawn from a fixed
    seed."""
    found = []
    for folder in folders:
        paths = sorted(path for path in folder.rglob("*") if path.suffix.lower() in ENDINGS)
        chosen = np.random.default_rng(0).permutation(len(paths))[:EACH_FOLDER]
        found += [read(paths[index]).as_rgb().samples for index in sorted(chosen)]
    return found


def made(photographs: list[np.ndarray], seed: int) -> MadeScan:
    """The scan of a seed, at a size of its own."""
    long_side = int(np.random.default_rng([seed, 1]).integers(*LONG_SIDE_RANGE_PX))
    return make_scan(photographs, seed, long_side_px=long_side)


def score(scan: MadeScan, seed: int) -> tuple[Score, list[np.ndarray]]:
    """What was found on a scan, and the sure outlines."""
    began = time.perf_counter()
    found = find_prints(scan.samples)
    seconds = time.perf_counter() - began
    sure = [one.corners for one in found.prints if one.sure and one.around != "none"]
    errors, kinds, missed, taken = [], [], [], set()
    for one in scan.prints:
        corners = quads.ordered(one.corners)
        kind = f"{one.border}, {quads.angle(corners):.1f} degrees"
        overlaps = [0.0 if index in taken else quads.overlap(each, corners) for index, each in enumerate(sure)]
        best = int(np.argmax(overlaps)) if overlaps else 0
        if not overlaps or overlaps[best] <= FOUND:
            missed.append(kind)
            continue
        taken.add(best)
        away = np.hypot(*(quads.ordered(sure[best]) - corners).T) / quads.side_lengths(corners).mean()
        errors.append(tuple(float(value) for value in away))
        kinds.append(kind)
    false = len(sure) - len(taken)
    scored = Score(seed, scan.ground, len(scan.prints), tuple(errors), tuple(kinds), tuple(missed), false, found.doubt, round(seconds, 3))
    return scored, sure


def drawn(scan: MadeScan, sure: list[np.ndarray], scored: Score) -> np.ndarray:
    """A copy of the scan with the outlines that are known and those that were found, (h, w, 3) BGR."""
    scale = 1000 / max(scan.samples.shape)
    copy = cv2.resize(scan.samples, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)[..., ::-1].copy()
    for outlines, line in (([one.corners for one in scan.prints], (60, 190, 40)), (sure, (30, 30, 230))):
        for corners in outlines:
            points = np.rint(corners * scale * 16).astype(np.int32).reshape(-1, 1, 2)
            cv2.polylines(copy, [points], isClosed=True, color=line, thickness=1, lineType=cv2.LINE_AA, shift=4)
    cv2.putText(copy, f"{scored.seed} {scored.doubt}"[:80], (8, 22), cv2.FONT_HERSHEY_SIMPLEX, 0.6, (200, 0, 200), 2, cv2.LINE_AA)
    return np.asarray(copy)


def figures(scores: list[Score]) -> dict[str, float]:
    """The measures of some scans, as shares."""
    prints = sum(one.prints for one in scores)
    found = sum(len(one.errors) for one in scores)
    false = sum(one.false for one in scores)
    means = np.array([np.mean(each) for one in scores for each in one.errors])
    return {
        "found": found / prints,
        "false": false / max(found + false, 1),
        "corner_error_mean": float(means.mean()) if len(means) else float("nan"),
        "corner_error_median": float(np.median(means)) if len(means) else float("nan"),
        "prints_above_0.4_percent": float((means > CORNER_MUST).mean()) if len(means) else float("nan"),
    }


def summary(scores: list[Score]) -> dict[str, Any]:
    """The measures with their intervals, and on how many scans and prints."""
    rng = np.random.default_rng(0)
    draws = [figures([scores[index] for index in rng.integers(len(scores), size=len(scores))]) for _ in range(DRAWS)]
    told: dict[str, Any] = {"scans": len(scores), "prints": sum(one.prints for one in scores)}
    for name, value in figures(scores).items():
        low, high = np.nanpercentile([each[name] for each in draws], [2.5, 97.5])
        told[name] = {"value": round(value, 5), "interval": [round(float(low), 5), round(float(high), 5)]}
    told["seconds_median"] = float(np.median([one.seconds for one in scores]))
    return told


def main() -> None:
    """Score scans one after the other; print each that has a fault, and at the end the whole."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("folders", type=Path, nargs="+")
    parser.add_argument("--scans", type=int, default=60)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--seeds", type=int, nargs="*", help="these seeds only")
    parser.add_argument("--pictures", type=Path)
    parser.add_argument("--json", type=Path, help="a line of JSON for each scan, as it is scored")
    asked = parser.parse_args()
    photographs = photographs_in(asked.folders)
    scores = []
    for seed in asked.seeds or range(asked.first, asked.first + asked.scans):
        scan = made(photographs, seed)
        scored, sure = score(scan, seed)
        scores.append(scored)
        if asked.json is not None:
            with asked.json.open("a") as file:
                file.write(json.dumps(vars(scored)) + "\n")
        off = [kind for kind, each in zip(scored.kinds, scored.errors, strict=True) if np.mean(each) > CORNER_MUST]
        if scored.missed or scored.false or off:
            said = {"missed": scored.missed, "false": scored.false, "off": off, "doubt": scored.doubt}
            print(scored.seed, scored.ground, json.dumps(said), flush=True)
            if asked.pictures is not None:
                asked.pictures.mkdir(parents=True, exist_ok=True)
                cv2.imwrite(str(asked.pictures / f"{seed:04}.png"), drawn(scan, sure, scored))
    print(json.dumps(summary(scores), indent=2))


if __name__ == "__main__":
    main()
