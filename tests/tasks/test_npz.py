"""npz files: which keys mean what, and what is refused."""

import numpy as np
import pytest
import torch

from lth_edge.errors import InputError, RecipeError
from lth_edge.recipe import TaskRecipe
from lth_edge.tasks.build import load_task
from lth_edge.tasks.data import load_data

random = np.random.default_rng(0)
X = random.standard_normal((60, 5)).astype(np.float32)
Y = np.arange(60) % 3


@pytest.fixture
def npz(tmp_path):
    """Write arrays, and give the recipe that reads them."""

    def write(**arrays) -> TaskRecipe:
        np.savez(tmp_path / "data.npz", **arrays)
        return TaskRecipe(data=f"npz:{tmp_path / 'data.npz'}", model="mlp", model_args={"hidden": "4"})

    return write


def everything(examples):
    return examples.batch(torch.arange(len(examples)))


def test_x_and_y_stand_for_the_training_data(npz):
    data = load_data(npz(x=X, y=Y))
    (inputs,), (targets,) = everything(data.train)
    assert np.array_equal(inputs, X)
    assert np.array_equal(targets, Y)
    assert (data.validation, data.test) == (None, None)
    assert (data.labels, data.input_names) == (("0", "1", "2"), ("input",))


def test_parts_labels_and_groups_are_read(npz):
    recipe = npz(
        x_train=X, y_train=Y, x_validation=X[:9], y_validation=Y[:9], x_test=X[:6], y_test=Y[:6],
        labels=["cat", "dog", "owl"], groups=np.repeat(["anna", "bert"], 30),
    )  # fmt: skip
    data = load_data(recipe)
    assert [len(part) for part in (data.train, data.validation, data.test)] == [60, 9, 6]
    assert data.labels == ("cat", "dog", "owl")
    assert data.train.groups.tolist() == [0] * 30 + [1] * 30
    assert load_task(recipe).splits.test_origin == "given"


