"""A graph as ONNX Runtime computes it in bytes: with the channels of a pixel beside each other.

In that layout a pixel shuffle moves single bytes, unless the channels that go to one place are neighbours;
then it moves whole rows of them. So the channels of the convolution before it are put into that order, and
the shuffle is written as what it then is. The detector needs four fifths of the time, and gives the same
numbers.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
from onnx import helper, numpy_helper

BY_PLACE = ".by_place"
"""What the names of weights end in whose channels are ordered by the place that they go to."""
_SIDE = 2  # a shuffle makes so many pixels of one, down and across


def lay_out(model: onnx.ModelProto) -> None:
    """Rewrite each pixel shuffle behind a convolution in place, and drop poolings of one pixel: they keep a
    layout that bytes do not have (see `export`)."""
    graph = model.graph
    for node in [node for node in graph.node if _is_idle(node)]:
        _rename_input(graph, node.output[0], node.input[0])
        graph.node.remove(node)
    for node in [node for node in graph.node if node.op_type == "DepthToSpace"]:
        convolution = next((maker for maker in graph.node if node.input[0] in maker.output), None)
        users = [user for user in graph.node if node.input[0] in user.input]
        if convolution is not None and convolution.op_type == "Conv" and len(users) == 1 and _is_by_channel(node):
            _shuffle_rows(graph, node, _order_by_place(graph, convolution))


def in_order_of_channels(weights: np.ndarray) -> np.ndarray:
    """Weights or biases of channels ordered by place, in their own order again.

    >>> in_order_of_channels(np.array([0, 4, 1, 5, 2, 6, 3, 7])).tolist()
    [0, 1, 2, 3, 4, 5, 6, 7]
    """
    places = _SIDE * _SIDE
    return np.ascontiguousarray(weights.reshape(places, -1, *weights.shape[1:]).swapaxes(0, 1)).reshape(weights.shape)


def _is_idle(node: onnx.NodeProto) -> bool:
    """Whether it is a pooling of one pixel."""
    return node.op_type == "MaxPool" and all(list(item.ints) == [1, 1] for item in node.attribute if item.name == "kernel_shape")


def _is_by_channel(shuffle: onnx.NodeProto) -> bool:
    """Whether four channels that follow each other make one, as PyTorch has it."""
    set_to = {item.name: item.s or item.i for item in shuffle.attribute}
    return set_to.get("mode") == b"CRD" and set_to.get("blocksize") == _SIDE


def _rename_input(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        node.input[:] = [new if name == old else name for name in node.input]


def _order_by_place(graph: onnx.GraphProto, convolution: onnx.NodeProto) -> int:
    """Order the channels that the convolution gives by their places; gives how many go to each."""
    stored = {tensor.name: tensor for tensor in graph.initializer}
    for name in convolution.input[1:]:
        given = numpy_helper.to_array(stored[name])
        ordered = given.reshape(-1, _SIDE * _SIDE, *given.shape[1:]).swapaxes(0, 1).reshape(given.shape)
        stored[name].CopyFrom(numpy_helper.from_array(np.ascontiguousarray(ordered), name + BY_PLACE))
        _rename_input(graph, name, name + BY_PLACE)
    return int(stored[convolution.input[1].removesuffix(BY_PLACE)].dims[0]) // _SIDE**2


def _shuffle_rows(graph: onnx.GraphProto, shuffle: onnx.NodeProto, channels: int) -> None:
    """Write the shuffle of channels ordered by place (n, 2 x 2 x c, h, w) -> (n, c, 2 h, 2 w) with channels
    last."""
    base, given = shuffle.output[0], shuffle.input[0]

    def numbers(name: str, *values: int) -> str:
        graph.initializer.append(numpy_helper.from_array(np.array(values, np.int64), f"{base}_{name}"))
        return f"{base}_{name}"

    steps: list[tuple[str, tuple[str, ...], str, dict[str, Any]]] = [
        ("Transpose", (given,), "last", {"perm": [0, 2, 3, 1]}),
        ("Shape", (f"{base}_last",), "shape", {}),
        ("Gather", (f"{base}_shape", numbers("first", 0, 1, 2)), "sides", {"axis": 0}),
        ("Concat", (f"{base}_sides", numbers("apart", _SIDE, _SIDE * channels)), "rows_apart", {"axis": 0}),
        ("Reshape", (f"{base}_last", f"{base}_rows_apart"), "rows", {}),
        ("Transpose", (f"{base}_rows",), "moved", {"perm": [0, 1, 3, 2, 4]}),
        ("Mul", (f"{base}_sides", numbers("factors", 1, _SIDE, _SIDE)), "larger_sides", {}),
        ("Concat", (f"{base}_larger_sides", numbers("channels", channels)), "larger", {"axis": 0}),
        ("Reshape", (f"{base}_moved", f"{base}_larger"), "shuffled", {}),
        ("Transpose", (f"{base}_shuffled",), "", {"perm": [0, 3, 1, 2]}),
    ]
    nodes = [
        helper.make_node(kind, list(inputs), [f"{base}_{name}" if name else base], name=f"{base}_{name or 'first'}_{kind}", **set_to)
        for kind, inputs, name, set_to in steps
    ]
    at = list(graph.node).index(shuffle)
    graph.node.remove(shuffle)
    for index, node in enumerate(nodes):
        graph.node.insert(at + index, node)
