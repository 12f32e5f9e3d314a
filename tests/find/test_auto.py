"""The automatic search, on trainings that are made up: how deep it gets, on how many steps, and that it goes on."""

from dataclasses import replace

import numpy as np
import pytest
from digits_nets import digits_task, settings
from torch import nn

from lth_edge.errors import RecipeError
from lth_edge.find.auto import NARROW, SPENT, Guide, noise_of
from lth_edge.find.choose import choose
from lth_edge.find.controls import control
from lth_edge.find.defaults import fill_in
from lth_edge.find.evaluate import Evaluation
from lth_edge.find.search import Budget, Found, Stage, find
from lth_edge.find.seeds import find_all
from lth_edge.find.train import Start, Trained, weights_of
from lth_edge.progress import Silent
from lth_edge.recipe import FindRecipe, Recipe
from lth_edge.run import Run
from lth_edge.tasks.build import make_task

STEPS = 100


class MadeUp:
    """Trainings at once: 95% while enough weights are left and the training is long enough, less below that."""

    def __init__(self, levels_that_hold, short_loses=0.0, lost=5.0):
        self.holds, self.short_loses, self.lost, self.jobs = 0.8**levels_that_hold, short_loses, lost, []

    def __call__(self, job):
        self.jobs.append(job)
        random = np.random.default_rng(job.seed)
        end = {n: random.standard_normal(w.shape).astype(w.dtype) for n, w in weights_of(job.network).items()}
        metric = 95.0 if job.mask.density > 0.995 * self.holds else 95.0 - self.lost
        metric -= self.short_loses if job.settings.steps < STEPS else 0.0
        steps = job.settings.steps - job.start.step
        kept = job.snapshot_step
        snapshot = None if kept is None else Start(kept, end, {"rng": np.zeros(1, np.uint8)})
        return Trained(end, end, 1, Evaluation(0.1, metric), steps, 1.0, [(1, 0.1, metric)], job.mask, snapshot)


def stage(trainer, how="auto", **changes) -> Stage:
    fields = {"levels": 40, "retraining": "rewind", "rewind_step": 0, "output_prune_rate": 0.2, "patience": 1}
    recipe = Recipe(train=settings(steps=STEPS), find=FindRecipe(find=how, **{**fields, **changes}))
    return Stage.of(digits_task(tolerance=1.0), recipe, "cpu", Silent(), trainer)


def search(folder, trainer, **changes) -> Found:
    return find(stage(trainer, **changes), 0, folder, Budget(None))


def steps_of(trainer):
    return sum(job.settings.steps for job in trainer.jobs)


def both(folder, holds):
    """Share of the weights left, and steps, of the fixed schedule and of the automatic search."""
    found = []
    for how in ("iterative", "auto"):
        trainer = MadeUp(holds)
        search = find(stage(trainer, how), 0, folder / how, Budget(None), Guide(noise=0.3))
        choice = choose(digits_task(tolerance=1.0), [search])
        found.append((choice.level.facts["weights_left"] if choice else 1.0, steps_of(trainer)))
    return found


@pytest.mark.parametrize("holds", range(0, 22, 3))
def test_it_finds_the_ticket_of_the_fixed_schedule_for_at_most_half_of_the_steps(tmp_path, holds):
    (fixed, whole), (auto, half) = both(tmp_path, holds)
    assert half <= whole / 2
    # Within one level of the fixed schedule, where that is so long that half of it is enough for a search.
    assert 0.79 <= auto / fixed <= (1.26 if holds >= 9 else 2.0)


def cuts_of(folder, trainer, noise):
    found = find(stage(trainer), 0, folder, Budget(None), Guide(noise))
    return [(level.facts["cut"], level.facts["schedule"]) for level in found.levels[1:]], found


def test_it_halves_the_distance_between_what_held_and_what_failed(tmp_path):
    cuts, found = cuts_of(tmp_path, MadeUp(13), noise=0.3)
    assert cuts == [(4, 50), (8, 50), (12, 50), (16, 50), (14, 100), (13, 100)]
    assert found.stopped == NARROW


def test_it_spends_no_more_than_half_even_where_little_can_be_pruned(tmp_path):
    trainer = MadeUp(0)
    assert search(tmp_path, trainer).stopped == SPENT
    assert steps_of(trainer) <= 1.5 * STEPS


@pytest.mark.parametrize("holds", [2, 9])
def test_patience_beyond_the_levels_asked_for_buys_no_steps(tmp_path, holds):
    """As in the presets, whose fixed schedules look past every loss, up to their last level."""
    fixed, auto = MadeUp(holds, lost=1.2), MadeUp(holds, lost=1.2)
    for how, trainer in (("iterative", fixed), ("auto", auto)):
        find(stage(trainer, how, patience=16, levels=16), 0, tmp_path / how, Budget(None), Guide(noise=0.5))
    assert steps_of(auto) <= steps_of(fixed) / 2


def test_without_patience_it_prunes_all_the_same(tmp_path):
    cuts = [level.facts["cut"] for level in search(tmp_path, MadeUp(9), patience=0).levels[1:]]
    assert max(cuts) >= 8


