"""What one layer of a model computes and moves: the unit in which time is estimated."""

from dataclasses import dataclass

Shape = tuple[int, ...]
FLOAT_BYTES = 4

KERNELS = (
    "conv", "gemm", "depthwise",
    "int8 conv", "int8 gemm", "int8 depthwise",
    "sparse conv", "sparse tokens", "sparse vector", "sparse depthwise",
    "pool", "elementwise",
)  # fmt: skip
"""The kinds of kernels. A sparse fully connected layer runs over tokens, or over a single vector."""


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
