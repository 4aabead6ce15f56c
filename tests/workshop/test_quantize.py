"""A model in eight bits is smaller, and decides as it did before."""

from __future__ import annotations

import hashlib
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from onnx import TensorProto, helper, numpy_helper

from tests.workshop.conftest import recipe_text
from tests.workshop.test_train import GENERATORS, LOSSES
from unfade.errors import DataError, UsageError
from unfade.models.card import read_card
from unfade.models.session import Session
from unfade.workshop.channels_last import BY_PLACE, in_order_of_channels, lay_out
from unfade.workshop.export import export
from unfade.workshop.quantize import main, quantize, shrink
from unfade.workshop.train import exported_weights, initialise_from, train, trained_generator

pytestmark = pytest.mark.filterwarnings("ignore::torch.jit.TracerWarning", "ignore::DeprecationWarning", "ignore::UserWarning")


def _exported(task: str, photographs: Path, folder: Path, steps: int, generator: str | None = None) -> Path:
    recipe = folder / "recipe.toml"
    recipe.write_text(recipe_text(task, steps=steps, losses=LOSSES[task], generator=generator or GENERATORS.get(task)))
    export(train(recipe, [photographs], folder / "run", device="cpu"), folder / f"{task}.onnx")
    return folder / f"{task}.onnx"


