"""The searches of several seeds and their controls: one after the other, or each in a process of its own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from lth_edge.find.at_once import SeedFolder, controls_at_once, levels_at_once
from lth_edge.find.auto import Guide, noise_of
from lth_edge.find.choose import Choice
from lth_edge.find.controls import control, kinds, place, wanted
from lth_edge.find.level import Level
from lth_edge.find.search import Budget, Found, Stage, dense, find
from lth_edge.recipe import FindRecipe


def find_all(stage: Stage, folder: SeedFolder, budget: Budget) -> list[Found]:
    """One search per seed, within one budget; an automatic one knows all dense networks and the first seed's levels.

    Raises:
        LthEdgeError: what stopped a training.
    """
    searches: list[Found] = []
    recipe, guide = stage.recipe.find, None
    reading = levels_at_once(stage, folder)
    if recipe.find == "auto":
        guide = Guide(noise_of(stage.task, [dense(stage, seed, folder(seed)).metric for seed in recipe.seeds]))
    for seed in recipe.seeds:
        if searches and budget.exhausted():
            stage.progress.line(f"seed {seed}: left out, the budget is spent")
            continue
        searches.append(find(reading, seed, folder(seed), budget, guide))
        guide = guide and replace(guide, leader=searches[0].levels)
        stage.progress.line(f"seed {seed}: stopped, {searches[-1].stopped}")
    return searches


def train_controls(
    stage: Stage, folder: SeedFolder, searches: Sequence[Found], choice: Choice | None, budget: Budget
) -> Iterator[Level]:
    """The controls of each level that the recipe names, for every seed that reached it, while the budget lasts.

    Raises:
        LthEdgeError: what stopped a training.
    """
    recipe = stage.recipe.find
    numbers = recipe.control_levels or ((choice.level.number,) if choice else ())
    missed = [str(number) for number in numbers if all(number >= len(search.levels) for search in searches)]
    if missed and any(kinds(recipe)):
        stage.progress.line(f"controls: none of level {', '.join(missed)}, which no seed reached")
    reading = controls_at_once(stage, folder, _lacking(recipe, folder, searches, numbers))
    for search in searches:
        for number, kind in wanted(recipe, numbers, len(search.levels)):
            if budget.exhausted():
                stage.progress.line("controls: no more of them, the budget is spent")
                return
            found = control(reading, kind, search.seed, search.levels, number, folder(search.seed))
            budget.add(found.facts["seconds"])
            yield found


def _lacking(
    recipe: FindRecipe, folder: SeedFolder, searches: Sequence[Found], numbers: Sequence[int]
) -> Mapping[int, Sequence[int]]:
    """Seed -> levels that get controls, of the seeds that lack one."""
    return {
        search.seed: numbers
        for search in searches
        if not all(
            place(folder(search.seed), number, kind).exists()
            for number, kind in wanted(recipe, numbers, len(search.levels))
        )
    }
