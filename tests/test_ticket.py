"""Mask and Ticket: what they refuse, and that they come back from disk as they were, or not at all."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file

from lth_edge.errors import DamagedError, InputError
from lth_edge.ticket import Mask, Ticket, load_weights, save_weights

KEPT = np.array([[True, False], [True, True]])


def small() -> Ticket:
    weights = {"w": np.float32([[1.5, 0.0], [-0.0, 2.0]]), "b": np.float32([7.0]), "n": np.array(3)}
    return Ticket(Mask({"w": KEPT}), weights, {"level": 2, "seed": 0})


@pytest.mark.parametrize("value", [2, -1, 0.5, np.nan])
def test_a_mask_holds_nothing_but_0_and_1(value):
    array = np.ones((2, 2))
    array[0, 1] = value
    with pytest.raises(InputError, match="'w' holds values other than 0 and 1"):
        Mask({"w": array})


@pytest.mark.parametrize("dtype", [np.bool_, np.uint8, np.int64, np.float32])
def test_zeros_and_ones_of_any_type_make_a_mask(dtype):
    mask = Mask({"w": KEPT.astype(dtype)})
    assert mask["w"].dtype == np.bool_
    assert np.array_equal(mask["w"], KEPT)


def test_density_counts_over_all_layers():
    mask = Mask({"a": np.array([1, 1, 1, 0]), "b": np.zeros((2, 2))})
    assert (mask.size, mask.kept) == (8, 3)
    assert (mask.density, mask.sparsity) == (0.375, 0.625)


def test_nested_means_every_kept_weight_was_kept():
    wide, narrow = Mask({"w": KEPT}), Mask({"w": KEPT & [[True], [False]]})
    assert narrow.is_nested_in(wide)
    assert wide.is_nested_in(wide)
    assert not wide.is_nested_in(narrow)
    assert not wide.is_nested_in(Mask({"v": KEPT}))


@given(
    hnp.arrays(np.float32, (3, 4), elements=st.sampled_from([1.0, -0.0, -5.0, np.nan, np.inf])),
    hnp.arrays(np.bool_, (3, 4)),
)
def test_applying_leaves_positive_zero_where_it_prunes_and_all_else_bit_for_bit(weight, kept):
    weights = {"w": weight, "bias": np.float32([np.nan])}
    applied = Mask({"w": kept}).apply(weights)
    assert not any(applied["w"][~kept].tobytes())
    assert applied["w"][kept].tobytes() == weight[kept].tobytes()
    assert applied["w"].dtype == weight.dtype
    assert applied["bias"] is weights["bias"]


def test_a_mask_keeps_a_weight_that_happens_to_be_zero():
    ticket = small()
    assert ticket.mask["w"][1, 0]
    assert ticket.mask.kept == 3


def test_a_ticket_comes_back_as_it_was(tmp_path):
    ticket = small()
    ticket.save(tmp_path)
    back = Ticket.load(tmp_path)
    assert dict(back.mask).keys() == {"w"}
    assert np.array_equal(back.mask["w"], KEPT)
    assert {n: (a.tobytes(), a.dtype, a.shape) for n, a in back.weights.items()} == {
        n: (a.tobytes(), a.dtype, a.shape) for n, a in ticket.weights.items()
    }
    assert back.facts == ticket.facts


def test_arrays_that_are_not_contiguous_are_stored_as_they_read(tmp_path):
    array = np.arange(12.0, dtype=np.float32).reshape(3, 4)
    save_weights(tmp_path / "w.safetensors", {"t": array.T, "s": array[:, ::2]})
    back = load_weights(tmp_path / "w.safetensors")
    assert np.array_equal(back["t"], array.T)
    assert np.array_equal(back["s"], array[:, ::2])


def cut(path):
    path.write_bytes(path.read_bytes()[:-3])


def scramble(path):
    path.write_bytes(b"\xff" * 64)


DAMAGE = [
    (f"{name}.safetensors", damage) for name in ("mask", "weights") for damage in (cut, scramble, lambda p: p.unlink())
]
DAMAGE += [("ticket.json", damage) for damage in (cut, scramble, lambda p: p.unlink(), lambda p: p.write_text("[]"))]


@pytest.mark.parametrize(("name", "damage"), DAMAGE)
def test_a_damaged_file_is_named(tmp_path, name, damage):
    small().save(tmp_path)
    damage(tmp_path / name)
    with pytest.raises(DamagedError, match=name):
        Ticket.load(tmp_path)


def test_a_stored_mask_of_other_values_is_damaged(tmp_path):
    small().save(tmp_path)
    save_file({"w": np.full((2, 2), 2, np.uint8)}, tmp_path / "mask.safetensors")
    with pytest.raises(DamagedError, match=r"mask\.safetensors.*other than 0 and 1"):
        Ticket.load(tmp_path)


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ({"w": np.ones((2, 2), np.float32)}, "not zero where its mask prunes"),
        ({"w": np.float32([[1, np.nan], [1, 1]])}, "not zero where its mask prunes"),
        ({"w": np.zeros((2, 3), np.float32)}, "no weight of its shape"),
        ({"v": np.zeros((2, 2), np.float32)}, "no weight of its shape"),
    ],
)
def test_mask_and_weights_that_contradict_each_other_are_refused(tmp_path, weights, message):
    small().save(tmp_path)
    save_weights(tmp_path / "weights.safetensors", weights)
    with pytest.raises(DamagedError, match=message):
        Ticket.load(tmp_path)


def test_facts_are_plain_json(tmp_path):
    small().save(tmp_path)
    assert json.loads((tmp_path / "ticket.json").read_text()) == {"level": 2, "seed": 0}
