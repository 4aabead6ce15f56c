"""What leaves the workshop is what was trained, at odd sizes too, and says what it is."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
import torch

from tests.workshop.conftest import recipe_text
from tests.workshop.test_train import GENERATORS, LOSSES
from unfade.errors import ExportError, TrainingError, UsageError
from unfade.models.calibration import ColorizeCalibration
from unfade.models.card import read_card
from unfade.models.session import Session
from unfade.workshop.export import OPSET, _fold_pads, _keep_blocked, export
from unfade.workshop.train import initialise_from, train, trained_generator


@pytest.fixture(scope="module", params=["damage", "fill", "tone", "clean", "colorize"])
def run(request: pytest.FixtureRequest, photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp(request.param)
    recipe = folder / "recipe.toml"
    recipe.write_text(recipe_text(request.param, steps=6, losses=LOSSES[request.param], generator=GENERATORS.get(request.param)))
    return train(recipe, [photographs], folder / "run", device="cpu")


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_padding_is_the_convolutions_own(tmp_path: Path) -> None:
    class Padded(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.convolution = torch.nn.Conv2d(3, 4, 3, stride=2, padding=1)

        def forward(self, image: torch.Tensor) -> torch.Tensor:
            return self.convolution(torch.nn.functional.pad(image, (0, 1, 2, 0)))

    module = Padded()
    image = torch.rand(1, 3, 20, 24, generator=torch.Generator().manual_seed(0))
    torch.onnx.export(module, (image,), str(tmp_path / "padded.onnx"), input_names=["image"], opset_version=OPSET, dynamo=False)
    model = onnx.load(str(tmp_path / "padded.onnx"))
    assert any(node.op_type == "Pad" for node in model.graph.node)
    _fold_pads(model.graph)
    onnx.checker.check_model(model)
    assert [node.op_type for node in model.graph.node] == ["Conv"]
    (given,) = onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"image": image.numpy()})
    np.testing.assert_allclose(given, module(image).detach().numpy(), atol=1e-5)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_sums_of_shuffles_stay_in_the_layout_of_convolutions(tmp_path: Path) -> None:
    class Summed(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up, self.beside, self.on = torch.nn.Conv2d(3, 128, 1), torch.nn.Conv2d(3, 32, 3, padding=1), torch.nn.Conv2d(32, 16, 3)

        def forward(self, small: torch.Tensor, large: torch.Tensor) -> torch.Tensor:
            return torch.nn.functional.pixel_shuffle(self.on(torch.nn.functional.pixel_shuffle(self.up(small), 2) + self.beside(large)), 2)

    module, path = Summed(), tmp_path / "summed.onnx"
    pictures = tuple(torch.rand(1, 3, side, side, generator=torch.Generator().manual_seed(side)) for side in (16, 32))
    torch.onnx.export(module, pictures, str(path), input_names=["small", "large"], opset_version=OPSET, dynamo=False)

    def reorders(model: onnx.ModelProto) -> tuple[int, np.ndarray]:
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
        session = onnxruntime.InferenceSession(model.SerializeToString(), options)
        (given,) = session.run(None, {"small": pictures[0].numpy(), "large": pictures[1].numpy()})
        nodes = onnx.load(options.optimized_model_filepath).graph.node
        return sum(node.op_type == "ReorderOutput" for node in nodes), given

    model = onnx.load(str(path))
    before, wanted = reorders(model)
    _keep_blocked(model.graph)
    onnx.checker.check_model(model)
    after, given = reorders(model)
    assert after < before or not before  # processors without that layout have nothing to reorder
    np.testing.assert_allclose(given, wanted, atol=1e-6)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_onnx_runtime_and_the_card_agree_with_the_training(run: Path, tmp_path: Path) -> None:
    card = export(run, tmp_path / "model.onnx")
    assert read_card(tmp_path / "model.toml") == card
    weights = (tmp_path / "model.onnx").read_bytes()
    assert hashlib.sha256(weights).hexdigest() == card.sha256
    assert len(weights) < 2.5 * card.parameters + 200_000  # half precision
    session = Session(card, tmp_path / "model.onnx", threads=1)
    side = card.multiple
    inputs = {}
    for port in card.inputs:
        lengths = [int(axis) if axis.isdigit() else {"n": 1, "h": side, "w": 3 * side}[axis] for axis in port.axes.split()]
        inputs[port.name] = np.full(lengths, 0.4, np.float32)
    outputs = session.run(**inputs)
    assert all(np.isfinite(value).all() for value in outputs.values())
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["model.onnx", "model.toml"]


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_an_exported_colorizer_makes_up_for_pale_colors(photographs: Path, tmp_path: Path) -> None:
    made = []
    for gain in (1.0, 2.0):
        text = recipe_text("colorize", steps=1, losses=LOSSES["colorize"], generator=GENERATORS["colorize"])
        recipe, folder = tmp_path / "recipe.toml", tmp_path / f"{gain}"
        recipe.write_text(f"{text}\n[options]\nchroma_gain = {gain}\ntemperature = 0.3\nsafe_temperature = 0.2\n")
        card = export(train(recipe, [photographs], folder, device="cpu"), folder / "model.onnx")
        assert card.calibrated(ColorizeCalibration).temperatures == (0.2, 0.3, 0.1)
        session = Session(card, folder / "model.onnx", threads=1)
        gray = np.random.default_rng(2).random((1, 1, 64, 64), dtype=np.float32)
        made.append(
            session.run(lightness=gray, hints=np.zeros((1, 3, 64, 64), np.float32), temperature=np.array([0.3], np.float32))["chroma"]
        )
    np.testing.assert_allclose(made[1], 2 * made[0], atol=0.05)


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_disagreement_writes_nothing(run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = Session.run
    monkeypatch.setattr(Session, "run", lambda self, **inputs: {name: value + 0.5 for name, value in real(self, **inputs).items()})
    with pytest.raises(ExportError, match=r"differ by .* Nothing was written"):
        export(run, tmp_path / "model.onnx")
    assert list(tmp_path.iterdir()) == []


def test_the_name_ends_in_onnx(run: Path, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"model\.onnx"):
        export(run, tmp_path / "model.pt")


def test_half_precision_rounds_what_is_compared() -> None:
    from unfade.workshop.export import _round_to_half

    layer = torch.nn.Linear(3, 3)
    _round_to_half(layer)
    assert torch.equal(layer.weight, layer.weight.half().float())


@pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::UserWarning")
def test_training_goes_on_from_an_exported_model(run: Path, tmp_path: Path) -> None:
    export(run, tmp_path / "model.onnx")
    task, _, trained, _ = trained_generator(run)
    fresh = task.build()
    initialise_from(fresh, tmp_path / "model.onnx")
    for (name, wanted), got in zip(trained.named_parameters(), fresh.parameters(), strict=True):
        torch.testing.assert_close(got, wanted, rtol=1e-3, atol=1e-6, msg=name)  # half precision


def test_a_model_of_another_shape_is_refused(run: Path) -> None:
    with pytest.raises(TrainingError, match=r"no weight .* of the shape"):
        initialise_from(torch.nn.Linear(5, 7), run)
