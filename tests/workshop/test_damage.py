"""What the detector is taught from: soft scans are soft, damage and all, and their masks fit."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.workshop.recipe import read_recipe
from unfade.workshop.tasks.damage import DamageTask


def _task(**options: float) -> DamageTask:
    recipe = read_recipe("damage")
    still = {"enlarged_share": 0.0, "lattice_share": 0.0, "ground_share": 0.0, "hard_share": 0.0, "soft_share": 0.0}
    return DamageTask(recipe.model_copy(update={"options": {**still, **options}}))


def _fineness(image: np.ndarray) -> float:
    return float(np.abs(np.diff(image, axis=-1)).mean())


def test_soft_samples_hold_less_than_their_size(rng: np.random.Generator) -> None:
    crop = rng.integers(0, 256, (256, 256, 3), np.uint8)
    sharp, soft = (_task(soft_share=share, untouched_share=1.0).sample(crop, rng)["image"] for share in (0.0, 1.0))
    assert sharp.shape == soft.shape == (3, 256, 256)
    assert _fineness(soft) < 0.6 * _fineness(sharp)


@pytest.mark.parametrize("side", [256, 512])
def test_soft_damage_is_soft_too_and_its_mask_has_the_samples_size(side: int, rng: np.random.Generator) -> None:
    task = _task(soft_share=1.0, untouched_share=0.0)
    crop = np.full((side, side, 3), 128, np.uint8)
    lost = 0
    for _ in range(6):
        sample = task.sample(crop, rng)
        assert sample["image"].shape == (3, 256, 256) and sample["image"].min() >= 0 and sample["image"].max() <= 1
        for name in ("lost", "judged"):
            assert sample[name].shape == (1, 256, 256) and set(np.unique(sample[name])) <= {0.0, 1.0}
        lost += int(sample["lost"].sum())
    assert lost > 0
