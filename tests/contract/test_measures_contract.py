"""Every registered measure, at every odd size: what it was given is untouched, and its figure is finite and
the same every time."""

from __future__ import annotations

import math

import numpy as np
import pytest

from unfade.measures import MEASURES
from unfade.measures.features import PictureFeatures
from unfade.measures.measure import LOST, Observation
from unfade.measures.needs import Needs
from unfade.measures.notes import Notes

LEAVE = Needs(photo="p.png", tone="leave", detail="leave", monochrome=True)
SIZES = [(1, 1), (1, 7), (63, 65), (257, 131)]
PICTURES = 9


def features_of(rng: np.random.Generator) -> PictureFeatures:
    return PictureFeatures(rng.random(12, np.float32), (rng.random((4, 3, 3), np.float32), rng.random((6, 2, 2), np.float32)))


def notes_of(size: tuple[int, int], rng: np.random.Generator) -> Notes:
    """A photograph with one of everything, anywhere in it, even at 1×1; nothing of what is noted sound is
    damaged."""
    height, width = size
    right, low = max(1, width // 3), max(1, height // 3)
    area = [(0, 0), (right, 0), (right, low), (0, low)]
    return Notes.model_validate(
        {
            "photo": "p.png",
            "complete": True,
            "lines": [{"points": [(0, 0), (int(rng.integers(right)), int(rng.integers(low)))]}],
            "areas": [{"polygon": area}],
            "specks": [(0, 0, 1)],
            "zones": [{"polygon": area}],
            "sound": [{"what": "rope", "box": (width - 1, height - 1, width, height)}],
        }
    )


def observation(size: tuple[int, int], seed: int, *, perfect: bool) -> Observation:
    rng = np.random.default_rng(seed)
    truth = rng.random((*size, 3), np.float32)
    damage = np.where(rng.random(size) < 0.3, LOST, 0).astype(np.uint8)
    damage[0, 0] = LOST
    seen = features_of(rng)
    notes = notes_of(size, rng)
    if perfect:
        damage = notes.drawn(size)
        parts = (seen, seen, seen, seen, notes)
        return Observation(truth, truth.copy(), damage, damage == LOST, {}, *parts, needs=LEAVE, colored=True, detail_strength=0.0)
    found = rng.random(size) < 0.003  # a few, or some lie within the tolerance of everything
    found[-1, -1] = True
    other = features_of(rng)
    parts = (seen, other, seen, other, notes)
    result = rng.random((*size, 3), np.float32)
    return Observation(truth, result, damage, found, {}, *parts, needs=LEAVE, colored=False, detail_strength=1.0)


def figure(name: str, size: tuple[int, int], *, perfect: bool) -> float:
    measure = MEASURES[name]
    rows = np.stack([measure.observe(observation(size, seed, perfect=perfect)) for seed in range(PICTURES)]).astype(np.float64)
    reference = np.random.default_rng(99).random((12, 12)) if "reference" in measure.needs else None
    return measure.summarize(rows, reference)


@pytest.mark.parametrize("name", MEASURES)
@pytest.mark.parametrize("size", SIZES)
def test_contract(name: str, size: tuple[int, int]) -> None:
    measure = MEASURES[name]
    seen, untouched = observation(size, 0, perfect=False), observation(size, 0, perfect=False)
    row = measure.observe(seen)
    assert row.ndim == 1 and row.dtype == np.float64 and np.isfinite(row).all()
    for part in ("truth", "result", "damage", "found"):
        np.testing.assert_array_equal(getattr(seen, part), getattr(untouched, part))
    np.testing.assert_array_equal(measure.observe(seen), row)
    value = figure(name, size, perfect=False)
    assert math.isfinite(value) and value == figure(name, size, perfect=False)


@pytest.mark.parametrize("name", [name for name in MEASURES if "reference" not in MEASURES[name].needs and name != "share-flagged"])
def test_the_truth_itself_scores_best(name: str) -> None:
    measure = MEASURES[name]
    best, other = figure(name, (63, 65), perfect=True), figure(name, (63, 65), perfect=False)
    if name == "colorfulness":
        pytest.skip("colorfulness is best where it is the truth's, which its ratio says")
    if measure.better == "higher":
        assert best > other
    elif measure.better == "lower":
        assert best < other and best == pytest.approx(0, abs=1e-4)
    else:
        assert best == pytest.approx(1)


@pytest.mark.parametrize("name", MEASURES)
def test_a_measure_says_what_it_is(name: str) -> None:
    measure = MEASURES[name]
    assert measure.label and measure.statement.endswith((".", "?")) and measure.tasks and measure.needs


def test_the_measures_asked_for_are_there() -> None:
    asked = (
        "psnr ssim psnr-in-mask ssim-in-mask feature-distance fid generated-precision generated-recall generated-f1 colorfulness ciede2000"
    )
    assert set(asked.split()) | {"ab-error", "histogram-a", "mask-precision", "mask-recall", "mask-f1", "mask-iou"} <= set(MEASURES)