@pytest.fixture(scope="module")
def detector(photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _exported("damage", photographs, tmp_path_factory.mktemp("detector"), 60)


@pytest.fixture(scope="module")
def in_bytes(detector: Path, photographs: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("quantized") / "bytes.onnx"
    quantize(detector, [photographs], target)
    return target


def test_it_is_smaller_and_decides_as_before(
    detector: Path, photographs: Path, tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "bytes.onnx"
    main([str(detector), "--pictures", str(photographs), "-o", str(target)])
    assert "bytes: its outputs differ by 0.0" in capsys.readouterr().out
    card = read_card(target.with_suffix(".toml"))
    assert (card.name, card.weights, card.sha256) == ("bytes", "bytes.onnx", hashlib.sha256(target.read_bytes()).hexdigest())
    before = Session(read_card(detector.with_suffix(".toml")), detector, threads=1)
    picture = cv2.resize(rng.random((8, 12, 3), np.float32), (96, 64), interpolation=cv2.INTER_CUBIC).clip(0, 1)
    picture[20:23, 10:80] = 1
    image = np.ascontiguousarray(picture.transpose(2, 0, 1)[None])
    old, new = (session.run(image=image)["probability"] for session in (before, Session(card, target, threads=1)))
    assert np.abs(old - new).mean() < 0.1 * old.std() and np.corrcoef(old.ravel(), new.ravel())[0, 1] > 0.99


def test_a_model_is_not_written_over(detector: Path, photographs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = detector.read_bytes()
    monkeypatch.chdir(detector.parent)
    with pytest.raises(UsageError, match="a name of its own"):
        quantize(detector, [photographs], Path(detector.name))
    with pytest.raises(UsageError, match="make it first"):
        quantize(detector, [photographs], detector.parent / "absent" / "bytes.onnx")
    assert detector.read_bytes() == before


def test_weights_leave_a_bit_so_that_no_sum_of_bytes_overflows(in_bytes: Path) -> None:
    model = onnx.load(str(in_bytes))
    weights = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer if len(tensor.dims) == 4]
    assert weights and all(weight.dtype == np.int8 and weight.min() >= -64 and weight.max() <= 64 for weight in weights)


def test_a_backbones_first_blocks_stay_in_single_precision(photographs: Path, tmp_path: Path) -> None:
    generator = 'kind = "backbone"\nbackbone = "efficientnet-lite0"\nchannels = [8, 8, 8, 8, 8]'
    quantize(_exported("damage", photographs, tmp_path, 1, generator), [photographs], tmp_path / "bytes.onnx")
    stored = {tensor.name: tensor.data_type for tensor in onnx.load(str(tmp_path / "bytes.onnx")).graph.initializer}
    for name in ("_conv_stem.weight", *(f"_blocks.{block}._depthwise_conv.weight" for block in range(5))):
        assert stored[f"detector.network.backbone.{name}"] == onnx.TensorProto.FLOAT
    assert stored["detector.network.backbone._blocks.5._depthwise_conv.weight_quantized"] == onnx.TensorProto.INT8


def test_a_training_goes_on_from_it(detector: Path, in_bytes: Path) -> None:
    wanted, given = exported_weights(detector), exported_weights(in_bytes)
    learned = [name for name, tensor in wanted.items() if tensor.ndim == 4]
    assert learned
    for name in learned:
        step = wanted[name].abs().amax(dim=(1, 2, 3), keepdim=True) / 63
        assert ((given[name] - wanted[name]).abs() <= step).all(), name
    _, _, generator, _ = trained_generator(detector.parent / "run")
    initialise_from(generator, in_bytes)
    name, weight = next((name, weight) for name, weight in generator.named_parameters() if weight.ndim == 4)
    assert any(torch.equal(weight, tensor) for other, tensor in given.items() if other.endswith(name))


def test_what_cannot_be_quantized_is_refused(detector: Path, photographs: Path, tmp_path: Path) -> None:
    filler = _exported("fill", photographs, tmp_path, 1)
    with pytest.raises(UsageError, match=r"fill takes image \(n 3 h w\), mask \(n 1 h w\); only models that take one picture"):
        quantize(filler, [photographs], tmp_path / "bytes.onnx")
    with pytest.raises(UsageError, match="needs a name of its own"):
        quantize(detector, [photographs], detector)
    with pytest.raises(UsageError, match="needs a name of its own"):
        quantize(detector, [photographs], tmp_path / "bytes.bin")
    (tmp_path / "tiny").mkdir()
    cv2.imwrite(str(tmp_path / "tiny" / "a.png"), np.zeros((3, 3, 3), np.uint8))
    with pytest.raises(DataError, match="no picture of --pictures is large enough"):
        quantize(detector, [tmp_path / "tiny"], tmp_path / "bytes.onnx")
    assert not (tmp_path / "bytes.onnx").exists()


def test_a_pixel_shuffle_is_laid_out_anew_and_gives_the_same(rng: np.random.Generator) -> None:
    weights, bias = rng.standard_normal((12, 5, 3, 3), np.float32), rng.standard_normal(12, np.float32)
    model = helper.make_model(
        helper.make_graph(
            [
                helper.make_node("Conv", ["given", "weight", "bias"], ["wide"], pads=[1, 1, 1, 1], kernel_shape=[3, 3]),
                helper.make_node("DepthToSpace", ["wide"], ["large"], blocksize=2, mode="CRD"),
                helper.make_node("MaxPool", ["large"], ["same"], kernel_shape=[1, 1]),
                helper.make_node("Relu", ["same"], ["made"]),
            ],
            "shuffle",
            [helper.make_tensor_value_info("given", TensorProto.FLOAT, ["n", 5, "h", "w"])],
            [helper.make_tensor_value_info("made", TensorProto.FLOAT, ["n", 3, "tall", "wide"])],
            [numpy_helper.from_array(weights, "weight"), numpy_helper.from_array(bias, "bias")],
        ),
        opset_imports=[helper.make_opsetid("", 17)],
        ir_version=8,
    )
    given = {"given": rng.standard_normal((2, 5, 6, 9), np.float32)}
    wanted = onnxruntime.InferenceSession(model.SerializeToString()).run(None, given)[0]
    lay_out(model)
    onnx.checker.check_model(model)
    np.testing.assert_array_equal(onnxruntime.InferenceSession(model.SerializeToString()).run(None, given)[0], wanted)
    assert not {"DepthToSpace", "MaxPool"} & {node.op_type for node in model.graph.node}
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    assert not np.array_equal(stored[f"weight{BY_PLACE}"], weights)
    np.testing.assert_array_equal(in_order_of_channels(stored[f"weight{BY_PLACE}"]), weights)
    np.testing.assert_array_equal(in_order_of_channels(stored[f"bias{BY_PLACE}"]), bias)


def test_weights_alone_in_eight_bits_make_a_smaller_file(
    detector: Path, tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "small.onnx"
    main([str(detector), "--weights-only", "-o", str(target)])
    assert "small: its outputs differ by 0.0" in capsys.readouterr().out
    card = read_card(target.with_suffix(".toml"))
    image = rng.random((1, 3, 64, 96), np.float32)
    old = Session(read_card(detector.with_suffix(".toml")), detector, threads=1).run(image=image)["probability"]
    new = Session(card, target, threads=1).run(image=image)["probability"]
    assert 0 < np.abs(old - new).mean() < 0.02 * old.std()
    wanted, given = exported_weights(detector), exported_weights(target)
    assert wanted.keys() <= given.keys()
    for name, tensor in wanted.items():
        assert (given[name] - tensor).abs().max() <= tensor.abs().max() / 250, name
    bytes_ = [tensor for tensor in onnx.load(str(target)).graph.initializer if tensor.data_type == TensorProto.INT8]
    assert sum(int(np.prod(tensor.dims)) for tensor in bytes_) > 0.5 * sum(tensor.numel() for tensor in wanted.values())
    assert target.stat().st_size < detector.stat().st_size
    with pytest.raises(SystemExit):
        main([str(detector), "-o", str(target)])
    with pytest.raises(UsageError, match="needs a name of its own"):
        shrink(detector, detector)
