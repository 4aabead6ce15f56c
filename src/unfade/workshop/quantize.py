"""A model computes in eight bits: half its size, and half its time on processors that multiply bytes.

    python -m unfade.workshop.quantize models/my-damage.onnx --pictures photographs/ -o models/my-8bit.onnx

For models that decide, such as a detector: what is lost in precision is small beside what tells the classes
apart. A model that paints would show the steps. Ranges of the activations are the least and the greatest
values that windows of `--pictures` give (post-training quantization: Jacob et al. 2018, arXiv:1712.05877),
so that these should be photographs of the kind that the model will see. Weights have seven of the eight bits:
processors without VNNI add products of bytes in 16 bits, and full bytes would overflow there.

Judge the result: `unfade evaluate damage`; its threshold may want to be lower.

    python -m unfade.workshop.quantize models/my-faces.onnx --weights-only -o models/my-small-faces.onnx

With `--weights-only` it computes as before, in single precision, and needs no pictures: its file is half as
large, and its weights have eight bits, the largest of each channel 127 steps.
"""

from __future__ import annotations

import argparse
import logging
import re
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np

from unfade.arrays import Batch
from unfade.errors import DataError, ExportError, UsageError
from unfade.files import disk, photo
from unfade.models.card import Card, Port, read_card
from unfade.models.session import Session, batch_of
from unfade.workshop.door import door

with door(__name__):
    import onnx
    from onnx import TensorProto, helper, numpy_helper
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quant_pre_process, quantize_static

    from unfade.workshop.channels_last import lay_out
    from unfade.workshop.data import find_pictures
    from unfade.workshop.export import card_toml, store_half
    from unfade.workshop.train import QUANTIZED

WINDOW_PX = 256
FEW = 8
"""Weights over fewer channels, as of a depthwise convolution, are few, and an error in one is felt."""
WINDOWS = 240
"""At most so many windows say how wide the ranges are, one of each picture."""
IN_BYTES = ("Conv", "Add", "MaxPool", "DepthToSpace", "Relu", "Clip", "Reshape", "Transpose")
"""What computes in bytes, so that no bytes are widened between convolutions."""
IN_SINGLE = re.compile(r"/backbone/(_conv_stem/|_blocks\.[0-4]/|[A-Z])")
"""What stays in single precision: a backbone's first blocks. Their channels differ so much in range that
bytes lose what a white, torn-off corner looks like (its log-odds went from 2.7 to 0.7); they cost no time."""


def quantize(model: Path, pictures: Sequence[Path], target: Path, *, seed: int = 0) -> tuple[Card, float]:
    """Write `model` (.onnx, its card beside it) to `target` in eight bits, with its card; gives that card,
    and by how much its outputs differ on the mean over the windows.

    Raises `DataError` if no picture holds a window, `UsageError` if the model takes anything but a picture or
    `target` is no .onnx.
    """
    _check_target(model, target)
    card = read_card(model.with_suffix(".toml"))
    if [port.axes for port in card.inputs] != ["n 3 h w"]:
        taken = ", ".join(f"{port.name} ({port.axes})" for port in card.inputs)
        raise UsageError(f"{card.name} takes {taken}; only models that take one picture (n 3 h w) can be quantized")
    name = card.inputs[0].name
    windows = [{name: window} for window in _windows(find_pictures(pictures), card.multiple, np.random.default_rng(seed))]
    if not windows:
        raise DataError(f"no picture of --pictures is large enough for a window of {card.multiple} pixels; give larger ones")
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        wide = Path(folder) / "wide.onnx"
        onnx.save(_widened(onnx.load(str(model))), str(wide))
        quant_pre_process(str(wide), str(wide), skip_symbolic_shape=True)
        laid_out = onnx.load(str(wide))
        lay_out(laid_out)
        onnx.save(laid_out, str(wide))
        nodes = [node.name for node in laid_out.graph.node]
        growing = Path(folder) / target.name
        quantize_static(
            str(wide),
            str(growing),
            _Windows(windows),
            quant_format=QuantFormat.QDQ,
            op_types_to_quantize=IN_BYTES,
            nodes_to_exclude=[node for node in nodes if IN_SINGLE.search(node)],
            per_channel=True,
            reduce_range=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
        )
        return _put(growing, target, card, model, windows)


def shrink(model: Path, target: Path, *, seed: int = 0) -> tuple[Card, float]:
    """Write `model` (.onnx, its card beside it) to `target` with its weights in eight bits, with its card;
    gives that card, and by how much its outputs differ on the mean over noise.

    Raises `UsageError` if `target` is no .onnx or `model` itself.
    """
    _check_target(model, target)
    card = read_card(model.with_suffix(".toml"))
    small = _widened(onnx.load(str(model)))
    _store_bytes(small)
    onnx.checker.check_model(small)
    rng = np.random.default_rng(seed)
    noise = {port.name: rng.random(_example_shape(port, card.multiple), np.float32) for port in card.inputs}
    with tempfile.TemporaryDirectory(dir=target.parent) as folder:
        growing = Path(folder) / target.name
        onnx.save(small, str(growing))
        return _put(growing, target, card, model, [noise])


def _put(growing: Path, target: Path, card: Card, model: Path, given: Sequence[Mapping[str, Batch]]) -> tuple[Card, float]:
    """Put what was made of `model` in its place, with its card; gives that card, and by how much its outputs
    differ on the mean over what is `given`."""
    made = card.model_copy(update={"name": target.stem, "weights": target.name, "sha256": disk.sha256_of(growing)})
    difference = _difference(Session(card, model, threads=1), Session(made, growing, threads=1), given)
    growing.replace(target)
    target.with_suffix(".toml").write_text(card_toml(made), encoding="utf-8")
    return made, difference


