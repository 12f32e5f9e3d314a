"""What the raw results of `shares.py` say of a model: parts of a run, and what each would take at its best."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

_LINE_FLOATS, _FLOAT_BYTES = 16, 4
_BEST = 10
"""Percentile: what the machine can do is what it did in its best tenth of rounds, so that no limit is too low."""
Content = dict[str, Any]


@dataclass(frozen=True)
class Shares:
    """Where the time of one model at one sparsity goes; microseconds, medians over rounds or runs."""

    content: Content

    def form(self, name: str) -> float:
        """Of a run: `dense`, `sparse`, `sparse with marks`, `null graph`."""
        return median(self.content["rounds_us"][name])

    @cached_property
    def measured(self) -> float:
        """Times faster than dense: the median of interleaved ratios."""
        rounds = self.content["rounds_us"]
        return float(np.median(np.divide(rounds["dense"], rounds["sparse"])))

    @cached_property
    def ceiling(self) -> float:
        """GFLOP/s of multiply-adds with an operand from the nearest cache."""
        return float(np.percentile(self.content["roof"]["ceiling_gflops"], 100 - _BEST))

    def line_ns(self, done: str) -> float:
        """Nanoseconds of a cache line, as `lines.py` names what is done to it."""
        return float(np.percentile([found[done] for found in self.content["roof"]["line_ns"]], _BEST))

    def part(self, kind: str) -> float:
        """Of what a mark begins, in all layers."""
        return sum(layer["us"].get(kind, 0.0) for layer in self._layers("random"))

    @property
    def call(self) -> float:
        """onnxruntime's own share of a call, and Python's."""
        return self.form("null graph")

    @property
    def left(self) -> float:
        """Nodes that stay onnxruntime's, and what it does between them and ours."""
        return max(0.0, self._outside("leave") - self.call)

    @property
    def setting_up(self) -> float:
        """What our operators do besides computing, once a run and once a layer."""
        return self.part("layer") + self._outside("operate")

    @property
    def kept_dense(self) -> float:
        """Layers that keep all their weights, as the sparse model computes them."""
        return self.part("depthwise") + (self.left if self.content["kept_dense_us"] else 0.0)

    @property
    def kept_dense_in_dense(self) -> float:
        """The same layers in the dense model."""
        return float(sum(self.content["kept_dense_us"].values()))

    @cached_property
    def products(self) -> float:
        """Multiplication at the ceiling, no vector computing more than positions of the output."""
        return 2e-3 * sum(layer["multiply_adds"] for layer in self.tiled("random")) / self.ceiling

    @cached_property
    def loop(self) -> float:
        """Multiplication by its inner loop alone: rows without an end, inputs in the nearest cache.

        Weights that do not fit into the second-level cache together come from beyond it in every run.
        """
        return sum(map(self.loop_of, self.tiled("random")))

    @cached_property
    def vector_layers(self) -> float:
        """Multiplication of single vectors: no inputs that several positions share."""
        return self.part("multiply") - sum(layer["us"]["multiply"] for layer in self.tiled("random"))

    @cached_property
    def rows(self) -> float:
        """Multiplication beyond its loop, where inputs are near and rows end where they are expected to."""
        return sum(self._rows())

    @cached_property
    def rows_at_best(self) -> float:
        """The same, where no sum written, or read and written again, takes longer than the second-level cache does."""
        return sum(map(min, self._rows(), map(self._sums_lines, self.tiled("random"))))

    @cached_property
    def packing_at_best(self) -> float:
        """Packing, where no line takes longer to write than the second-level cache does."""
        return sum(
            min(layer["us"].get("pack", 0.0), self._us("write", layer["packed_floats"]))
            for layer in self._layers("random")
        )

    @property
    def bound(self) -> float:
        """A run of kernels that load an input for each product, and do nothing else that takes time.

        Single vectors take what they were measured to, layers that keep their weights what the dense model takes.
        """
        return self.products + self.vector_layers + self.kept_dense_in_dense

    @property
    def method(self) -> float:
        """A run of kernels that compute layer by layer as ours do, nothing being slower than the caches make it."""
        others = self.vector_layers + self.kept_dense_in_dense
        return self.loop + self.rows_at_best + self.packing_at_best + others

    @cached_property
    def farther(self) -> float:
        """What inputs beyond the nearest cache cost multiplication."""
        return self._as("even") - self._as("near")

    @cached_property
    def unforeseen(self) -> float:
        """What rows of differing length cost it."""
        return self._as("random") - self._as("even")

    @cached_property
    def parts(self) -> dict[str, float]:
        """All of a run: part -> microseconds."""
        return {
            "products, a load each": self.products,
            "weights and their places": self.loop - self.products,
            "ends of rows": self.rows,
            "inputs beyond L1": self.farther,
            "rows of differing length": self.unforeseen,
            "single vectors": self.vector_layers,
            "packing": self.part("pack"),
            "finishing": self.part("finish"),
            "pools": self.part("pool"),
            "depthwise": self.part("depthwise"),
            "onnxruntime's nodes": self.left,
            "calls and setting up": self.call + self.setting_up,
        }

    def faster_if(self, us: float) -> float:
        """Times faster than dense if a run took so long."""
        return self.form("dense") / us

    def tiled(self, pattern: str) -> list[Content]:
        """Layers that multiply tiles of positions, under a pattern of masks."""
        return [layer for layer in self._layers(pattern) if layer["vector_floats"]]

    def loop_of(self, layer: Content) -> float:
        """What the inner loop of one layer takes."""
        return max(self._products_with_places(layer), self._us("read far", _weights(layer)) if self._streams else 0.0)

    def _layers(self, pattern: str) -> list[Content]:
        return list(self.content["patterns"][pattern]["layers"])

    def _outside(self, kind: str) -> float:
        return float(self.content["patterns"]["random"]["outside_us"].get(kind, 0.0))

    def _as(self, pattern: str) -> float:
        return sum(self._multiplication(pattern))

    def _multiplication(self, pattern: str) -> list[float]:
        """Of each layer under another pattern, for as many multiply-adds as the random masks need."""
        pairs = zip(self.tiled("random"), self.tiled(pattern), strict=True)
        return [other["us"]["multiply"] * mine["vector_floats"] / other["vector_floats"] for mine, other in pairs]

    def _rows(self) -> list[float]:
        pairs = zip(self.tiled("random"), self._multiplication("near"), strict=True)
        return [max(0.0, near - self.loop_of(layer)) for layer, near in pairs]

    @cached_property
    def _streams(self) -> bool:
        """Whether the weights are too many for the second-level cache."""
        cache = self.content["roof"]["second_cache_bytes"]
        return cache is not None and _FLOAT_BYTES * sum(map(_weights, self.tiled("random"))) > cache

    def _products_with_places(self, layer: Content) -> float:
        vectors = max(1.0, layer["vector_floats"] / layer["nonzeros"] / _LINE_FLOATS)
        return float(
            layer["nonzeros"] * np.interp(vectors, list(self._nonzero_ns), list(self._nonzero_ns.values())) / 1000
        )

    @cached_property
    def _nonzero_ns(self) -> dict[int, float]:
        found = self.content["roof"]["nonzero_ns"]
        return {int(count): float(np.percentile([each[count] for each in found], _BEST)) for count in found[0]}

    def _sums_lines(self, layer: Content) -> float:
        """Each sum of the output is written once; with several blocks of inputs it is read and written again."""
        written = layer["shape"][0] * layer["positions"] * layer["vector_floats"] / layer["multiply_adds"]
        return self._us("write", written) + self._us("add", layer["stored_floats"] - written)

    def _us(self, done: str, floats: float) -> float:
        return self.line_ns(done) * floats / _LINE_FLOATS / 1000


def _weights(layer: Content) -> float:
    """Floats' worth of a layer's nonzeros: a float and a place of half as many bytes each."""
    return float(1.5 * layer["multiply_adds"] / layer["positions"])


def results(folder: Path) -> Iterator[Shares]:
    """By model, then by sparsity."""
    report = json.loads((folder / "report.json").read_text())
    for name in report["results"]:
        yield Shares(json.loads((folder / name).read_text()))
