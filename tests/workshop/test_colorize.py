"""A colorizer is taught to follow hints: things are recolored, hinted places weigh more, and what ships
speaks the network's scale."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from tests.workshop.conftest import recipe_text
from unfade.workshop.recipe import parse_recipe
from unfade.workshop.tasks import colorize


def _two_halves() -> np.ndarray:
    lab = np.zeros((40, 60, 3), np.float32)
    lab[:, :30], lab[:, 30:] = (40, 10, 10), (70, -20, 30)
    return lab


def test_a_recolored_thing_changes_and_what_is_beside_it_does_not(rng: np.random.Generator) -> None:
    lab = _two_halves()
    changed = colorize._recolored(lab, 20, 10, rng)
    assert changed.shape == lab.shape and changed.dtype == np.float32
    np.testing.assert_array_equal(changed[..., 0], lab[..., 0])
    np.testing.assert_allclose(changed[:, 40:], lab[:, 40:], atol=1e-3)
    inside = changed[:, :20, 1:].reshape(-1, 2)
    np.testing.assert_allclose(inside, np.broadcast_to(inside[0], inside.shape), atol=1e-3)
    assert np.abs(inside[0] - lab[0, 0, 1:]).max() > 1
    assert 5 <= np.hypot(*inside[0]) <= 60


def _task(weight: float) -> colorize.ColorizeTask:
    generator = 'kind = "backbone"\nbackbone = "efficientnet-lite0"\nchannels = [8, 8, 8, 8]'
    text = recipe_text("colorize", steps=1, generator=generator, losses="classification = 1.0")
    return colorize.ColorizeTask(parse_recipe(f"{text}\n[options]\nhint_weight = {weight}", "small"))


def test_a_wrong_color_under_a_hint_costs_more() -> None:
    chroma = torch.full((1, 2, 16, 16), 20.0)
    hints = torch.zeros(1, 3, 64, 64)
    hints[:, 2, :8, :8] = 1
    batch = {"lightness": torch.full((1, 1, 64, 64), 0.5), "chroma": chroma, "hints": hints}
    costs = {}
    for weight in (0.0, 30.0):
        task = _task(weight)
        right = int(task._nearest[colorize._cell(chroma)[0, 0, 0]][0])
        logits = torch.zeros(1, len(colorize.gamut_bins()), 16, 16)
        logits[:, right] = 8
        logits[:, right, :2, :2] = -8  # wrong where it was told
        costs[weight] = float(task.score(logits, batch)["classification"])
    assert costs[30.0] > 1.5 * costs[0.0]


class _Listener(nn.Module):
    """Notes the hints that reach the network."""

    def __init__(self) -> None:
        super().__init__()
        self.bins = torch.tensor([[0.0, 0.0], [30.0, 0.0]])
        self.heard = torch.zeros(0)

    def forward(self, lightness: Tensor, hints: Tensor) -> Tensor:
        self.heard = hints
        return torch.zeros(1, 2, 8, 8)


def test_an_exported_colorizer_divides_hints_by_what_it_multiplies_chroma_by() -> None:
    listener = _Listener()
    hints = torch.zeros(1, 3, 32, 32)
    hints[:, :, :4, :4] = torch.tensor([0.3, -0.6, 1.0]).view(1, 3, 1, 1)
    chroma, *_ = colorize._Shipped(listener, 1.5)(torch.zeros(1, 1, 32, 32), hints, torch.ones(1))  # type: ignore[arg-type]
    torch.testing.assert_close(listener.heard[0, :, 0, 0], torch.tensor([0.2, -0.4, 1.0]))
    assert float(chroma[0, 0, 0, 0]) == 1.5 * 15


def test_an_exported_colorizer_gives_the_annealed_mean_and_how_sure_it_is() -> None:
    class Choosing(nn.Module):
        bins = torch.tensor([[0.0, 10.0], [30.0, 0.0], [-20.0, 5.0]])

        def forward(self, lightness: Tensor, hints: Tensor) -> Tensor:
            return torch.tensor([[[[2.0, 0.0]], [[1.0, 0.0]], [[-1.0, 0.0]]]])  # (1, 3, 1, 2)

    shipped = colorize._Shipped(Choosing(), 1.5)  # type: ignore[arg-type]
    chroma, confidence, logits, colors = shipped(torch.zeros(1, 1, 4, 8), torch.zeros(1, 3, 4, 8), torch.tensor([0.5]))
    annealed, plain = (np.exp(np.array([2.0, 1.0, -1.0]) / temperature) for temperature in (0.5, 1.0))
    np.testing.assert_allclose(chroma[0, :, 0, 0], 1.5 * (annealed / annealed.sum()) @ Choosing.bins.numpy(), rtol=1e-5)
    np.testing.assert_allclose(chroma[0, :, 0, 1], 1.5 * Choosing.bins.numpy().mean(axis=0), rtol=1e-5)
    share = plain / plain.sum()
    np.testing.assert_allclose(confidence[0, 0, 0], [1 + (share * np.log(share)).sum() / np.log(3), 0], atol=1e-6)
    np.testing.assert_allclose(logits[0, :, 0, 0], [2, 1, -1])
    np.testing.assert_allclose(colors, 1.5 * Choosing.bins.numpy())


def test_hints_are_dabs_of_any_size_up_to_a_tenth_of_a_picture(rng: np.random.Generator) -> None:
    sides = [colorize._hint_side(rng) for _ in range(500)]
    assert min(sides) == 2 and 18 <= max(sides) <= 24


def test_samples_carry_the_recolored_truth_under_their_hints(rng: np.random.Generator) -> None:
    task = _task(0.0)
    task._options = task._options.model_copy(update={"hint_share": 1.0, "recolored_share": 1.0})
    picture = np.full((64, 64, 3), 128, np.uint8)
    far = 0.0
    for _ in range(20):
        sample = task.sample(picture, rng)
        under = sample["hints"][2] > 0
        told = sample["hints"][:2, under].mean(axis=1) * 110
        shown = sample["chroma"].mean(axis=(1, 2))  # one gray thing fills the picture
        far = max(far, float(np.hypot(*told)))
        np.testing.assert_allclose(told, shown, atol=2.0)
    assert far > 10
