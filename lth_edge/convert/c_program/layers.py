"""A network as a C program sees it: layers, each with the shapes that it reads and makes."""

import math
from dataclasses import dataclass, field
from typing import NamedTuple

from lth_edge.convert.chain_layer import Activation, Window
from lth_edge.ticket import Array

NO_CLIP = (-math.inf, math.inf)


class Shape(NamedTuple):
    """One example of a tensor; vectors are channels alone, series have a height of 1."""

    channels: int
    height: int = 1
    width: int = 1

    @property
    def plane(self) -> int:
        """Positions of a channel."""
        return self.height * self.width

    @property
    def size(self) -> int:
        return self.channels * self.plane


@dataclass(frozen=True, eq=False)
class Layer:
    """What all layers have in common.

    Attributes:
        name: in the C file; unique.
        origin: what it was in the ONNX file, for people.
        sources: the tensors that it reads, of one shape.
        output: the tensor that it makes.
        reads, makes: their shapes.
    """

    name: str
    origin: str
    sources: tuple[str, ...]
    output: str
    reads: Shape
    makes: Shape


@dataclass(frozen=True, eq=False)
class Prepare(Layer):
    """Pre-processing: (raw - mean) x factor.

    Attributes:
        mean, factor: [channels], float64.
        channels_last: the raw input has its channels last.
    """

    mean: Array
    factor: Array
    channels_last: bool


@dataclass(frozen=True, eq=False)
class Weighted(Layer):
    """A fully connected layer, whose window is a single weight on a single position, or a convolution.

    Attributes:
        weight: [rows, channels / group, kernel height, kernel width], float32.
        bias: [rows], float32.
        window: its pads are those that were computed, `auto_pad` is 0.
        group: of channels.
        clip: bounds of the output.
    """

    weight: Array
    bias: Array
    window: Window = field(default_factory=Window)
    group: int = 1
    clip: tuple[float, float] = NO_CLIP

    @property
    def connected(self) -> bool:
        """Whether it is fully connected: each weight is used once."""
        return self.reads.plane == 1 and self.makes.plane == 1 and self.weight.shape[2:] == (1, 1) and self.group == 1

    @property
    def matrix(self) -> Array:
        """[rows, columns]."""
        return self.weight.reshape(len(self.weight), -1)


@dataclass(frozen=True, eq=False)
class Pool(Layer):
    """The largest or the mean value of each window.

    Attributes:
        mean: not the largest.
        window: as of `Weighted`.
        counts_padding: a mean divides by the whole window, at the edges too.
    """

    mean: bool
    window: Window
    counts_padding: bool = False


@dataclass(frozen=True, eq=False)
class Add(Layer):
    """The sum of its two sources, clipped."""

    clip: tuple[float, float] = NO_CLIP


@dataclass(frozen=True, eq=False)
class Pointwise(Layer):
    """A function of each number alone."""

    activation: Activation


@dataclass(frozen=True)
class Network:
    """Layers in the order of computing.

    Attributes:
        input: name of its one input.
        input_type: numpy's name of its type.
        input_shape: of one example, as the ONNX file has it.
        output: name of its one output.
    """

    input: str
    input_type: str
    input_shape: tuple[int, ...]
    output: str
    layers: tuple[Layer, ...]

    @property
    def inputs(self) -> int:
        """Numbers in one example."""
        return math.prod(self.input_shape)

    @property
    def outputs(self) -> int:
        """Numbers in the output of one example."""
        return self.layers[-1].makes.size

    @property
    def reads_raw(self) -> bool:
        """Whether the first layer computes on what the caller gives as it is."""
        return not any(isinstance(layer, Prepare) for layer in self.layers)
