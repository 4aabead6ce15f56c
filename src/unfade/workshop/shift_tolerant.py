"""ST-LPIPS: how different two pictures look to people; a shift of a pixel is forgiven.

Ghildyal and Liu 2022, "Shift-tolerant Perceptual Similarity Metric", arXiv:2207.13686. Weights: the PyPI
package stlpips-pytorch, whose code is not used. For measuring only; nothing that ships is trained on them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from importlib import resources
from typing import Literal

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from unfade.arrays import Image
from unfade.errors import MissingExtraError
from unfade.measures.features import PictureFeatures

Trunk = Literal["alex", "vgg"]
_TINY = 1e-10  # as in LPIPS: a vector of zeros stays one
_SMALLEST_PX = 32  # below, the pooling could not reflect the rows that it needs
_Layer = Callable[[Tensor], Tensor]


class ShiftTolerant:
    """AlexNet's or VGG16's trunk with blurred pooling (Zhang 2019), its channels weighed by people's
    judgements.

    The picture is taken at its own size, in 8 bits as a file would have it; a side below 32 px is continued
    by its last row or column. `maps`: after each of five layers, of unit length at every place and times the
    roots of the channels' weights. So the squared difference of two pictures' maps, summed over channels, is
    LPIPS's.
    """

    comparable = True

    def __init__(self, trunk: Trunk = "alex") -> None:
        """Load the network. Raises `MissingExtraError` if its package is not there."""
        self.name = trunk
        self.statement = (
            f"ST-LPIPS (Ghildyal and Liu 2022), {'AlexNet' if trunk == 'alex' else 'VGG16'} trunk, weights of stlpips-pytorch 0.0.2, "
            "whole picture at its own size"
        )
        try:
            file = resources.files("stlpips_pytorch") / "weights" / "vST0.0" / f"{trunk}_shift_tolerant.pth"
        except ModuleNotFoundError as error:
            raise MissingExtraError("ST-LPIPS needs its weights: pip install 'unfade[measures]'") from error
        with resources.as_file(file) as path:
            weights: Mapping[str, Tensor] = torch.load(path, map_location="cpu", weights_only=True)
        self._shift, self._scale = weights["scaling_layer.shift"], weights["scaling_layer.scale"]
        self._slices = _alexnet(weights) if trunk == "alex" else _vgg16(weights)
        self._roots = [weights[f"lin{layer}.model.1.weight"].clamp(min=0).sqrt() for layer in range(len(self._slices))]

    def __call__(self, image: Image) -> PictureFeatures:
        levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.float32) / np.float32(127.5) - np.float32(1)
        more = [(0, max(0, _SMALLEST_PX - side)) for side in levels.shape[:2]]
        levels = np.pad(levels, (*more, (0, 0)), mode="edge")
        maps = []
        with torch.inference_mode():
            seen = torch.from_numpy(np.ascontiguousarray(levels.transpose(2, 0, 1)))[None]
            seen = (seen - self._shift) / self._scale
            for layers, root in zip(self._slices, self._roots, strict=True):
                for layer in layers:
                    seen = layer(seen)
                unit = seen / (seen.square().sum(dim=1, keepdim=True).sqrt() + _TINY)
                maps.append((unit * root)[0].numpy())
        return PictureFeatures(np.zeros(0, np.float32), tuple(maps))


def _alexnet(weights: Mapping[str, Tensor]) -> list[list[_Layer]]:
    """AlexNet in five slices; its first convolution has no stride, and every halving blurs first."""
    convolution, blurred = _layers(weights)
    return [
        [convolution("slice1.0", padding=2), blurred("slice1.1"), torch.relu],
        [_largest(3), blurred("slice2.4"), convolution("slice2.5", padding=2), torch.relu],
        [_largest(3), blurred("slice3.8"), convolution("slice3.9", padding=1), torch.relu],
        [convolution("slice4.11", padding=1), torch.relu],
        [convolution("slice5.13", padding=1), torch.relu],
    ]


def _vgg16(weights: Mapping[str, Tensor]) -> list[list[_Layer]]:
    """VGG16 in five slices; every halving blurs first."""
    convolution, blurred = _layers(weights)
    slices: list[list[_Layer]] = []
    blurs = {2: "slice2.5", 3: "slice3.11", 4: "slice4.19", 5: "slice5.27"}
    convolutions = {1: (0, 2), 2: (6, 8), 3: (12, 14, 16), 4: (20, 22, 24), 5: (28, 30, 32)}
    for number, places in convolutions.items():
        layers = [_largest(2), blurred(blurs[number])] if number in blurs else []
        for place in places:
            layers += [convolution(f"slice{number}.{place}", padding=1), torch.relu]
        slices.append(layers)
    return slices


def _layers(weights: Mapping[str, Tensor]) -> tuple[Callable[..., _Layer], Callable[[str], _Layer]]:
    """How to make a convolution, and a blur that halves, of the weights by their names."""

    def convolution(name: str, *, padding: int) -> _Layer:
        weight, bias = weights[f"net.{name}.weight"], weights[f"net.{name}.bias"]
        return lambda seen: functional.conv2d(seen, weight, bias, padding=padding)

    def blurred(name: str) -> _Layer:
        kernel = weights[f"net.{name}.filt"]  # 1 2 1 both ways, for each channel
        return lambda seen: functional.conv2d(functional.pad(seen, (2, 2, 2, 2), mode="reflect"), kernel, stride=2, groups=len(kernel))

    return convolution, blurred


def _largest(side: int) -> _Layer:
    """The largest of `side` x `side`, at every place."""
    return lambda seen: functional.max_pool2d(seen, side, stride=1)
