"""A graph in fewer bytes: short names, no notes, no attribute that says what ONNX takes in its absence."""

from collections.abc import Container, Iterator
from itertools import product
from string import ascii_lowercase

import onnx
from onnx import defs, helper

from lth_edge.convert.graph import Graph, bodies, kind

_ONES = {"strides", "dilations"}
_ZEROS = {"pads"}
_WINDOWED = {"Conv", "ConvTranspose", "MaxPool", "AveragePool"}


def lean(model: onnx.ModelProto, keep: Container[str]) -> onnx.ModelProto:
    """A model that computes the same.

    Args:
        model: left as it is.
        keep: names that tensors keep, beside those of inputs and outputs. The others get two letters or more; all keep
            their names in a model with branches or loops, whose bodies see them too.
    """
    smaller = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import, functions=model.functions)
    smaller.graph.CopyFrom(model.graph)
    graph = smaller.graph
    graph.name = "g"
    for field in ("value_info", "metadata_props", "doc_string"):
        graph.ClearField(field)
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    constants = Graph(model)
    for node in graph.node:
        for field in ("name", "metadata_props", "doc_string"):
            node.ClearField(field)
        _drop_defaults(node, opsets.get(node.domain, 1), constants)
    if not any(True for node in graph.node for _ in bodies(node)):
        _rename(graph, keep)
    return smaller


def _drop_defaults(node: onnx.NodeProto, opset: int, constants: Graph) -> None:
    if not defs.has(node.op_type, domain=node.domain):
        return
    known = defs.get_schema(node.op_type, opset, node.domain).attributes
    said = [
        item
        for item in node.attribute
        if item.name not in known
        or not (_is_default(node, item, known[item.name]) or _says_nothing(node, item, constants))
    ]
    del node.attribute[:]
    node.attribute.extend(said)


def _is_default(node: onnx.NodeProto, item: onnx.AttributeProto, schema: defs.OpSchema.Attribute) -> bool:
    value = helper.get_attribute_value(item)
    if node.op_type in _WINDOWED and item.name in _ONES | _ZEROS:
        return all(number == (item.name in _ONES) for number in value)
    default = schema.default_value
    return default.type == item.type and bool(value == helper.get_attribute_value(default))


def _says_nothing(node: onnx.NodeProto, item: onnx.AttributeProto, constants: Graph) -> bool:
    """Whether an attribute repeats what a constant shape says."""
    if kind(node) == "Conv" and item.name == "kernel_shape":
        weight = constants.constant(node.input[1])
        return weight is not None and tuple(item.ints) == weight.shape[2:]
    if kind(node) == "Reshape" and item.name == "allowzero":
        shape = constants.constant(node.input[1])
        return shape is not None and bool((shape != 0).all())
    return False


def _rename(graph: onnx.GraphProto, keep: Container[str]) -> None:
    fixed = {value.name for value in (*graph.input, *graph.output)}
    held = [tensor.name for tensor in graph.initializer] + [tensor.values.name for tensor in graph.sparse_initializer]
    names = [*held, *(name for node in graph.node for name in node.output if name)]
    fixed |= {name for name in names if name in keep}
    fresh = (name for name in _letters() if name not in fixed)
    short = {name: name if name in fixed else next(fresh) for name in dict.fromkeys(names)}
    for tensor in graph.initializer:
        tensor.name = short[tensor.name]
    for sparse in graph.sparse_initializer:
        sparse.values.name = short[sparse.values.name]
    for node in graph.node:
        for field in (node.input, node.output):
            for place, name in enumerate(field):
                field[place] = short.get(name, name)


def _letters() -> Iterator[str]:
    """Names of two letters, then of three."""
    for length in (2, 3, 4):
        yield from map("".join, product(ascii_lowercase, repeat=length))
