"""What was estimated for an absent device, as one JSON file: RUN/devices/NAME.estimate.json, schema version 1.

schema_version  1
name, kind      the device, and "estimated"
method, note    how, and that it was not measured on the device; created: ISO 8601, UTC
forms           form -> low_us, high_us; speedup: form -> low, high, over dense
layers          one object a layer, whatever the method tells of it
"""

from dataclasses import dataclass

from lth_edge.devices.device_file import DeviceFile
from lth_edge.devices.schema import SCHEMA_VERSION, check_version

SUFFIX = ".estimate.json"
ESTIMATED = "estimated"


@dataclass(frozen=True)
class DeviceEstimate(DeviceFile):
    """A checked estimate."""

    @staticmethod
    def check(content: object, place: str) -> None:
        fields = check_version(content, place, SCHEMA_VERSION, "method")
        fields.matching("kind", ESTIMATED, f'"{ESTIMATED}"')
        for key in ("name", "method", "note", "created"):
            fields.text(key)
        if "board" in fields.content:
            fields.text("board")
        for form in fields.named("forms").values():
            form.number("low_us")
            form.number("high_us")
        for speedup in fields.named("speedup").values():
            speedup.positive("low")
            speedup.positive("high")
        for layer in fields.rows("layers"):
            for key, value in layer.content.items():
                if isinstance(value, int | float) and not isinstance(value, bool):
                    layer.signed(key)
