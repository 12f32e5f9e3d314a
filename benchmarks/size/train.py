"""Tickets at exactly 90, 95 and 97 % sparsity: train, prune all layers together, train on, and again.

Pruning is that of `lth-edge compress --scope global --rank clustered`. Weights are kept from step to step (no
rewinding): sizes are what is asked for here, and the tickets of a run are stored and coded the same way.
"""

from collections.abc import Iterator
from pathlib import Path

import torch
from torch import nn
from torch.nn.functional import cross_entropy

from benchmarks.size.subjects import BATCH, Subject
from lth_edge.find.cluster import prune_clustered
from lth_edge.find.feed import Feed
from lth_edge.find.hold import MaskHold
from lth_edge.find.method import whole_mask
from lth_edge.find.prunable import prunable
from lth_edge.find.train import load, weights_of
from lth_edge.tasks.task import Task
from lth_edge.ticket import Mask, Ticket

DENSE = 0.0
SPARSITIES = (0.90, 0.95, 0.97)
SCHEDULE = (DENSE, 0.7, *SPARSITIES)


def tickets(task: Task, subject: Subject, seed: int, cache: Path) -> Iterator[tuple[float, Ticket]]:
    """Sparsity and ticket, dense first; each is trained where `cache` does not hold it yet."""
    layers = prunable(task, task.network(seed))
    before = Ticket(whole_mask(layers), weights_of(task.network(seed)), {})
    for sparsity in SCHEDULE:
        folder = cache / f"{task.name}-{subject.steps}-steps-at-{subject.rate:g}-seed-{seed}-{sparsity:.2f}"
        if not (folder / "ticket.json").exists():
            folder.mkdir(parents=True, exist_ok=True)
            mask = before.mask if sparsity == DENSE else _pruned(before, layers.output, sparsity)
            _trained(task, subject, mask, before, seed, sparsity).save(folder)
        before = Ticket.load(folder)
        if sparsity in (DENSE, *SPARSITIES):
            yield sparsity, before


def _pruned(ticket: Ticket, output: str, sparsity: float) -> Mask:
    rates = dict.fromkeys(ticket.mask, 1 - (1 - sparsity) / ticket.mask.density)
    return prune_clustered(ticket.weights, ticket.mask, rates, output, "global", sparsity)


def _trained(task: Task, subject: Subject, mask: Mask, before: Ticket, seed: int, sparsity: float) -> Ticket:
    network = task.network(seed)
    load(network, mask.apply(before.weights))
    network.to(memory_format=torch.channels_last)
    order = torch.Generator().manual_seed(1000 * seed + round(100 * sparsity))
    train_within(task, network, mask, subject.steps, order, subject.rate)
    return Ticket(mask, weights_of(network), {"sparsity": sparsity, "seed": seed})


def train_within(task: Task, network: nn.Module, mask: Mask, steps: int, order: torch.Generator, rate: float) -> None:
    """Train the weights that a mask keeps, the rate falling to zero along a cosine."""
    optimizer = torch.optim.Adam(network.parameters(), rate, fused=True)
    MaskHold(network, mask)(optimizer)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    feed = Feed(task.splits.train, task.preprocess, torch.device("cpu"))
    network.train()
    for _ in range(steps):
        inputs, targets = feed.batch(torch.randint(len(feed), (BATCH,), generator=order))
        optimizer.zero_grad()
        cross_entropy(network(*inputs), targets[0]).backward()
        optimizer.step()
        schedule.step()
