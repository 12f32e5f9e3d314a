"""What a device measured, as one JSON file: RUN/devices/NAME.json, schema version 1.

    schema_version  1
    target, name    its address, and what people call it
    kind            measured, or emulated: then its times and its memory are those of an emulator
    emulator        what ran in place of a processor, where it is known
    started         ISO 8601, UTC; seconds: how long it took; lth_edge: the version that measured
    machine         `bench.machine.machine`, and model, glibc, bits, threads, affinity, throttled_since_boot
    before, after   time, governor, frequency_mhz, temperature_c, throttled, load, memory_available_bytes
    other_work      share of all cores' time that went to something else while measuring, 0 to 1
    during          once a second: t (seconds from the start) and what `before` holds of clock, heat and load
    taints          why the figures are in doubt; empty: clean
    forms           form -> file, bytes, sha256; missing: form -> why it is not there
    runtime_bytes   what onnxruntime, numpy and the kernels take on the device
    measurements    threads -> `bench.measure.Measurements`
    checked         form -> largest error against the run's recorded outputs, as a share of the largest output, or "inf"

What could not be read is "unknown".
"""

from dataclasses import dataclass
from typing import Any

from lth_edge.bench.choice import BASELINE
from lth_edge.devices.device_file import DeviceFile
from lth_edge.devices.fields import UNKNOWN, DeviceFields
from lth_edge.devices.schema import SCHEMA_VERSION, check_measurements, check_version
from lth_edge.errors import DamagedError

INFINITE = "inf"
"""The error of outputs that are not numbers, or of another shape: JSON has no infinity."""
MEASURED, EMULATED = "measured", "emulated"
_SHA256 = r"[0-9a-f]{64}"


@dataclass(frozen=True)
class DeviceResult(DeviceFile):
    """A checked result."""

    @staticmethod
    def check(content: object, place: str) -> None:
        fields = check_version(content, place, SCHEMA_VERSION, "target")
        for key in ("target", "name", "started", "lth_edge"):
            fields.text(key)
        kind = fields.matching("kind", f"{MEASURED}|{EMULATED}", f'"{MEASURED}" or "{EMULATED}"')
        fields.number("seconds")
        _check_machine(fields.object("machine"))
        fields.texts("taints")
        for moment in (fields.object("before"), fields.object("after"), *fields.rows("during")):
            _check_moment(moment)
        for moment in fields.rows("during"):
            moment.number("t")
        forms = fields.named("forms")
        for form in forms.values():
            form.file_name("file")
            form.positive("bytes")
            form.matching("sha256", _SHA256, "a SHA-256 in hex")
        if kind == MEASURED and BASELINE not in forms:
            raise DamagedError(f"{place}: {BASELINE} was not measured: there is nothing to compare", fields.mend)
        fields.all_texts("missing")
        fields.all_known("runtime_bytes")
        fields.all_known("checked", INFINITE)
        if "emulator" in fields.content:
            fields.text("emulator")
        for threads, measured in fields.named("measurements").items():
            if not threads.isdecimal():
                raise DamagedError(f"{place}: measurements: {threads!r} is no number of threads", fields.mend)
            check_measurements(measured, forms)

    @property
    def emulated(self) -> bool:
        return bool(self.content["kind"] == EMULATED)

    def error(self, form: str) -> float | None:
        """The largest error of a form's outputs, as a share of the largest; `None` where it was not checked."""
        found = self.content["checked"].get(form, UNKNOWN)
        return None if found == UNKNOWN else float(found)

    @property
    def taints(self) -> list[str]:
        return list(self.content["taints"])

    @property
    def threads(self) -> list[int]:
        """The numbers of threads it was measured with, the smallest first."""
        return sorted(map(int, self.content["measurements"]))

    def measurements(self, threads: int) -> dict[str, Any]:
        """The `Measurements` with so many threads."""
        return dict(self.content["measurements"][str(threads)])


def _check_machine(machine: DeviceFields) -> None:
    machine.known("memory_bytes")
    for key in machine.content:
        machine.plain(key)


def _check_moment(moment: DeviceFields) -> None:
    if "governor" in moment.content:
        moment.text("governor")
    for key in ("frequency_mhz", "temperature_c", "load", "memory_available_bytes"):
        moment.known(key)
    moment.words("throttled")
