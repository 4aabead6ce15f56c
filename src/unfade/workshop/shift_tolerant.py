"""ST-LPIPS: how different two pictures look to people; a shift of a pixel is forgiven.

Ghildyal and Liu 2022, "Shift-tolerant Perceptual Similarity Metric", arXiv:2207.13686. Weights: the PyPI
package stlpips-pytorch, whose code is not used. For measuring, and for the loss
`perceptual` that teaches fills; they are in nothing that ships.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from unfade.arrays import Image
from unfade.errors import MissingExtraError, pip_line
from unfade.measures.features import PictureFeatures

Trunk = Literal["alex", "vgg"]
_TINY = 1e-10  # as in LPIPS: a vector of zeros stays one
_SMALLEST_PX = 32  # below, the pooling could not reflect the rows that it needs


class TrunkMaps(nn.Module):
    """AlexNet's or VGG16's trunk with blurred pooling (Zhang 2019), its channels weighed by people's
    judgements; frozen.

    Pictures (n, 3, h, w) in [-1, 1], no side below 32 px, become the maps after each of the first `layers` of
    five layers, of unit length at every place and times the roots of the channels' weights. So the squared
    difference of two pictures' maps, summed over channels, is LPIPS's. Gradients pass to the pictures.
    """

    def __init__(self, trunk: Trunk, *, layers: int = 5) -> None:
        """Load the network. Raises `MissingExtraError` if its package is not there."""
        super().__init__()
        try:
            file = resources.files("stlpips_pytorch") / "weights" / "vST0.0" / f"{trunk}_shift_tolerant.pth"
        except ModuleNotFoundError as error:
            raise MissingExtraError(f"ST-LPIPS needs its weights: {pip_line('measures')}") from error
        with resources.as_file(file) as path:
            weights: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        self.shift, self.scale = (nn.Parameter(weights[f"scaling_layer.{name}"]) for name in ("shift", "scale"))
        self.slices = nn.ModuleList((_alexnet(weights) if trunk == "alex" else _vgg16(weights))[:layers])
        roots = (weights[f"lin{layer}.model.1.weight"].clamp(min=0).sqrt() for layer in range(layers))
        self.roots = nn.ParameterList(nn.Parameter(root) for root in roots)
        self.requires_grad_(False)

    def forward(self, pictures: Tensor) -> list[Tensor]:
        seen, maps = (pictures - self.shift) / self.scale, []
        for layers, root in zip(self.slices, self.roots, strict=True):
            seen = layers(seen)
            exact = seen.float()
            maps.append(exact / (torch.linalg.vector_norm(exact, dim=1, keepdim=True) + _TINY) * root)
        return maps


class ShiftTolerant:
    """A trunk as the measure ST-LPIPS needs it.

    The picture is taken at its own size, in 8 bits as a file would have it; a side below 32 px is continued
    by its last row or column. `maps`: those of `TrunkMaps`.
    """

    comparable = True

    def __init__(self, trunk: Trunk = "alex") -> None:
        """Load the network. Raises `MissingExtraError` if its package is not there."""
        self.name = trunk
        self.statement = (
            f"ST-LPIPS (Ghildyal and Liu 2022), {'AlexNet' if trunk == 'alex' else 'VGG16'} trunk, weights of stlpips-pytorch 0.0.2, "
            "whole picture at its own size"
        )
        self._network = TrunkMaps(trunk)

    def __call__(self, image: Image) -> PictureFeatures:
        levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.float32) / np.float32(127.5) - np.float32(1)
        more = [(0, max(0, _SMALLEST_PX - side)) for side in levels.shape[:2]]
        levels = np.pad(levels, (*more, (0, 0)), mode="edge")
        with torch.inference_mode():
            maps = self._network(torch.from_numpy(np.ascontiguousarray(levels.transpose(2, 0, 1)))[None])
        return PictureFeatures(np.zeros(0, np.float32), tuple(seen[0].numpy() for seen in maps))


def _alexnet(weights: Mapping[str, Tensor]) -> list[nn.Sequential]:
    """AlexNet in five slices; its first convolution has no stride, and every halving blurs first."""
    convolution, blurred = _layers(weights)
    return [
        nn.Sequential(convolution("slice1.0", padding=2), blurred("slice1.1"), nn.ReLU()),
        nn.Sequential(_largest(3), blurred("slice2.4"), convolution("slice2.5", padding=2), nn.ReLU()),
        nn.Sequential(_largest(3), blurred("slice3.8"), convolution("slice3.9", padding=1), nn.ReLU()),
        nn.Sequential(convolution("slice4.11", padding=1), nn.ReLU()),
        nn.Sequential(convolution("slice5.13", padding=1), nn.ReLU()),
    ]


def _vgg16(weights: Mapping[str, Tensor]) -> list[nn.Sequential]:
    """VGG16 in five slices; every halving blurs first."""
    convolution, blurred = _layers(weights)
    slices: list[nn.Sequential] = []
    blurs = {2: "slice2.5", 3: "slice3.11", 4: "slice4.19", 5: "slice5.27"}
    convolutions = {1: (0, 2), 2: (6, 8), 3: (12, 14, 16), 4: (20, 22, 24), 5: (28, 30, 32)}
    for number, places in convolutions.items():
        layers: list[nn.Module] = [_largest(2), blurred(blurs[number])] if number in blurs else []
        for place in places:
            layers += [convolution(f"slice{number}.{place}", padding=1), nn.ReLU()]
        slices.append(nn.Sequential(*layers))
    return slices


def _layers(weights: Mapping[str, Tensor]) -> tuple[Callable[..., nn.Module], Callable[[str], nn.Module]]:
    """How to make a convolution, and a blur that halves, of the weights by their names."""

    def convolution(name: str, *, padding: int) -> nn.Module:
        weight, bias = weights[f"net.{name}.weight"], weights[f"net.{name}.bias"]
        layer = nn.Conv2d(weight.shape[1], weight.shape[0], weight.shape[2], padding=padding)
        layer.load_state_dict({"weight": weight, "bias": bias})
        return layer

    def blurred(name: str) -> nn.Module:
        kernel = weights[f"net.{name}.filt"]  # 1 2 1 both ways, for each channel
        layer = nn.Conv2d(len(kernel), len(kernel), 3, stride=2, padding=2, padding_mode="reflect", groups=len(kernel), bias=False)
        layer.load_state_dict({"weight": kernel})
        return layer

    return convolution, blurred


def _largest(side: int) -> nn.Module:
    """The largest of `side` x `side`, at every place."""
    return nn.MaxPool2d(side, stride=1)
