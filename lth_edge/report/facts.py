"""What was done, on what and where: pairs of a word and a sentence, and the report's own sentences."""

from typing import Any

from lth_edge.bench.wording import change
from lth_edge.package.compatibility import PROVED_SINCE
from lth_edge.report.sections import BASELINE, CONTROLS, Content, controls, seeds, split_shown
from lth_edge.report.units import Metric, write_bytes, write_known_bytes, write_share, write_sparsity, write_time

Facts = list[tuple[str, str]]

RETRAINING = {
    "rewind": "weights rewound",
    "learning-rate": "learning rate rewound",
    "fine-tune": "fine-tuned at the last rate",
}
METHODS = {
    "iterative": "iterative magnitude pruning",
    "one-shot": "one-shot magnitude pruning",
    "gradual": "gradual magnitude pruning within one training",
    "auto": "automatic: deep cuts and short trainings while accuracy holds",
}
TEST_SETS = {
    "given": "given with the data",
    "carved": "carved from the data before anything else",
    "none": "none: no untouched test set",
}


def heading(report: Content) -> str:
    return f"{report['task']['model']} on {report['task']['data']}"


def curve_title(report: Content) -> str:
    return f"Sparsity and {report['task']['metric']['name']}"


def chosen_sentence(report: Content) -> str:
    chosen = report["chosen"]
    if not chosen:
        return f"No ticket was chosen: {report['kind']}."
    return (
        f"Level {chosen['level']} of seed {chosen['seed']}: "
        f"{write_share(chosen['weights_left'])} of the weights left, "
        f"{write_sparsity(chosen['weights_left'])} zeros; {chosen['why']}"
    )


def curve_sentence(report: Content) -> str:
    """What the curve's line and band are."""
    metric, count = Metric.of(report), len(seeds(report))
    drawn = f"Mean of {count} seeds with its t interval; faint points are single seeds." if count > 1 else "One seed."
    better = "Higher" if metric.higher_is_better else "Lower"
    ran = ", ".join(CONTROLS.get(control, control) for control in controls(report))
    return (
        f"Shown: {metric.name} on {split_shown(report)} data. {drawn} {better} is better. "
        f"{f'Controls: {ran}.' if ran else 'Controls not run.'}"
    )


def measured_sentence(report: Content) -> str:
    """Threads, processes and the null graph's times."""
    measured = report["measurements"]
    null = ", ".join(
        f"{write_time(us / 1e6)} at batch {batch}"
        for batch, us in (measured["null_us"] or {}).items()
        if us is not None
    )
    threads = f"{measured['threads']} thread" + ("s" if measured["threads"] != 1 else "")
    sentence = f"{threads}, {measured['processes']} processes, all forms interleaved."
    return f"{sentence} An empty graph takes {null}." if null else sentence


def files_sentences(report: Content) -> list[str]:
    """What the files are beside their figures, and which there is none of."""
    forms = {form["name"]: form for form in report["forms"] or []}
    told = []
    if ticket := forms.get("ticket"):
        runs = f"{ticket['file']} runs in stock onnxruntime from {PROVED_SINCE} on"
        told.append(f"{runs}, {_gain_without_kernels(report)}.")
    if sparse := forms.get("sparse"):
        kernels = f"a library of {write_bytes(sparse.get('kernels_bytes'))} that a stock onnxruntime loads"
        told.append(f"{sparse['file']} computes only the weights that are left, in lth-edge's kernels: {kernels}.")
    told += storage_sentences(report)
    return [*told, *(f"There is no {form} file: {why}." for form, why in (report.get("missing_forms") or {}).items())]


def _gain_without_kernels(report: Content) -> str:
    if (report["find"] or {}).get("granularity") == "unit":
        return "faster for each unit that has left its graph"
    no_faster = "no faster for its zeros: onnxruntime fills them in at load"
    if (report["compact"] or {}).get("removals"):
        return f"faster where units have left its graph, {no_faster}"
    return f"and {no_faster}"


def storage_sentences(report: Content) -> list[str]:
    """How values are stored and what that loses, beside what pruning loses; nothing where they are stored exactly."""
    storage = report.get("storage")
    if not storage or storage["values"] == "fp32":
        return []
    chosen = {key: storage[key] for key in ("values", "trained")}
    trial = next(trial for trial in storage["trials"] if chosen.items() <= trial.items())
    metric = Metric.of(report)
    trained = ", trained within it" if storage["trained"] else ""
    loss = f"{metric.write_difference(-trial['loss'])} {metric.unit}".strip()
    limit = f" ({storage['limit']:g} allowed)" if storage["asked"] == "auto" else ""
    return [
        f"Values are stored as {storage['values']}{trained}: {loss} on validation data against the ticket with fp32 "
        f"values{limit}. What pruning loses is told apart, in the curve."
    ]


