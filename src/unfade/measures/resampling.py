"""How far chance could have moved a figure: 95 % intervals over the pictures of the bench.

Seeded, and paired between methods.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float64, Int64

from unfade.measures.measure import Measure, Rows, mean, means

BOOTSTRAP_DRAWS = 1000
JACKKNIFE_DRAWS = 50
SEED = 20261124

Interval = tuple[float, float]
ANYTHING: Interval = (-math.inf, math.inf)
Replicates = Float64[np.ndarray, " draws"]


@dataclass(frozen=True)
class Draws:
    """Which pictures each resample holds: the same for every method, so that differences are paired.

    `bootstrap`: n of n pictures with replacement (Efron 1979). `halves`: half of them without (the
    delete-half jackknife, Shao and Wu 1989), for measures that look at neighbours, to which a picture drawn
    twice would be its own nearest.
    """

    bootstrap: Int64[np.ndarray, "draws n"]
    halves: Int64[np.ndarray, "draws half"]


def draw(pictures: int, seed: int = SEED) -> Draws:
    """The resamples of so many pictures."""
    rng = np.random.default_rng(seed)
    bootstrap = rng.integers(0, pictures, (BOOTSTRAP_DRAWS, pictures))
    halves = np.stack([rng.permutation(pictures)[: pictures // 2] for _ in range(JACKKNIFE_DRAWS)])
    return Draws(bootstrap, halves)


# A half must itself hold enough pictures for the measure: for FID two, for the third neighbour four.
_SMALLEST_HALF = 4


def replicates(measure: Measure, rows: Rows, reference: Rows | None, draws: Draws) -> Replicates | None:
    """The figure of each resample; None if there are too few pictures for an interval."""
    wanted = draws.bootstrap if measure.resampling == "bootstrap" else draws.halves
    if wanted.shape[1] < (2 if measure.resampling == "bootstrap" else _SMALLEST_HALF):
        return None
    if measure.summarize is mean:  # most are, and all draws at once are a hundred times as fast
        return means(rows[wanted, 0])
    return np.array([measure.summarize(rows[one], reference) for one in wanted])


def interval(measure: Measure, value: float, resampled: Replicates | None, *, within: Interval = ANYTHING) -> Interval | None:
    """The 95 % interval of `value`.

    Percentiles of the bootstrap, or the normal interval of the jackknife's standard error. That is as wide on
    both sides, and so may reach beyond what the figure can be: below 0 for a small FID. What lies beyond
    `within` is cut off; since the true figure is not there, the interval holds it as often as before. For a
    difference, which may have either sign, leave `within` out.

    Halves are noisier than the whole by sqrt(n / half), and overlap: for half the pictures both cancel, and
    the replicates' own spread is the standard error.
    """
    if resampled is None:
        return None
    resampled = resampled[~np.isnan(resampled)]
    if len(resampled) < 2:
        return None
    if measure.resampling == "bootstrap":
        low, high = np.percentile(resampled, [2.5, 97.5])
        return float(low), float(high)
    error = 1.96 * float(resampled.std(ddof=1))
    return max(value - error, within[0]), min(value + error, within[1])
