"""Chains whose weights the tests hold coded."""

from collections.abc import Callable

import numpy as np
from nodes import RELU, Chain, Layer, csr, linear

RNG = np.random.default_rng(0)
Make = Callable[[str], Chain]
"""From the type of a chain's values to the chain."""


def sparse(*shape: int, density: float = 0.3) -> np.ndarray:
    return (RNG.normal(size=shape) * (RNG.random(shape) < density)).astype(np.float32)


def chain_of_linear(data: str) -> Chain:
    first, second = csr(sparse(30, 700, density=0.02), data=data), csr(sparse(5, 30), data=data)
    bias = RNG.normal(size=30).astype(np.float32)
    return Chain("SparseLinear", [Layer(first, 700, bias=bias, activation=RELU), Layer(second, 30, source=1)])


def chain_of_convolutions(data: str) -> Chain:
    window = {"kernel_shape": (3, 3), "pads": (1, 1, 1, 1)}
    return Chain(
        "SparseConv",
        [
            Layer(csr(sparse(8, 3, 3, 3), data=data), 3, bias=np.float32(np.arange(8) / 4), **window),
            Layer(kind=1, reads=8, source=1, kernel_shape=(2, 2), strides=(2, 2)),
            Layer(csr(sparse(6, 4, 3, 3), data=data), 8, source=2, group=2, **window),
            Layer(csr(np.ones((4, 6, 1, 1), np.float32), data=data), 6, source=3),
        ],
    )


def one_matrix(data: str) -> Chain:
    return linear(sparse(3, 40), weights=csr(sparse(3, 40), data=data))


def nothing_kept(data: str) -> Chain:
    return linear(np.zeros((3, 4)), weights=csr(np.zeros((3, 4)), data=data))


def wide_rows(data: str) -> Chain:
    """Columns beyond what uint16 can name."""
    weights = csr(sparse(2, 70_000, density=0.001), indices="uint8", data=data)
    return Chain("SparseLinear", [Layer(weights, 70_000)])
