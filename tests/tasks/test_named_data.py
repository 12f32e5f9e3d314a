"""Data sets by name: the one that was named, or an error that says what to do."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

from lth_edge.errors import InputError, RecipeError
from lth_edge.recipe import TaskRecipe
from lth_edge.tasks.build import load_task
from lth_edge.tasks.data import TORCHVISION, load_data

UNPACK = Path(__file__).parents[3] / "shared" / "data" / "unpack.py"


def test_digits_come_without_anything_to_fetch():
    data = load_data(TaskRecipe())
    (images,), (targets,) = data.train.batch(torch.arange(1797))
    assert (images.dtype, tuple(images.shape), int(images.max())) == (torch.uint8, (1797, 1, 8, 8), 16)
    assert torch.bincount(targets).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    assert data.labels == tuple("0123456789")


@pytest.mark.parametrize("name", TORCHVISION)
def test_a_torchvision_set_that_is_not_there_is_not_replaced_by_another(tmp_path, name):
    with pytest.raises(InputError, match=rf"cannot read {name} in .*\n.*--data-dir .*--download"):
        load_data(TaskRecipe(data=f"torchvision:{name}", data_dir=str(tmp_path)))


@pytest.mark.parametrize(
    ("name", "mend"),
    [
        ("torchvision:MNITS", "did you mean 'MNIST'"),
        ("digit", "did you mean 'digits'"),
        ("digits:8", "did you mean 'digits'"),
        ("npz", "npz:FILE"),
        ("imagenet:x", "known|did you mean"),
    ],
)
def test_an_unknown_data_set_comes_with_the_nearest(name, mend):
    with pytest.raises(RecipeError, match=mend):
        load_data(TaskRecipe(data=name))


@pytest.mark.skipif(not UNPACK.exists(), reason="MNIST does not lie beside this checkout")
def test_mnist_is_read_from_its_folder(tmp_path):
    subprocess.run([sys.executable, UNPACK, tmp_path, "mnist"], check=True)
    recipe = TaskRecipe(model="lenet-300-100", data="torchvision:MNIST", data_dir=str(tmp_path), validation=5000)
    task = load_task(recipe)
    splits = task.splits
    assert (len(splits.train), len(splits.validation), len(splits.test)) == (55_000, 5_000, 10_000)
    assert splits.test_origin == "given"
    assert splits.test.openings == []
    raw = splits.train.batch(torch.arange(256))[0][0]
    assert (raw.dtype, tuple(raw.shape[1:])) == (torch.uint8, (1, 28, 28))
