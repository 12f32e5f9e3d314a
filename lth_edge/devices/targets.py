"""The devices that a person named, in a TOML file, and any other that an address names.

[pi4]
target = "ssh:pi@raspberrypi.local"
python = "/home/pi/model/bin/python"    # optional: a Python with onnxruntime
ssh_config = "/home/me/lab/ssh_config"  # optional: in place of your own
emulated = true                         # optional: its figures are no device's
"""

import re
import tomllib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from lth_edge.devices.ssh import SshTarget
from lth_edge.devices.target import LocalTarget
from lth_edge.errors import RecipeError, nearest

DEVICES = Path("~/.config/lth-edge/devices.toml")
LOCAL = "local"
_FIELDS: Mapping[str, type] = {"target": str, "python": str, "ssh_config": str, "emulated": bool}
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")

AnyTarget = LocalTarget | SshTarget


def find_target(wanted: str, devices: Path | None = None) -> AnyTarget:
    """The target of a name in the devices file, of an address, or of `local`.

    Args:
        devices: the file; by default `DEVICES`, where there is one.

    Raises:
        RecipeError: no such name, no such address, or a file that is wrong.
    """
    if wanted == LOCAL:
        return LocalTarget()
    if wanted.startswith("ssh:"):
        return SshTarget.at(wanted)
    named = read_devices(devices)
    if wanted not in named:
        where = devices or DEVICES
        mend = nearest(wanted, [LOCAL, *named]) if named else f"name it in {where}, or give ssh:user@host"
        raise RecipeError(f"no device is called {wanted!r}", mend)
    return named[wanted]


def read_devices(path: Path | None = None) -> dict[str, AnyTarget]:
    """Name -> target; nothing where there is no file and none was asked for.

    Raises:
        RecipeError: not there though asked for, not TOML, or a device with an unknown or missing field.
    """
    file = (path or DEVICES).expanduser()
    if path is None and not file.exists():
        return {}
    try:
        content = tomllib.loads(file.read_text())
    except OSError as error:
        raise RecipeError(f"cannot read the devices file {file}: {error.strerror}", "check the path") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise RecipeError(f"{file} is not valid TOML: {error}", "mend the line it names") from error
    return {name: _target(file, name, fields) for name, fields in content.items()}


def file_name(name: str) -> str:
    """A target's name as part of a file's."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", name).strip("-.") or "device"


def _target(file: Path, name: str, fields: Any) -> AnyTarget:
    if not isinstance(fields, dict) or "target" not in fields:
        raise RecipeError(f"{file}: {name} has no target", f'write [{name}] and below it target = "ssh:user@host"')
    if not _NAME.fullmatch(name) or name == LOCAL:
        raise RecipeError(f"{file}: a device cannot be called {name!r}", "use letters, digits, '-', '_' and '.'")
    for key, value in fields.items():
        if key not in _FIELDS:
            raise RecipeError(f"{file}: {name} has an unknown field {key!r}", nearest(key, _FIELDS))
        if type(value) is not _FIELDS[key]:
            kind = {str: "a text", bool: "true or false"}[_FIELDS[key]]
            raise RecipeError(f"{file}: {key} of {name} must be {kind}", f"not {value!r}")
    if fields["target"] == LOCAL:
        if len(fields) > 1:
            raise RecipeError(f"{file}: {name} is this machine, which has no other fields", "leave them away")
        return LocalTarget()
    config = fields.get("ssh_config")
    return replace(
        SshTarget.at(fields["target"], name),
        python=fields.get("python", "python3"),
        ssh_config=file.parent / Path(config).expanduser() if config else None,
        emulated=fields.get("emulated", False),
    )
