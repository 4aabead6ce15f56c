"""Depthwise convolutions that learn under autocast do so in single precision, and give what follows the type that came in."""

from __future__ import annotations

import torch

from unfade.workshop.networks.backbones import _InvertedResidual


def test_depthwise_gradients_under_autocast_are_single_precisions() -> None:
    torch.manual_seed(0)
    block = _InvertedResidual(8, 8, 5, 1, 6)
    inner = torch.rand(2, 48, 20, 20).bfloat16()

    exact = torch.autograd.grad(block._depthwise_conv(inner.float()).square().sum(), block._depthwise_conv.weight)[0]
    with torch.autocast("cpu", torch.bfloat16):
        convolved = block._depthwise(inner)
    learned = torch.autograd.grad(convolved.float().square().sum(), block._depthwise_conv.weight)[0]

    assert convolved.dtype == torch.bfloat16
    assert learned.dtype == torch.float32
    torch.testing.assert_close(learned, exact, rtol=0.02, atol=0.02 * float(exact.abs().max()))


def test_a_frozen_depthwise_convolution_stays_in_half_precision() -> None:
    block = _InvertedResidual(8, 8, 3, 1, 6).requires_grad_(False)
    with torch.autocast("cpu", torch.bfloat16):
        assert block._depthwise(torch.rand(1, 48, 10, 10).bfloat16()).dtype == torch.bfloat16
        assert block(torch.rand(1, 8, 8, 8)).shape == (1, 8, 8, 8)
