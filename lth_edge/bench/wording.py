"""How figures read in a sentence."""

from collections.abc import Mapping
from typing import Any


def verdict(question: str, answer: str, good: bool | None) -> dict[str, Any]:
    """One entry of the report's "verdicts"; `good` is `None` where it is neither."""
    return {"question": question, "answer": answer, "good": good}


def times(factor: float) -> str:
    """7.9x, or 1.04x where a tenth would hide the difference."""
    return f"{factor:.1f}x" if factor >= 2 else f"{factor:.2f}x"


def ratio(factor: float, above: str, below: str) -> str:
    """`factor` in the words of its direction: "2.0x smaller", "1.25x larger"."""
    return f"{times(factor)} {above}" if factor >= 1 else f"{times(1 / factor)} {below}"


def change(speedup: Mapping[str, Any]) -> str:
    """A speed-up over dense and its interval, in the words of its direction (`bench.latency`)."""
    median, low, high = speedup["median"], speedup["low"], speedup["high"]
    if speedup["verdict"] == "slower":
        return f"{times(1 / median)} slower ({1 / high:.2f} to {1 / low:.2f})"
    if speedup["verdict"] == "faster":
        return f"{times(median)} faster ({low:.2f} to {high:.2f})"
    return f"{speedup['verdict']} ({low:.2f} to {high:.2f})"


def quantity(value: float, unit: str) -> str:
    return f"{value:.4g} {unit}".strip()


def kilobytes(count: float) -> str:
    """Bytes in decimal kB or MB."""
    return f"{count / 1e6:.2f} MB" if abs(count) >= 1e6 else f"{count / 1e3:.1f} kB"


def overall(states: list[int]) -> bool | None:
    """Good where some gained (1) and none lost (-1), bad the other way round, else neither."""
    if 1 in states and -1 not in states:
        return True
    return False if -1 in states and 1 not in states else None
