"""How figures read in a sentence."""

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
