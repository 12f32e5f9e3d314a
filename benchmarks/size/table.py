"""What a ticket takes in each form, as a table: means over seeds of the rows in benchmarks/results/size.csv."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import mean

RESULTS = Path(__file__).parents[1] / "results" / "size.csv"
SPARSITIES = ("0.90", "0.95", "0.97")
FORMS = {
    "download-best": "download, `--best`",
    "download-fast": "download, `--fast`",
    "standard": "`ticket.onnx`",
    "sparse": "`ticket.sparse.onnx`",
    "nncodec": "NNCodec 2.1.3 (ISO/IEC 15938-17)",
    "deep-compression": "Deep Compression's recipe",
    "safetensors": "CSR as safetensors",
    "npz": "scipy's npz, compressed",
    "xz": "dense with zeros, xz",
    "zstd": "the same, zstd -19",
    "gzip": "the same, gzip",
}
TARGETS = {
    "download-best": (74, 120, 172),
    "download-fast": (66, 108, 158),
    "standard": (55, 82, 112),
    "sparse": (63, 102, 150),
}
TEST_SETS = {"torchvision:MNIST": "MNIST's test images", "npz:cifar10.npz": "CIFAR-10's test images"}
SHARE = {"lenet-300-100": 0.9}
"""Of the targets, which are LeNet-5's, where another network's are lower."""
DATA = {"cifar10": "npz:cifar10.npz"}
"""What a name may end in, where the data are not MNIST."""
Row = Mapping[str, str]


def table(name: str, results: Path = RESULTS) -> str:
    """Factors over dense fp32 by form and sparsity, accuracies, and where the rows lie.

    Args:
        name: of a subject (`benchmarks.size.subjects`), such as "lenet-5-cifar10".
    """
    ending = next((ending for ending in DATA if name.endswith(f"-{ending}")), "")
    network, data = name.removesuffix(f"-{ending}"), DATA.get(ending, "torchvision:MNIST")
    rows = [row for row in csv.DictReader(results.open()) if (row["network"], row["data"]) == (network, data)]
    if not rows:
        return ""
    lines = [
        "| over dense fp32, target in brackets | "
        + " | ".join(f"{float(each):.0%} zeros" for each in SPARSITIES)
        + " |",
        "| --- |" + " ---: |" * len(SPARSITIES),
    ]
    for form in (form for form in FORMS if any(row["form"] == form for row in rows)):
        cells = [_factor(network, form, place, _of(rows, form, each)) for place, each in enumerate(SPARSITIES)]
        lines.append(f"| {FORMS[form]} | {' | '.join(cells)} |")
    best = [_of(rows, "download-best", each) for each in SPARSITIES]
    for told, column in (
        ("test accuracy, fp32 values", "ticket_test_accuracy"),
        ("as stored in the download", "test_accuracy"),
    ):
        worth = " | ".join(f"{_mean(found, column):.2f} %" if found else "not run" for found in best)
        lines.append(f"| *{told}* | {worth} |")
    return "\n".join([*lines, "", f"{_told(rows)}; [raw rows](benchmarks/results/{results.name})."])


def _told(rows: Iterable[Row]) -> str:
    dense = [row for row in rows if row["form"] == "dense"]
    seeds = {row["seed"] for row in rows}
    size, worth = int(dense[0]["bytes"]), _mean(dense, "test_accuracy")
    over = f"Mean of {len(seeds)} seeds" if len(seeds) > 1 else "One seed"
    return f"{over}; the dense network: {size:,} bytes, {worth:.2f} % of {TEST_SETS[dense[0]['data']]}"


def _of(rows: Iterable[Row], form: str, sparsity: str) -> list[Row]:
    return [row for row in rows if row["form"] == form and row["sparsity"] == sparsity]


def _factor(network: str, form: str, place: int, rows: list[Row]) -> str:
    if not rows:
        return "not run"
    target = f" ({TARGETS[form][place] * SHARE.get(network, 1.0):.0f}x)" if form in TARGETS else ""
    return f"{_mean(rows, 'factor'):.1f}x{target}"


def _mean(rows: Iterable[Row], column: str) -> float:
    return mean(float(row[column]) for row in rows)