def test_dense_is_trained_longer_anew_where_the_search_went_another_way(tmp_path):
    at = stage(MadeUp(9))
    levels = find(at, 0, tmp_path, Budget(None)).levels
    before = control(at, "dense-longer", 0, levels, 2, tmp_path)
    assert control(at, "dense-longer", 0, levels, 2, tmp_path).facts == before.facts
    longer = [*levels[:2], replace(levels[2], facts=levels[2].facts | {"steps": STEPS})]
    assert before.facts["steps"] == 200 and control(at, "dense-longer", 0, longer, 2, tmp_path).facts["steps"] == 250


def test_where_short_trainings_lose_too_much_it_goes_on_with_whole_ones(tmp_path):
    cuts, _ = cuts_of(tmp_path, MadeUp(12, short_loses=2.0), noise=0.3)
    assert cuts[0] == (4, 50) and {steps for _, steps in cuts[1:]} <= {100}


def test_it_cuts_less_at_once_where_accuracy_does_not_clear_noise(tmp_path):
    cuts, _ = cuts_of(tmp_path, MadeUp(30, short_loses=0.8), noise=0.5)
    assert cuts[:3] == [(4, 50), (6, 50), (8, 50)]


def test_a_level_that_is_out_by_noise_is_looked_past_as_far_as_patience_goes(tmp_path):
    cuts, _ = cuts_of(tmp_path, MadeUp(13, lost=1.2), noise=0.5)
    assert cuts[-2:] == [(14, 100), (15, 100)] or cuts[-3:] == [(14, 100), (15, 100), (13, 100)]


def test_after_a_loss_it_goes_on_from_the_weights_that_held(tmp_path):
    _, found = cuts_of(tmp_path, MadeUp(13), noise=0.3)
    lost, after = found.levels[4], found.levels[5]
    held = found.levels[int(after.facts["base"])]
    assert held.facts["cut"] == 12 and after.mask().is_nested_in(held.mask())
    assert after.mask().kept > lost.mask().kept


def test_a_finished_search_is_read_back(tmp_path):
    first = search(tmp_path, MadeUp(9))
    trainer = MadeUp(9)
    second = search(tmp_path, trainer)
    assert trainer.jobs == []
    assert [level.facts for level in first.levels] == [level.facts for level in second.levels]


def test_a_level_of_another_length_is_trained_anew(tmp_path):
    """A smaller tolerance, which leaves the run's hash as it is, may change how long the same cut is trained."""
    search(tmp_path, MadeUp(9))
    place = tmp_path / "level-01" / "ticket.json"
    place.write_text(place.read_text().replace('"schedule": 50', '"schedule": 100'))
    again = MadeUp(9)
    assert search(tmp_path, again).levels[1].facts["schedule"] == 50
    assert again.jobs[0].settings.steps == 50


def test_a_late_rewind_counts_for_both_schedules(tmp_path):
    fixed, auto = MadeUp(12), MadeUp(12)
    for how, trainer in (("iterative", fixed), ("auto", auto)):
        find(stage(trainer, how, rewind_step=20), 0, tmp_path / how, Budget(None), Guide(noise=0.3))
    spent = [sum(job.settings.steps - job.start.step for job in trainer.jobs) for trainer in (fixed, auto)]
    assert spent[1] <= spent[0] / 2


def test_a_rewind_that_leaves_nothing_of_a_short_training_is_refused():
    recipe = Recipe(train=settings(steps=STEPS), find=FindRecipe(find="auto", rewind_step=30))
    with pytest.raises(RecipeError, match="leaves little of half of 100 steps"):
        fill_in(recipe, digits_task())


def test_other_seeds_train_the_levels_of_the_first(tmp_path):
    at = stage(MadeUp(9), seeds=(3, 1, 2))
    first, *others = find_all(at, Run(tmp_path, {}).seed, Budget(None))
    for other in others:
        assert [level.mask().kept for level in other.levels] == [level.mask().kept for level in first.levels]
        assert [level.facts["steps"] for level in other.levels] == [level.facts["steps"] for level in first.levels]
        assert other.stopped == "the first seed's search ended here"


def test_noise_is_the_spread_of_dense_networks_or_the_standard_error_of_one():
    task = digits_task()
    assert noise_of(task, [94.0, 96.0]) == pytest.approx(2**0.5)
    count = len(task.splits.validation)
    assert noise_of(task, [90.0]) == pytest.approx(100 * (0.9 * 0.1 / count) ** 0.5)
    x = np.linspace(0, 1, 60, dtype=np.float32)[:, None]
    regression = make_task(lambda: nn.Linear(1, 1), (x, 2 * x), metric="mae", tolerance=0.1)
    assert noise_of(regression, [0.3]) == 0.0


def test_a_chosen_ticket_is_the_sparsest_that_holds_wherever_it_came_in_the_search(tmp_path):
    _, found = cuts_of(tmp_path, MadeUp(13), noise=0.3)
    choice = choose(digits_task(tolerance=1.0), [found])
    held = [level for level in found.levels if level.metric >= 94]
    assert choice.level.facts["weights_left"] == min(level.facts["weights_left"] for level in held)
    assert choice.level.facts["cut"] == 13
