"""The recipe: it survives TOML, refuses what it does not know, and its hash names what decides the weights."""

import dataclasses
import tomllib
import typing

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_edge.errors import RecipeError
from lth_edge.find.defaults import fill_in
from lth_edge.recipe import FREE, BenchRecipe, FindRecipe, Recipe, TaskRecipe, TrainRecipe
from lth_edge.tasks.build import load_task

SECTIONS = {f.name: f for f in dataclasses.fields(Recipe)}

FIELDS = {
    "task": {
        "model": st.text(),
        "model_args": st.dictionaries(st.text(), st.integers(-9, 9) | st.text() | st.booleans()),
        "weights": st.none() | st.text(),
        "layout": st.sampled_from(["as-is", "nhwc"]),
        "normalize": st.none() | st.sampled_from(["none", "dataset", "imagenet"]),
        "tolerance": st.none() | st.floats(0, 1e300),
        "download": st.booleans(),
    },
    "train": {
        "steps": st.none() | st.integers(1, 10**9),
        "learning_rate": st.none() | st.floats(1e-300, 1e300),
        "milestones": st.none() | st.lists(st.floats(0.001, 0.999)).map(tuple),
        "optimizer": st.none() | st.sampled_from(["adam", "adamw", "sgd"]),
    },
    "find": {
        "prune_rate": st.floats(0.001, 0.999),
        "seeds": st.lists(st.integers(0, 2**31 - 1), min_size=1, unique=True).map(tuple),
        "budget": st.none() | st.sampled_from(["90s", "45m", "6h", "1.5h"]),
        "control_levels": st.none() | st.lists(st.integers(0, 99)).map(tuple),
    },
}
changes = st.fixed_dictionaries(
    {section: st.fixed_dictionaries({}, optional=fields) for section, fields in FIELDS.items()}
)


@settings(max_examples=60, deadline=None)
@given(changes)
def test_a_recipe_survives_toml(content):
    recipe = Recipe().replace(content)
    assert Recipe.from_dict(tomllib.loads(recipe.to_toml())) == recipe


def test_a_recipe_is_read_from_a_file(tmp_path):
    path = tmp_path / "recipe.toml"
    path.write_text('[task]\nmodel = "lenet-5"\ntolerance = 2\n[find]\nseeds = [3, 4]\nprune_rate = 0.5\n')
    recipe = Recipe.from_toml(path)
    assert (recipe.task.model, recipe.task.tolerance) == ("lenet-5", 2.0)
    assert (recipe.find.seeds, recipe.find.prune_rate) == ((3, 4), 0.5)
    assert recipe.train == TrainRecipe()


def test_later_changes_win_over_earlier_ones():
    recipe = Recipe().replace({"train": {"steps": 5, "gamma": 0.5}}).replace({"train": {"steps": 7}})
    assert (recipe.train.steps, recipe.train.gamma) == (7, 0.5)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"trian": {}}, r"unknown section \[trian\].*\n.*did you mean 'train'\?"),
        ({"train": {"step": 3}}, r"unknown field 'step' in \[train\].*\n.*did you mean 'steps'\?"),
        ({"train": {"optimizer": "adm"}}, r"train.optimizer = 'adm' is not known\n.*did you mean 'adam'\?"),
        ({"train": {"zzzzzzzz": 3}}, r"unknown field 'zzzzzzzz'.*\n.*known: .*batch_size"),
        ({"train": 3}, r"\[train\] must be a section"),
    ],
)
def test_unknown_names_come_with_the_nearest_known_one(content, message):
    with pytest.raises(RecipeError, match=message):
        Recipe.from_dict(content)


@pytest.mark.parametrize(
    ("section", "field", "value", "message"),
    [
        ("train", "steps", "5", "is not a whole number"),
        ("train", "steps", 5.0, "is not a whole number"),
        ("train", "steps", True, "is not a whole number"),
        ("train", "learning_rate", "fast", "is not a number"),
        ("train", "milestones", 0.5, "must be a list"),
        ("train", "milestones", ["a"], "is not a number"),
        ("train", "optimizer", ["adam"], "is not known"),
        ("task", "model", 3, "is not a text"),
        ("task", "model", None, "is not a text"),
        ("task", "download", 1, "is not true or false"),
        ("task", "model_args", "hidden=3", "is not a table"),
        ("find", "seeds", [True], "is not a whole number"),
    ],
)
def test_a_value_of_the_wrong_type_is_refused(section, field, value, message):
    with pytest.raises(RecipeError, match=message):
        Recipe.from_dict({section: {field: value}})


@pytest.mark.parametrize("field", ["learning_rate", "weight_decay"])
def test_a_whole_number_will_do_for_a_number(field):
    value = getattr(Recipe.from_dict({"train": {field: 1}}).train, field)
    assert (value, type(value)) == (1.0, float)


