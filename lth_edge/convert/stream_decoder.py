"""The decoder of a `WeightStream` in standard ONNX operators, which ONNX Runtime folds to constants at load.

All symbols advance together, one bit at a time, plane by plane: a level of the decoder is the recurrence of
`lth_edge.sparse.bit_planes`. `S` are the symbols so far, [symbols]; `R` the number of the weight of each; `L` the
limits of the weights at this level, [weights]; `B` all bits; `P` the last one read. Nothing loops, and no size depends
on what is decoded: ONNX Runtime does not fold a loop, nor, in its later releases, an operator whose output's size it
cannot tell before it runs, such as NonZero.

    bytes & (128, 64 ... 1), Sign                    -> bits
    zeros, 1 where the next weight begins, CumSum    -> the weight of each symbol
    as many levels as the code has bits, four a call -> distances less 1; the same again: places in the weight's book
    + 1, CumSum                                      -> places, from 1 on
    + where the weight's book begins, Gather         -> values
    ScatterElements(zeros, places, values), Split    -> (an unused place), the weights flattened
    Reshape (, Transpose)                            -> each weight under its own name

Fillers are the distances beyond the widest: they advance by the widest, and their values go to the unused place.
Work and memory at load grow with kept weights times levels.
"""

import string

import numpy as np
import onnx
from onnx import TensorProto, helper, parser

from lth_edge.convert.compact_tensor import compact_tensor
from lth_edge.convert.graph import replace_all
from lth_edge.sparse import stream_parts as part
from lth_edge.sparse.weight_stream import WeightStream

DOMAIN = "l"
OLDEST_OPSET = 18
_SINGLE = string.ascii_uppercase + string.digits + "eghjlmqtuxy"  # what constants leave
_HALF_FROM = 16  # numbers of the books: from here on float16 saves more than the node that makes float32 of it

_LEVEL = """
<domain: "l", opset_import: ["": 18]>
L (S, P, R, B, L, Z) => (T, Q)
{
    l = Gather (L, R)
    o = GreaterOrEqual (S, l)
    c = Cast <to: int = 6> (o)
    n = CumSum (c, Z)
    i = Add (n, P)
    Q = ReduceMax (i)
    b = Gather (B, i)
    d = Sub (S, l)
    e = Add (S, d)
    t = Add (e, b)
    T = Where (o, t, S)
}
"""

_FOUR_LEVELS = """
<domain: "l", opset_import: ["": 18, "l": 1]>
F (S, P, R, B, K, L, M, N, Z) => (T, Q)
{
    a, b = l.L (S, P, R, B, K, Z)
    c, d = l.L (a, b, R, B, L, Z)
    e, f = l.L (c, d, R, B, M, Z)
    T, Q = l.L (e, f, R, B, N, Z)
}
"""


def insert_stream(model: onnx.ModelProto, stream: WeightStream, names: list[str]) -> None:
    """Put a stream and its decoder in the place of initializers.

    Args:
        model: of opset 18 or later; no tensor of it has a name as the decoder gives them.
        names: of the stream's weights.
    """
    decoder = _Decoder(stream, names)
    kept = [tensor for tensor in model.graph.initializer if tensor.name not in names]
    replace_all(model.graph.initializer, [*kept, *decoder.initializers])
    replace_all(model.graph.node, [*decoder.nodes, *model.graph.node])
    opset = next((entry.version for entry in model.opset_import if entry.domain == ""), OLDEST_OPSET)
    for text in (_LEVEL, _FOUR_LEVELS):
        function = parser.parse_function(text)
        function.opset_import[0].version = opset
        model.functions.append(function)
    model.opset_import.append(helper.make_opsetid(DOMAIN, 1))


