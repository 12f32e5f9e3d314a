"""One training run under a mask. It knows nothing of pruning: a start, a schedule, and what came out.

A run can be left and entered at a step: the snapshot at step k holds weights, buffers, optimiser state and the random
state, and the data order and schedule depend on the step alone (rewinding, arXiv 1903.01611).
"""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import SGD, Adam, AdamW, Optimizer

from lth_edge.errors import TrainingError
from lth_edge.find.evaluate import Evaluation, evaluate, recalibrate
from lth_edge.find.feed import Feed, Order, augment
from lth_edge.find.gradual import Narrowing
from lth_edge.find.hold import MaskHold
from lth_edge.recipe import TrainRecipe
from lth_edge.tasks.task import Task, bare
from lth_edge.ticket import Array, Mask, Weights

Ticker = Callable[[int, float], None]


@dataclass(frozen=True)
class Start:
    """Where a run begins.

    Attributes:
        step: the first step of the schedule and data order to be done.
        weights: parameters and buffers.
        state: optimiser state and random state at that step; empty for a fresh start.
    """

    step: int
    weights: Weights
    state: Weights = field(default_factory=dict)


@dataclass(frozen=True)
class Trained:
    """What a run leaves.

    Attributes:
        end: weights after the last step; rankings come from them.
        best: what is reported and shipped: weights of the lowest validation loss, or the last, as the settings say.
        best_step: step of the lowest validation loss.
        history: (step, validation loss, validation metric) at every evaluation.
        mask: what was held in the end.
        snapshot: the state at the rewinding step, where it was asked for.
    """

    end: Weights
    best: Weights
    best_step: int
    evaluation: Evaluation
    steps: int
    seconds: float
    history: list[tuple[int, float, float]]
    mask: Mask
    snapshot: Start | None = None


@dataclass(frozen=True)
class Job:
    """One run to be done.

    Attributes:
        network: a network of the task; its weights are overwritten by `start`.
        mask: held after every step.
        settings: a training recipe with nothing left to "auto".
        constant_rate: train at the schedule's last rate throughout (fine-tuning).
        snapshot_step: keep the state at this step.
        narrowing: what is pruned meanwhile.
        seed: of data order, augmentation and dropout.
        hold: keeps the mask, and whatever else is to hold at every step.
        tick: called after every step with the step and the validation metric of the best checkpoint so far.
    """

    task: Task
    network: nn.Module
    mask: Mask
    start: Start
    settings: TrainRecipe
    train_feed: Feed
    validation_feed: Feed
    seed: int
    constant_rate: bool = False
    snapshot_step: int | None = None
    recalibrate_bn: bool = False
    narrowing: Narrowing | None = None
    hold: Callable[[nn.Module, Mask], MaskHold] = MaskHold
    tick: Ticker = lambda step, metric: None


def train(job: Job) -> Trained:
    """Do the run.

    Raises:
        TrainingError: the loss is not finite.
    """
    began = time.perf_counter()
    with torch.random.fork_rng():
        run = _Run(job)
        snapshot = None
        for step in range(job.start.step, run.steps):
            if step == job.snapshot_step:
                snapshot = run.snapshot(step)
            run.step(step)
        end = weights_of(job.network)
    return Trained(
        end=end,
        best=run.best,
        best_step=run.best_step,
        evaluation=run.best_evaluation,
        steps=run.steps - job.start.step,
        seconds=time.perf_counter() - began,
        history=run.history,
        mask=run.mask,
        snapshot=snapshot,
    )


def time_steps(job: Job, count: int) -> list[float]:
    """Seconds of `count` real steps, without an evaluation among them."""
    long = replace(job.settings, steps=count + 1, evaluate_every=count + 1)
    seconds = []
    with torch.random.fork_rng():
        run = _Run(replace(job, settings=long))
        for step in range(count):
            began = time.perf_counter()
            run.step(step)
            seconds.append(time.perf_counter() - began)
    return seconds


