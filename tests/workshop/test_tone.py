"""The transform of tone that training learns is the one that the step applies."""

from __future__ import annotations

import numpy as np
import torch

from unfade.steps import _tone
from unfade.tiles import Window
from unfade.workshop.networks.backbones import EfficientNetLite0
from unfade.workshop.networks.tone import ToneNetwork, apply_tone, quantiles


def test_training_and_the_step_apply_the_same_transform() -> None:
    chance = torch.Generator().manual_seed(3)
    picture = torch.rand(1, 3, 40, 56, generator=chance)
    field = torch.cat([0.7 + 0.6 * torch.rand(1, 3, 8, 8, generator=chance), 0.2 * torch.rand(1, 3, 8, 8, generator=chance) - 0.1], 1)
    power, mixing = torch.tensor([[0.7, 1.0, 1.4]]), torch.eye(3, 4)[None] + 0.1 * torch.rand(1, 3, 4, generator=chance)
    learned = apply_tone(picture, field, power, mixing)[0].permute(1, 2, 0).numpy()
    tone = _tone.Tone(field[0].permute(1, 2, 0).numpy(), power[0].numpy(), mixing[0].numpy(), 1.0)
    whole = Window(slice(0, 40), slice(0, 56), 40, 56)
    applied = _tone.apply_tone(picture[0].permute(1, 2, 0).numpy(), tone, whole, 40, 56)
    np.testing.assert_allclose(applied, learned, atol=1e-4)


def test_it_begins_as_very_nearly_the_identity() -> None:
    torch.manual_seed(0)
    network = ToneNetwork(EfficientNetLite0())
    thumbnail = torch.rand(2, 3, 128, 128) * 0.9 + 0.05
    field, power, mixing, need = network(thumbnail)
    assert (field.shape, power.shape, mixing.shape, need.shape) == ((2, 6, 8, 8), (2, 3), (2, 3, 4), (2, 1))
    assert (apply_tone(thumbnail, field, power, mixing) - thumbnail).abs().max() < 0.02


def test_quantiles_find_black_and_white() -> None:
    ramp = torch.linspace(0.2, 0.8, 128).expand(1, 3, 128, 128)
    found = quantiles(ramp)[0]
    assert abs(float(found[3, 0]) - 0.2) < 0.01 and abs(float(found[3, -1]) - 0.8) < 0.01 and float(found[4].max()) == 0.0
