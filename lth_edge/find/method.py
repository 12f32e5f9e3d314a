"""Methods: how the mask of the next level comes about. Each is a function of the levels so far.

- iterative: a share of what is left, by the weights at the end of the level before (arXiv 1803.03635).
- one-shot: all of it at once, by the weights of the dense network (arXiv 1803.03635, appendix E; 2003.02389).
- gradual: within one training (`lth_edge.find.gradual`).

Level n keeps as many weights under each, so that levels compare. Where the recipe names a sparsity, one-shot and
gradual go there in a single level.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from torch import nn

from lth_edge.find.gradual import Narrowing
from lth_edge.find.level import Level
from lth_edge.find.prunable import Prunable
from lth_edge.find.prune import Pruner, Rates, fewest_kept, prune
from lth_edge.find.prune_units import prune_units
from lth_edge.find.units import unit_groups
from lth_edge.recipe import FindRecipe
from lth_edge.ticket import Mask


@dataclass(frozen=True)
class Plan:
    """How a level is trained.

    Attributes:
        mask: held from its first step.
        kept: how many weights its mask keeps in the end.
        onwards: without rewinding it starts from the final weights of the level before, else from those of dense.
        narrowing: what is pruned while it trains.
    """

    mask: Mask
    kept: int
    onwards: bool = True
    narrowing: Narrowing | None = None


FURTHEST = 200
"""Levels beyond which no network has weights left to prune."""
Method = Callable[[Sequence[Level]], Plan | None]
"""The levels so far, dense first -> the plan of the next; `None` where nothing is left to prune at this rate."""


def method_of(recipe: FindRecipe, steps: int, layers: Prunable, network: nn.Module, model: str) -> Method:
    """The method that a recipe names.

    Args:
        steps: of one level's training.
        layers: of the network.
        model: its name, for messages.

    Raises:
        InputError: units are to be pruned, and the network's cannot be followed.
    """
    rates, pruner = layer_rates(layers, recipe), pruner_of(recipe, layers, network, model)
    if recipe.find == "iterative":
        return partial(_iterative, pruner, rates)
    if recipe.find == "one-shot":
        return partial(_one_shot, pruner, rates, recipe)
    return partial(_gradual, pruner, rates, recipe, steps)


def pruner_of(recipe: FindRecipe, layers: Prunable, network: nn.Module, model: str) -> Pruner:
    """What takes single weights, or whole units, out of a mask."""
    if recipe.granularity == "weight":
        return partial(prune, scope=recipe.scope, sparsity=recipe.sparsity)
    return partial(prune_units, groups=unit_groups(network, set(layers.shapes), model), scope=recipe.scope)


def layer_rates(layers: Prunable, recipe: FindRecipe) -> dict[str, float]:
    """The fraction of the remaining weights that each layer loses per level."""
    rate, output = recipe.prune_rate, recipe.output_prune_rate
    conv = rate if recipe.conv_prune_rate is None else recipe.conv_prune_rate
    rates = {name: conv if len(shape) > 2 else rate for name, shape in layers.shapes.items()}
    return rates | {layers.output: rate / 2 if output is None else output}


def whole_mask(layers: Prunable) -> Mask:
    """Every weight kept."""
    return Mask({name: np.ones(shape, bool) for name, shape in layers.shapes.items()})


def _iterative(pruner: Pruner, rates: Rates, levels: Sequence[Level]) -> Plan | None:
    mask = levels[-1].mask()
    following = pruner(levels[-1].end(), mask, rates)
    return None if following.kept == mask.kept else Plan(following, following.kept)


def _one_shot(pruner: Pruner, rates: Rates, recipe: FindRecipe, levels: Sequence[Level]) -> Plan | None:
    mask, _ = _straight_there(pruner, rates, recipe, levels)
    return None if mask.kept == levels[-1].mask().kept else Plan(mask, mask.kept, onwards=False)


def _gradual(pruner: Pruner, rates: Rates, recipe: FindRecipe, steps: int, levels: Sequence[Level]) -> Plan | None:
    mask, gone = _straight_there(pruner, rates, recipe, levels)
    if mask.kept == levels[-1].mask().kept:
        return None
    whole = levels[0].mask()
    return Plan(whole, mask.kept, onwards=False, narrowing=Narrowing(whole, gone, steps, pruner))


def _straight_there(
    pruner: Pruner, rates: Rates, recipe: FindRecipe, levels: Sequence[Level]
) -> tuple[Mask, dict[str, float]]:
    """The mask of level n pruned from dense at once, and what each layer has lost by then.

    n is the next level, or where a sparsity is named the first level that reaches it.
    """
    dense, whole = levels[0].end(), levels[0].mask()
    for number in range(len(levels), FURTHEST):
        gone = {name: 1 - (1 - rate) ** number for name, rate in rates.items()}
        mask = pruner(dense, whole, gone)
        if recipe.sparsity is None or reached(recipe.sparsity, mask):
            break
    return mask, gone


def reached(sparsity: float, mask: Mask) -> bool:
    """Whether a mask has the sparsity asked for, as far as whole weights allow."""
    return mask.kept <= fewest_kept(mask.size, sparsity)
