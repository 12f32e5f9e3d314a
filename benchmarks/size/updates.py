"""How many bytes an update takes beside the whole download: rows of benchmarks/results/updates.csv.

    python -m benchmarks.size.updates --data-dir DIR [--network lenet-300-100] [--seeds 0]

Both are .lthe files of ticket.onnx alone, what `lth-edge pack ticket.onnx` writes without and with `--since`.
`retrained` is the ticket trained on within its mask, at the rate it was found with or a tenth of that; `sparser` is the
next ticket of the same search, whose units stand in an order of their own. Values are rounded after training: bytes are
compared here, not accuracies. Rows of the same network, data and seed are replaced.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import torch

from benchmarks.size.rows import Row, write_rows
from benchmarks.size.subjects import SUBJECTS, Subject, options
from benchmarks.size.train import DENSE, tickets, train_within
from lth_edge.codec.container import Given, read_base, read_container, write_container
from lth_edge.convert.reorder import reorder_units
from lth_edge.convert.round_values import round_values
from lth_edge.convert.standard import to_standard
from lth_edge.export.onnx_export import export_onnx
from lth_edge.find.train import load, weights_of
from lth_edge.sparse.quantize import Values
from lth_edge.tasks.task import Task
from lth_edge.ticket import Ticket

RESULTS = Path(__file__).parents[1] / "results" / "updates.csv"
COLUMNS = ("network", "data", "seed", "sparsity", "change", "values", "download", "update", "smaller")
VALUES: tuple[Values, ...] = ("fp32", "fp16", "codebook-16", "codebook-4")


def changes(task: Task, subject: Subject, seed: int, cache: Path) -> Iterator[tuple[str, Ticket, Ticket]]:
    """What changed, and the ticket before and after."""
    found = [ticket for sparsity, ticket in tickets(task, subject, seed, cache) if sparsity != DENSE]
    for ticket in found:
        yield "retrained", ticket, _retrained(task, ticket, subject, seed + 1)
        slower = replace(subject, rate=subject.rate / 10)
        yield "retrained, a tenth of the rate", ticket, _retrained(task, ticket, slower, seed + 1)
    for before, after in pairwise(found):
        yield "sparser", before, after


def _retrained(task: Task, ticket: Ticket, subject: Subject, seed: int) -> Ticket:
    network = task.network(0)
    load(network, ticket.weights)
    order = torch.Generator().manual_seed(seed)
    train_within(task, network, ticket.mask, subject.steps, order, subject.rate)
    return Ticket(ticket.mask, ticket.mask.apply(weights_of(network)), ticket.facts)


def rows_of(task: Task, seed: int, change: str, before: Ticket, after: Ticket) -> Iterator[Row]:
    for values in VALUES:
        old, new = (_file(task, ticket, values) for ticket in (before, after))
        given = Given("old.lthe", write_container(old, best=True))
        download, update = write_container(new, best=True), write_container(new, best=True, base=read_base(given))
        assert read_container(update, [given]) == new
        facts = (task.model, task.data, seed, f"{after.mask.sparsity:.2f}", change, values)
        sizes = (len(download), len(update), f"{len(download) / len(update):.2f}")
        print(*facts, *sizes, flush=True)
        yield dict(zip(COLUMNS, (*facts, *sizes), strict=True))


def _file(task: Task, ticket: Ticket, values: Values) -> dict[str, bytes]:
    network = task.network(0)
    load(network, ticket.weights)
    exported = export_onnx(task, network, ticket.mask, 18)
    turned = reorder_units(exported.model, exported.masks)
    rounded = round_values(turned.model, turned.masks, values)
    return {"ticket.onnx": to_standard(rounded, turned.masks).SerializeToString()}


def main() -> None:
    given = options(__doc__, network="lenet-300-100", seeds="0").parse_args()
    torch.set_num_threads(1)
    subject = SUBJECTS[given.network]
    task = subject.task(given.data_dir)
    for seed in map(int, given.seeds.split(",")):
        found: list[Row] = []
        for change in changes(task, subject, seed, given.cache):
            found += rows_of(task, seed, *change)
            write_rows(RESULTS, COLUMNS, found, ("network", "data", "seed"))


if __name__ == "__main__":
    main()
