"""The user's own training loop in place of ours.

    def my_training(training):
        optimizer = torch.optim.AdamW(training.network.parameters())
        training.hold(optimizer)            # masks hold after every step from here on
        for x, y in my_loader: ...

The loop trains `training.network` in place. It may return a state dict to be shipped instead of the last weights (an
exponential average, an early stop). A bit-equal resume is promised for lth-edge's own loop alone.
"""

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor, nn
from torch.optim import Optimizer

from lth_edge.errors import TrainingError
from lth_edge.find.evaluate import evaluate
from lth_edge.find.hold import MaskHold
from lth_edge.find.train import Job, Start, Trained, load, weights_of


@dataclass
class Training:
    """What a user's training function is handed.

    Attributes:
        network: to be trained in place, at the weights this level starts from.
        start_step: the step of the user's own schedule to begin at; 0 but for late rewinding.
        seed: for data order and augmentation, should the loop want one.
        device: where the network lies.
    """

    network: nn.Module
    start_step: int
    seed: int
    device: Any
    _hold: MaskHold
    _snapshot: Start | None = None

    def hold(self, optimizer: Optimizer) -> None:
        """Keep pruned weights at zero after every step of `optimizer`."""
        self._hold(optimizer)

    def rewind_point(self, step: int) -> None:
        """Mark the state that later levels go back to; they begin with `start_step = step`."""
        self._snapshot = Start(step, weights_of(self.network))


OwnLoop = Callable[[Training], Mapping[str, Tensor] | None]


def own_trainer(loop: OwnLoop) -> Callable[[Job], Trained]:
    """A trainer for the search from the user's loop.

    Raises (when run):
        TrainingError: the loop changed pruned weights outside a held step, never called `hold`, or diverged.
    """

    def trainer(job: Job) -> Trained:
        began = time.perf_counter()
        load(job.network, job.start.weights)
        job.network.train()
        hold = MaskHold(job.network, job.mask)
        training = Training(job.network, job.start.step, job.seed, next(job.network.parameters()).device, hold)
        first = Start(0, weights_of(job.network))
        with hold.clear_gradients():
            shipped = loop(training)
        if hold.steps == 0:
            raise TrainingError("the training function never held the masks", "call training.hold(optimizer) in it")
        end = weights_of(job.network)
        for name, kept in job.mask.items():
            if np.any(end[name][~kept]):
                raise TrainingError(
                    f"the training function changed pruned weights of {name!r} outside a held step",
                    "call training.hold on every optimizer, and change no weights after its last step",
                )
        best = end if shipped is None else {name: t.detach().cpu().numpy().copy() for name, t in shipped.items()}
        load(job.network, job.mask.apply(best))
        found = evaluate(job.task, job.network, job.validation_feed)
        if not math.isfinite(found.loss):
            raise TrainingError(f"validation loss is {found.loss} after training", "lower the learning rate")
        job.tick(job.start.step + hold.steps, found.metric)
        snapshot = (training._snapshot or first) if job.snapshot_step is not None else None
        history = [(hold.steps, found.loss, found.metric)]
        return Trained(
            end, best, hold.steps, found, hold.steps, time.perf_counter() - began, history, job.mask, snapshot
        )

    return trainer
