"""A face's descriptor: the same face is at no distance, and weights that are none are refused."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from unfade.errors import DataError, ModelCorruptError, ModelMissingError
from unfade.faces import Face
from unfade.files.photo import Photo, read
from unfade.workshop.identity import BLOCKS, Descriptor, main, moves

EXAMPLE = Path(__file__).parents[2] / "examples" / "migrant-mother-1936.jpg"
MOTHER = Face(340, 180, 640, 580, 1.0)


@pytest.fixture(scope="module")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Random weights in the form and of the shapes of the real ones."""
    chance = np.random.default_rng(4)
    shapes: dict[str, tuple[int, ...]] = {}

    def layer(name: str, kernel: int, inputs: int, outputs: int) -> None:
        shapes[f"{name}/conv/filters"] = (kernel, kernel, inputs, outputs)
        shapes.update({f"{name}/{part}": (outputs,) for part in ("conv/bias", "scale/weights", "scale/biases")})

    layer("conv32_down", 7, 3, 32)
    inputs = 32
    for group, blocks in BLOCKS.items():
        width = int(group.removeprefix("conv"))
        for block in blocks:
            layer(f"{group}_{block}/conv1", 3, inputs, width)
            layer(f"{group}_{block}/conv2", 3, width, width)
            inputs = width
    data, named = b"", []
    for name, shape in shapes.items():
        data += chance.integers(0, 256, int(np.prod(shape)), np.uint8).tobytes()
        spread = 2 / np.sqrt(np.prod(shape[:-1])) if len(shape) == 4 else 0.5
        form = {"dtype": "uint8", "scale": spread / 255, "min": -spread / 2 + (0.7 if name.endswith("scale/weights") else 0)}
        named.append({"name": name, "shape": list(shape), "quantization": form})
    data += chance.standard_normal((256, 128)).astype("<f4").tobytes()
    named.append({"name": "fc", "shape": [256, 128]})
    folder = tmp_path_factory.mktemp("descriptor")
    (folder / "weights.bin").write_bytes(data)
    (folder / "manifest.json").write_text(json.dumps([{"paths": ["weights.bin"], "weights": named}]))
    return folder / "manifest.json"


@pytest.fixture(scope="module")
def mother() -> Photo:
    return read(EXAMPLE)


def changed(photo: Photo, rows: slice, columns: slice) -> Photo:
    samples = photo.samples.copy()
    samples[rows, columns] = 255 - samples[rows, columns]
    return photo.with_samples(samples)


def test_a_face_moves_by_what_is_changed_in_it_alone(mother: Photo, manifest: Path) -> None:
    descriptor = Descriptor(manifest)
    small = Face(10, 10, 20, 22, 0.9)  # says nothing about who it is
    distances = [
        moves(mother, after, [MOTHER, small], descriptor)
        for after in (mother, changed(mother, slice(1100, 1200), slice(0, 200)), changed(mother, slice(300, 330), slice(400, 560)))
    ]
    assert [len(found) for found in distances] == [1, 1, 1]
    assert distances[0][0].distance == distances[1][0].distance == 0 < distances[2][0].distance


def test_a_face_at_the_edge_and_in_16_bits_is_described(mother: Photo, manifest: Path) -> None:
    descriptor = Descriptor(manifest)
    wide = read(mother.samples.astype(np.uint16) * 257)
    edge = Face(0, 0, 120, 150, 0.9)
    assert descriptor(mother, edge).shape == (128,)
    np.testing.assert_allclose(descriptor(wide, edge), descriptor(mother, edge), rtol=0.02, atol=0.02)


def test_photographs_of_two_sizes_are_refused(mother: Photo, manifest: Path) -> None:
    other = read(np.ascontiguousarray(mother.samples[:500]))
    with pytest.raises(DataError, match="1000x500"):
        moves(mother, other, [MOTHER], Descriptor(manifest))


def test_two_folders_are_compared_by_name(mother: Photo, manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for name, photo in (("before/mother.png", mother), ("after/mother.restored.png", changed(mother, slice(300, 330), slice(400, 560)))):
        (tmp_path / name).parent.mkdir()
        cv2.imwrite(str(tmp_path / name), cv2.cvtColor(photo.as_rgb().samples, cv2.COLOR_RGB2BGR))
    main([str(manifest), str(tmp_path / "before"), str(tmp_path / "after")])
    lines = capsys.readouterr().out.splitlines()
    assert "mother.png" in lines[0] and float(lines[0].split()[0]) > 0 and "faces: median" in lines[-1]


@pytest.mark.parametrize(
    ("text", "kind", "said"),
    [
        (None, ModelMissingError, "cannot be read"),
        ("not JSON", ModelCorruptError, "no manifest"),
        ('[{"paths": ["gone.bin"], "weights": []}]', ModelMissingError, "cannot be read"),
        ('[{"paths": [], "weights": [{"name": "fc", "shape": [2, 2]}]}]', ModelCorruptError, "no manifest"),
        ('[{"paths": [], "weights": []}]', ModelCorruptError, "no layer fc"),
    ],
)
def test_weights_that_are_none_are_refused(text: str | None, kind: type[Exception], said: str, tmp_path: Path) -> None:
    if text is not None:
        (tmp_path / "manifest.json").write_text(text)
    with pytest.raises(kind, match=said):
        Descriptor(tmp_path / "manifest.json")