def task_facts(report: Content) -> Facts:
    task, metric = report["task"], Metric.of(report)
    examples = ", ".join(f"{count:,} {part}" for part, count in (task["examples"] or {}).items())
    reads = task["test_reads"]
    times = "" if task["test_set"] == "none" else f", read {reads} time{'s' if reads != 1 else ''}"
    return [
        ("Metric", f"{metric.name}, {'higher' if metric.higher_is_better else 'lower'} is better"),
        ("Tolerance", f"{task['tolerance']:g} {metric.unit}".strip()),
        ("Examples", examples),
        ("Test set", TEST_SETS.get(task["test_set"], task["test_set"]) + times),
        ("Parameters", f"{task['parameters']:,}, of them {task['prunable']:,} prunable"),
    ]


def find_facts(report: Content) -> Facts:
    find, forecast = report["find"] or {}, report["forecast"] or {}
    retraining = RETRAINING.get(find.get("retraining", ""), find.get("retraining"))
    facts: Facts = [
        ("Method", METHODS.get(find.get("method", ""), write_value(find.get("method")))),
        ("Retraining", write_value(retraining)),
        ("Rewind step", f"{write_value(find.get('rewind_step'))} ({write_value(find.get('why'))})"),
        ("Loop", write_value(find.get("loop"))),
        ("Stopped", write_value(find.get("stopped"))),
        ("Time", write_time(find.get("seconds"))),
    ]
    if forecast.get("seconds_per_level") is not None:
        facts.append(("Forecast", f"{write_time(forecast['seconds_per_level'])} a level"))
    facts += [("Gain forecast", gain_sentence(forecast["gain"]))] if forecast.get("gain") else []
    if forecast.get("unsupported"):
        facts.append(("Unsupported", ", ".join(map(str, forecast["unsupported"]))))
    return [*facts, ("Compact", compact_sentence(report))]


def gain_sentence(gain: Content) -> str:
    """What a random mask, or a random choice of units, gained before anything was trained, beside int8; batch 1."""
    told = [f"{form['form']} {change(form['speedup'])}" for form in gain["forms"] if form["form"] != BASELINE]
    missing = [f"no {form}" for form in gain["missing"]]
    units = any(form["form"] == "ticket" for form in gain["forms"])
    pruned = "fewer weights, random units" if units else "zeros, random mask"
    return f"at {100 * gain['sparsity']:.1f}% {pruned}: {', '.join(told + missing)}"


def compact_sentence(report: Content) -> str:
    compact = report["compact"] or {}
    if not compact.get("applied"):
        return "dead units were not removed"
    before, after = write_bytes(compact["bytes_before"]), write_bytes(compact["bytes_after"])
    removed, refused = len(compact["removals"]), len(compact["refusals"])
    return f"{removed} removals, {refused} refused; {before} before, {after} after"


def machine_facts(report: Content) -> Facts:
    machine = report["machine"] or {}
    named = {
        "cpu": "CPU",
        "os": "OS",
        "onnxruntime": "onnxruntime",
        "load_before": "Load before",
        "frequency_mhz": "Frequency, MHz",
        "memory_bytes": "Memory",
        "throttled_since_boot": "Throttled since boot",
    }
    return [
        (
            named.get(key, key.capitalize()),
            write_known_bytes(value) if key == "memory_bytes" else write_value(value),
        )
        for key, value in machine.items()
    ]


def package_facts(report: Content) -> Facts:
    package = report["package"]
    if not package:
        return []
    return [
        ("Form", package["form"]),
        ("Size", write_bytes(package["bytes"])),
        ("Folder", package["folder"]),
        ("Archive", package["zip"]),
    ]


def recipe_facts(report: Content) -> dict[str, Facts]:
    """Section of the recipe -> its fields."""
    return {
        section: [(name, write_value(value)) for name, value in fields.items()]
        for section, fields in (report["recipe"] or {}).items()
        if isinstance(fields, dict)
    }


def write_value(value: Any) -> str:
    """A value out of JSON, in words; a dash for nothing."""
    if value is None or value == "":
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(write_value, value)) or "–"
    if isinstance(value, dict):
        return ", ".join(f"{key} = {write_value(item)}" for key, item in value.items()) or "–"
    return f"{value:g}" if isinstance(value, float) else str(value)
