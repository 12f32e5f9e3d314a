"""The rows of the size table: every form of the network in bytes, beside dense fp32, dense int8 and gzip."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lth_edge.bench.choice import SPARSE

_NAMES = {"int8": "dense int8"}
_MASKED = "dense with zeros gzipped"


@dataclass(frozen=True)
class TicketFacts:
    """What the bytes of a ticket are measured by.

    Attributes:
        kept: its weights.
        limit_bits: what independent symbols would take, see `lth_edge.sparse.limit`.
        forms: rows that hold the ticket and no dense weights, in `others` or by file name.
        rounded: whether its values are stored in fewer bits: the dense file with its zeros is then another network,
            which was not evaluated.
    """

    kept: int
    limit_bits: float
    forms: frozenset[str]
    rounded: bool = False


def sizes(
    rows: Iterable[Mapping[str, Any]], others: Mapping[str, int], ticket: TicketFacts | None
) -> list[dict[str, Any]]:
    """A row per form.

    Args:
        rows: of the files, see `lth_edge.report.content.forms`.
        others: what else was counted, by name; all that holds the ticket's values is worth what the ticket is.
        ticket: `None` where there is none.
    """
    by_name = {row["name"]: row for row in rows}
    dense = by_name["dense"]
    counted = {"dense fp32": dense["bytes"], "dense gzipped": dense["gzip_bytes"], **others}
    counted |= {_NAMES.get(name, row["file"]): row["bytes"] for name, row in by_name.items() if name != "dense"}
    if SPARSE in by_name:
        row = by_name[SPARSE]
        counted[f"{row['file']} and kernels"] = row["bytes"] + row["kernels_bytes"]
    worth = _worth(by_name, others) | ({_MASKED: None} if ticket is not None and ticket.rounded else {})
    return [_row(name, counted, worth, ticket) for name in counted]


def package_row(sizes: Iterable[Mapping[str, Any]], name: str, count: int) -> dict[str, Any]:
    """The row of what a device downloads: it holds more than weights."""
    counted = {row["form"]: row["bytes"] for row in sizes} | {name: count}
    return _row(name, counted, {}, None)


def _row(name: str, counted: Mapping[str, int], worth: Mapping[str, Any], ticket: TicketFacts | None) -> dict[str, Any]:
    count = counted[name]
    own = ticket is not None and name in ticket.forms
    return {
        "form": name,
        "bytes": count,
        "factor": counted["dense fp32"] / count,
        "over_gzip": _over(counted.get(_MASKED), count),
        "over_int8": _over(counted.get("dense int8"), count),
        "bits_per_nonzero": 8 * count / ticket.kept if own and ticket and ticket.kept else None,
        "share_of_limit": 8 * count / ticket.limit_bits if own and ticket and ticket.limit_bits else None,
        "test_metric": worth.get(name),
    }


def _over(other: int | None, count: int) -> float | None:
    return None if other is None else other / count


def _worth(by_name: Mapping[str, Mapping[str, Any]], others: Mapping[str, int]) -> dict[str, Any]:
    found = {_NAMES.get(name, row["file"]): row["test_metric"] for name, row in by_name.items()}
    dense, ticket = (by_name.get(name, {}).get("test_metric") for name in ("dense", "ticket"))
    return dict.fromkeys(others, ticket) | {"dense fp32": dense, "dense gzipped": dense, _MASKED: ticket} | found
