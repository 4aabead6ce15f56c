"""A result as layers: the lowest is the original, all together are the result."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from typer.testing import CliRunner

from unfade import pipeline
from unfade.archive import layers as archive_layers
from unfade.archive.layers import Collected, open_raster, photoshop
from unfade.cli import build
from unfade.errors import UsageError
from unfade.files import photo
from unfade.files.photo import Photo
from unfade.models.session import Sessions
from unfade.treatment import Treatment

EVERYTHING = Treatment(clean=1, force_clean=True, colorize=True, force=True)


def _scratched(*, bits: int, channels: int) -> Photo:
    rng = np.random.default_rng(3)
    samples = np.repeat(np.linspace(60, 190, 80)[None, :, None] + rng.normal(0, 3, (64, 80, 1)), channels, axis=2)
    samples[20:24, 10:60] = 255
    scaled = samples.clip(0, 255) * (257 if bits == 16 else 1)
    return photo.read(scaled.astype(np.uint16 if bits == 16 else np.uint8), name="scan.png")


def _layers(content: bytes) -> list[tuple[str, Photo]]:
    """The layers of an OpenRaster file, the lowest first, as an independent reader of its XML finds them."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.infolist()[0].filename == "mimetype"
        assert archive.read("mimetype") == b"image/openraster"
        found = ElementTree.fromstring(archive.read("stack.xml")).findall("stack/layer")
        return [(each.attrib["name"], photo.read(archive.read(each.attrib["src"]))) for each in reversed(found)]


def _flattened(layers: list[tuple[str, Photo]]) -> np.ndarray:
    """What the layers show together; alpha is none or all here."""
    shown = layers[0][1].as_rgb().samples.copy()
    for _, layer in layers[1:]:
        assert layer.alpha is not None
        assert set(np.unique(layer.alpha)) <= {0, np.iinfo(layer.alpha.dtype).max}
        shown[layer.alpha > 0] = layer.as_rgb().samples[layer.alpha > 0]
    return shown


@pytest.mark.parametrize(("bits", "channels"), [(8, 1), (8, 3), (16, 1), (16, 3)])
def test_the_lowest_layer_is_the_original_and_all_are_the_result(sessions: Sessions, bits: int, channels: int) -> None:
    before = _scratched(bits=bits, channels=channels)
    collected = Collected(before)
    result = pipeline.treat(before, EVERYTHING, sessions=sessions, on_step=collected.on_step)
    content = open_raster(collected)
    layers = _layers(content)
    assert [name for name, _ in layers] == ["original", "fill", "clean", "colorize"]
    np.testing.assert_array_equal(layers[0][1].samples, before.samples)
    assert all(layer.bits == bits for _, layer in layers)
    np.testing.assert_array_equal(_flattened(layers), result.photo.as_rgb().samples)
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        merged = photo.read(archive.read("mergedimage.png"))
        assert max(photo.read(archive.read("Thumbnails/thumbnail.png")).samples.shape) <= 256
    np.testing.assert_array_equal(merged.samples, result.photo.samples)
    assert open_raster(collected) == content  # the same layers are the same bytes


def test_a_repair_is_transparent_where_nothing_was_lost(sessions: Sessions) -> None:
    before = _scratched(bits=8, channels=3)
    collected = Collected(before)
    result = pipeline.treat(before, Treatment(clean=0), sessions=sessions, on_step=collected.on_step)
    (_, repair) = _layers(open_raster(collected))[1]
    assert repair.alpha is not None and result.mask is not None
    assert not repair.alpha[~result.mask].any()
    assert repair.alpha[result.mask].any()


def test_layers_are_of_one_size() -> None:
    collected = Collected(_scratched(bits=8, channels=3))
    collected.layers.append(Collected(photo.read(np.zeros((2, 2, 3), np.uint8))).layers[0])
    with pytest.raises(UsageError, match="of another size"):
        open_raster(collected)


def test_the_command_writes_layers_and_pages_have_none(tmp_path: Path, golden: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("UNFADE_MODELS", str(golden))
    monkeypatch.setenv("UNFADE_THREADS", "1")
    photo.write(_scratched(bits=16, channels=3), tmp_path / "scan.tif")

    def invoke(*arguments: str, status: int) -> str:
        ended = CliRunner().invoke(build(), ["restore", str(tmp_path / "scan.tif"), *arguments])
        assert ended.exit_code == status, ended.output
        return ended.output

    assert "scan.restored.ora" in invoke("--layers", "ora", status=0)
    layers = _layers((tmp_path / "scan.restored.ora").read_bytes())
    np.testing.assert_array_equal(layers[0][1].samples, photo.read(tmp_path / "scan.tif").samples)
    np.testing.assert_array_equal(_flattened(layers), photo.read(tmp_path / "scan.restored.tif").samples)
    (tmp_path / "scan.restored.tif").unlink()
    invoke("--layers", "ora", status=0)  # the same layers are there already
    assert "--pages all" in invoke("--layers", "ora", "--pages", "all", "--overwrite", status=2)


@pytest.mark.parametrize(("bits", "channels"), [(8, 1), (8, 3), (16, 1), (16, 3)])
@pytest.mark.parametrize("treatment", [EVERYTHING, Treatment(clean=0)], ids=["everything", "repair"])
def test_a_photoshop_file_holds_the_same_layers(sessions: Sessions, bits: int, channels: int, treatment: Treatment) -> None:
    psd_tools = pytest.importorskip("psd_tools")
    before = _scratched(bits=bits, channels=channels)
    collected = Collected(before)
    result = pipeline.treat(before, treatment, sessions=sessions, on_step=collected.on_step)
    file = psd_tools.PSDImage.open(io.BytesIO(photoshop(collected)))
    assert [layer.name for layer in file] == [layer.name for layer in collected.layers]
    assert (file.depth, file.size) == (bits, (before.width, before.height))

    def levels(values: np.ndarray) -> np.ndarray:
        return np.rint(values * (2**bits - 1)).astype(before.samples.dtype)

    shown = np.zeros((before.height, before.width, len(file.topil().getbands()) if channels == 3 else file.channels), before.samples.dtype)
    for layer in file:
        part = levels(layer.numpy("color"))
        box = np.s_[layer.top : layer.bottom, layer.left : layer.right]
        alpha = layer.numpy("shape")
        seen = np.ones(part.shape[:2], bool) if alpha is None else alpha[:, :, 0] > 0.5
        shown[box][seen] = part[seen]
        if layer.name == "original":
            np.testing.assert_array_equal(part[:, :, :channels], before.samples)
    expected = result.photo.as_rgb() if file.channels == 3 else result.photo
    np.testing.assert_array_equal(shown, expected.samples)
    np.testing.assert_array_equal(levels(file.numpy("color")), expected.samples)


def test_what_a_photoshop_file_cannot_hold_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    collected = Collected(_scratched(bits=8, channels=3))
    monkeypatch.setattr(archive_layers, "PSD_SIDE_MAX", 70)
    with pytest.raises(UsageError, match="80 x 64 pixels"):
        photoshop(collected)
    monkeypatch.undo()
    monkeypatch.setattr(archive_layers, "PSD_BYTES_MAX", 1000)
    with pytest.raises(UsageError, match="2 GiB"):
        photoshop(collected)
