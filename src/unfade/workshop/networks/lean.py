"""An economical U-Net for processors: pixel-unshuffle, then residual blocks without normalisation.

Most of its weights are where pictures are small.

Work at half size from the first convolution on costs a quarter, and pixel (un)shuffle loses nothing (Shi et
al. 2016). Blocks begin as the identity (their second convolution starts at zero: Zhang et al. 2019, "Fixup"),
so no batch norm is needed: averaged weights need no recomputed statistics, a batch of one trains, and nothing
has to be folded for export.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn


class ResidualBlock(nn.Module):
    """x + conv(relu(conv(relu(x)))), 3x3, the second convolution zero at first."""

    def __init__(self, width: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation)
        self.second = nn.Conv2d(width, width, 3, padding=1)
        nn.init.kaiming_normal_(self.first.weight, nonlinearity="relu")
        nn.init.zeros_(self.second.weight)
        for layer in (self.first, self.second):
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> Tensor:
        change: Tensor = self.second(torch.relu(self.first(torch.relu(features))))
        return features + change


class LeanUNet(nn.Module):
    """(n, `inputs`, h, w) -> (n, `outputs`, h, w); zero everywhere at first.

    `h` and `w` must be multiples of `multiple`.

    `channels` are the widths from half size downwards; `blocks` the residual blocks of each level on the way
    down (one on the way up), so that the reach grows where it is cheap. The innermost level's blocks are
    dilated 1, 2, 4, ... to see far.
    """

    def __init__(
        self, inputs: int, outputs: int, *, channels: Sequence[int] = (32, 48, 64, 96, 128), blocks: Sequence[int] = (1, 1, 1, 2, 3)
    ) -> None:
        super().__init__()
        if len(blocks) != len(channels):
            raise ValueError(f"blocks has {len(blocks)} levels and channels {len(channels)}; give as many of each")
        self.multiple = 2 ** len(channels)
        self.enter = nn.Conv2d(4 * inputs, channels[0], 3, padding=1)
        self.encoders = nn.ModuleList()
        self.downs = nn.ModuleList()
        self.ups = nn.ModuleList()
        self.skips = nn.ModuleList()
        self.decoders = nn.ModuleList()
        last = len(channels) - 1
        for level, (width, count) in enumerate(zip(channels, blocks, strict=True)):
            self.encoders.append(
                nn.Sequential(*(ResidualBlock(width, dilation=2**index if level == last else 1) for index in range(count)))
            )
            if level < last:
                self.downs.append(nn.Conv2d(width, channels[level + 1], 2, stride=2))
                self.ups.append(nn.Conv2d(channels[level + 1], 4 * width, 1))
                self.skips.append(nn.Conv2d(2 * width, width, 1))
                self.decoders.append(ResidualBlock(width))
        self.leave = nn.Conv2d(channels[0], 4 * outputs, 3, padding=1)
        nn.init.zeros_(self.leave.weight)
        assert self.leave.bias is not None
        nn.init.zeros_(self.leave.bias)
        self.unshuffle, self.shuffle = nn.PixelUnshuffle(2), nn.PixelShuffle(2)

    def forward(self, picture: Tensor) -> Tensor:
        features = self.enter(self.unshuffle(picture))
        kept: list[Tensor] = []
        for level, encoder in enumerate(self.encoders):
            features = encoder(features)
            if level < len(self.downs):
                kept.append(features)
                features = self.downs[level](torch.relu(features))
        for level in reversed(range(len(self.downs))):
            features = self.shuffle(self.ups[level](torch.relu(features)))
            features = self.decoders[level](self.skips[level](torch.cat([features, kept[level]], dim=1)))
        result: Tensor = self.shuffle(self.leave(torch.relu(features)))
        return result
