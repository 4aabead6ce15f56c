"""What judges fills by how they look, at and beside what was lost."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from unfade.workshop.shift_tolerant import ShiftTolerant
from unfade.workshop.tasks._judge import JUDGED_LAYERS, JUDGED_PX, PerceptualJudge


@pytest.fixture(scope="module")
def judge() -> PerceptualJudge:
    return PerceptualJudge()


def pictures(side: int) -> tuple[Tensor, Tensor]:
    """A picture in 8 bits, and the same a little off everywhere."""
    chance = torch.Generator().manual_seed(5)
    rows, columns = torch.meshgrid(torch.arange(side) / 9, torch.arange(side) / 7, indexing="ij")
    truth = torch.stack([0.5 + 0.4 * torch.sin(columns + phase) * torch.cos(rows) for phase in (0, 1, 2)])[None]
    made = (truth + 0.1 * torch.randn(truth.shape, generator=chance)).clamp(0, 1)
    return (made * 255).round() / 255, (truth * 255).round() / 255


def test_where_all_is_lost_it_is_the_measure(judge: PerceptualJudge) -> None:
    made, truth = pictures(64)
    sees = ShiftTolerant("vgg")
    first, second = (sees(np.ascontiguousarray(picture[0].permute(1, 2, 0).numpy())).maps for picture in (made, truth))
    measured = sum(((one - other) ** 2).sum(0).mean() for one, other in list(zip(first, second, strict=True))[:JUDGED_LAYERS])
    assert float(judge(made, truth, torch.ones(1, 1, 64, 64))) == pytest.approx(float(measured), rel=0.05)
    assert float(judge(truth, truth, torch.ones(1, 1, 64, 64))) == 0


def test_each_picture_is_judged_where_it_lost_most(judge: PerceptualJudge) -> None:
    side = 256
    made, truth = (picture.repeat(2, 1, 1, 1) for picture in pictures(side))
    mask = torch.zeros(2, 1, side, side)
    mask[0, :, 8:40, 200:240] = 1
    mask[0, :, 200:204, 8:12] = 1
    mask[1, :, 200:240, 8:40] = 1
    filled = (truth + (made - truth) * mask).requires_grad_()
    (slope,) = torch.autograd.grad(judge(filled, truth, mask), filled)
    steep = slope.abs().amax(dim=1)
    assert steep[0, 8:40, 200:240].max() > 0 and steep[1, 200:240, 8:40].max() > 0
    assert steep[0, 160:].max() == 0 and steep[1, :96].max() == 0


def test_what_is_off_far_from_the_hole_does_not_count(judge: PerceptualJudge) -> None:
    made, truth = pictures(JUDGED_PX)
    mask = torch.zeros(1, 1, JUDGED_PX, JUDGED_PX)
    mask[:, :, :16, :16] = 1
    off = truth.clone()
    off[:, :, 80:, 80:] = made[:, :, 80:, 80:]
    assert float(judge(off, truth, mask)) < 0.01 * float(judge(off, truth, 1 - mask))
