"""Methods: how the mask of the next level comes about. Each is a function of the levels so far.

- iterative: a share of what is left, by the weights at the end of the level before (arXiv 1803.03635).
- one-shot: all of it at once, by the weights of the dense network (arXiv 1803.03635, section 2; 2003.02389).
- gradual: within one training (`lth_edge.find.gradual`).
- auto: as deep as accuracy bears, with short trainings on the way (`lth_edge.find.auto`).

Level n keeps as many weights under each but auto, so that levels compare. Where the recipe names a sparsity, one-shot
and gradual go there in a single level.
"""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from torch import nn

from lth_edge.find import auto
from lth_edge.find.cluster import prune_clustered
from lth_edge.find.gradual import Narrowing
from lth_edge.find.level import Level
from lth_edge.find.plan import Plan
from lth_edge.find.prunable import Prunable, prunable
from lth_edge.find.prune import Pruner, Rates, fewest_kept, prune
from lth_edge.find.prune_units import prune_units
from lth_edge.find.units import unit_groups
from lth_edge.recipe import FindRecipe
from lth_edge.tasks.task import Task
from lth_edge.ticket import Mask

FURTHEST = 200
"""Levels beyond which no network has weights left to prune."""
NOTHING_LEFT = "nothing is left to prune at this rate"
MASK_KEPT = "the mask was to be kept"
Method = Callable[[Sequence[Level]], Plan | str]
"""The levels so far, dense first -> the plan of the next, or why there is none."""


def method_of(recipe: FindRecipe, steps: int, task: Task, network: nn.Module, guide: auto.Guide) -> Method:
    """The method that a recipe names.

    Args:
        steps: of one level's training.
        network: of the task; its layers are looked at.
        guide: what the automatic search knows of other seeds.

    Raises:
        InputError: units are to be pruned, and the network's cannot be followed.
    """
    if task.kept is not None:
        return _kept
    layers = prunable(task, network)
    rates, pruner = layer_rates(layers, recipe), pruner_of(recipe, layers, network, task.model)
    if recipe.find == "iterative":
        return partial(_iterative, pruner, rates)
    if recipe.find == "one-shot":
        return partial(_one_shot, pruner, rates, recipe)
    if recipe.find == "gradual":
        return partial(_gradual, pruner, rates, recipe, steps)
    return partial(auto.following, pruner, rates, recipe, steps, task, guide)


def pruner_of(recipe: FindRecipe, layers: Prunable, network: nn.Module, model: str) -> Pruner:
    """What takes single weights, or whole units, out of a mask."""
    if recipe.granularity == "weight":
        ranked = partial(prune_clustered, output=layers.output) if recipe.rank == "clustered" else prune
        return partial(ranked, scope=recipe.scope, sparsity=recipe.sparsity)
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


def _kept(levels: Sequence[Level]) -> Plan | str:
    mask = levels[-1].mask()
    return MASK_KEPT if len(levels) > 1 else Plan(mask, mask.kept)


def _iterative(pruner: Pruner, rates: Rates, levels: Sequence[Level]) -> Plan | str:
    mask = levels[-1].mask()
    following = pruner(levels[-1].end(), mask, rates)
    return NOTHING_LEFT if following.kept == mask.kept else Plan(following, following.kept, len(levels) - 1)


def _one_shot(pruner: Pruner, rates: Rates, recipe: FindRecipe, levels: Sequence[Level]) -> Plan | str:
    mask, _ = _straight_there(pruner, rates, recipe, levels)
    return NOTHING_LEFT if mask.kept == levels[-1].mask().kept else Plan(mask, mask.kept)


def _gradual(pruner: Pruner, rates: Rates, recipe: FindRecipe, steps: int, levels: Sequence[Level]) -> Plan | str:
    mask, gone = _straight_there(pruner, rates, recipe, levels)
    if mask.kept == levels[-1].mask().kept:
        return NOTHING_LEFT
    whole = levels[0].mask()
    return Plan(whole, mask.kept, narrowing=Narrowing(whole, gone, steps, pruner))


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
