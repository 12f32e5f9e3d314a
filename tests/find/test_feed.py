"""Batches: seed and step alone decide what a step sees."""

import pytest
import torch

from lth_edge.errors import RecipeError
from lth_edge.find.feed import Feed, Order, augment
from lth_edge.tasks.examples import DatasetExamples, TensorExamples


def test_an_epoch_sees_every_example_once_but_the_incomplete_batch():
    order = Order(25, 8, seed=0)
    seen = torch.cat([order(step) for step in range(order.steps_per_epoch)]).tolist()
    assert len(seen) == len(set(seen)) == 24


def test_an_order_can_be_entered_at_any_step():
    walked, entered = Order(25, 8, seed=5), Order(25, 8, seed=5)
    batches = [walked(step).tolist() for step in range(10)]
    assert [entered(step).tolist() for step in (9, 2, 7)] == [batches[9], batches[2], batches[7]]


def test_epochs_and_seeds_have_orders_of_their_own():
    order = Order(100, 100, seed=0)
    assert order(0).tolist() != order(1).tolist()
    assert order(0).tolist() != Order(100, 100, seed=1)(0).tolist()


def test_a_batch_larger_than_the_data_is_the_data():
    assert sorted(Order(5, 64, seed=0)(3).tolist()) == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("kind", ["flip", "crop-flip"])
def test_augmentation_depends_on_seed_and_step_alone(kind):
    images = torch.rand(16, 3, 9, 7, generator=torch.Generator().manual_seed(0))
    first = augment(images, kind, step=3, seed=1)
    torch.rand(5)
    assert torch.equal(first, augment(images, kind, step=3, seed=1))
    assert not torch.equal(first, augment(images, kind, step=4, seed=1))
    assert not torch.equal(first, augment(images, kind, step=3, seed=2))
    assert first.shape == images.shape


def test_flips_mirror_some_images_and_leave_the_others():
    images = torch.rand(40, 1, 4, 4)
    flipped = augment(images, "flip", step=0, seed=0)
    mirrored = [torch.equal(new, old.flip(-1)) for new, old in zip(flipped, images, strict=True)]
    untouched = [torch.equal(new, old) for new, old in zip(flipped, images, strict=True)]
    assert all(a != b for a, b in zip(mirrored, untouched, strict=True))
    assert 5 < sum(mirrored) < 35


def test_crops_shift_by_at_most_four_pixels_and_fill_with_zeros():
    dot = torch.zeros(200, 1, 11, 11)
    dot[:, :, 5, 5] = 1
    found = augment(dot, "crop-flip", step=0, seed=0).nonzero()[:, 2:] - 5
    assert len(found) == 200
    assert (found.min().item(), found.max().item()) == (-4, 4)
    assert (augment(torch.ones(50, 1, 8, 8), "crop-flip", 0, 0) == 0).any()


def test_no_augmentation_is_no_change():
    images = torch.rand(4, 1, 4, 4)
    assert augment(images, "none", step=0, seed=0) is images


def test_augmenting_what_is_no_image_is_refused():
    with pytest.raises(RecipeError, match="needs images"):
        augment(torch.rand(4, 9), "flip", step=0, seed=0)


def test_a_feed_from_memory_and_one_read_on_demand_give_the_same_batches():
    x, y = torch.rand(10, 3), torch.arange(10)
    resident = Feed(TensorExamples((x,), (y,)), (torch.nn.Identity(),), torch.device("cpu"))
    read = Feed(DatasetExamples.over(list(zip(x, y, strict=True))), (torch.nn.Identity(),), torch.device("cpu"))
    picked = torch.tensor([7, 0, 3])
    for left, right in zip(resident.batch(picked), read.batch(picked), strict=True):
        assert torch.equal(left[0], right[0])
    assert torch.equal(resident.batch(picked)[0][0], x[picked])
