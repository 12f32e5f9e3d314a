"""How devices fared while they were measured: clock, heat, throttling, load and memory."""

from collections.abc import Mapping, Sequence
from typing import Any

from lth_edge.devices.fields import UNKNOWN
from lth_edge.report.devices.judge import Judged
from lth_edge.report.sections import Table
from lth_edge.report.units import write_known_bytes


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
        before["load"] if before["load"] == UNKNOWN else f"{before['load']:.3g}",
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


def throttled_stretches(during: Sequence[Mapping[str, Any]]) -> list[tuple[float, float]]:
    """From when to when the device said that it is throttled, in seconds."""
    stretches: list[tuple[float, float]] = []
    times = [moment["t"] for moment in during]
    for moment, end in zip(during, [*times[1:], times[-1] + 1] if times else [], strict=True):
        if moment["throttled"] == UNKNOWN or not moment["throttled"]:
            continue
        if stretches and stretches[-1][1] == moment["t"]:
            stretches[-1] = (stretches[-1][0], end)
        else:
            stretches.append((moment["t"], end))
    return stretches
