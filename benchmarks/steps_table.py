"""A step of training as the README tells it: dense and under a mask, beside a plain DataLoader loop, all in one run."""

from statistics import median
from typing import Any

from markdown_table import table as as_markdown

NAMED = {
    "dense": "lth-edge, dense",
    "masked": "lth-edge, {:.0%} of the weights masked",
    "dataloader": "DataLoader and Adam as tutorials write them",
}


def table(report: dict[str, Any]) -> str:
    times = _sorted(report)
    rows = [
        (NAMED[name].format(report["sparsity"]), f"{median(taken):.2f} ms", f"{taken[len(taken) // 10]:.2f} ms")
        for name, taken in times.items()
    ]
    return as_markdown(("LeNet-300-100 on MNIST, batch 60", "median step", "fastest tenth"), rows)


def summary(report: dict[str, Any]) -> str:
    """What the mask costs, what the loop gains, and what else the machine did."""
    middle = {name: median(taken) for name, taken in _sorted(report).items()}
    alone = ", at real-time priority" if report.get("real_time") else ""
    return (
        f"A mask costs {middle['masked'] / middle['dense']:.2f}x of a step without one, the plain loop takes "
        f"{middle['dataloader'] / middle['dense']:.1f}x as long. One torch thread{alone}; load of the machine before: "
        f"{report['machine']['load_before']}"
    )


def _sorted(report: dict[str, Any]) -> dict[str, list[float]]:
    """All times of each kind, the shortest first."""
    return {name: sorted(ms for block in blocks for ms in block) for name, blocks in report["ms_per_step"].items()}
