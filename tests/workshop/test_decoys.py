"""What looks like damage and is none keeps the picture's range: lattices are even, cracks dark, hard prints
flat."""

from __future__ import annotations

import numpy as np
import pytest

from unfade.workshop.tasks._decoys import add_lattice, cracked_ground, hard_print


@pytest.mark.parametrize("size", [(64, 64), (200, 150), (97, 256)])
def test_a_lattice_is_drawn_within_range_into_a_copy(size: tuple[int, int], rng: np.random.Generator) -> None:
    image = np.full((*size, 3), 0.5, np.float32)
    changed = 0
    for _ in range(30):
        drawn = add_lattice(image, rng)
        assert drawn.shape == image.shape and drawn.dtype == np.float32
        assert drawn.min() >= 0 and drawn.max() <= 1
        changed += bool((np.abs(drawn - image) > 0.02).any())
    assert changed >= 20 and (image == 0.5).all()


def test_bars_come_back_at_even_distances() -> None:
    from unfade.workshop.tasks._decoys import _bars

    bars = _bars(np.arange(100, dtype=np.float32), 10.0, 0.2)
    np.testing.assert_allclose(bars[:90], bars[10:], atol=1e-4)
    assert bars.max() == 1 and bars.min() == 0 and 0.1 < bars.mean() < 0.35


@pytest.mark.parametrize("size", [(64, 64), (200, 150), (97, 256)])
def test_cracked_ground_is_within_range_and_of_the_pictures_size(size: tuple[int, int], rng: np.random.Generator) -> None:
    image = np.full((*size, 3), 0.5, np.float32)
    for _ in range(20):
        ground = cracked_ground(image, rng)
        assert ground.shape == image.shape and ground.dtype == np.float32
        assert ground.min() >= 0 and ground.max() <= 1 and ground.std() > 0
    assert (image == 0.5).all()


def test_cracks_are_thin_and_run_through_most_ground(rng: np.random.Generator) -> None:
    from unfade.workshop.tasks._decoys import _cracks

    shares = np.array([(_cracks(256, 256, rng) > 0.3).mean() for _ in range(30)])
    assert (shares > 0.001).mean() > 0.8 and shares.max() < 0.25


def test_a_hard_print_keeps_the_order_of_tones_and_closes_shadows_and_lights(rng: np.random.Generator) -> None:
    ramp = np.repeat(np.linspace(0, 1, 256, dtype=np.float32)[None, :, None], 3, axis=2)
    flat = []
    for _ in range(50):
        print_ = hard_print(ramp, rng)
        assert print_.dtype == np.float32 and print_.min() >= 0 and print_.max() <= 1
        steps = np.diff(print_[0, :, 0])
        assert (steps >= 0).all()
        flat.append((steps < 1 / 1024).mean())
    assert np.mean(flat) > 0.3 and ramp[0, 0, 0] == 0 and ramp[0, -1, 0] == 1
