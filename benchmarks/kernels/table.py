"""Markdown tables of the kernels' speed, load time and memory, from the raw results of one machine and day.

    python -m benchmarks.kernels.table FOLDER      a folder `kernels` under benchmarks/results

A ratio is taken within each round, where both forms ran within a fraction of a second; what is told is the median of
all rounds of all processes, and the 10th and 90th percentile. Targets are judged by it. The ratio of the fastest rounds
stands beside it: what a machine gives that nobody shares.
"""

import json
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from .targets import TWO_THREADS_ABOVE_MS, target

DENSE, INT8, DEEPSPARSE, NULL = "dense", "int8", "deepsparse", "null graph"
RIGHT = 1e-5  # error, as a share of the largest output, up to which an answer counts as right
_TOLD = (10, 50, 90)
EVERY = (70, 80, 90, 95)
TICKET = 0  # stands for the sparsity of a ticket, which is told always
Content = dict[str, Any]


@dataclass(frozen=True)
class Ratio:
    """How many times faster a form is than another: median and percentiles over rounds."""

    low: float
    median: float
    high: float

    def __str__(self) -> str:
        return f"{self.median:.2f}x ({self.low:.2f} to {self.high:.2f})"


@dataclass(frozen=True)
class Result:
    """The raw result of one model at one sparsity."""

    content: Content

    def sparse_forms(self) -> list[str]:
        return [form for form in self.content["bytes"] if form.startswith("sparse ")]

    def times(self, form: str, threads: int = 1) -> list[float]:
        """Microseconds, one number a round, all processes."""
        return [time for run in self.content["runs"] for time in run["rounds_us"].get(str(threads), {}).get(form, [])]

    def faster(self, form: str, than: str) -> Ratio | None:
        """On one thread; `None` where the other was not measured, or gave a wrong answer."""
        if not self.times(than) or (than == DEEPSPARSE and self.error(than) > RIGHT):
            return None
        return Ratio(*np.percentile(np.divide(self.times(than), self.times(form)), _TOLD))

    def undisturbed(self, form: str) -> float:
        """The fastest round of dense over the fastest of the form, one thread."""
        return min(self.times(DENSE)) / min(self.times(form))

    def scaling(self, form: str) -> float | None:
        """One thread's time over two threads', for what takes long enough to be shared."""
        one, two = self.times(form), self.times(form, 2)
        if not two or median(one) < 1000 * TWO_THREADS_ABOVE_MS:
            return None
        return float(np.median(np.divide(one, two)))

    def error(self, form: str) -> float:
        return max(float(run["errors"].get(form, 0)) for run in self.content["runs"])

    def gflops(self, form: str) -> float:
        """On nonzeros, one thread."""
        return float(1e6 * self.content["gflop_on_nonzeros"] / median(self.times(form)))

    def peak(self) -> float:
        return median(peak for run in self.content["runs"] for peak in run["peak_gflops"])

    def footprint(self, form: str, key: str) -> float:
        return float(median(row[key] for row in self.content["footprint"][form]))


def results(folder: Path) -> Iterator[Result]:
    """By model as they were measured, then by sparsity."""
    report = json.loads((folder / "report.json").read_text())
    for name in report["results"]:
        yield Result(json.loads((folder / name).read_text()))


def speed(report: Content, folder: Path, told: Collection[int] = EVERY) -> str:
    """Speed-ups beside their targets, and the roofline: models at the sparsities `told` (percent), and tickets."""
    lines = [
        "| model | sparsity | values | dense fp32 | over dense fp32 | fastest over fastest | over int8 "
        "| over DeepSparse | target | met | GFLOP/s on nonzeros, share of peak | two threads over one (dense) |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- | ---: | ---: |",
    ]
    lines += [_speed_row(result, form, report["machine"]["flags"]) for result, form in _told(folder, told)]
    return "\n".join(lines)


def footprint(_: Content, folder: Path, told: Collection[int] = EVERY) -> str:
    """Load time and peak memory of a fresh process, beside dense."""
    lines = [
        "| model | sparsity | values | file | dense file | load | dense load | peak memory | dense peak |",
        "| --- | ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [_footprint_row(result, form) for result, form in _told(folder, told)]
    return "\n".join(lines)


def _told(folder: Path, told: Collection[int]) -> list[tuple[Result, str]]:
    found = (result for result in results(folder) if (result.content["percent"] or TICKET) in (*told, TICKET))
    return [(result, form) for result in found for form in result.sparse_forms()]


def _speed_row(result: Result, form: str, flags: list[str]) -> str:
    model, values = result.content["model"], form.removeprefix("sparse ")
    asked = target(model, values, result.content["percent"], flags)
    dense = result.faster(form, DENSE)
    assert dense is not None
    met = "" if asked is None else "yes" if dense.median >= asked else "**no**"
    scaling = result.scaling(form)
    cells = [
        *_named(result, form),
        _milliseconds(median(result.times(DENSE))),
        str(dense),
        f"{result.undisturbed(form):.2f}x",
        str(result.faster(form, INT8) or ""),
        _over_deepsparse(result, form),
        "" if asked is None else f"{asked:.1f}x",
        met,
        f"{result.gflops(form):.3g}, {result.gflops(form) / result.peak():.0%}",
        "" if scaling is None else f"{scaling:.2f}x ({result.scaling(DENSE):.2f}x)",
    ]
    return f"| {' | '.join(cells)} |"


def _footprint_row(result: Result, form: str) -> str:
    cells = _named(result, form)
    cells += [f"{result.content['bytes'][name] / 1e6:.2f} MB" for name in (form, DENSE)]
    cells += [f"{result.footprint(name, 'load_ms'):.1f} ms" for name in (form, DENSE)]
    cells += [f"{result.footprint(name, 'peak_bytes') / 1e6:.1f} MB" for name in (form, DENSE)]
    return f"| {' | '.join(cells)} |"


def _named(result: Result, form: str) -> list[str]:
    return [result.content["model"], f"{result.content['sparsity']:.1%}", form.removeprefix("sparse ")]


def _over_deepsparse(result: Result, form: str) -> str:
    if result.times(DEEPSPARSE) and result.error(DEEPSPARSE) > RIGHT:
        return f"it computes something else (off by {result.error(DEEPSPARSE):.0%})"
    return str(result.faster(form, DEEPSPARSE) or "not measured")


def _milliseconds(microseconds: float) -> str:
    return f"{microseconds / 1000:.3g} ms"


if __name__ == "__main__":
    place = Path(sys.argv[1])
    about = json.loads((place / "report.json").read_text())
    print(speed(about, place), footprint(about, place), sep="\n\n")
