"""The pix2pix U-Net, the generator of "Recovering Old or Damaged Images using GAN".

Isola et al. 2017, §6.1.1; Ronneberger et al. 2015.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn


def initialise(module: nn.Module) -> None:
    """Weights from N(0, 0.02), biases zero (Isola et al. 2017, §6.2); batch norm's scale from N(1, 0.02)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class Pix2PixUNet(nn.Module):
    """C64-C128-C256-C512x5 down, mirrored up; 4x4 kernels of stride 2; tanh at the end.

    Skips lead from layer i to layer n - i.

    Takes (n, `inputs`, h, w), h and w multiples of 2^depth, and gives (n, `outputs`, h, w) in [-1, 1]. Leaky
    ReLU (0.2) on the way down, no batch norm in the first block; plain ReLU on the way up, dropout 0.5 in the
    first three blocks. Batch norm is left out of the innermost block when it would see one value a channel.
    """

    def __init__(self, inputs: int, outputs: int, *, channels: int = 64, depth: int = 8, dropout: float = 0.5) -> None:
        super().__init__()
        widths = [min(channels * 2**level, channels * 8) for level in range(depth)]
        self.multiple = 2**depth
        self.down = nn.ModuleList()
        for level, width in enumerate(widths):
            innermost = level == depth - 1
            block: list[nn.Module] = [] if level == 0 else [nn.LeakyReLU(0.2)]
            block.append(nn.Conv2d(inputs if level == 0 else widths[level - 1], width, 4, 2, 1, bias=level == 0 or innermost))
            if level > 0 and not innermost:
                block.append(nn.BatchNorm2d(width))
            self.down.append(nn.Sequential(*block))
        self.up = nn.ModuleList()
        for level in reversed(range(1, depth)):
            below = widths[level] if level == depth - 1 else 2 * widths[level]
            block = [nn.ReLU(), nn.ConvTranspose2d(below, widths[level - 1], 4, 2, 1, bias=False), nn.BatchNorm2d(widths[level - 1])]
            if depth - 1 - level < 3 and dropout > 0:
                block.append(nn.Dropout(dropout))
            self.up.append(nn.Sequential(*block))
        self.last = nn.Sequential(nn.ReLU(), nn.ConvTranspose2d(2 * widths[0], outputs, 4, 2, 1), nn.Tanh())
        self.apply(initialise)

    def forward(self, picture: Tensor) -> Tensor:
        features: list[Tensor] = []
        for block in self.down:
            picture = block(picture)
            features.append(picture)
        up = features.pop()
        for block in self.up:
            up = torch.cat([block(up), features.pop()], dim=1)
        result: Tensor = self.last(up)
        return result
