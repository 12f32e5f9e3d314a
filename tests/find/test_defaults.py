"""What "auto" means, by network and starting point."""

import dataclasses

import pytest
from digits_nets import digits_task, normed

from lth_edge.errors import RecipeError
from lth_edge.find.defaults import fill_in, why_rewind
from lth_edge.recipe import FindRecipe, Recipe, TaskRecipe, TrainRecipe
from lth_edge.tasks.build import load_task


def filled(task, **sections):
    return fill_in(Recipe(**sections), task)


def pretrained(task):
    return dataclasses.replace(task, given=task.network(3).state_dict())


@pytest.mark.parametrize("build", [None, normed])
def test_nothing_that_decides_the_weights_stays_auto(build):
    task = digits_task(build) if build else load_task(TaskRecipe())
    recipe = filled(task)
    open_fields = {
        f.name
        for section in (recipe.train, recipe.find)
        for f in dataclasses.fields(section)
        if getattr(section, f.name) is None
    }
    # Without a rate of their own convolutions take that of the other layers, which is set.
    assert open_fields <= {"threads", "sparsity", "budget", "control_levels", "conv_prune_rate"}


def test_networks_without_norms_are_reset_and_those_with_norms_are_rewound_late():
    plain, late = filled(digits_task()), filled(digits_task(normed))
    assert plain.find.rewind_step == 0
    assert late.find.rewind_step == round(0.05 * late.train.steps) > 0
    assert "original initialisation" in why_rewind(plain.find, digits_task())
    assert f"rewound to step {late.find.rewind_step}" in why_rewind(late.find, digits_task(normed))


def test_a_trained_network_gets_learning_rate_rewinding():
    task = pretrained(digits_task(normed))
    recipe = filled(task)
    assert (recipe.find.retraining, recipe.find.rewind_step) == ("learning-rate", 0)
    assert "learning rate is rewound" in why_rewind(recipe.find, task)


def test_what_was_asked_for_stays():
    train = TrainRecipe(steps=77, batch_size=5, optimizer="sgd", learning_rate=0.3, weight_decay=0.5, milestones=())
    find = FindRecipe(retraining="fine-tune", rewind_step=3, output_prune_rate=0.0)
    recipe = filled(digits_task(normed), train=train, find=find)
    assert dataclasses.replace(recipe.train, augment=None, evaluate_every=None) == train
    assert recipe.find == find
    assert "fine-tuned" in why_rewind(recipe.find, digits_task(normed))


def test_another_optimizer_brings_its_own_rate():
    recipe = filled(digits_task(), train=TrainRecipe(optimizer="sgd"))
    assert (recipe.train.learning_rate, recipe.train.weight_decay) == (0.05, 1e-4)


def test_the_batch_lies_within_the_data():
    task = digits_task()
    assert filled(task, train=TrainRecipe(batch_size=9999)).train.batch_size == len(task.splits.train)


def test_a_rewind_step_past_the_run_is_refused():
    with pytest.raises(RecipeError, match="rewind-step 10 is not before the last of 10 steps"):
        filled(digits_task(), train=TrainRecipe(steps=10), find=FindRecipe(rewind_step=10))


def test_filling_in_twice_changes_nothing():
    once = filled(digits_task(normed))
    assert fill_in(once, digits_task(normed)) == once
