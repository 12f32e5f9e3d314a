"""Tickets at exactly 90, 95 and 97 % sparsity: train, prune the smallest weights of all layers, train on, and again.

Weights are kept from step to step (no rewinding): sizes are what is asked for here, and the tickets of a run by
`lth-edge compress` are coded the same way.
"""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn.functional import cross_entropy

from lth_edge.find.feed import Feed
from lth_edge.find.prune import prune
from lth_edge.find.train import load, weights_of
from lth_edge.tasks.task import Task
from lth_edge.ticket import Mask, Ticket

SPARSITIES = (0.90, 0.95, 0.97)
SCHEDULE = (0.0, 0.5, 0.7, 0.8, *SPARSITIES)
BATCH = 60
RATE = 1.2e-3
STEPS = {"lenet-5": 700, "lenet-300-100": 1500}  # of each stage


def tickets(task: Task, seed: int, cache: Path) -> Iterator[tuple[float, Ticket]]:
    """Sparsity and ticket, trained where `cache` does not hold them yet."""
    folders = {sparsity: cache / f"{task.name}-{seed}-{sparsity:.2f}" for sparsity in SPARSITIES}
    if not all((folder / "ticket.json").exists() for folder in folders.values()):
        for sparsity, ticket in _train(task, seed):
            folders[sparsity].mkdir(parents=True, exist_ok=True)
            ticket.save(folders[sparsity])
    for sparsity, folder in folders.items():
        yield sparsity, Ticket.load(folder)


def _train(task: Task, seed: int) -> Iterator[tuple[float, Ticket]]:
    torch.manual_seed(seed)
    network = task.network(seed)
    names = [name for name, array in weights_of(network).items() if array.ndim > 1]
    mask = Mask({name: np.ones(weights_of(network)[name].shape, np.bool_) for name in names})
    for sparsity in SCHEDULE:
        if sparsity > 0:
            mask = prune(weights_of(network), mask, dict.fromkeys(mask, 0.99), "global", sparsity)
            load(network, mask.apply(weights_of(network)))
        train_within(task, network, mask, STEPS[task.model])
        if sparsity in SPARSITIES:
            yield sparsity, Ticket(mask, mask.apply(weights_of(network)), {"sparsity": sparsity, "seed": seed})


def train_within(task: Task, network: nn.Module, mask: Mask, steps: int, rate: float = RATE) -> None:
    """Train the weights that a mask keeps, the rate falling to zero along a cosine."""
    kept = {name: torch.from_numpy(array).float() for name, array in mask.items()}
    parameters = dict(network.named_parameters())
    optimizer = torch.optim.Adam(network.parameters(), rate)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    feed = Feed(task.splits.train, task.preprocess, torch.device("cpu"))
    network.train()
    for _ in range(steps):
        inputs, targets = feed.batch(torch.randint(len(feed), (BATCH,)))
        optimizer.zero_grad()
        cross_entropy(network(*inputs), targets[0]).backward()
        optimizer.step()
        schedule.step()
        with torch.no_grad():
            for name, flags in kept.items():
                parameters[name].mul_(flags)
