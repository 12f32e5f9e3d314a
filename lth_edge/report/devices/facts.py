"""What devices are: pairs of a word and a sentence, and the sentences around their figures."""

from collections.abc import Sequence

from lth_edge.devices.fields import UNKNOWN
from lth_edge.devices.result import DeviceResult
from lth_edge.report.devices.judge import Judged
from lth_edge.report.devices.overview import Overview
from lth_edge.report.facts import Facts, heading, machine_facts
from lth_edge.report.units import write_known_bytes, write_time

NOT_MEASURED = "Nothing was measured on a real device yet; lth-edge bench RUN --on ssh:USER@HOST does it."
EMULATED_NOTE = (
    "An emulator computes what a device would, but takes hundreds of times as long, and its own memory would count as "
    "the model's. So no latency, load time or memory stands here: only whether the files are right, and their bytes."
)


def title(overview: Overview) -> str:
    return f"{heading(overview.report)}: on devices"


def counted(overview: Overview) -> str:
    """How many devices of which kind: 2 measured, 1 emulated."""
    counts = {"measured": overview.measured, "emulated": overview.emulated, "estimated": overview.estimates}
    return ", ".join(f"{len(found)} {kind}" for kind, found in counts.items() if found)


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
