"""The user's own factories: as a file or a module, and what happens when they fail."""

import pytest
import torch

from lth_edge.errors import InputError, RecipeError
from lth_edge.recipe import TaskRecipe
from lth_edge.tasks.build import load_task
from lth_edge.tasks.imports import is_own

OWN = """
import torch
from torch import nn

def network(width=6):
    return nn.Sequential(nn.Linear(5, int(width)), nn.ReLU(), nn.Linear(int(width), 3))

def data(count=60):
    x = torch.randn(int(count), 5, generator=torch.Generator().manual_seed(0))
    return {"train": (x, torch.arange(int(count)) % 3), "labels": ["a", "b", "c"]}

def short():
    return network().to(torch.bfloat16)

def fails():
    raise ZeroDivisionError("on purpose")

def text():
    return "not a network"

def no_train():
    return {"test": 3}

def nonsense():
    return {"train": 3.5}

def loss(outputs, targets):
    return 2 * nn.functional.cross_entropy(outputs, targets)

def vector_loss(outputs, targets):
    return nn.functional.cross_entropy(outputs, targets, reduction="none")

number = 3
"""


@pytest.fixture
def own(tmp_path, monkeypatch):
    """Names of things in the user's file, as a file and as a module."""
    (tmp_path / "own_things.py").write_text(OWN)
    (tmp_path / "broken_things.py").write_text("import nowhere_to_be_found\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    return lambda name, scheme="file": f"./own_things.py:{name}" if scheme == "file" else f"py:own_things:{name}"


def recipe(own, model="network", data="data", scheme="file", **changes):
    return TaskRecipe(model=own(model, scheme), data=own(data, scheme), **changes)


@pytest.mark.parametrize("scheme", ["file", "module"])
def test_model_and_data_come_from_a_file_or_a_module(own, scheme):
    arguments = {"model_args": {"width": "9"}, "data_args": {"count": "90"}}
    task = load_task(recipe(own, scheme=scheme, **arguments))
    assert task.network(0)[0].out_features == 9
    assert len(task.splits.train) + len(task.splits.validation) + len(task.splits.test) == 90
    assert (task.labels, task.name) == (("a", "b", "c"), "network-data")


def test_an_own_loss_is_used(own):
    outputs, targets = torch.randn(4, 3), torch.tensor([0, 1, 2, 0])
    doubled, plain = (load_task(recipe(own, loss=name)).loss for name in (own("loss"), "cross-entropy"))
    assert doubled(outputs, targets) == 2 * plain(outputs, targets)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "fails"}, r"fails failed with ZeroDivisionError: on purpose \(own_things\.py, line \d+\)"),
        ({"data": "fails"}, r"fails failed with ZeroDivisionError"),
        ({"model": "text"}, r"returned str, not a torch\.nn\.Module"),
        ({"model": "netwrok"}, r"has no 'netwrok'\n.*did you mean 'network'"),
        ({"model": "number"}, r"is no function or class"),
        ({"data": "no_train"}, r"has no 'train', only test"),
        ({"data": "nonsense"}, r"data of type float is not understood"),
        ({"model_args": {"depth": "3"}}, r"failed with TypeError: .*depth"),
    ],
)
@pytest.mark.parametrize("scheme", ["file", "module"])
def test_a_factory_that_fails_is_named(own, changes, message, scheme):
    with pytest.raises(InputError, match=message):
        load_task(recipe(own, scheme=scheme, **changes))


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("./nothing.py:network", r"nothing\.py is not there"),
        ("py:nothing_here:network", r"cannot import nothing_here: ModuleNotFoundError"),
        ("./broken_things.py:network", r"broken_things\.py: ModuleNotFoundError: .*nowhere_to_be_found"),
        ("py:broken_things:network", r"broken_things: ModuleNotFoundError: .*nowhere_to_be_found"),
    ],
)
def test_code_that_cannot_be_imported_is_named(own, name, message):
    with pytest.raises(InputError, match=message):
        load_task(TaskRecipe(model=name, data=own("data")))


@pytest.mark.parametrize("name", ["py:network", "py::network", "py:module:"])
def test_a_name_that_points_at_nothing_is_refused(own, name):
    with pytest.raises(RecipeError, match=r"write py:package\.module:name"):
        load_task(TaskRecipe(model=name, data=own("data")))


def test_a_network_that_does_not_fit_the_data_is_refused_before_training(own):
    with pytest.raises(InputError, match=r"do not fit inputs of \(1, 8, 8\)"):
        load_task(TaskRecipe(model=own("network"), data="digits"))


def test_a_network_in_bfloat16_is_refused_before_training(own):
    with pytest.raises(InputError, match="bfloat16"):
        load_task(recipe(own, model="short"))


def test_a_loss_that_is_no_single_number_is_refused(own):
    with pytest.raises(InputError, match="not a single number"):
        load_task(recipe(own, loss=own("vector_loss")))


@pytest.mark.parametrize(
    ("name", "own_code"), [("py:a.b:c", True), ("./a.py:c", True), ("mlp", False), ("torchvision:vgg16", False)]
)
def test_own_code_is_told_from_built_in_names(name, own_code):
    assert is_own(name) == own_code
