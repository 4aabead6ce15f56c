"""The baselines on the shared benches, against figures measured once with another scorer: same definitions,
same numbers."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from unfade.measures.baselines import BASELINES
from unfade.measures.benches import Bench
from unfade.measures.evaluation import evaluate
from unfade.measures.measure import Task

FIGURES: list[tuple[Task, str, str, dict[str, float]]] = [
    (
        "restoration",
        "restoration-mask",
        "Navier–Stokes",
        {"psnr-in-mask": 22.3, "psnr": 34.4, "ssim": 0.978, "feature-distance": 0.039, "fid": 5.6},
    ),
    (
        "restoration",
        "restoration-mask",
        "Telea",
        {"psnr-in-mask": 21.9, "psnr": 34.0, "ssim": 0.976, "feature-distance": 0.043, "fid": 6.4},
    ),
    (
        "restoration",
        "restoration-aged",
        "as it is",
        {"psnr-in-mask": 11.2, "psnr": 17.2, "ssim": 0.592, "feature-distance": 0.811, "fid": 198.2},
    ),
    ("damage", "restoration-aged", "Otsu", {"mask-precision": 0.28, "mask-recall": 0.70, "mask-f1": 0.40}),
]


@pytest.mark.long
@pytest.mark.parametrize(("task", "bench", "baseline", "figures"), FIGURES)
def test_baselines_come_out_as_measured(shared: Path, task: Task, bench: str, baseline: str, figures: dict[str, float]) -> None:
    from unfade.workshop.features import Lite0

    features = Lite0() if "fid" in figures else None
    evaluation = evaluate(Bench(task, shared / "data" / "bench" / bench), BASELINES[task][baseline], features=features)
    for name, value in figures.items():
        places = len(str(value).partition(".")[2])
        assert evaluation[name] == pytest.approx(value, abs=0.51 * 10**-places), name


def test_the_same_picture_has_the_same_features() -> None:
    from unfade.workshop.features import Lite0

    features = Lite0()
    image = np.random.default_rng(3).random((50, 70, 3), np.float32)
    first, again = features(image), features(image.copy())
    np.testing.assert_array_equal(first.pooled, again.pooled)
    assert first.pooled.shape == (1280,) and [one.shape[0] for one in first.maps] == [16, 24, 40, 112, 320]
