"""Controls: is it the initialisation, is it the mask, would any network of that size do, or is it the longer training?

"reinit" trains the ticket's mask from a fresh initialisation, over the whole schedule even where the ticket was
rewound to a late step; "random-mask" draws the mask at random with the same count per layer (of whole units where units
are pruned) and starts where the first ticket did (arXiv 1803.03635, figures 4 and 5; arXiv 2009.11094 on the second).
"dense-longer" prunes nothing and trains for as many steps as dense and all levels up to the ticket took together.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from lth_edge.find.level import Level
from lth_edge.find.prunable import prunable
from lth_edge.find.prune_units import random_units
from lth_edge.find.search import Stage, level_facts, run, start_of, title, with_steps
from lth_edge.find.train import Start, Trained, weights_of
from lth_edge.find.units import unit_groups
from lth_edge.recipe import ControlKind, FindRecipe
from lth_edge.ticket import Mask

REINIT_OFFSET = 1_000_003
"""Added to the seed of a fresh initialisation, far from any seed of a search."""


def kinds(recipe: FindRecipe) -> Iterator[ControlKind]:
    """The controls that a recipe asks for."""
    if recipe.controls:
        yield from ("reinit", "random-mask")
    if recipe.dense_longer:
        yield "dense-longer"


def wanted(recipe: FindRecipe, numbers: Sequence[int], levels: int) -> Iterator[tuple[int, ControlKind]]:
    """Level and kind of each control to be trained for a seed that has `levels` levels, dense among them."""
    for number in numbers:
        if 0 < number < levels:
            yield from ((number, kind) for kind in kinds(recipe))


def control(stage: Stage, kind: ControlKind, seed: int, levels: list[Level], number: int, folder: Path) -> Level:
    """Train (or read back) one control of level `number`: no fewer steps than that level had."""
    mask = _mask(stage, kind, seed, levels, number)
    done = Level.load(place(folder, number, kind), mask)
    facts = level_facts(stage, seed, number, kind)
    # All dense masks are alike: how long the levels took may have changed, where an automatic search went another way.
    if done is not None and (kind != "dense-longer" or done.facts["steps"] == _steps(levels, number)):
        stage.progress.line(f"{title(seed, facts)}: already there")
        return done
    trained = _trained(stage, kind, seed, levels, number, mask)
    return Level.save(place(folder, number, kind), mask, trained, facts)


def place(folder: Path, number: int, kind: ControlKind) -> Path:
    """Where a control of level `number` lies in its seed's folder."""
    return folder / f"level-{number:02d}-{kind}"


def random_mask(mask: Mask, seed: int) -> Mask:
    """A random mask with as many weights per layer, drawn from `seed`."""
    generator = np.random.default_rng(seed)
    return Mask({name: generator.permutation(kept.ravel()).reshape(kept.shape) for name, kept in mask.items()})


def _mask(stage: Stage, kind: ControlKind, seed: int, levels: list[Level], number: int) -> Mask:
    ticket, whole = levels[number].mask(), levels[0].mask()
    if kind == "dense-longer":
        return whole
    if kind == "reinit":
        return ticket
    if stage.recipe.find.granularity == "weight":
        return random_mask(ticket, seed)
    network = stage.task.network(seed)
    groups = unit_groups(network, set(prunable(stage.task, network).shapes), stage.task.model)
    return random_units(ticket, whole, groups, seed)


def _trained(stage: Stage, kind: ControlKind, seed: int, levels: list[Level], number: int, mask: Mask) -> Trained:
    facts = level_facts(stage, seed, number, kind)
    if kind == "random-mask":
        network = stage.task.initialised(seed).to(stage.device)
        # Not from the level before: its zeros are the ticket's own, and a random mask would keep mostly those.
        return run(stage, network, mask, start_of(stage, levels[:1]), seed, facts)
    if kind == "reinit":
        network = stage.task.initialised(seed + REINIT_OFFSET).to(stage.device)
    else:
        network = stage.task.network(seed).to(stage.device)
        stage = with_steps(stage, _steps(levels, number))
    return run(stage, network, mask, Start(0, weights_of(network)), seed, facts, fresh=True)


def _steps(levels: list[Level], number: int) -> int:
    """Of dense and of all levels up to `number`."""
    return sum(int(level.facts["steps"]) for level in levels[: number + 1])
