"""A layer on its way into a chain of one of our operators; see kernels/OPERATORS.md."""

import math
from dataclasses import dataclass, field

import numpy as np
import onnx

from lth_edge.convert.operands import Operand
from lth_edge.ticket import Array

CONVOLUTION, MAX_POOL, AVERAGE = 0, 1, 2
NOTHING, CLIP, HARD_SWISH, GELU_ERF, GELU_TANH = 0, 1, 2, 3, 4


@dataclass(frozen=True)
class Window:
    """(height, width) each, and pads (top, left, bottom, right); a height of 1 where there is one spatial axis."""

    kernel: tuple[int, int] = (1, 1)
    strides: tuple[int, int] = (1, 1)
    dilations: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    auto_pad: int = 0


@dataclass(frozen=True)
class Activation:
    """What a layer applies last; the bounds are of a clip."""

    kind: int = NOTHING
    low: float = 0.0
    high: float = 0.0


@dataclass(frozen=True, eq=False)
class ChainLayer:
    """A weight layer, or a pool between two, with what was fused into it.

    Attributes:
        name: of its weight; of a pool, of its node.
        op: kind of the node that it was, for people.
        spatial: 0 for a fully connected layer, else the number of spatial axes; one chain has one.
        source: the tensor that it reads.
        output: the tensor that it makes.
        nodes: the nodes that it replaces.
        channels: that it reads.
        kind: convolution (fully connected layers too), maximum or average.
        extra: standard nodes that go before or after it.
        group: of a convolution.
        window: of a convolution or maximum.
        weight: [rows, ...], rows first; of a pool none.
        bias: [rows], or `None`.
        residual: a tensor of the output's shape that is added before the activation, or "".
        fused: what was fused, for people.
    """

    name: str
    op: str
    spatial: int
    source: str
    output: str
    nodes: tuple[onnx.NodeProto, ...]
    channels: int
    kind: int = CONVOLUTION
    extra: tuple[onnx.NodeProto, ...] = ()
    group: int = 1
    window: Window = field(default_factory=Window)
    weight: Operand | None = None
    bias: Array | None = None
    residual: str = ""
    activation: Activation = field(default_factory=Activation)
    fused: tuple[str, ...] = ()

    @property
    def reads(self) -> tuple[str, ...]:
        """Source and residual."""
        return (self.source, self.residual) if self.residual else (self.source,)

    @property
    def matrix(self) -> Operand:
        """The weight of a layer that has one."""
        assert self.weight is not None, "a pool has no weight"
        return self.weight

    @property
    def rows(self) -> int:
        """Output channels."""
        return self.channels if self.weight is None else len(self.weight.values)

    @property
    def columns(self) -> int:
        """Weights of a row."""
        return math.prod(self.matrix.values.shape[1:])

    @property
    def stored(self) -> int:
        """Weights that a sparse form stores; a pool has none."""
        return 0 if self.weight is None else int(np.count_nonzero(self.weight.kept))

    @property
    def sparsity(self) -> float:
        """Fraction of the weights that a sparse form does not store."""
        return 1 - self.stored / self.matrix.values.size

    @property
    def depthwise(self) -> bool:
        """Whether every channel is filtered alone."""
        return self.weight is not None and self.group == self.channels > 1
