"""Pre-processing in front of a network: whatever its nodes compute is one (raw - mean) x factor a channel."""

from dataclasses import dataclass, field

import numpy as np
import onnx

from lth_edge.convert.c_program.layers import Layer, Prepare
from lth_edge.convert.c_program.read_shapes import Shapes
from lth_edge.convert.graph import attribute, kind
from lth_edge.convert.operands import constant_values
from lth_edge.convert.scope import Scope
from lth_edge.errors import InputError
from lth_edge.ticket import Array

_TYPES = {onnx.TensorProto.FLOAT: "float32", onnx.TensorProto.UINT8: "uint8", onnx.TensorProto.INT8: "int8"}

_PASSES = frozenset({"Cast", "Identity"})


@dataclass
class Read:
    """What was read of the input.

    Attributes:
        type, shape: of the raw input, as in `Network`.
        layers: the pre-processing, or nothing where a float input is used as it is.
        taken: first outputs of its nodes.
        same: as in the reader.
    """

    type: str
    shape: tuple[int, ...]
    layers: list[Layer] = field(default_factory=list)
    taken: set[str] = field(default_factory=set)
    same: dict[str, str] = field(default_factory=dict)


def read_input(scope: Scope, shapes: Shapes, given: onnx.ValueInfoProto) -> Read:
    """Follow the input through the nodes that scale, shift, cast or transpose it.

    Raises:
        InputError: its type has no C kernel, or its pre-processing is none that one number a channel describes.
    """
    name = given.name
    dtype = _TYPES.get(given.type.tensor_type.elem_type)
    if dtype is None:
        raise InputError(f"the input {name!r} is neither float32 nor of 8 bits", "C programs know these types")
    read = Read(dtype, shapes.raw(name))
    affine, transposed = _Affine.identity(1 + len(read.shape)), False
    while (node := _next(scope, name)) is not None:
        if kind(node) == "Transpose":
            if transposed or list(attribute(node, "perm", [])) != _channels_first(len(read.shape) + 1):
                break
            affine, transposed = affine.transposed(), True
        else:
            affine = affine.after(scope, node, name)
        name = node.output[0]
        read.taken.add(name)
    if dtype == "float32" and not read.taken:
        return read
    shape = shapes.of(name)
    mean, factor = affine.per_channel(given.name, shape.channels)
    if np.ptp(mean) == np.ptp(factor) == 0 and not transposed:
        mean, factor = mean[:1], factor[:1]
    prepare = Prepare("prepare", "pre-processing", (given.name,), name, shape, shape, mean, factor, transposed)
    read.layers.append(prepare)
    return read


@dataclass(frozen=True)
class _Affine:
    """raw x factor + shift, each of the tensor's rank, a length of 1 where it does not vary."""

    factor: Array
    shift: Array

    @classmethod
    def identity(cls, rank: int) -> "_Affine":
        return cls(np.ones([1] * rank), np.zeros([1] * rank))

    def transposed(self) -> "_Affine":
        return _Affine(np.moveaxis(self.factor, -1, 1), np.moveaxis(self.shift, -1, 1))

    def after(self, scope: Scope, node: onnx.NodeProto, name: str) -> "_Affine":
        """What a node makes of it."""
        if kind(node) in _PASSES:
            return self
        other = next(each for each in node.input if each != name)
        constant = np.asarray(constant_values(scope, other), np.float64)
        constant = constant.reshape([1] * (self.factor.ndim - constant.ndim) + list(constant.shape))
        if kind(node) == "Add":
            return _Affine(self.factor, self.shift + constant)
        if kind(node) == "Sub":
            sign = 1 if node.input[0] == name else -1
            return _Affine(sign * self.factor, sign * (self.shift - constant))
        by = constant if kind(node) == "Mul" else 1 / constant
        return _Affine(self.factor * by, self.shift * by)

    def per_channel(self, name: str, channels: int) -> tuple[Array, Array]:
        """Mean and factor, [channels] each."""
        sides = [np.broadcast_arrays(self.factor, self.shift)[side] for side in (0, 1)]
        if any(size != 1 for axis, size in enumerate(sides[0].shape) if axis != 1) or not np.all(sides[0]):
            raise InputError(
                f"the pre-processing of {name!r} is not one mean and one scale a channel", "export it without"
            )
        factor, shift = (np.array(np.broadcast_to(side.reshape(-1), (channels,))) for side in sides)
        return -shift / factor, factor


def _next(scope: Scope, name: str) -> onnx.NodeProto | None:
    """The one node that reads a tensor, where it is of the kinds that pre-process."""
    readers = scope.readers(name)
    if len(readers) != 1 or name in scope.outputs:
        return None
    (node,) = readers
    if kind(node) in {"Transpose", "Identity"}:
        return node
    if kind(node) == "Cast":
        return node if attribute(node, "to", 0) == onnx.TensorProto.FLOAT else None
    if kind(node) not in {"Add", "Sub", "Mul", "Div"} or (kind(node) == "Div" and node.input[0] != name):
        return None
    other = [constant_values(scope, each) for each in node.input if each != name]
    rank = len(scope.shapes.get(name, ()))
    return node if len(other) == 1 and other[0] is not None and other[0].ndim <= rank else None


def _channels_first(rank: int) -> list[int]:
    return [0, rank - 1, *range(1, rank - 1)]
