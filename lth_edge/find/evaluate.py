"""Loss, metric and outputs of a network over examples."""

import math
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from lth_edge.find.feed import Feed, Order
from lth_edge.tasks.task import Task, bare

BATCH = 256


@dataclass(frozen=True)
class Evaluation:
    """Mean loss, and the metric in its own units."""

    loss: float
    metric: float


def evaluate(task: Task, network: nn.Module, feed: Feed) -> Evaluation:
    """Evaluate in inference mode over all of `feed`; there is no metric where the loss is not finite."""
    total, outputs, targets = 0.0, [], []
    for x, y in forward(network, feed):
        total += float(task.loss(bare(x), bare(y))) * len(y[0])
        outputs.append([tensor.cpu().numpy() for tensor in x])
        targets.append([tensor.cpu().numpy() for tensor in y])
    if not math.isfinite(total):
        return Evaluation(total, math.nan)
    return Evaluation(total / len(feed), task.metric(joined(outputs), joined(targets)))


def joined(parts: list[Any]) -> Any:
    """Batches of several arrays each, concatenated; a single array comes bare."""
    return bare([np.concatenate(column) for column in zip(*parts, strict=True)])


def recalibrate(network: nn.Module, feed: Feed, batch_size: int, count: int = 50) -> None:
    """Measure batch norm statistics anew, as the plain mean over `count` batches of training data."""
    norms = [m for m in network.modules() if isinstance(m, nn.modules.batchnorm._BatchNorm) and m.track_running_stats]
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None
    order = Order(len(feed), batch_size, seed=0)
    network.train()
    with torch.no_grad():
        for step in range(count if norms else 0):
            network(*feed.batch(order(step))[0])
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum


@contextmanager
def inference(network: nn.Module) -> Iterator[None]:
    """Evaluation mode without gradients; the mode before comes back."""
    training = network.training
    network.eval()
    try:
        with torch.no_grad():
            yield
    finally:
        network.train(training)


def forward(network: nn.Module, feed: Feed) -> Iterator[tuple[tuple[Any, ...], tuple[Any, ...]]]:
    """Outputs and targets, batch by batch, in inference mode."""
    with inference(network):
        for start in range(0, len(feed), BATCH):
            x, y = feed.batch(torch.arange(start, min(start + BATCH, len(feed))))
            outputs = network(*x)
            yield outputs if isinstance(outputs, (tuple, list)) else (outputs,), y  # type: ignore[misc]