def _check_target(model: Path, target: Path) -> None:
    if target.suffix != ".onnx" or target.resolve() == model.resolve():
        raise UsageError(f"{target}: the quantized model needs a name of its own that ends in .onnx; give -o")
    if not target.parent.is_dir():
        raise UsageError(f"{target}: there is no folder {target.parent}; make it first")


def _example_shape(port: Port, multiple: int) -> tuple[int, ...]:
    """A shape that fits the port: four times the least sides."""
    sides = [axis.partition("/") for axis in port.axes.split()]
    return tuple(int(axis) if axis.isdigit() else 1 if axis == "n" else 4 * multiple // int(share or 1) for axis, _, share in sides)


def _store_bytes(model: onnx.ModelProto) -> None:
    """Keep the weights of convolutions over many channels as bytes and a scale for each of theirs, widened
    again when the model is opened; the rest as an exported model keeps it."""
    graph = model.graph
    names = {node.input[1] for node in graph.node if node.op_type == "Conv"}
    many = [tensor for tensor in graph.initializer if tensor.name in names and tensor.dims[1] >= FEW]
    for tensor in many:
        graph.initializer.remove(tensor)
    store_half(model)
    for tensor in many:
        name, array = tensor.name, numpy_helper.to_array(tensor)
        scale = np.maximum(np.abs(array).reshape(len(array), -1).max(axis=1), 1e-12).reshape(-1, 1, 1, 1) / 127
        graph.initializer.append(numpy_helper.from_array(np.rint(array / scale).astype(np.int8), f"{name}{QUANTIZED}"))
        graph.initializer.append(numpy_helper.from_array(scale.astype(np.float32), f"{name}_scale"))
        graph.node.insert(0, helper.make_node("Mul", [f"{name}_steps", f"{name}_scale"], [name]))
        graph.node.insert(0, helper.make_node("Cast", [f"{name}{QUANTIZED}"], [f"{name}_steps"], to=TensorProto.FLOAT))


class _Windows(CalibrationDataReader):  # type: ignore[misc]  # onnxruntime carries no types
    """Windows for ONNX Runtime, one after the other."""

    def __init__(self, windows: Sequence[Mapping[str, Batch]]) -> None:
        self._left = iter(windows)

    def get_next(self) -> Mapping[str, Batch] | None:
        """The next, None after the last."""
        return next(self._left, None)


def _windows(paths: Sequence[Path], multiple: int, rng: np.random.Generator) -> Iterator[Batch]:
    """A window of each of at most `WINDOWS` pictures, (1, 3, h, w)."""
    for path in (paths[index] for index in sorted(rng.permutation(len(paths))[:WINDOWS])):
        given = photo.read(path)
        tall, wide = (min(WINDOW_PX, side) // multiple * multiple for side in (given.height, given.width))
        if tall and wide:
            top, left = (int(rng.integers(side - part + 1)) for side, part in ((given.height, tall), (given.width, wide)))
            yield batch_of(given.srgb(slice(top, top + tall), slice(left, left + wide)))


def _widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """The model with the weights that it keeps in half precision widened for good, as it is quantized in
    single."""
    graph = model.graph
    halves = {tensor.name: tensor for tensor in graph.initializer if tensor.data_type == TensorProto.FLOAT16}
    for cast in [node for node in graph.node if node.op_type == "Cast" and node.input[0] in halves]:
        half = halves[cast.input[0]]
        graph.initializer.append(numpy_helper.from_array(numpy_helper.to_array(half).astype(np.float32), cast.output[0]))
        graph.initializer.remove(half)
        graph.node.remove(cast)
    return model


def _difference(one: Session, other: Session, windows: Sequence[Mapping[str, Batch]]) -> float:
    """The mean absolute difference of their outputs.

    Raises `ExportError` if it is not a number.
    """
    differences = []
    for given in windows:
        seen, again = one.run(**given), other.run(**given)
        differences.append(np.mean([np.abs(seen[name] - again[name]).mean() for name in seen]))
    difference = float(np.mean(differences))
    if not np.isfinite(difference):
        raise ExportError(f"{other.card.name} gives what is not a number; nothing was written")
    return difference


def main(arguments: Sequence[str] | None = None) -> None:
    """See the module."""
    parser = argparse.ArgumentParser(description="Make a model that computes in eight bits.")
    parser.add_argument("model", type=Path, help="an .onnx with its card beside it")
    parser.add_argument("--pictures", type=Path, action="append", help="a folder of photographs; may be given again")
    parser.add_argument("--weights-only", action="store_true", help="compute in single precision as before: the file shrinks")
    parser.add_argument("-o", "--output", type=Path, required=True, help="the .onnx to write; its card goes beside it")
    given = parser.parse_args(arguments)
    logging.disable(logging.WARNING)  # ONNX Runtime advises what has been done
    if not given.weights_only and not given.pictures:
        parser.error("give --pictures: they say how wide the activations' ranges are; or --weights-only")
    card, difference = shrink(given.model, given.output) if given.weights_only else quantize(given.model, given.pictures, given.output)
    sys.stdout.write(f"{given.output}\n{card.name}: its outputs differ by {difference:.4f} on the mean\n")


if __name__ == "__main__":
    with door(__name__):
        main()
