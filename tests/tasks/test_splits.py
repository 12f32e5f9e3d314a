"""Three parts: stratified, or by group, and the test set carved before anything is decided."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from lth_edge.errors import InputError
from lth_edge.tasks.examples import TensorExamples
from lth_edge.tasks.splits import hold_out, split


def numbered(targets, groups=None) -> TensorExamples:
    """Examples whose input is their own number."""
    targets = torch.as_tensor(targets)
    groups = None if groups is None else torch.as_tensor(groups)
    return TensorExamples((torch.arange(len(targets)),), (targets,), groups)


def numbers(examples) -> list[int]:
    return examples.batch(torch.arange(len(examples)))[0][0].tolist()


def three(train, validation=None, test=None, **shares):
    return split(train, validation, test, **{"validation_share": 0.25, "test_share": 0.2, "seed": 0, **shares})


def test_every_example_is_in_exactly_one_part():
    parts = three(numbered(np.arange(100) % 4))
    test = parts.test.open("checking the split")
    assert sorted(numbers(parts.train) + numbers(parts.validation) + numbers(test)) == list(range(100))
    assert (len(parts.train), len(parts.validation), len(test)) == (60, 20, 20)
    assert parts.test_origin == "carved"


def test_classes_keep_their_shares_in_every_part():
    parts = three(numbered([0] * 80 + [1] * 20))
    for part in (parts.train, parts.validation, parts.test.open("checking the split")):
        assert part.targets[0].float().mean().item() == pytest.approx(0.2)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.integers(0, 6), min_size=20, max_size=60).filter(lambda g: len(set(g)) >= 3), st.integers(0, 9))
def test_no_group_is_on_both_sides(groups, seed):
    parts = three(numbered([0] * len(groups), groups), seed=seed)
    sides = [set(part.groups.tolist()) for part in (parts.train, parts.validation, parts.test.open("checking"))]
    assert all(sides)
    assert sum(map(len, sides)) == len(set(groups))


@pytest.mark.parametrize("groups", [[0] * 20, [0] * 10 + [1] * 10])
def test_too_few_groups_are_named(groups):
    with pytest.raises(InputError, match="too few groups"):
        three(numbered([0] * 20, groups))


def test_a_test_set_that_is_given_stays_whole_and_train_too():
    parts = three(numbered([0, 1] * 20), test=numbered([1, 0, 1]))
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (30, 10, 3)
    assert parts.test_origin == "given"


def test_a_validation_set_that_is_given_is_not_split_off():
    parts = three(numbered([0, 1] * 20), validation=numbered([0, 1]))
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (32, 2, 8)


def test_without_a_test_share_there_is_no_test_set():
    parts = three(numbered([0, 1] * 20), test_share=0)
    assert parts.test is None
    assert parts.test_origin == "none"


def test_shares_of_one_and_more_are_numbers_of_examples():
    parts = three(numbered([0, 1] * 20), validation_share=6, test_share=4)
    assert (len(parts.train), len(parts.validation), len(parts.test)) == (30, 6, 4)


def test_splits_follow_from_their_seed():
    data = numbered(np.arange(100) % 4)
    assert numbers(three(data).validation) == numbers(three(data).validation)
    assert numbers(three(data).validation) != numbers(three(data, seed=1).validation)


def test_the_test_set_does_not_depend_on_how_validation_is_chosen():
    data = numbered(np.arange(100) % 4)
    first, second = (three(data, validation_share=share).test.open("checking") for share in (0.1, 0.5))
    assert numbers(first) == numbers(second)


@pytest.mark.parametrize("targets", [torch.rand(40), torch.rand(40, 2), torch.arange(40), [0] * 39 + [1]])
def test_targets_that_cannot_be_stratified_are_split_at_random(targets):
    rest, held = hold_out(numbered(targets), 0.25, seed=0, name="test")
    assert (len(rest), len(held)) == (30, 10)


@pytest.mark.parametrize("share", [0.001, 40, 1000])
def test_a_share_that_leaves_one_side_empty_is_refused(share):
    with pytest.raises(InputError, match=r"leave no test set.*\n.*--test share"):
        hold_out(numbered([0, 1] * 20), share, seed=0, name="test")


def test_each_opening_of_the_test_set_is_on_record():
    parts = three(numbered([0, 1] * 20))
    assert parts.test.openings == []
    parts.test.digest()
    assert parts.test.openings == []
    parts.test.open("final figures")
    parts.test.open("again")
    assert parts.test.openings == ["final figures", "again"]


def test_the_digest_changes_with_inputs_and_targets():
    base = numbered([0, 1, 2])
    other = TensorExamples((torch.arange(3) + 1,), base.targets)
    assert base.digest() == numbered([0, 1, 2]).digest()
    assert len({base.digest(), other.digest(), numbered([0, 1, 1]).digest()}) == 3