def test_groups_stay_on_one_side_of_every_split(npz):
    splits = load_task(npz(x=X, y=Y, groups=np.arange(60) // 5)).splits
    sides = [set(p.groups.tolist()) for p in (splits.train, splits.validation, splits.test.open("checking"))]
    assert not (sides[0] & sides[1] or sides[0] & sides[2] or sides[1] & sides[2])


def test_several_inputs_are_several_keys_and_keep_their_names(npz):
    recipe = npz(x_train_left=X, x_train_right=X[:, :2], y_train=Y, x_test_left=X, x_test_right=X[:, :2], y_test=Y)
    data = load_data(recipe)
    assert data.input_names == ("left", "right")
    assert [tuple(x.shape) for x in everything(data.test)[0]] == [(60, 5), (60, 2)]


def test_several_inputs_come_in_the_order_of_training_whatever_that_of_the_file(npz):
    data = load_data(npz(x_train_left=X, x_train_right=X + 9, y_train=Y, x_test_right=X + 9, x_test_left=X, y_test=Y))
    left, right = everything(data.test)[0]
    assert torch.equal(left, torch.from_numpy(X)) and torch.equal(right, torch.from_numpy(X + 9))


def test_bytes_stay_bytes_and_doubles_become_floats(npz):
    data = load_data(npz(x_train_image=np.zeros((4, 2), np.uint8), x_train_signal=X[:4].astype(float), y_train=Y[:4]))
    image, signal = everything(data.train)[0]
    assert (image.dtype, signal.dtype) == (torch.uint8, torch.float32)


def test_channels_come_last_where_the_recipe_says_so(npz):
    recipe = npz(x=np.zeros((60, 6, 7, 3), np.uint8), y=Y)
    task = load_task(TaskRecipe(data=recipe.data, model="mlp", model_args={"hidden": "4"}, layout="nhwc"))
    raw = everything(task.splits.train)[0][0]
    assert tuple(task.preprocess[0](raw).shape[1:]) == (3, 6, 7)


def test_float_targets_are_a_regression(npz):
    recipe = npz(x=X, y=X.sum(1))
    with pytest.raises(RecipeError, match="accuracy needs class labels"):
        load_task(recipe)
    task = load_task(TaskRecipe(data=recipe.data, metric="mae", tolerance=0.1, model_args={"hidden": "4"}))
    assert (task.classifies, task.labels) == (False, ())
    assert task.network(0)(torch.from_numpy(X)).shape == (60, 1)


OBJECTS = np.array([{"a": 1}] * 60, dtype=object)

BAD = {
    "no training data": ({"a": X}, "has no x_train and y_train"),
    "x alone": ({"x": X}, "only one of x_train and y_train"),
    "y alone": ({"x_train": X, "y_train": Y, "y_test": Y}, "only one of x_test and y_test"),
    "objects": ({"x": X, "y": OBJECTS}, "Object arrays cannot be loaded"),
    "pickled labels": ({"x": X, "y": Y, "labels": OBJECTS}, "Object arrays cannot be loaded"),
    "not a number": ({"x": np.where(X > 1, np.nan, X), "y": Y}, "x .*not finite"),
    "infinite": ({"x": X, "y": np.full(60, np.inf)}, "y .*not finite"),
    "too large for float32": ({"x": np.full((60, 5), 1e300), "y": Y}, "x .*not finite in float32"),
    "texts": ({"x": X, "y": np.array(["a"] * 60)}, "y .* is of type <U1"),
    "complex": ({"x": X.astype(complex), "y": Y}, "x .* is of type complex128"),
    "lengths": ({"x": X, "y": Y[:-1]}, "differ in length: 60, 59"),
    "groups": ({"x": X, "y": Y, "groups": Y[:3]}, "differ in length: 60, 60, 3"),
    "empty": ({"x": X[:0], "y": Y[:0]}, "no examples"),
    "scalar": ({"x": np.float32(1), "y": np.int64(1)}, "no examples"),
    "negative class": ({"x": X, "y": Y - 1}, "class labels run from -1 to 1"),
    "too few labels": ({"x": X, "y": Y, "labels": ["a", "b"]}, "from 0 to 2, but there are 2 classes"),
    "other names in the test set": (
        {"x_train_left": X, "x_train_right": X, "y_train": Y, "x_test_left": X, "x_test_rihgt": X, "y_test": Y},
        "holds x_test_left, x_test_rihgt where x_test_left, x_test_right belong",
    ),
    "fewer inputs in the test set": (
        {"x_train_left": X, "x_train_right": X, "y_train": Y, "x_test_left": X, "y_test": Y},
        "holds x_test_left where x_test_left, x_test_right belong",
    ),
    "another shape in the test set": ({"x": X, "y": Y, "x_test": X[:, :4], "y_test": Y}, r"test examples .*\(4,\)"),
    "another type in validation": (
        {"x": X, "y": Y, "x_validation": (X > 0).astype(np.uint8), "y_validation": Y},
        "validation examples .*uint8",
    ),
    "new class in the test set": ({"x": X, "y": Y, "x_test": X, "y_test": Y + 1}, "from 1 to 3, but there are 3"),
}


@pytest.mark.parametrize(("arrays", "message"), BAD.values(), ids=BAD)
def test_bad_data_is_refused_with_its_reason(npz, arrays, message):
    with pytest.raises(InputError, match=message):
        load_task(npz(**arrays))


def truncated(path):
    path.write_bytes(path.read_bytes()[:-40])


def garbled(path):
    content = bytearray(path.read_bytes())
    content[60:300] = bytes(b ^ 0x5A for b in content[60:300])
    path.write_bytes(content)


def another_format(path):
    with path.open("wb") as file:
        np.save(file, X)


@pytest.mark.parametrize(
    "damage", [truncated, garbled, another_format, lambda p: p.write_bytes(b""), lambda p: p.write_bytes(b"hello")]
)
def test_a_damaged_file_is_named(tmp_path, damage):
    path = tmp_path / "data.npz"
    np.savez_compressed(path, x=X, y=Y)
    damage(path)
    with pytest.raises(InputError, match=r"data\.npz cannot be read"):
        load_data(TaskRecipe(data=f"npz:{path}"))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.npz is not there"):
        load_data(TaskRecipe(data=f"npz:{tmp_path / 'none.npz'}"))
