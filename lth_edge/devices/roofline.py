"""The roofline: a layer takes as long as its multiply-adds or its bytes, whichever takes longer, and a little more.

A kernel reaches a share of what its inner loop could do (Williams, Waterman and Patterson 2009, with a ceiling for each
kind of kernel). The shares are calibrated by single layers on an x86 machine, where whole networks are the check
(benchmarks/estimate.py); on another core they are a guess, and the ranges say how good a one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lth_edge.convert.work import Work
from lth_edge.devices.boards import Board

METHOD = (
    "roofline of each layer on one core: the larger of multiply-adds over what the kernel's inner loop can do, times the "
    "share that its kind reaches, and bytes over the bandwidth of the cache that holds them; "
    "shares calibrated on x86, loops simulated by llvm-mca"
)
NOTE = "not measured on device"
SPREAD = 2.0
"""A time lies within this factor."""


@dataclass(frozen=True)
class Share:
    """Of a kind of kernel: its inner loop among a board's, and the share of it that whole layers reach."""

    loop: str
    share: float


SHARES = {
    "conv": Share("dense", 0.6),
    "gemm": Share("dense", 0.6),
    "depthwise": Share("dense", 0.1),
    "int8 conv": Share("int8", 0.2),
    "int8 gemm": Share("int8", 0.2),
    "int8 depthwise": Share("int8", 0.02),
    "sparse conv": Share("sparse", 0.5),
    "sparse tokens": Share("sparse", 0.5),
    "sparse vector": Share("vector", 0.5),
    "sparse depthwise": Share("sparse", 0.2),
    "pool": Share("dense", 0.05),
    "elementwise": Share("dense", 0.05),
}
"""Calibrated by benchmarks/estimate.py."""
OPERATOR_CYCLES, LAYER_CYCLES, CALL_CYCLES = 4000.0, 1000.0, 20000.0
"""Beside the work: of an operator, of a further layer of its chain, of a call from Python; likewise."""
CALL = "call"


@dataclass(frozen=True)
class LayerEstimate:
    """What a layer is expected to take.

    Attributes:
        name, kernel, multiply_adds, bytes: of its work.
        bound: "compute", "memory" or "overhead": which takes most.
        us: microseconds, the middle of the range.
    """

    name: str
    kernel: str
    multiply_adds: int
    bytes: int
    bound: str
    us: float

    @property
    def low_us(self) -> float:
        return self.us / SPREAD

    @property
    def high_us(self) -> float:
        return self.us * SPREAD

    def to_dict(self) -> dict[str, Any]:
        return asdict(self) | {"low_us": self.low_us, "high_us": self.high_us}


def estimate_layers(works: Sequence[Work], board: Board) -> list[LayerEstimate]:
    """Every layer on one core of the board, the call first; their sum is the model's time.

    Args:
        works: of one model, in the order of computing.
    """
    weights = sum(work.weight_bytes for work in works)
    call = LayerEstimate(CALL, CALL, 0, 0, "overhead", _overhead_us(CALL_CYCLES, board))
    return [call, *(_layer(work, board, weights) for work in works)]


def _layer(work: Work, board: Board, weights: int) -> LayerEstimate:
    kind = SHARES[work.kernel]
    times = {
        "compute": work.multiply_adds / (1e3 * board.clock_ghz * board.multiply_adds[kind.loop] * kind.share),
        # Weights come around once a call, after all others; what one layer writes the next one reads.
        "memory": work.weight_bytes / (1e3 * board.gb_s(weights))
        + work.activation_bytes / (1e3 * board.gb_s(work.activation_bytes)),
    }
    overhead = _overhead_us(OPERATOR_CYCLES if work.starts else LAYER_CYCLES, board)
    longest = max(times, key=lambda bound: times[bound])
    bound = longest if times[longest] >= overhead else "overhead"
    moved = work.weight_bytes + work.activation_bytes
    return LayerEstimate(work.name, work.kernel, work.multiply_adds, moved, bound, times[longest] + overhead)


def _overhead_us(cycles: float, board: Board) -> float:
    return cycles * board.overhead / (1e3 * board.clock_ghz)
