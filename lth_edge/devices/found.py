"""What `lth-edge doctor` found on each machine, remembered in the user's cache."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lth_edge.files import read_json, write_json


def found_folder() -> Path:
    """Where a file a machine lies."""
    return Path.home() / ".cache" / "lth-edge" / "doctor"


def file_name(target: str) -> str:
    """A target's name as part of a file's name: letters, digits, dots, `_` and `-` stay."""
    return re.sub(r"[^\w.-]+", "-", target, flags=re.ASCII).strip("-.") or "device"


def remember(found: Mapping[str, Any]) -> Path:
    """Keep what was found, in place of what was known of the machine.

    Args:
        found: name (fit for a file), target, when, verdict and facts.
    """
    path = found_folder() / f"{found['name']}.json"
    write_json(path, found)
    return path


def recall(name: str) -> dict[str, Any] | None:
    """What was found on a machine, `None` where nothing was.

    Raises:
        DamagedError: it cannot be read.
    """
    path = found_folder() / f"{name}.json"
    return dict(read_json(path)) if path.exists() else None
