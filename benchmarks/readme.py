"""Write the README's figures from the raw reports under results/, or check that they are those.

    python benchmarks/readme.py           rewrite the tables between the markers
    python benchmarks/readme.py --check   fail where the README says anything else

A marker names a table and a recipe, `<!-- curve: lenet-300-100-mnist -->`, or what else was measured,
`<!-- speed: kernels -->`, `<!-- steps: steps -->`;
the newest result of that name is used. `<!-- size: lenet-5 -->` is made from results/size.csv,
`<!-- claims: runs -->` and `<!-- rewinding: runs -->` from all runs. Without a result nothing stands there.
"""

import json
import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path
from statistics import median
from typing import Any

import claims
import estimate_table as estimates
import rewinding
import steps_table as training
from kept import newest
from kernels import limits as kernel_limits
from kernels import share_results, waking_table
from kernels import table as kernels
from size import table as sizes

HERE = Path(__file__).parent
RESULTS = HERE / "results"
README = HERE.parent / "README.md"
BLOCK = re.compile(r"(<!-- (\w+): ([\w-]+) -->\n).*?(<!-- end -->)", re.DOTALL)
TOLD_LEVELS = (1.0, 0.513, 0.2107, 0.1083, 0.0358)
Content = dict[str, Any]


def curve(report: Content, place: Path) -> str:
    """Accuracy by weights left: mean over seeds with its 95% interval, beside both controls."""
    seeds = len({row["seed"] for row in report["levels"]})
    lines = [
        "| weights left | ticket, test accuracy | against dense (paired) | re-initialised | random mask |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    for point in _told(report):
        lines.append(
            f"| {point['weights_left']:.1%} | {_mean(point['test'])} | {_difference(point)} | "
            f"{_mean(_at(report, 'reinit', point['level']))} | {_mean(_at(report, 'random-mask', point['level']))} |"
        )
    return "\n".join(
        [
            *lines,
            "",
            f"Mean of {seeds} seeds with its 95% t interval; {report['task']['examples']['test']:,} test examples, "
            f"{_reads(report['task']['test_reads'])}. {_where(report)}; "
            f"[raw report]({_link(place / 'report.json')}).",
            "",
            f"![Accuracy by weights left]({_link(place / 'curve.svg')})",
        ]
    )


def files(report: Content, place: Path) -> str:
    """The files: bytes, accuracy, latency and memory, beside dense int8 and gzip."""
    lines = [
        "| file | bytes | smaller | test accuracy | latency, batch 1 | load | memory above an empty process |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    measured = report["measurements"]
    for form in report["forms"]:
        name = form["name"]
        factor = report["forms"][0]["bytes"] / form["bytes"]
        speed = next(row for row in measured["latency"] if row["form"] == name and row["batch"] == 1)
        load = next(row for row in measured["load"] if row["form"] == name)
        memory = next((row for row in measured["memory"] if row["form"] == name), None)
        above = f"{memory['above_empty_bytes'] / 1e6:.1f} MB" if memory else "unknown"
        lines.append(
            f"| {form['file']} | {form['bytes']:,} | {factor:.1f}x | {form['test_metric']:.2f} % | "
            f"{_speed(speed)} | {load['median_ms']:.1f} ms | {above} |"
        )
    gzipped = next(row for row in report["sizes"] if row["form"] == "dense with zeros gzipped")
    chosen = report["chosen"]
    return "\n".join(
        [
            *lines,
            "",
            f"{report['task']['prunable']:,} prunable weights, {chosen['weights_left']:.1%} left (level "
            f"{chosen['level']}, seed {chosen['seed']}). For comparison, the dense file with its zeros, gzipped: "
            f"{gzipped['bytes']:,} bytes. Latency: median ratio to dense and its 95% interval over "
            f"{measured['processes']} processes, {measured['threads']} thread; "
            f"[raw samples]({_link(place / 'report.json')}).",
        ]
    )


def speed(report: Content, place: Path) -> str:
    """The kernels' speed beside dense fp32, int8 and DeepSparse, the targets and the roofline."""
    results = list(kernels.results(place))
    runs, rounds = (
        _span(count(result) for result in results)
        for count in (lambda result: len(result.content["runs"]), lambda result: len(result.times(kernels.DENSE)))
    )
    from_c = {result.content["model"] for result in results if result.content.get("called_from") == "C"}
    called = f"called from Python through IOBinding{''.join(f', {model} from C' for model in sorted(from_c))}"
    return (
        f"{kernels.speed(report, place, (90, 95))}\n\nBatch 1, {called}. {_where(report)}, onnxruntime "
        f"{report['machine']['onnxruntime']}; processes a row: {runs}. Ratios: median and 10th to 90th percentile of "
        f"interleaved rounds on one thread, {rounds} a row; beside it the fastest rounds of both; "
        f"[raw results]({_link(place)})."
    )


def footprint(report: Content, place: Path) -> str:
    """Load time and peak memory of the kernels' models, beside dense fp32."""
    processes = _span(len(rows) for result in kernels.results(place) for rows in result.content["footprint"].values())
    return (
        f"{kernels.footprint(report, place, (90,))}\n\nMedians; fresh processes a row: {processes}. {_where(report)}; "
        f"[raw results]({_link(place)})."
    )


def ceiling(report: Content, place: Path) -> str:
    """Multiply-adds whose input comes from a cache, as a share of those that read nothing."""
    peak = median(report["peak_gflops"])
    cached = {size: median(found) for size, found in report["gflops_from_kilobytes"].items()}
    lines = [
        "| input of each multiply-add from | " + " | ".join(["a register", *(f"{size} KB" for size in cached)]) + " |",
        "| --- |" + " ---: |" * (1 + len(cached)),
        "| GFLOP/s, one core | " + " | ".join(f"{figure:.0f}" for figure in (peak, *cached.values())) + " |",
    ]
    rounds = len(report["peak_gflops"])
    return "\n".join([*lines, "", f"Medians of {rounds} rounds. {_where(report)}; [raw results]({_link(place)})."])


def limits(report: Content, place: Path) -> str:
    """Why the kernels' targets are met or missed, from where the time of sparse models goes."""
    found = list(share_results.results(place))
    rounds = _span(len(result.content["rounds_us"]["dense"]) for result in found)
    beyond, within = kernel_limits.missed(report, place)
    lines = [result.line_ns("write") for result in found]
    ceilings = [result.ceiling for result in found]
    return (
        f"{kernel_limits.limits(report, place)}\n\nOne thread, called from Python through IOBinding; medians of "
        f"{rounds} interleaved rounds. Ceilings, the best tenth of each model's rounds: {min(ceilings):.0f} to "
        f"{max(ceilings):.0f} GFLOP/s, {min(lines):.2f} to {max(lines):.2f} ns a cache line. "
        f"Asked for more than the method gives here: {', '.join(beyond) or 'none'}; missed for the parts named: "
        f"{', '.join(within) or 'none'}. "
        f"{_where(report)}; [raw results]({_link(place)})."
    )


def sets(report: Content, place: Path) -> str:
    """What the kernels for AVX2 take beside those for AVX-512."""
    titles = [f"{result['model']}, {result['percent']}%" for result in report["results"]]
    ratios = [[result["ratio"][name] for name in ("median", "low", "high")] for result in report["results"]]
    lines = [
        f"| | {' | '.join(titles)} |",
        "| --- |" + " ---: |" * len(titles),
        "| AVX2's time over AVX-512's | "
        + " | ".join(f"{m:.2f}x ({low:.2f} to {up:.2f})" for m, low, up in ratios)
        + " |",
    ]
    rounds = _span(len(result["rounds_us"]["avx2"]) for result in report["results"])
    return "\n".join(
        [*lines, "", f"One thread; {rounds} interleaved rounds. {_where(report)}; [raw results]({_link(place)})."]
    )


def waking(report: Content, place: Path) -> str:
    """Why two threads are less than twice as fast as one."""
    runs = _span(len(result["runs"]) for result in report["results"])
    return (
        f"{waking_table.waking(report)}\n\nMedians of {runs} runs. {_where(report)}; "
        f"[raw results]({_link(place / 'report.json')})."
    )


def steps(report: Content, place: Path) -> str:
    """A step of training, dense and under a mask, beside a plain DataLoader loop; all in one run."""
    return (
        f"{training.table(report)}\n\n{training.summary(report)}. {_where(report)}; "
        f"[raw times]({_link(place / 'report.json')})."
    )


def estimate(report: Content, place: Path) -> str:
    """The method of `lth-edge estimate` on this machine: estimated beside measured."""
    return (
        f"{estimates.table(report)}\n\n{estimates.summary(report)}. One thread, batch 1. {_where(report)}; "
        f"[raw results]({_link(place)})."
    )


def anchors(report: Content, place: Path) -> str:
    """The figures that papers give for a preset, beside ours."""
    return f"{claims.published(report)} {_where(report)}; [raw report]({_link(place / 'report.json')})."


TABLES: dict[str, Callable[[Content, Path], str]] = {
    "curve": curve,
    "files": files,
    "speed": speed,
    "footprint": footprint,
    "ceiling": ceiling,
    "limits": limits,
    "waking": waking,
    "sets": sets,
    "steps": steps,
    "estimate": estimate,
    "anchors": anchors,
}

OVERVIEWS: dict[str, Callable[[Path], str]] = {"claims": claims.without_loss, "rewinding": rewinding.late_against_reset}


def written(text: str) -> str:
    """The README's text with every table made anew."""

    def table(match: re.Match[str]) -> str:
        if match[2] in OVERVIEWS:
            return f"{match[1]}{OVERVIEWS[match[2]](RESULTS)}\n{match[4]}"
        if match[2] == "size":
            return f"{match[1]}{sizes.table(match[3])}\n{match[4]}"
        place = newest(RESULTS, match[3])
        if place is None:
            print(f"benchmarks/results holds no report of {match[3]} yet", file=sys.stderr)
            return f"{match[1]}{match[4]}"
        report = json.loads((place / "report.json").read_text())
        return f"{match[1]}{TABLES[match[2]](report, place)}\n{match[4]}"

    return BLOCK.sub(table, text)


def _told(report: Content) -> list[Content]:
    """The ticket's points nearest to the levels that the paper names, those with controls, and the chosen one."""
    points = [point for point in report["curve"] if not point["control"]]
    told = {
        min(points, key=lambda p, left=left: abs(p["weights_left"] - left))["level"]  # type: ignore[misc]
        for left in TOLD_LEVELS
    }
    told |= {point["level"] for point in report["curve"] if point["control"]}
    if report["chosen"]:
        told.add(report["chosen"]["level"])
    return [point for point in points if point["level"] in told]


def _at(report: Content, control: str, level: int) -> Content | None:
    found = (p for p in report["curve"] if p["control"] == control and p["level"] == level)
    return next((point["test"] for point in found), None)


def _mean(interval: Content | None) -> str:
    if interval is None:
        return ""
    half = "" if interval["high"] is None else f" ± {(interval['high'] - interval['low']) / 2:.2f}"
    return f"{interval['mean']:.2f}{half} %"


def _difference(point: Content) -> str:
    if point["level"] == 0:
        return ""
    low, high = point["difference"]["low"], point["difference"]["high"]
    between = "" if low is None else f" ({low:+.2f} to {high:+.2f})"
    return f"{point['difference']['mean']:+.2f}{between}"


def _speed(row: Content) -> str:
    speed = row["speedup"]
    if speed["verdict"] == "baseline":
        return f"{row['p50_us']:.0f} us"
    return f"{speed['median']:.2f}x ({speed['low']:.2f} to {speed['high']:.2f}), {speed['verdict']}"


def _where(report: Content) -> str:
    return f"{report['machine']['cpu']}, {report['machine']['cores']} cores, {report['created'][:10]}"


def _span(counts: Iterable[int]) -> str:
    """The number, or the least and the largest where rows differ."""
    told = sorted(set(counts))
    return str(told[0]) if len(told) == 1 else f"{told[0]} to {told[-1]}"


def _reads(count: int) -> str:
    return "read once" if count == 1 else f"read {count} times"


def _link(path: Path) -> str:
    return path.relative_to(HERE.parent).as_posix()


if __name__ == "__main__":
    before = README.read_text()
    after = written(before)
    if "--check" in sys.argv and before != after:
        sys.exit("the README's figures are not those of benchmarks/results; run python benchmarks/readme.py")
    README.write_text(after)
