"""Losses that more than one task uses."""

from __future__ import annotations

import pytest
import torch

from unfade.workshop import losses


def test_a_lattice_is_what_the_places_of_blocks_have_in_common() -> None:
    target = torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    mask = torch.zeros(2, 1, 64, 64)
    mask[:, :, 8:56, 4:60] = 1
    dots = torch.zeros(8, 8)
    dots[3, 2] = 0.64
    laid = target + dots.tile(8, 8)
    assert float(losses.lattice(laid, target, mask, 8)) == pytest.approx(0.64 * (63 / 64**2) ** 0.5, rel=1e-3)
    assert float(losses.lattice(target + 0.3, target, mask, 8)) < 1e-3, "an even error is no lattice"
    assert float(losses.lattice(torch.where(mask > 0, target, laid), target, mask, 8)) < 1e-3, "only what is lost counts"


def test_noise_of_the_same_strength_is_hardly_a_lattice() -> None:
    chance = torch.Generator().manual_seed(2)
    target, mask = torch.rand(1, 3, 128, 128, generator=chance), torch.ones(1, 1, 128, 128)
    dots = torch.zeros(8, 8)
    dots[3, 2] = 0.64
    tiled = dots.tile(16, 16)
    noise = torch.randn(1, 3, 128, 128, generator=chance) * tiled.std()
    as_dots, as_noise = (losses.lattice(target + wrong, target, mask, 8) for wrong in (tiled, noise))
    assert float(as_noise) < 0.1 * float(as_dots)
