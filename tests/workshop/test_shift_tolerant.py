"""ST-LPIPS against the figures of its authors' own code, on the same weights."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.measures import MEASURES
from unfade.measures.measure import Observation
from unfade.workshop.shift_tolerant import ShiftTolerant, Trunk


@pytest.fixture(scope="module")
def pair() -> tuple[np.ndarray, np.ndarray]:
    """A structured picture, and the same with a white blot."""
    rows, columns = np.mgrid[0:48, 0:64].astype(np.float32)
    planes = [0.5 + 0.4 * np.sin(columns / 7 + phase) * np.cos(rows / 9) for phase in (0, 1, 2)]
    truth = np.rint(np.stack(planes, axis=2) * 255).astype(np.float32) / np.float32(255)
    result = truth.copy()
    result[10:20, 10:30] = 1.0
    return result, truth


def distance(sees: ShiftTolerant, result: np.ndarray, truth: np.ndarray) -> float:
    (row,) = MEASURES["st-lpips"].observe(Observation(truth, result, result_perceptual=sees(result), truth_perceptual=sees(truth)))
    return float(row)


@pytest.mark.parametrize(("trunk", "published"), [("alex", 0.144163), ("vgg", 0.125525)])
def test_it_is_the_authors_own(pair: tuple[np.ndarray, np.ndarray], trunk: Trunk, published: float) -> None:
    sees = ShiftTolerant(trunk)
    assert distance(sees, *pair) == pytest.approx(published, abs=2e-5)
    assert distance(sees, pair[1], pair[1]) == 0


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (63, 65)])
def test_any_size_is_taken(size: tuple[int, int], rng: np.random.Generator) -> None:
    sees = ShiftTolerant("alex")
    one, other = rng.random((*size, 3), np.float32), rng.random((*size, 3), np.float32)
    assert 0 < distance(sees, one, other) < 5
    np.testing.assert_array_equal(sees(one).maps[0], sees(one.copy()).maps[0])
