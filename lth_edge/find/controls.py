"""Controls: is it the initialisation, is it the mask, or would any network of that size do?

"reinit" trains the ticket's mask from a fresh initialisation, over the whole schedule even where the ticket was
rewound to a late step; "random-mask" draws the mask at random with the same count per layer and starts where the first
ticket did. (arXiv 1803.03635, figures 4 and 5; arXiv 2009.11094 on the second.)
"""

from pathlib import Path

import numpy as np

from lth_edge.find.level import Level
from lth_edge.find.search import Stage, level_facts, run, start_of, title
from lth_edge.find.train import Start, weights_of
from lth_edge.recipe import ControlKind
from lth_edge.ticket import Mask

KINDS: tuple[ControlKind, ...] = ("reinit", "random-mask")
REINIT_OFFSET = 1_000_003
"""Added to the seed of a fresh initialisation, far from any seed of a search."""


def control(stage: Stage, kind: ControlKind, seed: int, levels: list[Level], number: int, folder: Path) -> Level:
    """Train (or read back) one control of level `number`: no fewer steps than the ticket had."""
    ticket = levels[number]
    mask = random_mask(ticket.mask(), seed) if kind == "random-mask" else ticket.mask()
    place = folder / f"level-{number:02d}-{kind}"
    done = Level.load(place, mask)
    facts = level_facts(stage, seed, number, kind)
    if done is not None:
        stage.progress.line(f"{title(seed, facts)}: already there")
        return done
    network = stage.task.initialised(seed + REINIT_OFFSET).to(stage.device)
    reinit = kind == "reinit"
    # Not from the level before: its zeros are the ticket's own, and a random mask would keep mostly those.
    start = Start(0, weights_of(network)) if reinit else start_of(stage, levels[:1])
    return Level.save(place, mask, run(stage, network, mask, start, seed, facts, fresh=reinit), facts)


def random_mask(mask: Mask, seed: int) -> Mask:
    """A random mask with as many weights per layer, drawn from `seed`."""
    generator = np.random.default_rng(seed)
    return Mask({name: generator.permutation(kept.ravel()).reshape(kept.shape) for name, kept in mask.items()})
