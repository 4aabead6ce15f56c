"""How far the hue of guessed colors is from the true one, for sky, foliage and skin of 1905 to 1915.

    python benchmarks/hues.py bench/color-1910

The bench holds photographs in real color (truth/); each is made gray and colored as it ships. Regions were
drawn by eye, in tenths of the width and the height.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

import numpy as np

from unfade import color, colorize
from unfade.files import photo
from unfade.models.session import Sessions

PALE = 6.0  # of C*: the hue of what is paler is noise

Box = tuple[float, float, float, float]
"""Left, top, right, foot."""

REGIONS: dict[str, dict[str, list[Box]]] = {
    "data_e__00088v": {"foliage": [(1, 3.5, 3.5, 7.5), (6, 0.3, 8.5, 2.5)]},
    "data_e__00163v": {"foliage": [(4.8, 6.2, 9.8, 6.9)], "sky": [(7, 0.5, 9.8, 3)]},
    "data_e__00398v": {"foliage": [(8, 8.5, 9.8, 9.6)], "sky": [(5.5, 0, 7.5, 0.8)]},
    "data_e__00600v": {"foliage": [(3, 7, 9, 8.5)], "sky": [(0.5, 0.5, 4, 3)]},
    "data_e__00804v": {"foliage": [(4.2, 6.4, 5, 7.3), (6, 6.9, 8, 7.4)], "sky": [(2, 0.5, 9, 3.5)]},
    "data_e__00889v": {"foliage": [(3, 7.2, 8, 8.6)], "sky": [(5, 0.2, 6.5, 1.2)]},
    "data_e__00911v": {"foliage": [(6.5, 8.8, 9.5, 9.7)], "sky": [(1, 0.3, 9, 2.5)]},
    "data_e__01164v": {"sky": [(1, 0.5, 9, 3.8)]},
    "data_e__01597v": {"foliage": [(8.2, 6, 9.8, 8.5)], "skin": [(6.3, 2.7, 7, 3.6)]},
    "data_e__10131v": {"foliage": [(2, 1.5, 9, 2.8)], "sky": [(3, 0, 9, 0.6)], "skin": [(2, 5.1, 2.7, 5.7)]},
    "hq_00106v": {"foliage": [(7, 6, 9, 8)], "skin": [(4.2, 2.2, 4.9, 3.4)]},
    "hq_01788v": {"foliage": [(1, 3.8, 9, 5), (5.5, 7.2, 8, 8.5)], "sky": [(1, 0.5, 8, 2.5)]},
    "hq_monastery": {"sky": [(0.5, 0.3, 9, 1.5)]},
    "hq_settlers": {"skin": [(0.9, 3.6, 1.6, 4.4), (3.1, 3.7, 3.7, 4.5), (5.6, 3.8, 6.1, 4.5), (7, 2.4, 7.4, 2.9)]},
}


def mean_chroma(lab: np.ndarray, box: Box) -> np.ndarray:
    """The mean a* and b* within a box of a picture (h, w, 3)."""
    height, width = lab.shape[:2]
    left, top, right, foot = (round(share / 10 * side) for share, side in zip(box, (width, height, width, height), strict=True))
    mean: np.ndarray = lab[top:foot, left:right, 1:].mean(axis=(0, 1))
    return mean


def angle(one: np.ndarray, other: np.ndarray) -> float:
    """The angle between two chromas, in degrees."""
    turn = np.degrees(np.arctan2(one[1], one[0]) - np.arctan2(other[1], other[0]))
    return float(abs((turn + 180) % 360 - 180))


def main() -> None:
    """Write each region's error and the means, as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bench", type=Path)
    asked = parser.parse_args()
    errors: dict[str, list[float]] = {"sky": [], "foliage": [], "skin": []}
    each = {}
    with Sessions() as sessions:
        for path in sorted((asked.bench / "truth").iterdir()):
            if path.stem not in REGIONS:
                continue
            truth = photo.read(path).srgb()
            gray = np.rint(color.luma(truth)[:, :, None] * 255).astype(np.uint8)
            guessed = colorize(photo.read(gray), sessions=sessions).photo.srgb()
            for kind, boxes in REGIONS[path.stem].items():
                for box in boxes:
                    true, made = (mean_chroma(color.lab_from_srgb(image), box) for image in (truth, guessed))
                    if np.hypot(*true) < PALE:
                        continue
                    errors[kind].append(angle(true, made))
                    each[f"{path.stem} {kind} {box}"] = [round(errors[kind][-1]), *(round(float(one), 1) for one in (*true, *made))]
    found = {kind: {"regions": len(all_), "mean_degrees": round(float(np.mean(all_)), 1)} for kind, all_ in errors.items()}
    together = float(np.mean([one for all_ in errors.values() for one in all_]))
    sys.stdout.write(
        json.dumps({"all_mean_degrees": round(together, 1), **found, "each: degrees, true a* b*, guessed a* b*": each}, indent=2) + "\n"
    )


if __name__ == "__main__":
    main()
