"""Depthwise convolutions that learn under autocast do so in single precision, and blocks that are added
change nothing at first."""

from __future__ import annotations

import torch

from unfade.workshop.networks.backbone_unet import FullSizeUNet
from unfade.workshop.networks.backbones import EfficientNetLite0, _InvertedResidual, depthwise


def test_depthwise_gradients_under_autocast_are_single_precisions() -> None:
    torch.manual_seed(0)
    block = _InvertedResidual(8, 8, 5, 1, 6)
    inner = torch.rand(2, 48, 20, 20).bfloat16()

    exact = torch.autograd.grad(block._depthwise_conv(inner.float()).square().sum(), block._depthwise_conv.weight)[0]
    with torch.autocast("cpu", torch.bfloat16):
        convolved = depthwise(block._depthwise_conv, inner)
    learned = torch.autograd.grad(convolved.float().square().sum(), block._depthwise_conv.weight)[0]

    assert convolved.dtype == torch.bfloat16
    assert learned.dtype == torch.float32
    torch.testing.assert_close(learned, exact, rtol=0.02, atol=0.02 * float(exact.abs().max()))


def test_a_frozen_depthwise_convolution_stays_in_half_precision() -> None:
    block = _InvertedResidual(8, 8, 3, 1, 6).requires_grad_(False)
    with torch.autocast("cpu", torch.bfloat16):
        assert depthwise(block._depthwise_conv, torch.rand(1, 48, 10, 10).bfloat16()).dtype == torch.bfloat16
        assert block(torch.rand(1, 8, 8, 8)).shape == (1, 8, 8, 8)


def test_fine_blocks_stand_at_half_and_quarter_size_and_begin_as_the_identity() -> None:
    torch.manual_seed(1)
    plain, fine = (FullSizeUNet(EfficientNetLite0(), 1, channels=(8, 12, 16, 16, 16), fine_blocks=count) for count in (0, 2))
    assert [len(blocks) for blocks in fine.fine] == [2, 2] and [len(blocks) for blocks in plain.fine] == [0, 0]
    fine.load_state_dict(plain.state_dict() | {name: tensor for name, tensor in fine.state_dict().items() if name.startswith("fine.")})
    torch.nn.init.normal_(plain.leave.weight, std=0.1)
    fine.leave.load_state_dict(plain.leave.state_dict())
    picture = torch.rand(1, 3, 64, 64)
    with torch.no_grad():
        torch.testing.assert_close(fine(picture), plain(picture))
        torch.nn.init.normal_(fine.fine[1][1].second.weight, std=0.1)  # type: ignore[index,union-attr,arg-type]
        assert not torch.equal(fine(picture), plain(picture))
