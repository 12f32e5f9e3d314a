"""What limits the speed of sparse models, as tables, from the raw results of `shares.py`.

    python -m benchmarks.kernels.limits FOLDER      a folder `shares` under benchmarks/results

Prints the limits, the parts of each run, and the layers by their kind.
"""

import json
import sys
from pathlib import Path

from .layer_kinds import layer_kinds
from .share_results import Content, Shares, results
from .targets import target

_TOLD_PARTS = 4


def limits(report: Content, folder: Path) -> str:
    """Targets beside what would be reached without each limit, and what those limits take of a run."""
    lines = [
        "| model | zeros | asked | measured | all but multiplication free | loops and lines at their ceilings "
        "| one load a product | a run's largest parts beyond that |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    lines += [_row(shares, report["machine"]["flags"]) for shares in results(folder)]
    return "\n".join(lines)


def missed(report: Content, folder: Path) -> tuple[list[str], list[str]]:
    """Models whose target is missed: those where loops and lines at their ceilings give less than it; the others."""
    beyond: list[str] = []
    within: list[str] = []
    for shares in results(folder):
        asked = _asked(shares, report["machine"]["flags"])
        if asked is not None and shares.measured < asked:
            name = f"{shares.content['model']} at {shares.content['percent']}%"
            (beyond if shares.faster_if(shares.method) < asked else within).append(name)
    return beyond, within


def _asked(shares: Shares, flags: list[str]) -> float | None:
    return target(shares.content["model"], "fp32", shares.content["percent"], flags)


def _row(shares: Shares, flags: list[str]) -> str:
    asked = _asked(shares, flags)
    cells = [
        shares.content["model"],
        f"{shares.content['percent']}%",
        "" if asked is None else f"{asked:.1f}x",
        f"{shares.measured:.2f}x",
        f"{shares.faster_if(shares.part('multiply') + shares.kept_dense):.1f}x",
        f"{shares.faster_if(shares.method):.1f}x",
        f"{shares.faster_if(shares.bound):.1f}x",
        ", ".join(f"{name} {share:.0%}" for name, share in _largest(shares)),
    ]
    return f"| {' | '.join(cells)} |"


def parts(folder: Path) -> str:
    """All parts of each run, as shares of it."""
    found = list(results(folder))
    names = list(found[0].parts)
    lines = [f"| model | zeros | run | {' | '.join(names)} |", f"| --- | ---: | ---: |{' ---: |' * len(names)}"]
    for shares in found:
        run = shares.form("sparse")
        told = " | ".join(f"{us / run:.0%}" for us in shares.parts.values())
        lines.append(f"| {shares.content['model']} | {shares.content['percent']}% | {run:.0f} us | {told} |")
    return "\n".join(lines)


def _largest(shares: Shares) -> list[tuple[str, float]]:
    """Parts of a run besides multiplying with one load a product, the largest first, as shares of it."""
    beyond = list(shares.parts.items())[1:]
    ordered = sorted(beyond, key=lambda part: -part[1])
    return [(name, us / shares.form("sparse")) for name, us in ordered[:_TOLD_PARTS]]


if __name__ == "__main__":
    place = Path(sys.argv[1])
    report = json.loads((place / "report.json").read_text())
    print(limits(report, place), parts(place), layer_kinds(place), sep="\n\n")
