"""Make the tiny models that the tests pin: one per task, of a few kilobytes, whose answer is known by hand.

Run it to make them anew.

damage    probability rises where luma stands out from the mean of the 9 x 9 around it by more than 0.2
fill      the picture as given plus 0.02 inside the mask, so that a run can be told from none
clean     1.1 times the picture
tone      the identity; need = 1 - (max - min of the thumbnail): flat pictures count as aged
translate 1 - the picture
colorize  a* = 12, b* = 20 at temperature 0.22 (in inverse proportion to it); the hint's color where one is;
          of three colors that, a blue and a green are the likelier in this order
"""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

FOLDER = Path(__file__).parent / "models"
FLOAT = TensorProto.FLOAT


def _constant(name: str, value: object) -> onnx.TensorProto:
    return numpy_helper.from_array(np.asarray(value, np.float32), name)


def _port(name: str, shape: list[int | str]) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, FLOAT, shape)


def damage() -> onnx.GraphProto:
    nodes = [
        helper.make_node("Conv", ["image", "luma"], ["gray"]),
        helper.make_node("AveragePool", ["gray"], ["mean"], kernel_shape=[9, 9], pads=[4, 4, 4, 4], count_include_pad=0),
        helper.make_node("Sub", ["gray", "mean"], ["difference"]),
        helper.make_node("Abs", ["difference"], ["contrast"]),
        helper.make_node("Sub", ["contrast", "level"], ["above"]),
        helper.make_node("Mul", ["above", "steepness"], ["logit"]),
        helper.make_node("Sigmoid", ["logit"], ["probability"]),
    ]
    luma = _constant("luma", np.array([0.299, 0.587, 0.114]).reshape(1, 3, 1, 1))
    constants = [luma, _constant("level", 0.2), _constant("steepness", 40.0)]
    return helper.make_graph(nodes, "damage", [_port("image", ["n", 3, "h", "w"])], [_port("probability", ["n", 1, "h", "w"])], constants)


def fill() -> onnx.GraphProto:
    nodes = [helper.make_node("Mul", ["mask", "lift"], ["lifted"]), helper.make_node("Add", ["image", "lifted"], ["filled"])]
    inputs = [_port("image", ["n", 3, "h", "w"]), _port("mask", ["n", 1, "h", "w"])]
    return helper.make_graph(nodes, "fill", inputs, [_port("filled", ["n", 3, "h", "w"])], [_constant("lift", 0.02)])


def clean() -> onnx.GraphProto:
    nodes = [helper.make_node("Mul", ["image", "gain"], ["cleaned"])]
    inputs, outputs = [_port("image", ["n", 3, "h", "w"])], [_port("cleaned", ["n", 3, "h", "w"])]
    return helper.make_graph(nodes, "clean", inputs, outputs, [_constant("gain", 1.1)])


def tone() -> onnx.GraphProto:
    axes, last = numpy_helper.from_array(np.array([1, 2, 3], np.int64), "axes"), numpy_helper.from_array(np.array([1], np.int64), "last")
    nodes = [
        helper.make_node("ReduceMax", ["thumbnail", "axes"], ["high"], keepdims=0),
        helper.make_node("ReduceMin", ["thumbnail", "axes"], ["low"], keepdims=0),
        helper.make_node("Sub", ["high", "low"], ["range"]),
        helper.make_node("Sub", ["one", "range"], ["flatness"]),
        helper.make_node("Unsqueeze", ["flatness", "last"], ["need"]),
        *(helper.make_node("Identity", [f"same_{name}"], [name]) for name in ("field", "power", "mixing")),
    ]
    same = np.concatenate([np.ones((1, 3, 8, 8)), np.zeros((1, 3, 8, 8))], axis=1)
    constants = [
        _constant("one", 1.0),
        _constant("same_field", same),
        _constant("same_power", np.ones((1, 3))),
        _constant("same_mixing", np.eye(3, 4)[None]),
    ]
    outputs = [_port("field", [1, 6, 8, 8]), _port("power", [1, 3]), _port("mixing", [1, 3, 4]), _port("need", ["n", 1])]
    return helper.make_graph(nodes, "tone", [_port("thumbnail", ["n", 3, 128, 128])], outputs, [*constants, axes, last])


def translate() -> onnx.GraphProto:
    nodes = [helper.make_node("Sub", ["one", "image"], ["translated"])]
    inputs, outputs = [_port("image", ["n", 3, "h", "w"])], [_port("translated", ["n", 3, "h", "w"])]
    return helper.make_graph(nodes, "translate", inputs, outputs, [_constant("one", 1.0)])


