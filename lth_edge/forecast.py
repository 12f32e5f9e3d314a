"""The forecast: export, proof, gain and training time of the unpruned net, before anything is trained.

What would fail after a day of training fails here after a minute.
"""

import math
import statistics
import time
from dataclasses import asdict, dataclass, replace
from typing import Any

import torch
from torch import nn

from lth_edge.errors import InputError, reason
from lth_edge.find.at_once import cores, jobs_of
from lth_edge.find.evaluate import forward
from lth_edge.find.feed import Feed
from lth_edge.find.prunable import prunable
from lth_edge.find.search import Stage
from lth_edge.find.train import Job, Start, time_steps, weights_of
from lth_edge.gain import Gain, forecast_gain
from lth_edge.recipe import Recipe
from lth_edge.storage import most_trainings
from lth_edge.tasks.examples import some
from lth_edge.ticket import Mask

TIMED_STEPS = 20
TIMED_EXAMPLES = 256
TRIAL_STEPS = 5
"""Fewer while threads are compared: where they wait for each other a step may take ten times as long."""
LONG_STEP = 0.02
"""Seconds; shorter steps stay on one thread."""
CLEAR_GAIN = 1.3


@dataclass(frozen=True)
class Forecast:
    """What to expect.

    Attributes:
        seconds_per_level, hours: training time, the latter for every level, seed, control and codebook that may come.
        dense_latency_us: median of the unpruned net in onnxruntime, batch 1.
        max_error: of the exported file against PyTorch, as a share of the largest output.
        gain: what the pruned net will gain.
        threads: torch threads for training.
        step_over_fp32: time of a step over that of one in fp32; `None` where steps are in fp32.
        unsupported: parameters that stay dense, with the kind of their layer.
    """

    seconds_per_level: float
    hours: float
    dense_latency_us: float
    max_error: float
    gain: Gain
    threads: int
    step_over_fp32: float | None
    unsupported: list[str]

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    def lines(self) -> list[str]:
        """The forecast for people."""
        stays = f"; stay dense: {', '.join(self.unsupported)}" if self.unsupported else ""
        return [
            f"forecast: exported and proved (largest error {self.max_error:.1e} of the largest output){stays}",
            *(f"forecast: {line}" for line in self.gain.lines()),
            *self._precision(),
            f"forecast: {self.seconds_per_level:.1f} s a level, {_hours(self.hours)} at most, {self.threads} thread(s)",
        ]

    def _precision(self) -> list[str]:
        if self.step_over_fp32 is None:
            return []
        advice = "" if self.step_over_fp32 < 1 else ": nothing is gained here, --precision fp32 is as fast"
        return [f"forecast: a step in bf16 takes {self.step_over_fp32:.2f}x of one in fp32{advice}"]


def forecast(stage: Stage, own_loop: bool) -> Forecast:
    """Export, prove and time the unpruned net; time 20 real steps.

    Args:
        own_loop: the user's training function is used: its steps cannot be timed, and are said to be 0.

    Raises:
        InputError: the network cannot be exported, has nothing to prune, or cannot compute in bf16 where that is asked.
        ProofError: the exported file computes something else.
    """
    task, recipe = stage.task, stage.recipe
    network = task.network(recipe.find.seeds[0])
    layers = prunable(task, network)
    gain, proof = forecast_gain(task, recipe, network, layers)
    threads, step = (recipe.train.threads or 1, 0.0) if own_loop else _choose_threads(stage)
    over_fp32 = None if recipe.train.precision == "fp32" else _over_fp32(stage, threads, step)
    torch.set_num_threads(threads)
    evaluations = 0 if own_loop else (recipe.train.steps or 0) / (recipe.train.evaluate_every or 1)
    level = (recipe.train.steps or 0) * step + evaluations * _evaluation_seconds(stage)
    return Forecast(
        seconds_per_level=level,
        hours=level * (_trainings(recipe, stage.device.type != "cpu") + most_trainings(recipe.store)) / 3600,
        dense_latency_us=gain.forms[0].p50_us,
        max_error=proof.max_error,
        gain=gain,
        threads=threads,
        step_over_fp32=over_fp32,
        unsupported=_dense_parameters(network, set(layers.shapes)),
    )


