"""Whose tickets are weighed: networks with their data, and how long each is trained."""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from lth_edge.recipe import Recipe
from lth_edge.tasks.build import load_task
from lth_edge.tasks.task import Task

BATCH = 60
MNIST = MappingProxyType({"data": "torchvision:MNIST", "validation": 5000})
CIFAR10 = MappingProxyType({"data": "npz:cifar10.npz", "layout": "nhwc", "validation": 5000})


@dataclass(frozen=True)
class Subject:
    """A network and its data.

    Attributes:
        model: as `lth-edge compress --model` names it.
        data: fields of the recipe's task.
        steps: of each stage of the search.
        codebook_steps: of a training within a codebook.
        rate: of Adam, at the beginning of each of these.
    """

    model: str
    data: Mapping[str, Any]
    steps: int
    codebook_steps: int
    rate: float = 1.2e-3

    def task(self, data_dir: Path) -> Task:
        """Its task, with the data from a folder."""
        fields = {"model": self.model, "data_dir": str(data_dir), "tolerance": 0.1} | dict(self.data)
        return load_task(Recipe().replace({"task": fields}).task)


SUBJECTS = {
    "lenet-5": Subject("lenet-5", MNIST, steps=500, codebook_steps=700),
    "lenet-300-100": Subject("lenet-300-100", MNIST, steps=1200, codebook_steps=2400),
    "lenet-5-cifar10": Subject("lenet-5", CIFAR10, steps=1000, codebook_steps=3000),
}


def options(told: str | None, network: str, seeds: str) -> argparse.ArgumentParser:
    """What the programs that weigh tickets are asked: data, network and seeds."""
    parser = argparse.ArgumentParser(description=told, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", type=Path, default=Path("data"), help="where the data sets lie")
    parser.add_argument("--cache", type=Path, default=Path("lth-edge-runs") / "size", help="where tickets are kept")
    parser.add_argument("--network", default=network, choices=list(SUBJECTS))
    parser.add_argument("--seeds", default=seeds)
    return parser
