"""A model without words that no runtime needs: names of tensors inside it are short, nodes have none."""

from collections.abc import Iterator
from itertools import count
from string import ascii_letters

import onnx

from lth_edge.convert.graph import bodies


def with_short_names(model: onnx.ModelProto) -> onnx.ModelProto:
    """A copy that computes the same; inputs and outputs keep their names, types and shapes.

    One with branches or loops stays as it is: what is inside them sees the names around it.
    """
    short = onnx.ModelProto()
    short.CopyFrom(model)
    graph = short.graph
    if any(True for node in graph.node for _ in bodies(node)):
        return short
    known = {value.name: value.name for value in (*graph.input, *graph.output)} | {"": ""}
    fresh = (name for name in _short_names() if name not in known)
    for tensor in graph.initializer:
        tensor.name = _renamed(tensor.name, known, fresh)
    for sparse in graph.sparse_initializer:
        sparse.values.name = _renamed(sparse.values.name, known, fresh)
    for node in graph.node:
        node.ClearField("name")
        for names in (node.input, node.output):
            names[:] = [_renamed(name, known, fresh) for name in names]
    del graph.value_info[:], graph.quantization_annotation[:]
    for field in ("producer_name", "producer_version"):
        short.ClearField(field)
    return short


def _renamed(name: str, known: dict[str, str], fresh: Iterator[str]) -> str:
    if name not in known:
        known[name] = next(fresh)
    return known[name]


def _short_names() -> Iterator[str]:
    """a, b, ... Z, a1, b1, ..."""
    yield from ascii_letters
    for number in count(1):
        yield from (f"{letter}{number}" for letter in ascii_letters)
