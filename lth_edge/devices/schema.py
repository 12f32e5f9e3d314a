"""The parts that the files about devices have in common, checked field by field."""

from collections.abc import Collection

from lth_edge.bench.choice import BASELINE
from lth_edge.bench.latency import NO_CHANGE
from lth_edge.devices.fields import DeviceFields
from lth_edge.errors import DamagedError

SCHEMA_VERSION = 1
_VERDICTS = ("baseline", "faster", "slower", NO_CHANGE)


def check_version(content: object, place: str, newest: int, mark: str) -> DeviceFields:
    """The fields of a file of a version that is known here.

    Args:
        mark: a field that such a file has and others do not.

    Raises:
        DamagedError: another kind of file, or one that a newer lth-edge wrote.
    """
    if not isinstance(content, dict) or "schema_version" not in content or mark not in content:
        raise DamagedError(f"{place} is not what lth-edge leaves of a device", "remove it from the run's devices/")
    fields = DeviceFields(place, content)
    version = fields.whole("schema_version")
    if version > newest:
        raise DamagedError(
            f"{place} has schema version {version}, this lth-edge reads {newest}",
            "a newer lth-edge wrote it: update this one",
        )
    return fields


def check_measurements(measured: DeviceFields, forms: Collection[str]) -> None:
    """The content of `bench.measure.Measurements`, of no other than these forms.

    Raises:
        DamagedError: the message names the field.
    """
    measured.whole("threads")
    measured.whole("processes")
    raw = measured.object("raw")
    for row in measured.rows("latency"):
        _check_form(row, forms)
        _check_latency(row)
        batch = str(row.whole("batch"))
        measured.object("null_us").number(batch)
        raw.object("latency_us").object(batch).series(row.text("form"))
    for row in measured.rows("load"):
        _check_form(row, forms)
        for key in ("median_ms", "low_ms", "high_ms"):
            row.number(key)
    for row in measured.rows("memory"):
        _check_form(row, forms)
        row.whole("peak_bytes")
        row.signed("above_empty_bytes")
        raw.object("memory_bytes").numbers(row.text("form"))
    if measured.rows("latency") and BASELINE not in {row.text("form") for row in measured.rows("latency")}:
        raise DamagedError(f"{measured.place}: {BASELINE} was not measured: there is nothing to compare", measured.mend)


def _check_form(row: DeviceFields, forms: Collection[str]) -> None:
    if row.text("form") not in forms:
        raise DamagedError(f"{row.place}: there is no form {row.text('form')!r}", row.mend)


def _check_latency(row: DeviceFields) -> None:
    for key in ("p50_us", "p90_us", "p95_us", "p99_us"):
        row.number(key)
    row.text("warning")
    speedup = row.object("speedup")
    speedup.matching("verdict", "|".join(_VERDICTS), "one of " + ", ".join(_VERDICTS))
    for end in ("median", "low", "high"):
        speedup.positive(end)
