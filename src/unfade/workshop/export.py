"""A trained generator becomes a file that ships: ONNX, weights in half precision, and its card.

Refused unless ONNX Runtime and PyTorch agree.
"""

from __future__ import annotations

import json
import math
import os
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from torch import Tensor, nn

from unfade.errors import ExportError, UsageError
from unfade.files import disk
from unfade.models.calibration import calibration_of
from unfade.models.card import Card, Port, Score
from unfade.models.session import Session
from unfade.workshop.tasks import Exported
from unfade.workshop.train import trained_generator

# Half precision keeps 11 bits: sums over a few hundred weights stay within this of single precision, on
# outputs of order 1.
TOLERANCE = 0.02
OPSET = 18
# Shorter tensors stay in single precision: they cost nothing, and constants such as 1e-8 do not survive
# halving.
FEWEST = 16


def export(run: Path, target: Path, *, version: str = "1", scores: tuple[Score, ...] = ()) -> Card:
    """Write the run's averaged generator to `target` (.onnx) and its card beside it (.toml); gives the card.

    The weights are rounded to half precision (each widened again by a Cast that ONNX Runtime folds away when
    it loads the file). The exported file is then run in ONNX Runtime and compared with PyTorch on sizes that
    are odd multiples of the network's smallest side; if any output differs by more than 2 % of its largest
    value, nothing is written and `ExportError` says by how much.
    """
    if target.suffix != ".onnx":
        raise UsageError(f"{target.name}: an exported model's name ends in .onnx; give -o {target.stem}.onnx")
    task, recipe, generator, saved = trained_generator(run)
    shape = task.exported(generator)
    shape.module.eval()
    _round_to_half(shape.module)
    growing = target.with_suffix(f".{os.getpid()}.onnx")
    card_path = target.with_suffix(".toml")
    try:
        _write(shape, growing)
        card = Card(
            name=target.stem,
            version=version,
            task=task.name,
            weights=target.name,
            sha256=disk.sha256_of(growing),
            summary=recipe.summary,
            inputs=shape.inputs,
            outputs=shape.outputs,
            multiple=shape.multiple,
            tile_px=shape.tile_px,
            overlap_px=shape.overlap_px,
            working_px=shape.working_px,
            parameters=sum(parameter.numel() for parameter in generator.parameters()),
            recipe=f"{recipe.name}.toml, {saved.step} steps of {recipe.data.batch} pictures, {saved.minutes:.0f} minutes",
            data="photographs given with --data",
            scores=scores,
            limits=shape.limits or ("see docs/explanation",),
            calibration=calibration_of(task.name, {**shape.calibration, **recipe.calibration}),
        )
        _require_agreement(shape, growing, card)
        growing.replace(target)
    finally:
        growing.unlink(missing_ok=True)
    card_path.write_text(card_toml(card), encoding="utf-8")
    return card


def _round_to_half(module: nn.Module) -> None:
    with torch.no_grad():
        for tensor in module.state_dict().values():
            if tensor.is_floating_point():
                tensor.copy_(tensor.half().float())


def _write(shape: Exported, path: Path) -> None:
    side = 3 * shape.multiple
    example = shape.example(side, side)
    sizes = {}
    for port in shape.inputs:
        axes = {index: axis for index, axis in enumerate(port.axes.split()) if axis in ("n", "h", "w")}
        if axes:
            sizes[port.name] = axes
    for port in shape.outputs:
        sizes[port.name] = {
            index: f"{port.name}_{axis}" if "/" in axis else axis for index, axis in enumerate(port.axes.split()) if not axis.isdigit()
        }
    torch.onnx.export(
        shape.module,
        example,
        str(path),
        input_names=[port.name for port in shape.inputs],
        output_names=[port.name for port in shape.outputs],
        dynamic_axes=sizes,
        opset_version=OPSET,
        dynamo=False,
    )
    model = onnx.load(str(path))
    _fold_pads(model.graph)
    _keep_blocked(model.graph)
    store_half(model)
    onnx.checker.check_model(model)
    onnx.save(model, str(path))


def _fold_pads(graph: onnx.GraphProto) -> None:
    """Let each convolution do the padding with zeros before it.

    Left apart, the padding makes ONNX Runtime copy every picture twice.
    """
    makers = {name: node for node in graph.node for name in node.output}
    users = _users(graph)
    for pad in [node for node in graph.node if node.op_type == "Pad"]:
        convolution = users[pad.output[0]][0]
        sides = next((attribute.ints for attribute in convolution.attribute if attribute.name == "pads"), None)
        zeros = _mode(pad) == b"constant" and not any(pad.input[2:])
        if len(users[pad.output[0]]) > 1 or convolution.op_type != "Conv" or sides is None or not zeros:
            continue
        amounts = _constant(graph, makers, pad.input[1])  # of the axes n c h w: all that goes before, then all that goes behind
        sides[:] = [here + int(more) for here, more in zip(sides, (*amounts[2:4], *amounts[6:8]), strict=True)]
        convolution.input[0] = pad.input[0]
        graph.node.remove(pad)
    _prune(graph)


