"""Folders of images, one sub-folder per class."""

import numpy as np
import pytest
import torch
from PIL import Image

from lth_edge.errors import InputError
from lth_edge.recipe import TaskRecipe
from lth_edge.tasks.build import load_task
from lth_edge.tasks.data import load_data


def fill(root, classes=("cat", "dog"), count=6):
    """Plain images: the class decides the colour."""
    for number, name in enumerate(classes):
        (root / name).mkdir(parents=True)
        for i in range(count):
            colour = (200, 10 * i, 0) if number else (0, 10 * i, 200)
            Image.new("RGB", (20 + i, 30), colour).save(root / name / f"{i}.png")
    return root


def recipe(root, **changes):
    return TaskRecipe(data=f"folder:{root}", model="mlp", model_args={"hidden": "4"}, image_size=16, **changes)


def test_images_become_bytes_of_one_size_with_their_class(tmp_path):
    data = load_data(recipe(fill(tmp_path)))
    (images,), (targets,) = data.train.batch(torch.arange(12))
    assert (images.dtype, tuple(images.shape)) == (torch.uint8, (12, 16, 16, 3))
    assert targets.tolist() == [0] * 6 + [1] * 6
    assert (data.labels, data.channels_last) == (("cat", "dog"), True)
    assert (images[3, 8, 8].tolist(), images[9, 8, 8].tolist()) == ([0, 30, 200], [200, 30, 0])


def test_parts_lie_in_folders_of_their_names(tmp_path):
    for part, count in (("train", 6), ("val", 2), ("test", 3)):
        fill(tmp_path / part, count=count)
    data = load_data(recipe(tmp_path))
    assert [len(part) for part in (data.train, data.validation, data.test)] == [12, 4, 6]


def test_a_whole_task_is_made_of_a_folder(tmp_path):
    task = load_task(recipe(fill(tmp_path), validation=2, test=2))
    inputs, _ = task.splits.train.batch(torch.arange(2))
    assert task.deployed(task.network(0))(*inputs).shape == (2, 2)
    assert task.splits.test_origin == "carved"


def test_grey_and_transparent_images_become_rgb(tmp_path):
    fill(tmp_path)
    for mode, name in (("L", "grey.png"), ("RGBA", "clear.png"), ("P", "palette.png")):
        Image.new(mode, (20, 20)).save(tmp_path / "cat" / name)
    assert load_data(recipe(tmp_path)).train.batch(torch.arange(15))[0][0].shape[-1] == 3


def flipped(content):
    return content[:40] + bytes(255 - b for b in content[40:])


@pytest.mark.parametrize("damage", [lambda c: b"no image", lambda c: b"", lambda c: c[:60], flipped])
def test_a_corrupt_image_is_named(tmp_path, damage):
    path = fill(tmp_path) / "dog" / "3.png"
    Image.fromarray(np.random.default_rng(0).integers(0, 255, (30, 30, 3), np.uint8)).save(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError, match=r"dog/3\.png is no readable image"):
        load_data(recipe(tmp_path))


def test_a_folder_without_classes_is_refused(tmp_path):
    Image.new("RGB", (9, 9)).save(tmp_path / "loose.png")
    with pytest.raises(InputError, match="no images by class"):
        load_data(recipe(tmp_path))


def test_a_class_without_images_is_named(tmp_path):
    (fill(tmp_path) / "empty").mkdir()
    with pytest.raises(InputError, match="empty"):
        load_data(recipe(tmp_path))


def test_other_classes_in_the_test_set_are_refused(tmp_path):
    fill(tmp_path / "train")
    fill(tmp_path / "test", classes=("cat", "owl"))
    with pytest.raises(InputError, match="other classes"):
        load_data(recipe(tmp_path))


def test_what_is_no_folder_is_named(tmp_path):
    with pytest.raises(InputError, match="is no folder"):
        load_data(recipe(tmp_path / "nothing"))