OUT_OF_BOUNDS = [
    ("find", "sparsity", [0.0, 1.0, -0.1, 1.5, float("nan")]),
    ("find", "prune_rate", [0.0, 1.0, 2.0]),
    ("find", "output_prune_rate", [-0.1, 1.0]),
    ("find", "rewind_step", [-1]),
    ("find", "levels", [0]),
    ("find", "patience", [-1]),
    ("find", "seeds", [[], [1, 1], [-1], [1 << 31]]),
    ("find", "budget", ["6", "h", "6 hours", "-1h", "0s", "1e3s", ""]),
    ("task", "tolerance", [-1.0, float("nan"), float("inf")]),
    ("task", "validation", [0.0, -1.0]),
    ("task", "test", [-0.1]),
    ("task", "image_size", [7]),
    ("task", "split_seed", [-1, 1 << 31]),
    ("train", "steps", [0, -5]),
    ("train", "batch_size", [0]),
    ("train", "evaluate_every", [0]),
    ("train", "learning_rate", [0.0, -1.0, float("nan")]),
    ("train", "momentum", [-0.1, 1.0]),
    ("train", "warmup", [-0.1, 1.0]),
    ("train", "weight_decay", [-0.1]),
    ("train", "gamma", [0.0]),
    ("train", "milestones", [[0.0], [1.0], [0.5, 1.5]]),
    ("train", "threads", [0]),
    ("store", "opset", [17, 24]),
    ("bench", "processes", [1]),
    ("bench", "bench_threads", [0]),
    ("bench", "bench_batch", [0]),
    ("bench", "seconds", [0.0]),
]


@pytest.mark.parametrize(("section", "field", "value"), [(s, f, v) for s, f, values in OUT_OF_BOUNDS for v in values])
def test_a_value_out_of_bounds_is_refused_by_name(section, field, value):
    with pytest.raises(RecipeError, match=field.replace("_", "[-_]")):
        Recipe.from_dict({section: {field: value}})


@pytest.mark.parametrize(("budget", "seconds"), [("90s", 90), ("45m", 2700), ("1.5h", 5400), (None, None)])
def test_a_budget_is_a_time(budget, seconds):
    assert FindRecipe(budget=budget).budget_seconds == seconds


@pytest.mark.parametrize("content", ["[task\n", "task = 3", b"\xff\xfe\x00"])
def test_what_is_no_recipe_is_refused(tmp_path, content):
    path = tmp_path / "recipe.toml"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(RecipeError):
        Recipe.from_toml(path)


def test_a_recipe_that_is_not_there_is_named(tmp_path):
    with pytest.raises(RecipeError, match=r"missing\.toml"):
        Recipe.from_toml(tmp_path / "missing.toml")


CHOICES = {
    "metric_direction": "lower",
    "augment": "flip",
    "input_dtype": "uint8",
    "layout": "nhwc",
    "normalize": "none",
}
CHOICES |= {"scope": "global", "retraining": "fine-tune", "optimizer": "sgd", "budget": "3h", "seeds": (5,)}
CHOICES |= {"model_args": {"hidden": "3"}, "data_args": {"n": 3}, "control_levels": (2,), "milestones": (0.25,)}
CHOICES |= {"checkpoint": "last", "precision": "bf16", "find": "gradual", "granularity": "unit", "rank": "clustered"}


def another(section, field):
    """Some other valid value of a field."""
    if field.name in CHOICES:
        return CHOICES[field.name]
    default = getattr(getattr(Recipe(), section), field.name)
    kind = typing.get_type_hints(type(getattr(Recipe(), section)))[field.name]
    kinds = {kind, *typing.get_args(kind)}
    if bool in kinds:
        return not default
    if float in kinds:
        return (default or 0.5) / 2
    return (default or 1) + 1 if int in kinds else f"{default}x"


TRAINING = [(s, f) for s in ("task", "train", "find") for f in dataclasses.fields(type(getattr(Recipe(), s)))]


@pytest.mark.parametrize(("section", "field"), TRAINING, ids=lambda v: getattr(v, "name", v))
def test_the_hash_changes_with_what_decides_the_weights_and_with_nothing_else(section, field):
    recipe = Recipe().replace({section: {field.name: another(section, field)}})
    assert recipe != Recipe()
    assert (recipe.search_hash == Recipe().search_hash) == (field.name in FREE)


def test_what_is_stored_and_measured_does_not_change_the_hash():
    recipe = Recipe(bench=BenchRecipe(processes=3)).replace({"store": {"compact": True}})
    assert recipe.search_hash == Recipe().search_hash


def test_a_run_of_an_earlier_release_goes_on():
    """The hash that `lth-edge compress` gave its run on digits before some of the fields were there."""
    whole = fill_in(Recipe(), load_task(TaskRecipe()))
    assert whole.search_hash == "d77c3aad0e3a"


def test_only_what_is_left_to_later_is_free():
    """Spelled out once more on purpose: what becomes free by mistake lets a run go on with other weights."""
    where = {"preset", "data_dir", "download", "device", "threads", "license_weights", "license_data", "input_dtype"}
    how_far = {"tolerance", "sparsity", "levels", "patience", "budget", "seeds", "controls", "control_levels"}
    how_far |= {"dense_longer", "jobs"}
    assert where | how_far == FREE
    assert {field.name for _, field in TRAINING} >= FREE


def test_every_field_has_its_help():
    sections = (getattr(Recipe(), name) for name in SECTIONS)
    assert all(field.metadata.get("help") for section in sections for field in dataclasses.fields(section))