class _Run:
    """The state of a run between two steps."""

    def __init__(self, job: Job) -> None:
        self.job, self.settings = job, job.settings
        self.steps = _set(job.settings.steps)
        load(job.network, job.start.weights)
        self.mask = job.mask
        self.hold = job.hold(job.network, job.mask)
        self.optimizer = make_optimizer(job.network, job.settings)
        self.hold(self.optimizer)
        self.order = Order(len(job.train_feed), _set(job.settings.batch_size), job.seed)
        self.history: list[tuple[int, float, float]] = []
        self.best, self.best_step = weights_of(job.network), job.start.step
        self.best_evaluation, self.lowest = Evaluation(math.inf, math.nan), math.inf
        torch.manual_seed(job.seed)
        _restore(self.optimizer, job.start.state)
        job.network.train()

    def step(self, step: int) -> None:
        inputs, targets = self.job.train_feed.batch(self.order(step))
        if self.settings.augment not in {None, "none"}:
            inputs = (augment(inputs[0], self.settings.augment, step, self.job.seed), *inputs[1:])
        for group in self.optimizer.param_groups:
            group["lr"] = learning_rate(self.settings, self.steps if self.job.constant_rate else step)
        self.optimizer.zero_grad(set_to_none=True)
        loss = self.job.task.loss(bare(_outputs(self.job.network, inputs, self.settings.precision)), bare(targets))
        loss.backward()
        self.optimizer.step()
        done = step + 1
        if self.job.narrowing is not None and self.job.narrowing.due(done):
            self._narrow(self.job.narrowing.mask(done, weights_of(self.job.network)))
        if done % _set(self.settings.evaluate_every) == 0 or done == self.steps:
            self._evaluate(done, loss)
        self.job.tick(done, self.best_evaluation.metric)

    def _narrow(self, mask: Mask) -> None:
        """Go on with fewer weights; no checkpoint that had more of them counts any longer."""
        self.mask = mask
        self.hold.narrow(mask)
        self.best_evaluation, self.lowest = Evaluation(math.inf, math.nan), math.inf

    def snapshot(self, step: int) -> Start:
        return Start(step, weights_of(self.job.network), _state(self.optimizer))

    def _evaluate(self, step: int, loss: Tensor) -> None:
        value = float(loss.detach())
        if not math.isfinite(value):
            raise TrainingError(f"the loss is {value} at step {step}", "lower --learning-rate or check the data")
        ahead = weights_of(self.job.network) if self.job.recalibrate_bn else None
        if ahead is not None:
            with torch.random.fork_rng():  # what dropout draws here must not change the run
                recalibrate(self.job.network, self.job.train_feed, _set(self.settings.batch_size))
        found = evaluate(self.job.task, self.job.network, self.job.validation_feed)
        if not math.isfinite(found.loss):
            raise TrainingError(f"validation loss is {found.loss} at step {step}", "lower --learning-rate")
        self.history.append((step, found.loss, found.metric))
        lowest = found.loss < self.lowest
        if lowest:
            self.lowest, self.best_step = found.loss, step
        if lowest or self.settings.checkpoint == "last":
            self.best, self.best_evaluation = weights_of(self.job.network), found
        if ahead is not None:
            load(self.job.network, ahead)


def learning_rate(settings: TrainRecipe, step: int) -> float:
    """The rate at a step: a linear warm-up, then a drop by `gamma` at each milestone."""
    share = step / _set(settings.steps)
    rate = _set(settings.learning_rate) * settings.gamma ** sum(share >= m for m in settings.milestones or ())
    return rate * min(1.0, (share + 1 / _set(settings.steps)) / settings.warmup) if settings.warmup else rate


def make_optimizer(network: nn.Module, settings: TrainRecipe) -> Optimizer:
    parameters = [p for p in network.parameters() if p.requires_grad]
    rate, decay = _set(settings.learning_rate), _set(settings.weight_decay)
    if settings.optimizer == "sgd":
        return SGD(parameters, rate, momentum=settings.momentum, weight_decay=decay, fused=True)
    kind = Adam if settings.optimizer == "adam" else AdamW
    return kind(parameters, rate, weight_decay=decay, fused=True)


def weights_of(network: nn.Module) -> Weights:
    """A copy of parameters and buffers as arrays."""
    return {name: tensor.detach().cpu().numpy().copy() for name, tensor in network.state_dict().items()}


def load(network: nn.Module, weights: Weights) -> None:
    network.load_state_dict({name: torch.from_numpy(array) for name, array in weights.items()})


def _outputs(network: nn.Module, inputs: tuple[Tensor, ...], precision: str) -> Any:
    """What the loss is computed from: in fp32, for losses add up small differences."""
    if precision == "fp32":
        return network(*inputs)
    with torch.autocast(inputs[0].device.type, torch.bfloat16):
        outputs = network(*inputs)
    if isinstance(outputs, Tensor):
        return _in_fp32(outputs)
    widened = map(_in_fp32, outputs)
    return type(outputs)(*widened) if hasattr(outputs, "_fields") else tuple(widened)  # a loss may use the names


def _in_fp32(output: Tensor) -> Tensor:
    return output.float() if output.dtype == torch.bfloat16 else output


def _state(optimizer: Optimizer) -> Weights:
    """Optimiser and random state as arrays, so that they are stored without pickling."""
    state: dict[str, Array] = {"rng": torch.get_rng_state().numpy()}
    device = _device(optimizer)
    if device.type == "cuda":
        state["rng_cuda"] = torch.cuda.get_rng_state(device).numpy()
    for index, entries in optimizer.state_dict()["state"].items():
        for key, value in entries.items():
            if isinstance(value, Tensor):
                state[f"{index}.{key}"] = value.detach().cpu().numpy().copy()
    return state


def _restore(optimizer: Optimizer, state: Weights) -> None:
    if not state:
        return
    torch.set_rng_state(torch.from_numpy(state["rng"]))
    device = _device(optimizer)
    if "rng_cuda" in state and device.type == "cuda":
        torch.cuda.set_rng_state(torch.from_numpy(state["rng_cuda"]), device)
    entries: dict[int, dict[str, Tensor]] = {}
    for name, array in state.items():
        index, _, key = name.partition(".")
        if key:
            # A copy: the optimiser writes into what it is given.
            entries.setdefault(int(index), {})[key] = torch.from_numpy(array.copy())
    optimizer.load_state_dict({"state": entries, "param_groups": optimizer.state_dict()["param_groups"]})


def _device(optimizer: Optimizer) -> torch.device:
    """Where the parameters lie: of several GPUs each has a random state of its own."""
    device: torch.device = optimizer.param_groups[0]["params"][0].device
    return device


def _set(value: Any) -> Any:
    """A setting that `lth_edge.find.defaults` has filled in."""
    assert value is not None, "the recipe still has auto values"
    return value
