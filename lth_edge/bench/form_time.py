"""What a forecast tells of each form before anything is trained: its bytes, its time, what it gains over dense."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from lth_edge.bench.latency import latency_rows
from lth_edge.bench.samples import LatencySamples


@dataclass(frozen=True)
class FormTime:
    """One form: bytes of its file, median microseconds at batch 1, speed-up over dense (`bench.latency`)."""

    form: str
    bytes: int
    p50_us: float
    speedup: Mapping[str, Any]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)


def form_times(forms: Mapping[str, Path], samples: LatencySamples) -> list[FormTime]:
    """All forms in their order, the first of them dense.

    Args:
        forms: form -> file.
        samples: of batch 1 alone.
    """
    rows = latency_rows(samples)
    return [FormTime(row["form"], forms[row["form"]].stat().st_size, row["p50_us"], row["speedup"]) for row in rows]
