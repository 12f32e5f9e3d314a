"""What devices are and how they fared while measuring: pairs of a word and a sentence."""

from collections.abc import Sequence
from typing import Any

from lth_edge.devices.estimated import DeviceEstimate
from lth_edge.devices.fields import UNKNOWN
from lth_edge.devices.result import DeviceResult
from lth_edge.report.devices.judge import Judged
from lth_edge.report.devices.overview import Overview
from lth_edge.report.facts import Facts, heading, machine_facts
from lth_edge.report.sections import Table
from lth_edge.report.units import MISSING, write_factor, write_known_bytes, write_time

NOT_MEASURED = "Nothing was measured on a real device yet; lth-edge bench RUN --on ssh:USER@HOST does it."
EMULATED_NOTE = (
    "An emulator computes what a device would, but takes hundreds of times as long, and its own memory would count as "
    "the model's. So no latency, load time or memory stands here: only whether the files are right, and their bytes."
)
ESTIMATED_NOTE = "Not measured on device: ranges from a model of the processor, kept apart from all that was measured."


def title(overview: Overview) -> str:
    return f"{heading(overview.report)}: on devices"


def counted(overview: Overview) -> str:
    """How many devices of which kind: 2 measured, 1 emulated."""
    counts = {"measured": overview.measured, "emulated": overview.emulated, "estimated": overview.estimates}
    return ", ".join(f"{len(found)} {kind}" for kind, found in counts.items() if found)


def estimate_sentence(estimate: DeviceEstimate) -> str:
    """The ranges of the speed-up over dense, labelled for what they are."""
    told = [
        f"{form} {write_factor(found['low'])} to {write_factor(found['high'])} the speed of dense"
        for form, found in estimate.content["speedup"].items()
    ]
    return f"{', '.join(told) or 'no speed-up told'}; {estimate.content['note']}"


def method_sentence(estimate: DeviceEstimate) -> str:
    return f"{estimate.name}: {estimate.content['method']}; {estimate.content['created']}."


def device_line(device: DeviceResult) -> str:
    """The board, where it was reached, when and for how long; how long an emulator took says nothing."""
    model = device.content["machine"].get("model") or UNKNOWN
    board = "board unknown" if model == UNKNOWN else str(model)
    where = f"{board}, {device.content['target']}, {device.content['started']}"
    if device.emulated:
        return f"{where}, {device.content.get('emulator') or 'emulated'}"
    return f"{where}, took {write_time(device.content['seconds'])}"


def doubts(devices: Sequence[Judged]) -> list[str]:
    """Why figures are tainted, a sentence a device."""
    return [f"{found.name} is tainted: {', '.join(found.result.taints)}" for found in devices if found.result.taints]


def missing_sentences(device: DeviceResult) -> list[str]:
    return [f"There is no {form} on {device.name}: {why}." for form, why in device.content["missing"].items()]


def device_facts(device: DeviceResult) -> Facts:
    """The machine as it told itself, and the lth-edge that asked."""
    machine = dict(device.content["machine"])
    if machine.get("throttled_since_boot") == []:
        machine["throttled_since_boot"] = "never"
    return [*machine_facts({"machine": machine}), ("lth-edge", device.content["lth_edge"])]


def runtime_sentence(device: DeviceResult) -> str:
    """What is installed there to run any model."""
    parts = [f"{part} {write_known_bytes(count)}" for part, count in device.content["runtime_bytes"].items()]
    return f"The runtime on {device.name}: {', '.join(parts) or UNKNOWN}."


def conditions_table(devices: Sequence[Judged]) -> Table:
    """Clock, heat, throttling, load and memory: before, after and the extremes between."""
    rows = [_conditions(found) for found in devices]
    columns = ("device", "governor", "clock, MHz", "temperature, °C", "throttled", "load before", "memory free before")
    return Table("Conditions", columns, rows, empty="Nothing was watched.", texts=frozenset({0, 1, 4}))


def _conditions(found: Judged) -> tuple[str, ...]:
    content = found.result.content
    before = content["before"]
    seen = [content["before"], *content["during"], content["after"]]
    return (
        found.label,
        str(before.get("governor", UNKNOWN)),
        _extremes([moment["frequency_mhz"] for moment in seen]),
        _extremes([moment["temperature_c"] for moment in seen]),
        _throttled([moment["throttled"] for moment in seen]),
        _number(before["load"]),
        write_known_bytes(before["memory_available_bytes"]),
    )


def _extremes(values: list[Any]) -> str:
    """The lowest and the highest of those that could be read."""
    known = [value for value in values if value != UNKNOWN]
    if not known:
        return UNKNOWN
    low, high = min(known), max(known)
    return f"{low:.4g}" if low == high else f"{low:.4g} to {high:.4g}"


def _throttled(values: list[Any]) -> str:
    known = [value for value in values if value != UNKNOWN]
    if not known:
        return UNKNOWN
    return ", ".join(dict.fromkeys(word for words in known for word in words)) or "never"


def _number(value: Any) -> str:
    return UNKNOWN if value == UNKNOWN else MISSING if value is None else f"{value:.3g}"
