"""What was estimated for devices that were not there: ranges, their method, and that nothing was measured."""

from collections.abc import Iterable
from typing import Any

from lth_edge.devices.estimated import DeviceEstimate
from lth_edge.report.facts import write_value
from lth_edge.report.sections import Content, Table
from lth_edge.report.units import MISSING, write_factor, write_time

NOTE = "Not measured on device: ranges from a model of the processor, kept apart from all that was measured."


def estimate_sentence(estimate: DeviceEstimate) -> str:
    """The ranges of the speed-up over dense, labelled for what they are."""
    told = [
        f"{form} {write_factor(found['low'])} to {write_factor(found['high'])} the speed of dense"
        for form, found in estimate.content["speedup"].items()
    ]
    return f"{', '.join(told) or 'no speed-up told'}; {estimate.content['note']}"


def method_sentences(estimates: Iterable[DeviceEstimate]) -> list[str]:
    """Each method once, behind the devices that it was used for."""
    by_method: dict[str, list[str]] = {}
    for estimate in estimates:
        board = estimate.content.get("board")
        told = f"{board}, {estimate.content['created']}" if board else estimate.content["created"]
        by_method.setdefault(estimate.content["method"], []).append(f"{estimate.name} ({told})")
    return [f"{', '.join(devices)}: {method}." for method, devices in by_method.items()]


def estimates_table(estimates: Iterable[DeviceEstimate]) -> Table:
    """Ranges alone: nothing here was measured."""
    rows = [
        (
            estimate.name,
            form,
            f"{write_time(found['low_us'] / 1e6)} to {write_time(found['high_us'] / 1e6)}",
            _range(estimate.content["speedup"].get(form)),
            estimate.content["note"],
        )
        for estimate in estimates
        for form, found in estimate.content["forms"].items()
    ]
    columns = ("device", "form", "latency, batch 1", "speed-up", "")
    return Table("Estimated", columns, rows, empty="Nothing was estimated.", texts=frozenset({0, 1, 4}))


def layers_table(estimate: DeviceEstimate) -> Table:
    """What the method tells of each layer, in its own words."""
    layers = estimate.content["layers"]
    keys = list(dict.fromkeys(key for layer in layers for key in layer))
    rows = [tuple(_write_layer(key, layer.get(key)) for key in keys) for layer in layers]
    texts = frozenset(
        place for place, key in enumerate(keys) if any(isinstance(layer.get(key), str) for layer in layers)
    )
    columns = tuple("time" if key == "us" else key.removesuffix("_us").replace("_", " ") for key in keys)
    return Table(
        f"{estimate.name}, layer by layer", columns, rows, empty="The method tells nothing of layers.", texts=texts
    )


def _write_layer(key: str, value: Any) -> str:
    if type(value) in {int, float} and (key == "us" or key.endswith("_us")):
        return write_time(value / 1e6)
    return f"{value:,}" if type(value) is int else write_value(value)


def _range(found: Content | None) -> str:
    return f"{write_factor(found['low'])} to {write_factor(found['high'])}" if found else MISSING
