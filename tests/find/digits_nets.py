"""Small networks on scikit-learn's digits, and one training run of them."""

import dataclasses
from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import nn

from lth_edge.find.feed import Feed
from lth_edge.find.train import Job, Start, weights_of
from lth_edge.recipe import TrainRecipe
from lth_edge.tasks.build import make_task
from lth_edge.tasks.task import Task
from lth_edge.ticket import Mask


def perceptron() -> nn.Module:
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 20), nn.ReLU(), nn.Linear(20, 10))


def normed() -> nn.Module:
    """Batch norm and dropout: buffers and random numbers that a rewind must bring back too."""
    features = [nn.Conv2d(1, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.Dropout(0.3)]
    return nn.Sequential(*features, nn.Flatten(), nn.Linear(256, 10))


@cache
def digits(count: int = 500):
    data = load_digits()
    images = (data.images[:count, None] / 16).astype(np.float32)
    return torch.from_numpy(images), torch.from_numpy(data.target[:count].astype(np.int64))


@cache
def digits_task(build=perceptron, **recipe) -> Task:
    return make_task(build, digits(), **recipe)


def settings(**changes) -> TrainRecipe:
    base = TrainRecipe(
        steps=24,
        batch_size=32,
        optimizer="adam",
        learning_rate=2e-3,
        weight_decay=0.0,
        milestones=(0.5,),
        augment="none",
        evaluate_every=8,
        threads=1,
    )
    return dataclasses.replace(base, **changes)


def job(task: Task, mask: Mask | None = None, start: Start | None = None, **changes) -> Job:
    """A run of the task's network from seed 0, dense unless a mask is given."""
    fields = {f.name for f in dataclasses.fields(Job)}
    network = task.network(0)
    feeds = [Feed(part, task.preprocess, torch.device("cpu")) for part in (task.splits.train, task.splits.validation)]
    return Job(
        task=task,
        network=network,
        mask=mask or full_mask(network),
        start=start or Start(0, weights_of(network)),
        settings=settings(**{k: v for k, v in changes.items() if k not in fields}),
        train_feed=feeds[0],
        validation_feed=feeds[1],
        **{"seed": 7, **{k: v for k, v in changes.items() if k in fields}},
    )


def full_mask(network: nn.Module) -> Mask:
    return Mask({name: np.ones(p.shape, bool) for name, p in network.named_parameters() if p.ndim > 1})


def half_mask(network: nn.Module, seed: int = 0) -> Mask:
    """About half of the weights, drawn at random."""
    random = np.random.default_rng(seed)
    return Mask({name: random.random(kept.shape) < 0.5 for name, kept in full_mask(network).items()})


def same(left, right) -> bool:
    """Whether two sets of arrays are equal bit for bit."""
    return left.keys() == right.keys() and all(left[n].tobytes() == right[n].tobytes() for n in left)
