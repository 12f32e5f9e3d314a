"""Figures as people read them; a figure that is not there is a dash."""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Self

MISSING = "–"


def write_bytes(count: float | None) -> str:
    """Bytes in decimal units, three digits: 2380000 -> 2.38 MB."""
    if count is None:
        return MISSING
    for size, unit in ((1e9, "GB"), (1e6, "MB"), (1e3, "kB")):
        if abs(count) >= size:
            return f"{_three_digits(count / size)} {unit}"
    return f"{count:.0f} B"


def write_known_bytes(count: float | str | None) -> str:
    """Bytes, or the word that says why there is no figure."""
    return count if isinstance(count, str) else write_bytes(count)


def write_time(seconds: float | None) -> str:
    """A time from microseconds to hours: 5.01e-5 -> 50.1 µs."""
    if seconds is None:
        return MISSING
    if seconds >= 5400:
        return f"{seconds / 3600:.1f} h"
    if seconds >= 120:
        return f"{seconds / 60:.1f} min"
    for size, unit in ((1.0, "s"), (1e-3, "ms")):
        if seconds >= size:
            return f"{_three_digits(seconds / size)} {unit}"
    return f"{_three_digits(seconds * 1e6)} µs"


def write_share(share: float | None) -> str:
    """A fraction in percent, three digits: 0.088 -> 8.80%."""
    return MISSING if share is None else f"{_three_digits(100 * share)}%"


def write_sparsity(weights_left: float | None) -> str:
    """The zeros in percent, with the decimals that keep 99.9% and 99.99% apart."""
    if weights_left is None:
        return MISSING
    decimals = 1 if weights_left >= 0.01 else 2 if weights_left >= 0.001 else 3
    return f"{100 * (1 - weights_left):.{decimals}f}%"


def write_factor(factor: float | None) -> str:
    """7.904 -> 7.90×."""
    if factor is None:
        return MISSING
    return f"{factor:.2f}×" if factor < 10 else f"{factor:.1f}×"


def write_power(value: float | None, decimals: int) -> str:
    """Tiny figures: 1.4e-07 -> 1.4e-7."""
    if value is None:
        return MISSING
    if math.isinf(value):
        return "infinite"
    mantissa, _, power = f"{value:.{decimals}e}".partition("e")
    return f"{mantissa}e{int(power)}" if value else "0"


def write_range(low: str, high: str) -> str:
    """Two written figures as an interval."""
    return f"({low} to {high})"


def write_signed(value: float, decimals: int = 0) -> str:
    """+1.2 or −1.2, with a minus sign as wide as the plus."""
    return f"{round(value, decimals) + 0.0:+.{decimals}f}".replace("-", "−")  # no −0.0


def shorten(text: str, length: int) -> str:
    """At most `length` characters, the last one an ellipsis where some are missing."""
    return text if len(text) <= length else f"{text[: length - 1]}…"


@dataclass(frozen=True)
class Metric:
    """How the task's metric is written.

    Attributes:
        name: such as accuracy.
        unit: such as %, or empty.
        higher_is_better: which way is good.
        decimals: after the point, alike for all values of one report so that columns align.
    """

    name: str
    unit: str
    higher_is_better: bool
    decimals: int

    @classmethod
    def of(cls, report: Mapping[str, Any]) -> Self:
        """The metric of a report, with four digits for its largest value."""
        metric = report["task"]["metric"]
        levels = report["levels"] or []
        values = _numbers(level[key] for level in levels for key in ("validation_metric", "test_metric"))
        largest = max((abs(value) for value in values), default=1.0)
        # 100 % would take a decimal from all the others: it counts as 99.9
        digits = math.floor(math.log10(max(min(largest, 99.9), 1e-9)))
        return cls(metric["name"], metric["unit"] or "", metric["higher_is_better"], max(0, 3 - digits))

    def write(self, value: float | None) -> str:
        return MISSING if value is None else f"{value:.{self.decimals}f}"

    def write_difference(self, value: float | None) -> str:
        return MISSING if value is None else write_signed(value, self.decimals)

    def write_estimate(self, estimate: Mapping[str, Any] | None) -> str:
        """Mean and, where there is more than one seed, half the width of its t interval."""
        if not estimate or estimate["mean"] is None:
            return MISSING
        mean = self.write(estimate["mean"])
        if estimate["low"] is None or estimate["high"] is None:
            return mean
        return f"{mean} ± {self.write((estimate['high'] - estimate['low']) / 2)}"

    @property
    def difference_unit(self) -> str:
        """Percentages differ by points."""
        return "points" if self.unit == "%" else self.unit

    @property
    def title(self) -> str:
        """Name and unit: accuracy (%)."""
        return f"{self.name} ({self.unit})" if self.unit else self.name


def _numbers(values: Iterable[float | None]) -> list[float]:
    return [value for value in values if value is not None]


def _three_digits(value: float) -> str:
    decimals = 2 if abs(value) < 9.995 else 1 if abs(value) < 99.95 else 0
    return f"{value:.{decimals}f}"
