"""The roofline: a layer takes as long as its multiply-adds or its bytes, whichever takes longer, and a little more.

A kernel reaches a share of what its inner loop could do (Williams, Waterman and Patterson 2009, with a ceiling for each
kind of kernel). The shares are calibrated by blocks of layers on an x86 machine, where whole networks are the check
(benchmarks/estimate.py); on another core they are a guess, and the ranges say how good a one.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from lth_edge.convert.work import FEW_POSITIONS, Work
from lth_edge.devices.boards import Board

METHOD = (
    "roofline of each layer on one core: the larger of multiply-adds over the share of its inner loop that a kernel of "
    "its kind reaches, and bytes over the bandwidth of the cache that holds them; loops simulated by llvm-mca, shares "
    "calibrated on x86"
)
NOTE = "not measured on device"
SPREAD, SPREAD_INT8 = 2.0, 5.0
"""Within these factors a time lies, in float32 and in int8, where it depends on what a runtime can fuse."""


@dataclass(frozen=True)
class Share:
    """What whole layers of a kind of kernel reach.

    Attributes:
        loop: the inner loop, among a board's.
        compute: share of that loop's multiply-adds.
        bandwidth: share of the bandwidth of caches and memory, for what is read most: the weights where each is used
            once, else the activations.
    """

    loop: str
    compute: float
    bandwidth: float


SHARES = {
    "conv": Share("dense", 0.68, 0.13),
    "depthwise": Share("dense", 0.27, 1.0),
    "gemm": Share("dense", 0.68, 1.0),
    "vector": Share("dense", 1.0, 0.42),
    "int8 conv": Share("int8", 0.63, 0.1),
    "int8 depthwise": Share("int8", 0.048, 1.0),
    "int8 gemm": Share("int8", 1.0, 0.13),
    "int8 vector": Share("int8", 1.0, 0.23),
    "sparse conv": Share("sparse", 0.42, 0.34),
    "sparse depthwise": Share("sparse", 0.36, 1.0),
    "sparse gemm": Share("sparse", 0.63, 0.17),
    "sparse vector": Share("vector", 1.0, 0.5),
    "pool": Share("dense", 0.34, 0.46),
    "elementwise": Share("dense", 0.041, 0.79),
}
"""Calibrated by benchmarks/estimate.py."""
STREAMED = SHARES["vector"].bandwidth
"""The share for weights that are used several times: they are read in order, as those of a vector are."""
OPERATOR_CYCLES, LAYER_CYCLES, CALL_CYCLES = 4000.0, 1000.0, 20000.0
"""Beside the work: of an operator, of a further layer of its chain, of a call from Python; likewise."""
CALL = "call"
RATIO_SPREAD, RATIO_SPREAD_INT8 = 1.6, 5.0
"""The same of a speed-up over dense: some of the errors are in both times. What the check on x86 found."""


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
        return self.us / self._spread

    @property
    def high_us(self) -> float:
        return self.us * self._spread

    @property
    def _spread(self) -> float:
        return SPREAD_INT8 if self.kernel.startswith("int8") else SPREAD

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


def speedup_range(ratio: float, form: str) -> tuple[float, float]:
    """Between what a form's speed-up over dense lies, given the ratio of both estimates."""
    spread = RATIO_SPREAD_INT8 if form == "int8" else RATIO_SPREAD
    return ratio / spread, ratio * spread


def _layer(work: Work, board: Board, weights: int) -> LayerEstimate:
    times = bounds_us(work, board, weights, SHARES[work.kernel])
    overhead = _overhead_us(OPERATOR_CYCLES if work.starts else LAYER_CYCLES, board)
    longest = max(times, key=lambda bound: times[bound])
    bound = longest if times[longest] >= overhead else "overhead"
    moved = work.weight_bytes + work.activation_bytes
    return LayerEstimate(work.name, work.kernel, work.multiply_adds, moved, bound, times[longest] + overhead)


def bounds_us(work: Work, board: Board, weights: int, share: Share) -> dict[str, float]:
    """Microseconds of a layer's multiply-adds, as "compute", and of its bytes, as "memory".

    Args:
        weights: bytes of all weights of the model: they come around once a call, each after all others. What a layer
            writes, the next one reads.
    """
    reach = board.dense_reach if share.loop == "dense" else 1.0
    rate = board.multiply_adds[share.loop] * share.compute * reach * board.clock_ghz
    streamed = share.bandwidth if work.positions < FEW_POSITIONS else STREAMED
    read = work.weight_bytes / (board.gb_s(weights) * streamed)
    moved = work.activation_bytes / (board.gb_s(work.activation_bytes) * share.bandwidth)
    return {"compute": work.multiply_adds / rate / 1e3, "memory": (read + moved) / 1e3}


def _overhead_us(cycles: float, board: Board) -> float:
    return cycles * board.overhead / (1e3 * board.clock_ghz)
