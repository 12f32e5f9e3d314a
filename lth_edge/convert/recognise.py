"""Which activation some nodes compute, however they spell it.

Exporters spell hard swish and GELU in many ways. A group of pointwise standard operators that depends on one tensor and
on single numbers is a function of one number; it is told by its values at probes from the linear range to the far ends.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from math import erf, sqrt

import numpy as np
import onnx

from lth_edge.convert.chain_layer import CLIP, GELU_ERF, GELU_TANH, HARD_SWISH, Activation
from lth_edge.convert.graph import attribute, kind
from lth_edge.convert.layers import Refused
from lth_edge.convert.operands import constant_values, evaluate
from lth_edge.convert.scope import Scope
from lth_edge.ticket import Array

_POINTWISE = frozenset(
    {"Add", "Sub", "Mul", "Div", "Pow", "Neg", "Min", "Max", "Clip", "Relu", "Erf", "Tanh", "Sqrt", "Identity"}
    | {"Sigmoid", "HardSigmoid", "HardSwish", "Gelu"}
)
_MOST_NODES = 12
_TOLERANCE = 2e-6


@dataclass(frozen=True)
class Recognised:
    """An activation, the nodes that compute it, and the tensor that holds it."""

    activation: Activation
    nodes: tuple[onnx.NodeProto, ...]
    output: str
    word: str


def recognise_activation(scope: Scope, tensor: str, rank: int) -> Recognised | None:
    """The activation that all readers of a tensor compute together; `None` where they compute none that is known.

    Args:
        scope: of the tensor.
        tensor: that nothing but the activation reads.
        rank: of the tensor, or the least that it may have; constants may not have more axes.
    """
    if tensor in scope.outputs:
        return None
    return _as_clip(scope, tensor) or _by_probes(scope, tensor, rank)


def _as_clip(scope: Scope, tensor: str) -> Recognised | None:
    readers = scope.readers(tensor)
    bounds = clip_bounds(scope, readers[0], tensor) if len(readers) == 1 else None
    if bounds is None:
        return None
    return Recognised(Activation(CLIP, *bounds), (readers[0],), readers[0].output[0], kind(readers[0]))


def clip_bounds(scope: Scope, node: onnx.NodeProto, tensor: str) -> tuple[float, float] | None:
    """The bounds of a Relu, Clip, Min or Max with constants; `None` for any other node."""
    if kind(node) == "Relu":
        return 0.0, float("inf")
    if kind(node) == "Clip":
        return _bounds_of_clip(scope, node, tensor)
    if kind(node) not in {"Min", "Max"} or len(node.input) != 2:
        return None
    (other,) = [name for name in node.input if name != tensor] or [""]
    bound = _number(scope, other)
    if bound is None:
        return None
    return (-float("inf"), bound) if kind(node) == "Min" else (bound, float("inf"))


def _bounds_of_clip(scope: Scope, node: onnx.NodeProto, tensor: str) -> tuple[float, float] | None:
    if node.input[0] != tensor:
        return None
    bounds = []
    for place, (name, none) in enumerate((("min", -float("inf")), ("max", float("inf"))), start=1):
        given = node.input[place] if len(node.input) > place else ""
        bounds.append(_number(scope, given) if given else float(attribute(node, name, none)))
    low, high = bounds
    return None if low is None or high is None else (low, high)


def _number(scope: Scope, name: str) -> float | None:
    constant = constant_values(scope, name)
    return float(constant.reshape(())) if constant is not None and constant.size == 1 and constant.ndim < 2 else None


def _by_probes(scope: Scope, tensor: str, rank: int) -> Recognised | None:
    for nodes, output in _regions(scope, tensor, rank):
        activation = _function_of(scope, tensor, nodes, output)
        if activation is not None:
            return Recognised(activation, tuple(nodes), output, _WORDS[activation.kind])
    return None


def _regions(scope: Scope, tensor: str, rank: int) -> Iterator[tuple[list[onnx.NodeProto], str]]:
    """Growing groups of nodes that read a tensor and numbers, each with one tensor that others read."""
    inside, nodes = {tensor}, list[onnx.NodeProto]()
    while len(nodes) < _MOST_NODES:
        node = _next(scope, inside, nodes, rank)
        if node is None:
            return
        nodes.append(node)
        inside.add(node.output[0])
        exits = [name for name in inside if _read_outside(scope, name, nodes)]
        if len(exits) == 1 and exits[0] == node.output[0]:
            yield list(nodes), exits[0]


def _next(scope: Scope, inside: set[str], nodes: list[onnx.NodeProto], rank: int) -> onnx.NodeProto | None:
    """A reader of the group that only needs what is inside it; the network's order is that of computing."""
    taken = {node.output[0] for node in nodes}
    readers = {reader.output[0]: reader for name in inside for reader in scope.readers(name)}
    for name in sorted(readers.keys() - taken):
        node = readers[name]
        if kind(node) in _POINTWISE and all(_belongs(scope, given, inside, rank) for given in node.input):
            return node
    return None


def _belongs(scope: Scope, name: str, inside: set[str], rank: int) -> bool:
    if not name or name in inside:
        return True
    constant = constant_values(scope, name)
    return constant is not None and constant.size == 1 and constant.ndim <= rank


def _read_outside(scope: Scope, name: str, nodes: list[onnx.NodeProto]) -> bool:
    members = {node.output[0] for node in nodes}
    return name in scope.outputs or any(reader.output[0] not in members for reader in scope.readers(name))


def _function_of(scope: Scope, tensor: str, nodes: list[onnx.NodeProto], output: str) -> Activation | None:
    feeds = {tensor: _probes()}
    for node in nodes:
        for name in node.input:
            constant = constant_values(scope, name)
            if constant is not None:
                feeds[name] = constant.reshape(())
    try:
        values = evaluate(nodes, feeds, output, scope.opset)
    except Refused:
        return None
    return next((Activation(which) for which, known in _known().items() if _agree(values, known)), None)


def _agree(values: Array, known: Array) -> bool:
    near = np.abs(values.astype(np.float64) - known) <= _TOLERANCE * np.maximum(1, np.abs(_probes()))
    return values.shape == known.shape and bool(near.all())


@cache
def _probes() -> Array:
    near, far = np.linspace(-8, 8, 641), np.logspace(1, 9, 33)
    return np.concatenate([-far[::-1], near, far]).astype(np.float32)


@cache
def _known() -> dict[int, Array]:
    x = _probes().astype(np.float64)
    return {kind_: function(x) for kind_, function in FUNCTIONS.items()}


FUNCTIONS: dict[int, Callable[[Array], Array]] = {
    HARD_SWISH: lambda x: x * np.clip(x / 6 + 0.5, 0, 1),
    GELU_ERF: lambda x: x * 0.5 * (1 + np.vectorize(erf)(x / sqrt(2))),
    GELU_TANH: lambda x: x * 0.5 * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
}
_WORDS = {HARD_SWISH: "HardSwish", GELU_ERF: "Gelu", GELU_TANH: "Gelu (tanh)"}
