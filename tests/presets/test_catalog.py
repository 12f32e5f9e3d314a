"""The presets: each is a recipe that names its source, builds its network, and reaches the sparsities it is held to."""

import math

import numpy as np
import pytest
from command import lth_edge

from lth_edge.errors import RecipeError
from lth_edge.find.method import layer_rates
from lth_edge.find.prunable import prunable
from lth_edge.presets.anchors import QUANTITIES, anchors
from lth_edge.presets.catalog import combined, fields_of, names, preset, summary
from lth_edge.presets.sources import SOURCES
from lth_edge.report.anchors import NEAR
from lth_edge.tasks.build import make_task
from lth_edge.tasks.models import REFERENCE

SHAPES = {"torchvision:MNIST": (1, 28, 28), "npz:cifar10.npz": (3, 32, 32), "npz:har.npz": (9, 128)}
EXAMPLES = {"torchvision:MNIST": 60_000, "npz:cifar10.npz": 50_000}


def layers_of(name):
    recipe = preset(name)
    shape = SHAPES[recipe.task.data]
    inputs = np.zeros((12, *shape), np.float32)
    task = make_task(lambda: REFERENCE[recipe.task.model](shape, 10), (inputs, np.arange(12) % 2))
    return prunable(task, task.network(0))


def ladder(name):
    """Weights left at each level of a preset, but for rounding."""
    layers, find = layers_of(name), preset(name).find
    rates, sizes = layer_rates(layers, find), {n: math.prod(shape) for n, shape in layers.shapes.items()}
    total = sum(sizes.values())
    return [sum(sizes[n] * (1 - rates[n]) ** k for n in sizes) / total for k in range(find.levels + 1)]


def test_the_presets_are_those_of_the_literature():
    assert names() == [
        "conv-2", "conv-4", "conv-6", "har", "lenet-300-100", "lenet-5", "resnet-20", "resnet-56", "vgg-16", "vit",
    ]  # fmt: skip


@pytest.mark.parametrize("name", names())
def test_a_preset_names_itself_and_its_source(name):
    assert preset(name).task.preset == name
    assert "arXiv" in summary(name) or "UCI" in summary(name)


@pytest.mark.parametrize("name", names())
def test_a_preset_sets_what_decides_a_level(name):
    """Nothing is left to defaults that a later release may change."""
    fields = fields_of(name)
    assert {"model", "data", "validation", "tolerance"} <= fields["task"].keys()
    assert {"steps", "batch_size", "optimizer", "learning_rate", "weight_decay", "evaluate_every"} <= fields[
        "train"
    ].keys()
    assert {"prune_rate", "scope", "retraining", "rewind_step", "levels", "seeds"} <= fields["find"].keys()


@pytest.mark.parametrize("name", names())
def test_published_sparsities_are_levels_of_the_preset(name):
    levels = ladder(name)
    for anchor in anchors(name, preset(name).find):
        if anchor.weights_left is not None:
            nearest = min(abs(level - anchor.weights_left) for level in levels)
            assert nearest <= NEAR * anchor.weights_left, anchor
        assert (anchor.level or 0) < len(levels)
        assert anchor.quantity in QUANTITIES and anchor.source


@pytest.mark.parametrize("name", [name for name in names() if preset(name).task.data in EXAMPLES])
def test_steps_are_whole_epochs_where_the_paper_counts_epochs(name):
    train, task = preset(name).train, preset(name).task
    if train.milestones:
        per_epoch = (EXAMPLES[task.data] - int(task.validation)) // train.batch_size
        assert train.steps % per_epoch == 0 and train.evaluate_every == per_epoch


def test_lenet_300_100_walks_down_the_ladder_of_the_paper():
    levels = ladder("lenet-300-100")
    told = {7: 0.2107, 9: 0.1352, 10: 0.1083, 15: 0.0358, 16: 0.0287, 20: 0.0119}
    assert {level: round(levels[level], 4) for level in told} == pytest.approx(told, abs=1e-3)


def test_conv_6_loses_15_percent_of_its_convolutions_20_of_its_linear_layers_and_10_of_its_output():
    rates = list(layer_rates(layers_of("conv-6"), preset("conv-6").find).values())
    assert rates == [0.15] * 6 + [0.2, 0.2, 0.1]


@pytest.mark.parametrize(
    ("changes", "figure"),
    [
        ({}, 91.0),
        ({"rewind_step": 0}, 86.67),
        ({"retraining": "learning-rate"}, 91.01),
        ({"retraining": "fine-tune"}, 89.33),
    ],
)
def test_published_figures_are_those_of_the_method_in_use(changes, figure):
    found = anchors("resnet-20", preset("resnet-20").replace({"find": changes}).find)
    assert {a.figure for a in found if a.weights_left == 0.1074} == {figure}


def test_a_flag_wins_over_a_recipe_and_a_recipe_over_the_preset():
    recipe = combined({"task": {"preset": "lenet-5"}, "train": {"steps": 7, "batch_size": 9}}, {"train": {"steps": 8}})
    assert (recipe.train.steps, recipe.train.batch_size, recipe.task.model) == (8, 9, "lenet-5")


def test_the_preset_named_last_is_the_one_taken():
    recipe = combined({"task": {"preset": "lenet-5"}}, {"task": {"preset": "conv-4"}})
    assert (recipe.task.preset, recipe.task.model) == ("conv-4", "conv-4")


def test_an_unknown_preset_comes_with_the_nearest_one():
    with pytest.raises(RecipeError, match=r"no preset 'resnet-2'\n.*did you mean 'resnet-20'\?"):
        preset("resnet-2")
    assert lth_edge("compress", "--preset", "resnet-2").code == 2


def test_the_command_lists_every_preset():
    done = lth_edge("presets")
    assert done.code == 0
    listed, _, needed = done.stdout.partition("\n\n")
    assert [line.split()[0] for line in listed.splitlines()] == names()
    assert "\n  lenet-300-100, lenet-5\n    MNIST/raw/: " in needed and "  har\n    har.npz: x_train" in needed


@pytest.mark.parametrize("name", names())
def test_where_a_presets_data_come_from_is_told(name):
    assert fields_of(name)["task"]["data"] in SOURCES


def test_a_recipe_that_is_no_section_is_still_told_as_such(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text("task = 3\n")
    assert "[task] must be a section" in lth_edge("compress", path).stderr
