"""What one layer of a model computes and moves: the unit in which time is estimated."""

from dataclasses import dataclass

Shape = tuple[int, ...]
FLOAT_BYTES = 4

KERNELS = (
    "conv", "depthwise", "gemm", "vector",
    "int8 conv", "int8 depthwise", "int8 gemm", "int8 vector",
    "sparse conv", "sparse depthwise", "sparse gemm", "sparse vector",
    "pool", "elementwise",
)  # fmt: skip
"""The kinds of kernels. A fully connected layer is a product of matrices, or of a matrix and a single vector."""
FEW_POSITIONS = 4
"""Fewer than these are multiplied as single vectors."""


@dataclass(frozen=True)
class Work:
    """One layer, for one example.

    Attributes:
        name: of its weight, or of its node.
        kernel: of `KERNELS`.
        shape: of its weight; of its output where it has none.
        multiply_adds: that are computed: zeros are left out where the kernel leaves them out. Of pools and elementwise
            operators, any operations.
        weight_bytes: that are read.
        activation_bytes: read and written.
        positions: how often each weight is used.
        starts: whether it begins an operator of the runtime; further layers of a chain do not.
    """

    name: str
    kernel: str
    shape: Shape
    multiply_adds: int
    weight_bytes: int
    activation_bytes: int
    positions: int = 1
    starts: bool = True
