"""The tone of a whole photograph, read from a small copy of it and applied to any part of it: what fading, yellowing and uneven light took.

After Gharbi et al. 2017 ("Deep bilateral learning"): a network on a thumbnail predicts the coefficients of a simple, smooth transform,
which costs
next to nothing at full size and cannot invent detail. Here it is a coarse field of gain and offset (uneven light, vignettes, tide
lines), a 3x3 mixing of
the channels (dyes, toning), and a rising curve for each channel (contrast).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

THUMBNAIL_PX = 128
KNOTS = 8


class ToneNetwork(nn.Module):
    """Thumbnail (n, 3, 128, 128) in [0, 1] -> the transform, and how aged the photograph is. The transform begins as the identity."""

    def __init__(self, channels: tuple[int, ...] = (24, 48, 96, 128)) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        before = 3
        for width in channels:
            layers += [nn.Conv2d(before, width, 3, 2, 1), nn.ReLU(), nn.Conv2d(width, width, 3, 1, 1), nn.ReLU()]
            before = width
        self.features = nn.Sequential(*layers)
        self.field = nn.Conv2d(before, 6, 1)
        self.whole = nn.Sequential(nn.Linear(2 * before, 128), nn.ReLU(), nn.Linear(128, 9 + 3 * (KNOTS + 1) + 1))
        last = self.whole[2]
        assert isinstance(last, nn.Linear)
        for layer in (self.field, last):
            nn.init.zeros_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)

    def forward(self, thumbnail: Tensor, tile: Tensor, place: Tensor) -> tuple[Tensor, Tensor]:
        """Apply the whole photograph's transform to one part of it.

        `tile` (n, 3, h, w) lies at `place` (n, 4): y0, x0, y1, x1 as shares of the whole. Gives the toned tile and the logit (n, 1) of
        being aged.
        """
        features = self.features(thumbnail * 2 - 1).float()
        mean = features.mean(dim=(2, 3))
        spread = torch.sqrt((features - mean[:, :, None, None]).square().mean(dim=(2, 3)) + 1e-6)
        numbers = self.whole(torch.cat([mean, spread], dim=1)).float()
        mixing, curve, need = numbers[:, :9].view(-1, 3, 3), numbers[:, 9:-1].view(-1, 3, KNOTS + 1), numbers[:, -1:]

        height, width = tile.shape[-2:]
        down = torch.linspace(0, 1, height, device=tile.device) + 0.0
        across = torch.linspace(0, 1, width, device=tile.device) + 0.0
        y = place[:, 0:1] + (place[:, 2:3] - place[:, 0:1]) * down[None]
        x = place[:, 1:2] + (place[:, 3:4] - place[:, 1:2]) * across[None]
        grid = torch.stack([x[:, None, :].expand(-1, height, -1), y[:, :, None].expand(-1, -1, width)], dim=-1) * 2 - 1
        field = functional.grid_sample(self.field(features).float(), grid, mode="bilinear", padding_mode="border", align_corners=False)

        tile = tile * torch.exp(field[:, :3] * 0.5) + field[:, 3:] * 0.25
        flat = tile.flatten(2)
        toned = (flat + mixing @ flat).view_as(tile)
        slopes = functional.softplus(curve[:, :, :KNOTS] + 0.5413)  # softplus(0.5413) = 1
        result = curve[:, :, KNOTS:, None] * 0.25
        for knot in range(KNOTS):
            low = knot / KNOTS
            # The outer pieces go on beyond [0, 1], so that nothing is clipped before the local part has seen it.
            floor = -0.5 if knot == 0 else 0.0
            ceiling = 1.5 - low if knot == KNOTS - 1 else 1 / KNOTS
            result = result + slopes[:, :, knot, None, None] * (toned - low).clamp(floor, ceiling)
        return result, need
