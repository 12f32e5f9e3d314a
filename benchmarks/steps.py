"""How long a step of training takes: lth-edge dense and under a mask, beside a plain DataLoader loop, in one run.

    python -m benchmarks.steps --data-dir DIR

LeNet-300-100 on MNIST, batch 60, Adam 1.2e-3, one torch thread. The three take turns, block by block, so that whatever
else the machine does weighs on all of them. Raw times go to results/MACHINE-DATE/steps/report.json. On Linux,

    chrt -f 1 python -m benchmarks.steps --data-dir DIR

has a core to itself on a machine that others keep busy, which the report then says.
"""

import argparse
import os
import time
from collections.abc import Callable
from datetime import UTC, datetime
from itertools import islice
from typing import Any

import torch
from torch import nn
from torch.utils.data import DataLoader

from benchmarks.kernels.measure import place
from lth_edge.bench.machine import machine
from lth_edge.bench.statistics import percentiles
from lth_edge.files import write_json
from lth_edge.find.controls import random_mask
from lth_edge.find.feed import Feed
from lth_edge.find.method import whole_mask
from lth_edge.find.prunable import prunable
from lth_edge.find.prune import prune
from lth_edge.find.train import Job, Start, time_steps, weights_of
from lth_edge.recipe import TaskRecipe, TrainRecipe
from lth_edge.tasks.build import load_task
from lth_edge.tasks.models import lenet_300_100
from lth_edge.tasks.task import Task
from lth_edge.tasks.vision import torchvision
from lth_edge.ticket import Mask

BATCH, RATE = 60, 1.2e-3
SPARSITY = 0.9
BLOCKS, STEPS = 40, 50


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data-dir", default="data", help="where torchvision's MNIST lies")
    parser.add_argument("--blocks", type=int, default=BLOCKS, help=f"of each kind, {STEPS} steps long [{BLOCKS}]")
    given = parser.parse_args()
    torch.set_num_threads(1)
    created, about = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), machine()
    kinds = loops(given.data_dir)
    blocks: dict[str, list[list[float]]] = {name: [] for name in kinds}
    for _ in range(given.blocks):
        for name, block in kinds.items():
            blocks[name].append([round(1e3 * seconds, 4) for seconds in block()])
    out = place(about, created).with_name("steps")
    out.mkdir(parents=True, exist_ok=True)
    content = {"schema_version": 1, "created": created, "machine": about, "torch": torch.__version__}
    measured = {"threads": 1, "real_time": real_time(), "sparsity": SPARSITY, "ms_per_step": blocks}
    write_json(out / "report.json", content | measured)
    print(out / "report.json")
    for name, times in blocks.items():
        fastest, median = percentiles([ms for block in times for ms in block], (10, 50))
        print(f"{name:<11} {median:.2f} ms a step, the fastest tenth {fastest:.2f} ms or less")


def real_time() -> bool:
    """Whether this process goes before all others that are not real-time ones."""
    return hasattr(os, "sched_getscheduler") and os.sched_getscheduler(0) in {os.SCHED_FIFO, os.SCHED_RR}


def loops(data_dir: str) -> dict[str, Callable[[], list[float]]]:
    """What takes turns: each gives the seconds of a block of steps."""
    task = load_task(TaskRecipe(model="lenet-300-100", data="torchvision:MNIST", data_dir=data_dir, validation=5000))
    feeds = [Feed(part, task.preprocess, torch.device("cpu")) for part in (task.splits.train, task.splits.validation)]
    jobs = {name: _job(task, mask, feeds) for name, mask in _masks(task).items()}
    return {
        "dense": lambda: time_steps(jobs["dense"], STEPS),
        "masked": lambda: time_steps(jobs["masked"], STEPS),
        "dataloader": lambda: plain_steps(data_dir),
    }


def plain_steps(data_dir: str) -> list[float]:
    """Seconds of a block of steps as tutorials write them: data set, transform, DataLoader, default Adam."""
    vision: Any = torchvision()
    images = vision.datasets.MNIST(data_dir, train=True, transform=vision.transforms.ToTensor())
    network = lenet_300_100((1, 28, 28), 10)
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    seconds, began = [], time.perf_counter()
    for inputs, targets in islice(DataLoader(images, BATCH, shuffle=True), STEPS + 1):
        optimizer.zero_grad()
        nn.functional.cross_entropy(network(inputs), targets).backward()
        optimizer.step()
        ended = time.perf_counter()
        seconds.append(ended - began)
        began = ended
    return seconds[1:]  # the first waits for the order of the whole epoch


def _masks(task: Task) -> dict[str, Mask]:
    network = task.network(0)
    whole = whole_mask(prunable(task, network))
    pruned = prune(weights_of(network), whole, dict.fromkeys(whole, SPARSITY), "layer")
    return {"dense": whole, "masked": random_mask(pruned, 0)}


def _job(task: Task, mask: Mask, feeds: list[Feed]) -> Job:
    settings = TrainRecipe(
        steps=STEPS, batch_size=BATCH, optimizer="adam", learning_rate=RATE, weight_decay=0.0, evaluate_every=STEPS
    )
    network = task.network(0)
    return Job(task, network, mask, Start(0, weights_of(network)), settings, feeds[0], feeds[1], seed=0)


if __name__ == "__main__":
    main()
