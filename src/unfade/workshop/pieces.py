"""Fit the regression that keeps and drops pieces of a detector's masks; print it as a card has it.

    python -m unfade.workshop.pieces my-damage.onnx --real marked/ --sound sound-photographs/

`--real` holds damaged/ and mask/ (see `marked`); on `--sound` whatever is marked is wrong. Judge the result
on photographs that were not among them.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unfade import color
from unfade.arrays import Image
from unfade.errors import DataError
from unfade.files import photo
from unfade.models.calibration import DamageCalibration, Pieces
from unfade.models.session import Session, Sessions
from unfade.steps._evidence import find_evidence, prior_shift, threshold_log_odds
from unfade.steps._judging import TRAITS, largeness, measure
from unfade.steps._marking import decide
from unfade.workshop.door import door

with door(__name__):
    from unfade.workshop.data import find_pictures
    from unfade.workshop.marked import find_pairs

SMALLEST_SHARE = 1e-4
PENALTY = 3.0
"""Of the weights' squares, but for the bias: a few hundred photographs do not say more."""
LOST_SHARE, SOUND_SHARE = 0.3, 0.08
"""A piece is damage if so much of it is lost, sound if at most so much is; between, it teaches nothing."""
LENIENCE = 1.5
"""By how much the bias is raised for small pieces: a missed scratch costs more than a filled twig."""


@dataclass(frozen=True, eq=False)
class Labelled:
    """Pieces of one photograph: their traits (n, k), areas (n,), and whether they are damage (n,)."""

    traits: np.ndarray
    areas: np.ndarray
    damage: np.ndarray


def labelled(image: Image, truth: np.ndarray, session: Session) -> Labelled:
    """The pieces that the detector marks on a photograph (h, w, 3) in [0, 1].

    `truth` (h, w) is 255 lost, 128 either, 0 sound.
    """
    calibration = session.card.calibrated(DamageCalibration)
    given = photo.read(np.rint(image * 255).astype(np.uint8))
    seen = find_evidence(given, session, lambda share: None)
    threshold = threshold_log_odds(calibration.threshold, 0.5)
    threshold -= 0.0 if calibration.prior is None else prior_shift(seen.evidence, calibration.prior)
    found = measure(color.luma(image), seen.evidence, seen.least, decide(seen.evidence, threshold, calibration), SMALLEST_SHARE)
    shares = [[(truth[found.labels == number] == level).mean() for level in (255, 128)] for number in found.numbers]
    lost, either = np.array(shares, float).reshape(-1, 2).T
    damage, sound = lost > LOST_SHARE, (lost < SOUND_SHARE) & (either < 0.5)
    known = damage | sound
    return Labelled(found.traits[known], found.areas[known], damage[known])


def fit(photographs: Sequence[Labelled]) -> Pieces:
    """The regression, each photograph weighed by the root of its pieces, each piece by its size.

    Raises `DataError` if there are no pieces of damage, or no sound ones.
    """
    traits = np.concatenate([one.traits for one in photographs])
    areas = np.concatenate([one.areas for one in photographs])
    damage = np.concatenate([one.damage for one in photographs])
    if not damage.any() or damage.all():
        raise DataError("there must be pieces that are damage and pieces that are not: give --real and --sound more photographs")
    crowd = np.concatenate([np.full(len(one.damage), max(len(one.damage), 1)) for one in photographs])
    weights = np.clip((areas / SMALLEST_SHARE) ** 0.35, 0.6, 6) / np.sqrt(crowd)
    large = largeness(areas)[:, None]
    inputs = np.concatenate([traits, traits * large], axis=1)
    # Single lines on photographs with little else are damage as well: company counts for large pieces only.
    inputs[:, TRAITS.index("company")] = 0
    found = regress(inputs, damage.astype(float), weights)
    found[0] += LENIENCE
    found[len(TRAITS)] -= LENIENCE
    small, added = (tuple(round(float(value), 2) for value in part) for part in (found[: len(TRAITS)], found[len(TRAITS) :]))
    return Pieces(smallest_share=SMALLEST_SHARE, least_score=0.0, small=small, large=added)


def regress(inputs: np.ndarray, truth: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Weighted logistic regression by Newton's steps; the first input is 1, and its weight is free."""
    penalty = np.diag([1e-3, *np.full(inputs.shape[1] - 1, PENALTY)])
    found = np.zeros(inputs.shape[1])
    for _ in range(50):
        likely = 1 / (1 + np.exp(-inputs @ found))
        gradient = inputs.T @ (weights * (truth - likely)) - penalty @ found
        curvature = (inputs * (weights * likely * (1 - likely))[:, None]).T @ inputs + penalty
        step = np.linalg.solve(curvature, gradient)
        found += step
        if np.abs(step).max() < 1e-8:
            break
    return found


def as_toml(pieces: Pieces) -> str:
    """The table for the card or the recipe."""
    lines = [f"{name} = {list(value) if isinstance(value, tuple) else value}" for name, value in pieces.model_dump().items()]
    return "\n".join([f"# {', '.join(TRAITS)}", "[calibration.pieces]", *lines]) + "\n"


def _photographs(real: Path | None, sound: Sequence[Path]) -> Iterator[tuple[Image, np.ndarray]]:
    if real is not None:
        for path, mask in find_pairs(real).values():
            yield photo.read(path).srgb(), photo.read(mask).samples[:, :, 0]
    for path in find_pictures(sound) if sound else ():
        image = photo.read(path).srgb()
        yield image, np.zeros(image.shape[:2], np.uint8)


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description="Fit [calibration.pieces] of a detector.")
    parser.add_argument("model", help="a model's name or .onnx")
    parser.add_argument("--real", type=Path, help="a folder with damaged/ and mask/")
    parser.add_argument("--sound", type=Path, action="append", default=[], help="a folder of sound photographs; may be given again")
    given = parser.parse_args(arguments)
    with Sessions(models={"damage": given.model}) as sessions:
        session = sessions.get("damage")
        found = fit([labelled(image, truth, session) for image, truth in _photographs(given.real, given.sound)])
    sys.stdout.write(as_toml(found))


if __name__ == "__main__":
    with door(__name__):
        main()
