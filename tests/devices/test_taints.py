"""What makes a result doubtful."""

from copy import deepcopy
from typing import Any

import pytest

from lth_edge.devices.taints import taints

LOOK = {"governor": "performance", "throttled": [], "load": 0.1}
CLEAN: dict[str, Any] = {
    "machine": {"cores": 4},
    "before": LOOK | {"throttled_since_boot": ["under-voltage"]},
    "during": [LOOK, LOOK],
    "after": LOOK | {"throttled_since_boot": ["under-voltage"]},
    "other_work": 0.02,
    "measurements": {"1": {}, "4": {}},
    "checked": {"dense": 1e-6, "int8": 0.02, "sparse": 1e-6},
}


def spoiled(**changes: Any) -> dict[str, Any]:
    """The clean result with some entries changed: `before__load=3` is that of "before"."""
    result = deepcopy(CLEAN)
    for key, value in changes.items():
        section, _, name = key.partition("__")
        if name:
            (result[section][0] if section == "during" else result[section])[name] = value
        else:
            result[section] = value
    return result


def test_a_quiet_board_is_clean() -> None:
    assert taints(CLEAN) == []


def test_what_cannot_be_read_is_no_taint() -> None:
    unknown = {"governor": "unknown", "throttled": "unknown", "throttled_since_boot": "unknown", "load": "unknown"}
    told = {"before": unknown, "during": [], "after": unknown, "machine": {"cores": "unknown"}, "other_work": "unknown"}
    assert taints(CLEAN | told) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"during__throttled": ["throttled", "under-voltage"]}, "throttled while measuring: throttled, under-voltage"),
        ({"before__throttled": ["frequency capped"]}, "throttled while measuring: frequency capped"),
        ({"after__throttled_since_boot": ["under-voltage", "throttled"]}, "throttled while measuring: throttled"),
        ({"other_work": 0.25}, "busy while measuring: 25% of its processors' time went to other work"),
        ({"after__governor": "powersave"}, "the governor changed while measuring: performance, then powersave"),
        ({"machine__cores": 2}, "4 threads on 2 cores"),
        ({"checked__sparse": 0.1}, "sparse computes something else there: off by 1.0e-01 of the largest output"),
        ({"checked__dense": "inf"}, "dense computes something else there: off by inf of the largest output"),
    ],
)
def test_each_doubt_is_told(changes: dict[str, Any], told: str) -> None:
    assert taints(spoiled(**changes)) == [told]