def colorize() -> onnx.GraphProto:
    def split(name: str, source: str, channels: list[int]) -> onnx.NodeProto:
        indices.append(numpy_helper.from_array(np.array(channels, np.int64), f"{name}_at"))
        return helper.make_node("Gather", [source, f"{name}_at"], [name], axis=1)

    indices: list[onnx.TensorProto] = []
    nodes = [
        helper.make_node("AveragePool", ["hints"], ["pooled"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("AveragePool", ["lightness"], ["light"], kernel_shape=[4, 4], strides=[4, 4]),
        helper.make_node("Mul", ["light", "zero"], ["nothing"]),
        split("ab", "pooled", [0, 1]),
        split("given", "pooled", [2]),
        helper.make_node("Mul", ["ab", "scale"], ["hinted"]),
        helper.make_node("Sub", ["one", "given"], ["free"]),
        helper.make_node("Div", ["usual", "temperature"], ["liveliness"]),
        helper.make_node("Mul", ["warm", "liveliness"], ["color"]),
        helper.make_node("Mul", ["color", "free"], ["guessed"]),
        helper.make_node("Add", ["guessed", "hinted"], ["both"]),
        helper.make_node("Add", ["both", "nothing"], ["chroma"]),
        helper.make_node("Add", ["nothing", "half"], ["confidence"]),
        helper.make_node("Add", ["nothing", "order"], ["logits"]),
        helper.make_node("Identity", ["palette"], ["colors"]),
    ]
    inputs = [_port("lightness", ["n", 1, "h", "w"]), _port("hints", ["n", 3, "h", "w"]), _port("temperature", [1])]
    outputs = [_port("chroma", ["n", 2, "h4", "w4"]), _port("confidence", ["n", 1, "h4", "w4"])]
    outputs += [_port("logits", ["n", 3, "h4", "w4"]), _port("colors", [3, 2])]
    constants = [_constant("zero", 0.0), _constant("one", 1.0), _constant("half", 0.5), _constant("scale", 110.0), _constant("usual", 0.22)]
    warm = _constant("warm", np.array([12.0, 20.0]).reshape(1, 2, 1, 1))
    constants += [_constant("order", np.array([1.0, 0.9, 0.8]).reshape(1, 3, 1, 1))]
    constants += [_constant("palette", [[12.0, 20.0], [10.0, -30.0], [-30.0, 10.0]])]
    return helper.make_graph(nodes, "colorize", inputs, outputs, [*constants, warm, *indices])


CARD = """# Made by make_models.py: a stand-in for the tests, not a model.
name = "golden-{task}"
version = "1"
task = "{task}"
weights = "{task}.onnx"
sha256 = "{sha256}"
summary = "A stand-in for the tests."
multiple = {multiple}
tile_px = 64
overlap_px = 16
{more}parameters = 0
recipe = "none"
data = "none"
limits = ["it is no model"]
inputs = [{inputs}]
outputs = [{outputs}]
{calibration}"""
AXES = {
    "image": "n 3 h w",
    "mask": "n 1 h w",
    "thumbnail": "n 3 128 128",
    "lightness": "n 1 h w",
    "hints": "n 3 h w",
    "temperature": "1",
    "probability": "n 1 h w",
    "filled": "n 3 h w",
    "cleaned": "n 3 h w",
    "translated": "n 3 h w",
    "field": "n 6 8 8",
    "power": "n 3",
    "mixing": "n 3 4",
    "need": "n 1",
    "chroma": "n 2 h/4 w/4",
    "confidence": "n 1 h/4 w/4",
    "logits": "n 3 h/4 w/4",
    "colors": "3 2",
}
MORE = {"colorize": "working_px = 64\n"}
# As on the cards that ship, but for the threshold and the temperatures.
CALIBRATION = {
    "damage": """threshold = 0.5
hysteresis = 0.5
speck_evidence = 0.8
growth = 1.0
coarse = [[4, 768], [16, 3000]]
second_look = { weight = 0.4, reduced = 0.5, least_px = 192, enlarged = 1.5, enlarged_below_px = 288 }
prior = { share = 0.05, trust = 0.7, range = [-1.5, 0.5] }
lines = { mean = 1.0, contrast = 3.0, own = 3.0 }
""",
    "tone": "tone_range = [0.8, 0.95]\ndetail_range = [0.93, 0.97]\n",
    "fill": 'start = "biharmonic"\n',
    "colorize": "temperatures = [0.45, 0.22, 0.1]\nhint_least_px = 1.5\n",
}


def make(folder: Path = FOLDER) -> None:
    """Write every model and its card into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    for graph in (damage(), fill(), tone(), clean(), colorize(), translate()):
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8, producer_name="unfade-tests")
        onnx.checker.check_model(model, full_check=True)
        weights = model.SerializeToString(deterministic=True)
        (folder / f"{graph.name}.onnx").write_bytes(weights)

        def ports(values: object) -> str:
            return ", ".join(f'{{ name = "{value.name}", axes = "{AXES[value.name]}", meaning = "as in the docs" }}' for value in values)  # type: ignore[attr-defined]

        card = CARD.format(
            task=graph.name,
            sha256=hashlib.sha256(weights).hexdigest(),
            multiple=8,
            more=MORE.get(graph.name, ""),
            calibration=f"\n[calibration]\n{CALIBRATION[graph.name]}" if graph.name in CALIBRATION else "",
            inputs=ports(graph.input),
            outputs=ports(graph.output),
        )
        (folder / f"{graph.name}.toml").write_text(card, encoding="utf-8")


if __name__ == "__main__":
    make()
