"""What makes a measurement doubtful: heat, a changed clock, other work, other results than here."""

from collections.abc import Mapping
from typing import Any

from lth_edge.bench.machine import UNKNOWN
from lth_edge.package.replay import tolerance_of

BUSY = 0.1
"""A share of all cores' time for other work that an idle machine stays below."""


def taints(result: Mapping[str, Any]) -> list[str]:
    """Sentences, none for a clean measurement.

    Args:
        result: a device's result, its "machine", "before", "during", "after", "other_work", "measurements", "checked".
    """
    return [*_throttling(result), *_governor(result), *_busy(result), *_threads(result), *_errors(result)]


def _throttling(result: Mapping[str, Any]) -> list[str]:
    """What held at any look, or has newly come up since the start though no look met it."""
    looks = [result["before"], *result["during"], result["after"]]
    held = {word for look in looks if look["throttled"] != UNKNOWN for word in look["throttled"]}
    since = [result[when].get("throttled_since_boot", UNKNOWN) for when in ("before", "after")]
    if UNKNOWN not in since:
        held |= set(since[1]) - set(since[0])
    return [f"throttled while measuring: {', '.join(sorted(held))}"] if held else []


def _governor(result: Mapping[str, Any]) -> list[str]:
    seen = dict.fromkeys(look["governor"] for look in (result["before"], *result["during"], result["after"]))
    told = [governor for governor in seen if governor != UNKNOWN]
    return [f"the governor changed while measuring: {', then '.join(told)}"] if len(told) > 1 else []


def _busy(result: Mapping[str, Any]) -> list[str]:
    share = result["other_work"]
    busy = share != UNKNOWN and share > BUSY
    return [f"busy while measuring: {share:.0%} of its processors' time went to other work"] if busy else []


def _threads(result: Mapping[str, Any]) -> list[str]:
    cores = result["machine"]["cores"]
    too_many = [threads for threads in result["measurements"] if cores != UNKNOWN and int(threads) > cores]
    return [f"{threads} threads on {cores} cores" for threads in too_many]


def _errors(result: Mapping[str, Any]) -> list[str]:
    return [
        f"{form} computes something else there: off by {float(error):.1e} of the largest output"
        for form, error in result["checked"].items()
        if not float(error) <= tolerance_of(form)
    ]
