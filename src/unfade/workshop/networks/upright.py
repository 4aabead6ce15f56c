"""Which way a photograph is up, read from a small square copy."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from unfade.workshop.networks.backbones import EfficientNetLite0

THUMBNAIL_PX = 128


class UprightNetwork(nn.Module):
    """Thumbnail (n, 3, 128, 128) sRGB in [0, 1] -> logits (n, 4): turned clockwise by 0, 1, 2 or 3 quarters.

    EfficientNet-Lite0 to stride 16, then a head that knows where in the picture a feature lies: what is up
    shows in sky above ground and heads above shoulders, not in what there is alone.
    """

    def __init__(self, backbone: EfficientNetLite0) -> None:
        super().__init__()
        backbone.cut(4)
        self.backbone = backbone
        cells = (THUMBNAIL_PX // 32) ** 2
        self.gathered = nn.Sequential(nn.Conv2d(backbone.widths[-1], 64, 1), nn.ReLU(), nn.Conv2d(64, 64, 3, 2, 1), nn.ReLU())
        self.whole = nn.Sequential(nn.Dropout(0.2), nn.Linear(64 * cells, 64), nn.ReLU(), nn.Linear(64, 4))

    def forward(self, thumbnail: Tensor) -> Tensor:
        logits: Tensor = self.whole(torch.flatten(self.gathered(self.backbone(thumbnail)[-1]), 1))
        return logits.float()