def _choose_threads(stage: Stage) -> tuple[int, float]:
    """Torch threads for training, and the time of a step on them: all where long steps gain clearly, else one.

    Seeds trained at once have one each. Threads wait for each other at every operator: once anything else runs on the
    machine, short steps on two threads took ten times as long as on one.
    """
    recipe = stage.recipe.train
    wanted = recipe.threads or 1
    seconds = _step_seconds(stage, wanted, TIMED_STEPS)
    at_once = jobs_of(stage.recipe) > 1
    fixed = recipe.threads is not None or at_once or stage.device.type != "cpu" or cores() == 1
    if fixed or seconds < LONG_STEP:
        return wanted, seconds
    together = _step_seconds(stage, cores(), TRIAL_STEPS)
    return (cores(), together) if seconds / together > CLEAR_GAIN else (1, seconds)


def _over_fp32(stage: Stage, threads: int, seconds: float) -> float:
    """A step of `seconds` over one in fp32."""
    in_fp32 = replace(stage, recipe=stage.recipe.replace({"train": {"precision": "fp32"}}))
    return seconds / _step_seconds(in_fp32, threads, TRIAL_STEPS)


def _step_seconds(stage: Stage, threads: int, steps: int) -> float:
    """Median time of a real step."""
    torch.set_num_threads(threads)
    network = stage.task.network(0).to(stage.device)
    job = Job(
        task=stage.task,
        network=network,
        mask=Mask({}),
        start=Start(0, weights_of(network)),
        settings=stage.recipe.train,
        train_feed=stage.train_feed,
        validation_feed=stage.validation_feed,
        seed=0,
    )
    try:
        return statistics.median(time_steps(job, steps))
    except RuntimeError as error:
        if stage.recipe.train.precision == "bf16" and "BFloat16" in str(error):
            raise InputError(f"the network does not train in bf16: {reason(error)}", "use --precision fp32") from error
        raise


def _evaluation_seconds(stage: Stage) -> float:
    """Time of one evaluation on all validation data, from some of it."""
    network, few = stage.task.network(0).to(stage.device), _few(stage)
    began = time.perf_counter()
    for _ in forward(network, few):
        pass
    return (time.perf_counter() - began) * len(stage.validation_feed) / len(few)


def _few(stage: Stage) -> Feed:
    return Feed(some(stage.task.splits.validation, TIMED_EXAMPLES), stage.task.preprocess, stage.device)


def _trainings(recipe: Recipe, on_gpu: bool) -> int:
    """Levels' worth of training that may come one after the other: levels and controls, times rounds of seeds."""
    rounds = math.ceil(len(recipe.find.seeds) / (1 if on_gpu else min(jobs_of(recipe), cores())))
    if recipe.task.keep_mask is not None:  # level 0 is there, and nothing is pruned
        return rounds
    levels = recipe.find.levels
    if recipe.find.sparsity is not None:
        levels = min(levels, math.ceil(math.log(1 - recipe.find.sparsity) / math.log(1 - recipe.find.prune_rate)))
    controlled = recipe.find.control_levels or (levels,)
    controls = 2 * len(controlled) if recipe.find.controls else 0
    if recipe.find.dense_longer:
        controls += sum(1 + min(level, levels) for level in controlled)
    return (1 + levels + controls) * rounds


def _dense_parameters(network: nn.Module, pruned: set[str]) -> list[str]:
    """Weight matrices of layers that lth-edge does not prune, such as recurrent ones and embeddings."""
    owners = {
        name: type(network.get_submodule(name.rpartition(".")[0])).__name__ for name, _ in network.named_parameters()
    }
    return [
        f"{name} ({owners[name]})"
        for name, parameter in network.named_parameters()
        if parameter.ndim >= 2 and name not in pruned
    ]


def _hours(hours: float) -> str:
    if hours >= 1:
        return f"{hours:.1f} hours in all"
    return f"{hours * 60:.1f} minutes in all" if hours * 60 >= 1 else f"{hours * 3600:.0f} seconds in all"
