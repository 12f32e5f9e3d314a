"""Training within a codebook: a network that knows, while it learns, how few different weights it may have.

Every forward pass sees the nearest number of the layer's codebook in the place of each kept weight; the gradient goes
to the weight itself (the straight-through estimator, arXiv 1308.3432). The codebooks follow the weights by k-means.
After Han et al., "Deep Compression" (2016), section 3.3, and Courbariaux et al., "BinaryConnect" (2015).
"""

from dataclasses import replace
from functools import partial

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from lth_edge.find.hold import MaskHold
from lth_edge.find.search import Stage
from lth_edge.find.train import Job, Start, train
from lth_edge.sparse.quantize import Values, codebook, codebook_size, values_by_layer
from lth_edge.ticket import Array, Mask, Ticket, Weights

_FOLLOW_EVERY = 50  # steps between two k-means


class CodebookHold(MaskHold):
    """Keeps a mask, and shows every forward pass weights from codebooks.

    Args:
        values: a codebook, which says how many different weights each layer of the mask may have.
    """

    def __init__(self, network: nn.Module, mask: Mask, values: Values) -> None:
        super().__init__(network, mask)
        stored = values_by_layer(values, {name: int(kept.sum()) for name, kept in mask.items() if kept.any()})
        self._shared = [
            _Shared(network.get_parameter(name), mask[name], codebook_size(of_layer))
            for name, of_layer in stored.items()
        ]
        network.register_forward_pre_hook(self._show)

    def __call__(self, optimizer: Optimizer) -> None:
        optimizer.register_step_pre_hook(self._give_back)
        super().__call__(optimizer)

    def _show(self, *_: object) -> None:
        for shared in self._shared:
            shared.show(follow=self.steps % _FOLLOW_EVERY == 0)

    def _give_back(self, *_: object) -> None:
        for shared in self._shared:
            shared.give_back()


class _Shared:
    """The weights of one layer: what they are, and what is shown of them."""

    def __init__(self, parameter: nn.Parameter, kept: Array, size: int) -> None:
        self._parameter, self._size = parameter, size
        self._places = torch.from_numpy(kept.ravel().nonzero()[0]).to(parameter.device)
        self._levels = self._borders = torch.empty(0)
        self._hidden: Tensor | None = None  # the weights, while others are shown

    def show(self, follow: bool) -> None:
        if self._hidden is not None:
            return
        flat = self._parameter.data.view(-1)
        self._hidden = flat[self._places]
        if follow or self._levels.numel() == 0:
            levels = codebook(self._hidden.cpu().numpy(), self._size)
            self._levels = torch.from_numpy(levels).to(flat)
            self._borders = (self._levels[1:] + self._levels[:-1]) / 2
        flat[self._places] = self._levels[torch.bucketize(self._hidden, self._borders)]

    def give_back(self) -> None:
        if self._hidden is not None:
            self._parameter.data.view(-1)[self._places] = self._hidden
            self._hidden = None


def train_within_codebook(stage: Stage, ticket: Ticket, values: Values) -> Weights:
    """The ticket trained on, over one level's steps, with as few different weights a layer as `values` says.

    Returns:
        The weights of lowest validation loss, those in the mask from the codebooks.

    Raises:
        TrainingError: the loss is not finite.
    """
    seed = int(ticket.facts.get("seed", 0))
    network = stage.task.network(seed).to(stage.device)
    job = Job(
        stage.task, network, ticket.mask, Start(0, ticket.weights), replace(stage.recipe.train, warmup=0.0),
        stage.train_feed, stage.validation_feed, seed, hold=partial(CodebookHold, values=values),
    )  # fmt: skip
    return train(job).best
