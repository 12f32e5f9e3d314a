"""Trained weights: read without running anything, fitted by name, refused with their reason."""

from dataclasses import replace

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torch.nn.utils import prune

from lth_edge.errors import InputError, RecipeError
from lth_edge.recipe import TaskRecipe
from lth_edge.tasks.build import load_task
from lth_edge.tasks.weights import fit, load_given


def network() -> nn.Module:
    torch.manual_seed(3)
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 10))


def fitted(path) -> dict[str, torch.Tensor]:
    torch.manual_seed(4)
    fresh = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.BatchNorm1d(6), nn.ReLU(), nn.Linear(6, 10))
    fit(fresh, load_given(path), "the network")
    return fresh.state_dict()


def equal(left, right) -> bool:
    return left.keys() == right.keys() and all(torch.equal(left[name], right[name]) for name in left)


FORMS = {
    "state dict": lambda state: state,
    "in a checkpoint": lambda state: {"state_dict": state, "epoch": 3},
    "in a model checkpoint": lambda state: {"model_state_dict": state, "optimizer": {"lr": 0.1}},
    "of DataParallel": lambda state: {f"module.{name}": tensor for name, tensor in state.items()},
    "without batch counters": lambda state: {n: t for n, t in state.items() if "num_batches" not in n},
}


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
def test_a_state_dict_is_read_in_all_its_forms(tmp_path, form):
    state = network().state_dict()
    torch.save(form(state), tmp_path / "weights.pt")
    assert equal(fitted(tmp_path / "weights.pt"), state)


def test_safetensors_are_read(tmp_path):
    state = network().state_dict()
    save_file(state, tmp_path / "weights.safetensors")
    assert equal(fitted(tmp_path / "weights.safetensors"), state)


def test_networks_pruned_with_torchs_own_means_are_read(tmp_path):
    pruned = network()
    prune.random_unstructured(pruned[1], "weight", 0.5)
    prune.random_unstructured(pruned[4], "bias", 0.5)
    torch.save(pruned.state_dict(), tmp_path / "weights.pt")
    found = fitted(tmp_path / "weights.pt")
    assert torch.equal(found["1.weight"], pruned[1].weight)
    assert (found["1.weight"] == 0).float().mean() == 0.5
    assert torch.equal(found["4.bias"], pruned[4].bias)


def test_a_buffer_that_is_called_mask_is_no_leftover_of_pruning(tmp_path):
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.register_buffer("attention_mask", torch.ones(3))

    torch.save({"attention_mask": torch.zeros(3)}, tmp_path / "weights.pt")
    masked = Masked()
    fit(masked, load_given(tmp_path / "weights.pt"), "the network")
    assert not masked.attention_mask.any()


class Bomb:
    """Unpickling this would run code."""

    def __reduce__(self):
        return (pytest.fail, ("the pickle was executed",))


@pytest.mark.parametrize("content", [network, Bomb], ids=["whole module", "hostile object"])
def test_a_pickle_of_an_object_is_refused_and_never_run(tmp_path, content):
    torch.save(content(), tmp_path / "weights.pt")
    with pytest.raises(InputError, match=r"holds pickled objects or is damaged.*\n.*model\.state_dict\(\)"):
        load_given(tmp_path / "weights.pt")


@pytest.mark.parametrize("content", [{"a": 3}, [torch.ones(3)], torch.ones(3)])
def test_what_is_no_state_dict_is_refused(tmp_path, content):
    torch.save(content, tmp_path / "weights.pt")
    with pytest.raises(InputError, match="is no state dict"):
        load_given(tmp_path / "weights.pt")


@pytest.mark.parametrize("name", ["weights.pt", "weights.safetensors"])
@pytest.mark.parametrize("keep", [0, 20, 400])
def test_a_damaged_file_is_refused(tmp_path, name, keep):
    path = tmp_path / name
    state = network().state_dict()
    torch.save(state, path) if name.endswith("pt") else save_file(state, path)
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(InputError, match="damaged"):
        load_given(path)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(InputError, match=r"none\.pt are not there"):
        load_given(tmp_path / "none.pt")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"4.weight": torch.ones(7, 6)}, r"'4\.weight' has shape \(7, 6\), the network wants \(10, 6\)"),
        ({"4.weight": torch.full((10, 6), torch.nan)}, r"'4\.weight' holds values that are not finite"),
        ({"4.weigth": torch.ones(10, 6)}, r"hold an unknown '4\.weigth'\n.*did you mean '4\.weight'"),
        ({"4.weight": None}, r"lack '4\.weight'"),
        ({"4.weight": None, "4.wait": torch.ones(10, 6)}, r"lack '4\.weight'\n.*did you mean '4\.wait'"),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(change, message):
    state = {name: t for name, t in (network().state_dict() | change).items() if t is not None}
    with pytest.raises(InputError, match=message):
        fit(network(), state, "the network")


def test_a_task_starts_from_the_weights_of_a_file(tmp_path):
    recipe = TaskRecipe(model="mlp", model_args={"hidden": "8"})
    state = load_task(recipe).network(5).state_dict()
    torch.save(state, tmp_path / "weights.pt")
    started = replace(recipe, weights=str(tmp_path / "weights.pt"), normalize="dataset")
    assert equal(load_task(started).network(0).state_dict(), state)


def test_trained_weights_are_never_given_a_scaling_that_nobody_named(tmp_path):
    recipe = TaskRecipe(model="mlp", model_args={"hidden": "8"})
    torch.save(load_task(recipe).network(5).state_dict(), tmp_path / "weights.pt")
    with pytest.raises(RecipeError, match="add --normalize"):
        load_task(replace(recipe, weights=str(tmp_path / "weights.pt")))
