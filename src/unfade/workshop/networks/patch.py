"""Patch discriminators: each answer judges one patch of the picture (Isola et al. 2017, §3.2.2)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor, nn

from unfade.workshop.networks.pix2pix import initialise


class PatchDiscriminator(nn.Module):
    """Convolutions of stride 2 (the last two of stride 1), then one number a patch.

    Leaky ReLU 0.2; batch norm on all but the first.

    Takes the generator's input and its output (or the target) side by side, (n, `inputs`, h, w), and gives
    logits (n, 1, h', w'); the paper's sigmoid is in the loss, where it is stable. The paper's is `channels` =
    (64, 128, 256, 512, 512, 512) with batch norm; `norm` = False uses none, which suits small batches and
    averaged weights.
    """

    def __init__(self, inputs: int, *, channels: Sequence[int] = (64, 128, 256, 512, 512, 512), norm: bool = True) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = inputs
        for index, width in enumerate(channels):
            stride = 2 if index < max(len(channels) - 2, 1) else 1
            plain = index == 0 or not norm
            layers.append(nn.Conv2d(before, width, 4, stride, 1, bias=plain))
            if not plain:
                layers.append(nn.BatchNorm2d(width))
            layers.append(nn.LeakyReLU(0.2))
            before = width
        layers.append(nn.Conv2d(before, 1, 4, 1, 1))
        self.layers = nn.Sequential(*layers)
        self.apply(initialise)

    def forward(self, pictures: Tensor) -> Tensor:
        logits: Tensor = self.layers(pictures)
        return logits
