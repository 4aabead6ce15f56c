"""The tone of a whole photograph: what fading, yellowing, toning and uneven light took.

It is read from a small copy.

After Gharbi et al. 2017 ("Deep bilateral learning"): a network on a thumbnail predicts the coefficients of a
simple, smooth transform, which costs next to nothing at full size and cannot invent detail. The transform
mirrors how tone is lost: a coarse field of gain and offset for each channel (fading, yellowing, uneven
light), a power for each (gamma, toning), and a mixing of the three (dyes, a gray that is gray).
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.color import REC_601
from unfade.workshop.networks.backbones import EfficientNetLite0

THUMBNAIL_PX = 128
FIELD = 8
# Tones that are sorted out of the thumbnail: where blacks and whites lie says more about fading than any
# convolution.
QUANTILES = (0.002, 0.01, 0.03, 0.07, 0.15, 0.25, 0.4, 0.5, 0.6, 0.75, 0.85, 0.93, 0.97, 0.99, 0.998)
_RANKS = [round(share * ((THUMBNAIL_PX // 2) ** 2 - 1)) for share in QUANTILES]
_BLACK, _WHITE = QUANTILES.index(0.01), QUANTILES.index(0.99)


class ToneNetwork(nn.Module):
    """Thumbnail (n, 3, 128, 128) sRGB in [0, 1] -> the transform's coefficients, and how aged it is.

    Gives `field` (n, 6, 8, 8), gains of the three channels and then offsets; `power` (n, 3); `mixing` (n, 3,
    4), a matrix and an offset; and the logit of `need` (n, 1). `apply_tone` is the transform; it begins as
    the identity. The first guess is a stretch from the darkest to the lightest hundredth of each channel, of
    which a learned share is taken.
    """

    def __init__(self, backbone: EfficientNetLite0) -> None:
        super().__init__()
        backbone.cut(4)  # to stride 16; the deeper half of the weights sees nothing in 128 pixels
        self.backbone = backbone
        width, seen = backbone.widths[-1], 5 * len(QUANTILES)
        self.whole = nn.Sequential(nn.Linear(2 * width + seen, 192), nn.ReLU(), nn.Linear(192, 128), nn.ReLU())
        self.lateral = nn.Conv2d(width, 64, 1)
        self.spread = nn.Linear(128, 64)
        self.local = nn.Sequential(nn.ReLU(), nn.Conv2d(64, 64, 3, padding=1, padding_mode="replicate"), nn.ReLU())
        self.field = nn.Conv2d(64, 6, 1)
        self.numbers = nn.Linear(128, 3 + 3 + 12 + 1)
        for layer in (self.field, self.numbers):
            nn.init.zeros_(layer.weight)
            assert layer.bias is not None
            nn.init.zeros_(layer.bias)
        with torch.no_grad():
            self.numbers.bias[:3] = -3.0  # hardly any stretch at first

    def forward(self, thumbnail: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        thumbnail = thumbnail.float()
        tones = quantiles(thumbnail)
        black, white = tones[:, :3, _BLACK], tones[:, :3, _WHITE]
        span = (white - black).clamp(min=0.05)
        stretched = ((thumbnail - black[..., None, None]) / span[..., None, None]).clamp(0, 1)
        features = self.backbone(stretched)[-1].float()
        mean = features.mean(dim=(2, 3))
        spread = torch.sqrt((features - mean[:, :, None, None]).square().mean(dim=(2, 3)) + 1e-6)
        with torch.autocast(thumbnail.device.type, enabled=False):  # tones are finer than half of single precision
            whole = self.whole(torch.cat([mean, spread, tones.flatten(1) * 4 - 2], dim=1))
            field = self.field(self.local(self.lateral(features) + self.spread(whole)[..., None, None]))
            numbers = self.numbers(whole)

        share = torch.sigmoid(numbers[:, :3])
        gain = (1 - share + share / span)[..., None, None]
        offset = (-share * black / span)[..., None, None]
        own_gain, own_offset = torch.exp(0.5 * field[:, :3]), 0.25 * field[:, 3:]
        placed = torch.cat([gain * own_gain, gain * own_offset + offset], dim=1)
        power = torch.exp(0.5 * numbers[:, 3:6])
        change = numbers[:, 6:18].view(-1, 3, 4) * 0.5
        mixing = change + torch.eye(3, 4, device=change.device)
        return placed, power, mixing, numbers[:, 18:]


def quantiles(thumbnail: Tensor) -> Tensor:
    """`QUANTILES` of red, green, blue, luma and colorfulness of (n, 3, 128, 128): (n, 5, 15).

    Colorfulness is the largest less the smallest of the three. At half size.
    """
    thumbnail = functional.avg_pool2d(thumbnail, 2)  # a speck is no white, and sorting is what costs here
    luma = sum(share * thumbnail[:, index] for index, share in enumerate(REC_601))
    assert isinstance(luma, Tensor)
    spread = thumbnail.amax(dim=1) - thumbnail.amin(dim=1)
    planes = torch.cat([thumbnail, luma[:, None], spread[:, None]], dim=1).flatten(2)
    ordered = planes.sort(dim=2).values
    return torch.stack([ordered[:, :, rank] for rank in _RANKS], dim=2)


def apply_tone(picture: Tensor, field: Tensor, power: Tensor, mixing: Tensor) -> Tensor:
    """The transform on a whole photograph (n, 3, h, w).

    `steps.clean.apply_tone` is the same on any part of one, in NumPy.
    """
    grown = functional.interpolate(field, picture.shape[-2:], mode="bilinear", align_corners=False)
    lit = picture * grown[:, :3] + grown[:, 3:]
    # Below the darkest tone that a power bends, the line goes on straight, so that the slope stays finite and
    # nothing is clipped.
    floor = 1 / 64
    power = power[..., None, None]
    bent = torch.pow(lit.clamp(min=floor), power) + (lit - floor).clamp(max=0) * floor ** (power - 1)
    return torch.einsum("nij,njhw->nihw", mixing[:, :, :3], bent) + mixing[:, :, 3, None, None]
