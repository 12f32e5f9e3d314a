"""What limits the speed of sparse models, as a table, from the raw results of `shares.py`.

python -m benchmarks.kernels.limits FOLDER      a folder `shares` under benchmarks/results
"""

import json
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from .targets import target

_LINE_FLOATS, _FLOAT_BYTES = 16, 4
_TOLD_PARTS = 4
Content = dict[str, Any]


@dataclass(frozen=True)
class Shares:
    """Where the time of one model at one sparsity goes; microseconds, medians."""

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
        return median(self.content["roof"]["ceiling_gflops"])

    def part(self, kind: str) -> float:
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
        return 2e-3 * sum(layer["multiply_adds"] for layer in self._tiled("random")) / self.ceiling

    @cached_property
    def loop(self) -> float:
        """Multiplication by its inner loop alone: rows without an end, inputs in the nearest cache.

        Weights that do not fit into the second-level cache together come from beyond it in every run.
        """
        return sum(map(self._loop, self._tiled("random")))

    @cached_property
    def vector_layers(self) -> float:
        """Multiplication of single vectors: no inputs that several positions share."""
        return self.part("multiply") - sum(layer["us"]["multiply"] for layer in self._tiled("random"))

    @cached_property
    def rows(self) -> float:
        """Multiplication beyond its loop, where inputs are near and rows end where they are expected to."""
        return sum(self._rows())

    @cached_property
    def rows_at_best(self) -> float:
        """The same, where no sum written, or read and written again, takes longer than the second-level cache does."""
        return sum(map(min, self._rows(), map(self._sums_lines, self._tiled("random"))))

    @cached_property
    def packing_at_best(self) -> float:
        """Packing, where no line takes longer to write than the second-level cache does."""
        return sum(
            min(layer["us"].get("pack", 0.0), self._us("write", layer["packed_floats"]))
            for layer in self._layers("random")
        )

    @cached_property
    def farther(self) -> float:
        """What inputs beyond the nearest cache cost multiplication."""
        return self._as("even") - self._as("near")

    @cached_property
    def unforeseen(self) -> float:
        """What rows of differing length cost it."""
        return self._as("random") - self._as("even")

    def faster_if(self, us: float) -> float:
        """Times faster than dense if a run took so long."""
        return self.form("dense") / us

    def _layers(self, pattern: str) -> list[Content]:
        return list(self.content["patterns"][pattern]["layers"])

    def _outside(self, kind: str) -> float:
        return float(self.content["patterns"]["random"]["outside_us"].get(kind, 0.0))

    def _tiled(self, pattern: str) -> list[Content]:
        return [layer for layer in self._layers(pattern) if layer["vector_floats"]]

    def _as(self, pattern: str) -> float:
        return sum(self._multiplication(pattern))

    def _multiplication(self, pattern: str) -> list[float]:
        """Of each layer under another pattern, for as many multiply-adds as the random masks need."""
        pairs = zip(self._tiled("random"), self._tiled(pattern), strict=True)
        return [other["us"]["multiply"] * mine["vector_floats"] / other["vector_floats"] for mine, other in pairs]

    def _rows(self) -> list[float]:
        pairs = zip(self._tiled("random"), self._multiplication("near"), strict=True)
        return [max(0.0, near - self._loop(layer)) for layer, near in pairs]

    def _loop(self, layer: Content) -> float:
        return max(self._products_with_places(layer), self._us("read far", _weights(layer)) if self._streams else 0.0)

    @cached_property
    def _streams(self) -> bool:
        """Whether the weights are too many for the second-level cache."""
        cache = self.content["roof"]["second_cache_bytes"]
        return cache is not None and _FLOAT_BYTES * sum(map(_weights, self._tiled("random"))) > cache

    def _products_with_places(self, layer: Content) -> float:
        vectors = max(1.0, layer["vector_floats"] / layer["nonzeros"] / _LINE_FLOATS)
        return float(
            layer["nonzeros"] * np.interp(vectors, list(self._nonzero_ns), list(self._nonzero_ns.values())) / 1000
        )

    @cached_property
    def _nonzero_ns(self) -> dict[int, float]:
        found = self.content["roof"]["nonzero_ns"]
        return {int(vectors): median(each[vectors] for each in found) for vectors in found[0]}

    def _sums_lines(self, layer: Content) -> float:
        """Each sum of the output is written once; with several blocks of inputs it is read and written again."""
        written = layer["shape"][0] * layer["positions"] * layer["vector_floats"] / layer["multiply_adds"]
        return self._us("write", written) + self._us("add", layer["stored_floats"] - written)

    def _us(self, done: str, floats: float) -> float:
        line = median(found[done] for found in self.content["roof"]["line_ns"])
        return line * floats / _LINE_FLOATS / 1000


def _weights(layer: Content) -> float:
    """Floats' worth of a layer's nonzeros: a float and a place of half as many bytes each."""
    return float(1.5 * layer["multiply_adds"] / layer["positions"])


def results(folder: Path) -> Iterator[Shares]:
    """By model, then by sparsity."""
    report = json.loads((folder / "report.json").read_text())
    for name in report["results"]:
        yield Shares(json.loads((folder / name).read_text()))


def limits(report: Content, folder: Path) -> str:
    """Targets beside what would be reached without each limit, and what those limits take of a run."""
    lines = [
        "| model | zeros | asked | measured | all but multiplication free | loops and lines at their ceilings "
        "| one load a product | a run's largest parts beyond that |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [_row(shares, report["machine"]["flags"]) for shares in results(folder)]
    return "\n".join(lines)


def _row(shares: Shares, flags: list[str]) -> str:
    content = shares.content
    asked = target(content["model"], "fp32", content["percent"], flags)
    others = shares.vector_layers + shares.kept_dense_in_dense
    cells = [
        content["model"],
        f"{content['percent']}%",
        "" if asked is None else f"{asked:.1f}x",
        f"{shares.measured:.2f}x",
        f"{shares.faster_if(shares.part('multiply') + shares.kept_dense):.1f}x",
        f"{shares.faster_if(shares.loop + shares.rows_at_best + shares.packing_at_best + others):.1f}x",
        f"{shares.faster_if(shares.products + others):.1f}x",
        ", ".join(f"{name} {share:.0%}" for name, share in _beyond(shares)),
    ]
    return f"| {' | '.join(cells)} |"


def _beyond(shares: Shares) -> list[tuple[str, float]]:
    """What a run does besides multiplying at the ceiling, the largest first."""
    run = shares.form("sparse")
    parts = {
        "ends of rows": shares.rows,
        "inputs beyond L1": shares.farther,
        "rows of differing length": shares.unforeseen,
        "weights and their places": shares.loop - shares.products,
        "single vectors": shares.vector_layers,
        "packing": shares.part("pack"),
        "finishing": shares.part("finish"),
        "pools": shares.part("pool"),
        "layers kept dense": shares.kept_dense,
        "calls and setting up": shares.call + shares.setting_up,
    }
    ordered = sorted(parts.items(), key=lambda item: -item[1])
    return [(name, us / run) for name, us in ordered[:_TOLD_PARTS]]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    print(limits(json.loads((place / "report.json").read_text()), place))
