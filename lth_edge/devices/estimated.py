"""What was estimated for an absent device, as one JSON file: RUN/devices/NAME.estimate.json, schema version 1.

schema_version  1
name, kind      the device, and "estimated"
method, note    how, and that it was not measured on the device; created: ISO 8601, UTC
forms           form -> low_us, high_us; speedup: form -> low, high, over dense
layers          one object a layer, whatever the method tells of it
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

from lth_edge.devices.schema import SCHEMA_VERSION, check_version
from lth_edge.files import read_json

SUFFIX = ".estimate.json"
ESTIMATED = "estimated"


@dataclass(frozen=True)
class DeviceEstimate:
    """A checked estimate.

    Attributes:
        content: the dict of the file.
        file: its name.
    """

    content: dict[str, Any]
    file: str

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read NAME.estimate.json.

        Raises:
            DamagedError: not JSON, not an estimate, of another schema version, or a field is missing or wrong.
        """
        content = read_json(path)
        check_estimate(content, path.name)
        return cls(content, path.name)

    @property
    def name(self) -> str:
        return str(self.content["name"])


def check_estimate(content: object, place: str) -> None:
    """Check every field that a report shows.

    Raises:
        DamagedError: the message names the place and the field.
    """
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