class _Decoder:
    """What stands in a file for the weights of a stream.

    Attributes:
        initializers, nodes: in order.
    """

    def __init__(self, stream: WeightStream, names: list[str]) -> None:
        self.initializers: list[onnx.TensorProto] = []
        self.nodes: list[onnx.NodeProto] = []
        self._made = 0
        self._stream, self._parts = stream, part.to_parts(stream)
        self._zero = self._constant("z", 0, np.int32)
        self._runs()
        self._bits = self._unpacked()
        distances, read = self._symbols(self._limits(part.DISTANCE_LIMITS), self._constant("a", -1, np.int32))
        *limits, firsts = self._limits(part.VALUE_LIMITS)
        values, _ = self._symbols(limits, read)
        values = self._node("Add", values, self._node("Gather", firsts, self._run))
        places, numbers = self._places(distances), self._node("Gather", self._book(), values)
        flat = self._node("ConstantOfShape", self._part(part.SIZE))
        self._weights(self._node("ScatterElements", flat, places, numbers), names)

    def _runs(self) -> None:
        """Zeros, one a symbol, and the number of the weight of each."""
        zero = helper.make_tensor("", TensorProto.INT32, [1], [0])
        self._run = self._zeros = self._node("ConstantOfShape", self._part(part.SYMBOLS), value=zero)
        more = len(self._stream.layouts) - 1
        if more:
            begun = self._part(part.STARTS), self._constant("o", np.ones(more), np.int32)
            self._run = self._node("CumSum", self._node("ScatterElements", self._zeros, *begun), self._zero)

    def _unpacked(self) -> str:
        powers = self._constant("b", 1 << np.arange(7, -1, -1), np.uint8)
        bits = self._node("Cast", self._node("BitwiseAnd", self._part(part.PLANES), powers), to=TensorProto.INT32)
        return self._node("Reshape", self._node("Sign", bits), self._part(part.BITS))

    def _limits(self, name: str) -> list[str]:
        """Row by row."""
        levels = self._parts[name].size // len(self._stream.layouts)
        return self._nodes(levels, "Split", self._part(name), num_outputs=levels)

    def _symbols(self, limits: list[str], read: str) -> tuple[str, str]:
        """Symbols, and the last bit that is read for them."""
        symbols = self._zeros
        while limits:
            function, levels = ("F", 4) if len(limits) >= 4 else ("L", 1)
            given = symbols, read, self._run, self._bits, *limits[:levels], self._zero
            symbols, read = self._nodes(2, function, *given, domain=DOMAIN)
            limits = limits[levels:]
        return symbols, read

    def _places(self, symbols: str) -> str:
        distances = self._node("Add", symbols, self._constant("i", 1, np.int32))
        if not self._stream.widest:
            return self._node("CumSum", distances, self._zero)
        advances = self._node("Min", distances, self._part(part.WIDEST))
        kept = self._node("Equal", distances, advances)
        return self._node("Where", kept, self._node("CumSum", advances, self._zero), self._zero)

    def _book(self) -> str:
        numbers = self._parts[part.BOOKS]
        with np.errstate(over="ignore"):
            half = numbers.astype(np.float16)
        if numbers.size < _HALF_FROM or half.astype(np.float32).tobytes() != numbers.tobytes():
            return self._part(part.BOOKS)
        return self._node("Cast", self._constant(part.BOOKS, half, np.float16), to=TensorProto.FLOAT)

    def _weights(self, flat: str, names: list[str]) -> None:
        _, *flattened = self._nodes(len(names) + 1, "Split", flat, self._part(part.SIZES))
        for number, (layout, weight, name) in enumerate(zip(self._stream.layouts, flattened, names, strict=True)):
            shape = self._part(part.shape_name(layout, number))
            if layout.by_column:
                self._add("Transpose", [self._node("Reshape", weight, shape)], [name])
            else:
                self._add("Reshape", [weight, shape], [name])

    def _part(self, name: str) -> str:
        return self._constant(name, self._parts[name], self._parts[name].dtype.type)

    def _constant(self, name: str, numbers: object, dtype: type) -> str:
        self.initializers.append(compact_tensor(np.asarray(numbers, dtype), name))
        return name

    def _node(self, kind: str, *inputs: str, **attributes: object) -> str:
        return self._nodes(1, kind, *inputs, **attributes)[0]

    def _nodes(self, outputs: int, kind: str, *inputs: str, **attributes: object) -> list[str]:
        made = [_name(number) for number in range(self._made, self._made + outputs)]
        self._made += outputs
        self._add(kind, list(inputs), made, **attributes)
        return made

    def _add(self, kind: str, inputs: list[str], outputs: list[str], **attributes: object) -> None:
        self.nodes.append(helper.make_node(kind, inputs, outputs, **attributes))


def _name(number: int) -> str:
    """Of what a node makes: no constant's."""
    if number < len(_SINGLE):
        return _SINGLE[number]
    more = number - len(_SINGLE)
    return part.MARK + (string.ascii_uppercase[more] if more < 26 else str(more))
