"""Where faces are, read from a reduced copy of a photograph."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.workshop.networks.backbones import EfficientNetLite0, depthwise

STRIDE_PX = 8
WIDTH = 64
RARE = -4.0
"""The logit of a face that a network has before it learns: few cells hold one."""


class _Depthwise(nn.Module):
    """x + pointwise(relu(depthwise(x))), the pointwise convolution zero at first."""

    def __init__(self, kernel: int) -> None:
        super().__init__()
        self.across = nn.Conv2d(WIDTH, WIDTH, kernel, padding=kernel // 2, groups=WIDTH)
        self.along = nn.Conv2d(WIDTH, WIDTH, 1)
        nn.init.zeros_(self.along.weight)
        assert self.along.bias is not None
        nn.init.zeros_(self.along.bias)

    def forward(self, features: Tensor) -> Tensor:
        change: Tensor = self.along(torch.relu(depthwise(self.across, features)))
        return features + change


class FacesNetwork(nn.Module):
    """Picture (n, 3, h, w) sRGB in [0, 1] -> logits and sizes on a grid of cells of 8 pixels.

    `h` and `w` must be multiples of 16. Gives (n, 1, h/8, w/8), the logit that a face has its middle in this
    cell, and (n, 4, h/8, w/8): how far from the cell's middle its left, top, right and bottom are, as
    logarithms of cells. No anchors (Zhou et al. 2019, "Objects as Points"; distances as in Tian et al. 2019,
    "FCOS"). EfficientNet-Lite0's first `blocks` blocks see; at stride 16 two wide depthwise blocks look
    around; at stride 8 the two are joined.
    """

    def __init__(self, backbone: EfficientNetLite0, blocks: int) -> None:
        super().__init__()
        backbone.cut_blocks(blocks)
        self.backbone = backbone
        self.deep = nn.Conv2d(backbone.widths[-1], WIDTH, 1)
        self.around = nn.Sequential(_Depthwise(5), _Depthwise(5))
        self.near = nn.Conv2d(backbone.widths[-2], WIDTH, 1)
        self.joined = nn.Sequential(_Depthwise(3), _Depthwise(3))
        self.says = nn.Conv2d(WIDTH, 5, 1)
        assert self.says.bias is not None
        nn.init.normal_(self.says.weight, std=0.01)
        nn.init.constant_(self.says.bias, 1.0)
        nn.init.constant_(self.says.bias[:1], RARE)

    def forward(self, picture: Tensor) -> tuple[Tensor, Tensor]:
        near, deep = self.backbone(picture)[-2:]
        wide = functional.interpolate(self.around(self.deep(deep)), scale_factor=2.0, mode="nearest")
        said = self.says(torch.relu(self.joined(self.near(near) + wide))).float()
        return said[:, :1], said[:, 1:]