def _keep_blocked(graph: onnx.GraphProto) -> None:
    """Put a pooling of one pixel, which changes nothing, between each pixel shuffle and the sum it goes into.

    ONNX Runtime convolves in a layout of its own, in blocks of channels, and adds in it only what came out in
    it. A shuffle does not, and the pooling does: without it every sum from there on, and what it is the sum
    of, is laid out anew (a sixteenth of the detector's time).
    """
    users = _users(graph)
    for index, node in reversed(list(enumerate(graph.node))):
        sums = users.get(node.output[0], [])
        if node.op_type == "DepthToSpace" and sums and all(user.op_type == "Add" for user in sums):
            blocked = f"{node.output[0]}_blocked"
            for user in sums:
                user.input[:] = [blocked if name == node.output[0] else name for name in user.input]
            graph.node.insert(index + 1, helper.make_node("MaxPool", [node.output[0]], [blocked], kernel_shape=[1, 1]))


def _users(graph: onnx.GraphProto) -> dict[str, list[onnx.NodeProto]]:
    """For each name the nodes that take it, in their order."""
    users: dict[str, list[onnx.NodeProto]] = {}
    for node in graph.node:
        for name in node.input:
            users.setdefault(name, []).append(node)
    return users


def _mode(pad: onnx.NodeProto) -> bytes:
    return next((bytes(attribute.s) for attribute in pad.attribute if attribute.name == "mode"), b"constant")


def _constant(graph: onnx.GraphProto, makers: Mapping[str, onnx.NodeProto], name: str) -> np.ndarray:
    """The value that a part of the graph without inputs gives."""
    needed, asked = set(), [name]
    while asked:
        if (node := makers.get(asked.pop())) is not None:
            needed.add(node.output[0])
            asked += node.input
    nodes = [node for node in graph.node if node.output[0] in needed]
    stored = [tensor for tensor in graph.initializer if any(tensor.name in node.input for node in nodes)]
    part = helper.make_graph(nodes, "constant", [], [helper.make_empty_tensor_value_info(name)], stored)
    model = helper.make_model(part, opset_imports=[helper.make_opsetid("", OPSET)])
    return np.asarray(next(iter(ReferenceEvaluator(model).run(None, {}))))


def _prune(graph: onnx.GraphProto) -> None:
    """Take out what leads to no output."""
    kept = {port.name for port in graph.output}
    for node in reversed(list(graph.node)):
        if kept.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            kept.update(node.input)


def store_half(model: onnx.ModelProto) -> None:
    """Keep every float32 initializer but the shortest as float16, widened by a Cast of the old name."""
    graph = model.graph
    casts = []
    for index, initializer in enumerate(list(graph.initializer)):
        if initializer.data_type != TensorProto.FLOAT or math.prod(initializer.dims) < FEWEST:
            continue
        name = initializer.name
        graph.initializer[index].CopyFrom(numpy_helper.from_array(numpy_helper.to_array(initializer).astype(np.float16), f"{name}.half"))
        casts.append(helper.make_node("Cast", [f"{name}.half"], [name], to=TensorProto.FLOAT))
    for cast in reversed(casts):
        graph.node.insert(0, cast)


def _require_agreement(shape: Exported, path: Path, card: Card) -> None:
    session = Session(card, path, threads=1)
    for rows, columns in ((1, 1), (3, 5), (7, 2)):
        inputs = shape.example(rows * shape.multiple, columns * shape.multiple)
        with torch.no_grad():
            wanted = shape.module(*inputs)
        wanted = wanted if isinstance(wanted, tuple) else (wanted,)
        got = session.run(**{port.name: tensor.numpy() for port, tensor in zip(shape.inputs, inputs, strict=True)})
        for port, tensor in zip(shape.outputs, wanted, strict=True):
            _compare(port, tensor, got[port.name], f"{rows * shape.multiple} x {columns * shape.multiple}")


def _compare(port: Port, wanted: Tensor, got: np.ndarray, size: str) -> None:
    if tuple(wanted.shape) != got.shape:
        raise ExportError(
            f"{port.name} at {size}: PyTorch gives the shape {tuple(wanted.shape)} and ONNX Runtime {got.shape}; nothing was written"
        )
    difference = float(np.abs(wanted.numpy() - got).max())
    limit = TOLERANCE * max(float(wanted.abs().max()), 1e-3)
    if not difference <= limit:
        raise ExportError(
            f"{port.name} at {size}: PyTorch and ONNX Runtime differ by {difference:.4g}; the limit is {limit:.4g}. Nothing was written"
        )


def card_toml(card: Card) -> str:
    """The card as TOML that `models.card.read_card` reads back."""
    lines = []
    tables = []
    for key, value in card.model_dump(mode="json").items():
        if value is None or (key in ("scores", "calibration") and not value):
            continue
        if isinstance(value, list) and value and isinstance(value[0], dict):
            for entry in value:
                tables += [
                    "",
                    f"[[{key}]]",
                    *(f"{name} = {json.dumps(part, ensure_ascii=False)}" for name, part in entry.items() if part is not None),
                ]
        elif isinstance(value, dict):
            tables += _table(key, value)
        else:
            lines.append(f"{key} = {json.dumps(value, ensure_ascii=False)}")
    return "\n".join(lines + tables) + "\n"


def _table(name: str, values: Mapping[str, object]) -> list[str]:
    """A table of TOML and those within it; JSON's values are TOML's, and what is null is left out."""
    plain = [f"{key} = {json.dumps(value)}" for key, value in values.items() if value is not None and not isinstance(value, dict)]
    inner = [line for key, value in values.items() if isinstance(value, dict) for line in _table(f"{name}.{key}", value)]
    return ["", f"[{name}]", *plain, *inner]
