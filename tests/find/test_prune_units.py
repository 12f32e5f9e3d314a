"""Units: which can leave a network, what goes with each, and that the network without them is the same function."""

import numpy as np
import pytest
import torch
from digits_nets import digits, digits_task, perceptron
from torch import nn

from lth_edge.errors import InputError
from lth_edge.find.heads import without_lost_heads
from lth_edge.find.method import whole_mask
from lth_edge.find.prunable import prunable
from lth_edge.find.prune_units import prune_units, random_units
from lth_edge.find.train import load, weights_of
from lth_edge.find.units import unit_groups
from lth_edge.tasks.build import make_task
from lth_edge.tasks.models import REFERENCE
from lth_edge.ticket import Mask


def groups_of(network):
    weights = {name for name, p in network.named_parameters() if p.ndim > 1}
    return unit_groups(network, weights, "net")


def reference(name, shape, **arguments):
    torch.manual_seed(0)
    return REFERENCE[name](shape, 10, **arguments)


def small_vit():
    return reference("vit", (1, 8, 8), width=12, depth=2, heads=3, patch=4)


class Torch(nn.Module):
    """PyTorch's attention over the rows of an image, called as `how` says."""

    def __init__(self, how=lambda layer, x: layer(x, x, x, need_weights=False)[0], **settings):
        super().__init__()
        torch.manual_seed(0)
        self.how = how
        self.embed, self.head = nn.Linear(8, 12), nn.Linear(12, 10)
        self.attention = nn.MultiheadAttention(12, 3, **{"batch_first": True, **settings})
        for bias in (self.attention.in_proj_bias, self.attention.out_proj.bias):
            if bias is not None:
                nn.init.normal_(bias)

    def forward(self, images):
        tokens = self.embed(images.flatten(1).unflatten(1, (8, 8)))
        return self.head((tokens + self.how(self.attention, tokens)).mean(1))


def full(network):
    return Mask({name: np.ones(p.shape, bool) for name, p in network.named_parameters() if p.ndim > 1})


def test_hidden_layers_lose_neurons_and_the_output_none():
    found = groups_of(perceptron())
    assert [(g.kind, g.count, g.rows, g.column) for g in found] == [("neurons", 20, ("1.weight",), "3.weight")]


def test_a_plain_convolutional_network_loses_channels_through_pools_and_flattening():
    found = groups_of(reference("lenet-5", (1, 28, 28)))
    assert [(g.kind, g.count, g.column) for g in found] == [
        ("channels", 20, "3.weight"), ("channels", 50, "7.weight"), ("neurons", 500, "9.weight")
    ]  # fmt: skip


def test_a_residual_network_loses_the_channels_inside_its_blocks_alone():
    found = groups_of(reference("resnet-20", (3, 8, 8)))
    assert len(found) == 9
    assert all(g.rows[0].endswith("conv1.weight") and g.column.endswith("conv2.weight") for g in found)


def test_a_transformer_loses_heads_and_neurons_of_its_feed_forward_networks():
    found = groups_of(small_vit())
    assert [(g.kind, g.count) for g in found] == [("heads", 3), ("neurons", 48)] * 2
    assert found[0].rows == tuple(f"1.attention.{part}.weight" for part in ("value", "query", "key"))


class Shared(nn.Module):
    """One layer used twice, and one whose outputs two layers read."""

    def __init__(self):
        super().__init__()
        self.first, self.twice, self.left, self.right = (
            nn.Linear(64, 8),
            nn.Linear(8, 8),
            nn.Linear(8, 5),
            nn.Linear(8, 5),
        )

    def forward(self, x):
        x = self.twice(self.twice(self.first(x.flatten(1)).relu()).relu()).relu()
        return torch.cat([self.left(x), self.right(x)], 1)


def test_layers_that_run_twice_or_are_read_twice_keep_their_units():
    with pytest.raises(InputError, match=r"no layer of net has units that exactly one other layer reads\n.*weight"):
        groups_of(Shared())


def over_tokens() -> nn.Module:
    """Units of the first layer lie scattered among the inputs of the second: token by token."""
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Flatten(), nn.Linear(64, 10))


def over_pixels() -> nn.Module:
    """The linear layer reads the pixels of each channel by itself."""
    return nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Flatten(2), nn.Linear(64, 10))


def crossed() -> nn.Module:
    """The convolution reads the tokens, as many as the linear layer has units."""
    return nn.Sequential(nn.Linear(8, 8), nn.ReLU(), nn.Conv1d(8, 4, 1))


@pytest.mark.parametrize("build", [over_tokens, over_pixels, crossed])
def test_units_that_no_columns_of_the_next_layer_stand_for_stay(build):
    with pytest.raises(InputError, match="exactly one other layer reads"):
        groups_of(build())


@pytest.mark.parametrize("flatten", [lambda x: torch.flatten(x, 1), lambda x: x.flatten(start_dim=1)])
def test_channels_are_followed_through_flattening_written_as_a_function(flatten):
    class Written(nn.Module):
        def __init__(self):
            super().__init__()
            self.layers = nn.ModuleList([nn.Conv2d(1, 4, 3, padding=1), nn.Linear(256, 10)])

        def forward(self, x):
            return self.layers[1](flatten(torch.relu(self.layers[0](x))))

    assert [(g.count, g.column) for g in groups_of(Written())] == [(4, "layers.1.weight")]


class Branching(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(64, 10)

    def forward(self, x):
        return self.layer(x.flatten(1)) if x.sum() > 0 else self.layer(-x.flatten(1))


def test_a_network_that_cannot_be_traced_is_told():
    with pytest.raises(InputError, match="the units of net cannot be followed"):
        groups_of(Branching())


@pytest.mark.parametrize("scope", ["layer", "global"])
@pytest.mark.parametrize("build", [small_vit, lambda: reference("lenet-5", (1, 28, 28))])
def test_masks_nest_and_lose_whole_units_in_exact_counts(build, scope):
    network = build()
    groups, weights, mask = groups_of(network), weights_of(network), full(network)
    rates = dict.fromkeys(mask, 0.3)
    left = sum(g.count for g in groups)
    for _ in range(3):
        following = prune_units(weights, mask, rates, groups, scope)
        assert following.is_nested_in(mask)
        for group in groups:
            kept = group.kept(following)
            assert kept.any()
            for part in group.parts(following):
                assert not part[~kept].any()
        counted = sum(int(g.kept(following).sum()) for g in groups)
        by_group = [int(g.kept(mask).sum()) for g in groups]
        wanted = sum(int(0.3 * n + 0.5) for n in by_group) if scope == "layer" else int(0.3 * left + 0.5)
        assert left - counted == wanted
        mask, left = following, counted


def test_the_unit_of_the_smallest_weights_goes_first():
    network = perceptron()
    weights = weights_of(network)
    weights["1.weight"][7] *= 1e-3
    weights["3.weight"][:, 7] *= 1e-3
    mask = prune_units(weights, full(network), dict.fromkeys(full(network), 0.05), groups_of(network), "layer")
    assert np.flatnonzero(~groups_of(network)[0].kept(mask)).tolist() == [7]


def test_a_group_never_loses_its_last_unit():
    network, mask = small_vit(), full(small_vit())
    for _ in range(4):
        mask = prune_units(weights_of(network), mask, dict.fromkeys(mask, 0.99), groups_of(network), "layer")
    assert [int(g.kept(mask).sum()) for g in groups_of(network)] == [1] * 4


def test_a_random_choice_takes_as_many_units_of_each_group_and_others():
    network = small_vit()
    groups, whole = groups_of(network), full(network)
    mask = prune_units(weights_of(network), whole, dict.fromkeys(whole, 0.5), groups, "layer")
    drawn = random_units(mask, whole, groups, 3)
    assert [g.kept(drawn).sum() for g in groups] == [g.kept(mask).sum() for g in groups]
    assert drawn.kept == mask.kept
    assert any((g.kept(drawn) != g.kept(mask)).any() for g in groups)
    assert all((drawn[n] == random_units(mask, whole, groups, 3)[n]).all() for n in drawn)


def test_a_network_without_its_lost_heads_computes_the_same():
    network = small_vit()
    mask = prune_units(
        weights_of(network), full(network), dict.fromkeys(full(network), 0.4), groups_of(network), "layer"
    )
    load(network, mask.apply(weights_of(network)))
    smaller, cut = without_lost_heads(network, mask)
    assert smaller.get_submodule("1.attention").heads == 2
    assert {name: kept.shape for name, kept in cut.items()} == {n: tuple(smaller.get_parameter(n).shape) for n in cut}
    images = torch.randn(3, 1, 8, 8)
    assert torch.allclose(smaller.eval()(images), network.eval()(images), atol=1e-6)
    assert network.get_submodule("1.attention").heads == 3


def test_a_network_that_lost_no_head_is_left_as_it_is():
    network = small_vit()
    assert without_lost_heads(network, full(network))[0] is network
    task = digits_task()
    assert without_lost_heads(task.network(0), full(task.network(0)))[0] is not None


def test_weights_that_may_not_be_pruned_belong_to_no_unit():
    task = make_task(small_vit, digits())
    layers = prunable(task, task.network(0))
    names = set(layers.shapes) - {"1.attention.query.weight"}
    found = unit_groups(task.network(0), names, "net")
    assert [g.rows[0] for g in found] == [
        "1.feed_forward.0.weight",
        "2.attention.value.weight",
        "2.feed_forward.0.weight",
    ]
    assert whole_mask(layers).sparsity == 0


def unpacked(layer, x):
    output, _ = layer(query=x, key=x, value=x)
    return output


@pytest.mark.parametrize("network", [Torch(), Torch(unpacked)])
def test_pytorch_s_attention_loses_heads_too(network):
    found = groups_of(network)
    assert [(g.kind, g.count, g.rows, g.column) for g in found] == [
        ("heads", 3, ("attention.in_proj_weight",), "attention.out_proj.weight")
    ]


@pytest.mark.parametrize("settings", [{}, {"bias": False}])
@pytest.mark.parametrize("gone", [[0], [1], [0, 2]])
def test_pytorch_s_attention_without_its_lost_heads_computes_the_same(gone, settings):
    network = Torch(**settings)
    [group], kept = groups_of(network), {name: array.copy() for name, array in full(network).items()}
    group.without(kept, np.array(gone))
    mask = Mask(kept)
    assert np.flatnonzero(~group.kept(mask)).tolist() == gone
    assert mask["attention.in_proj_weight"].reshape(3, 3, 4, 12)[:, gone].sum() == 0
    assert mask["attention.in_proj_weight"].sum() == 3 * 4 * 12 * (3 - len(gone))
    load(network, mask.apply(weights_of(network)))
    smaller, cut = without_lost_heads(network, mask)
    assert cut.density == 1 and cut.size == mask.kept
    assert all(tuple(smaller.get_parameter(name).shape) == kept.shape for name, kept in cut.items())
    images = torch.randn(3, 1, 8, 8)
    assert torch.allclose(smaller.eval()(images), network.eval()(images), atol=1e-6)


def of_all(layer, x):
    return layer(x, x, x)[0]


HOW = {
    "of other tokens": lambda layer, x: layer(x, x.flip(1), x, need_weights=False)[0],
    "masked": lambda layer, x: layer(x, x, x, attn_mask=torch.ones(8, 8).triu(1).bool())[0],
    "read for its weights": lambda layer, x: layer(x, x, x)[0] + layer(x, x, x)[1].sum(),
    "whose weights alone are read": lambda layer, x: x * layer(x, x, x)[1].sum(),
    "run twice": lambda layer, x: of_all(layer, of_all(layer, x)),
}
SETTINGS = {"keys of their own": {"add_bias_kv": True}, "a zero to attend to": {"add_zero_attn": True}}
UNFIT = {**{name: Torch(how) for name, how in HOW.items()}, **{n: Torch(of_all, **s) for n, s in SETTINGS.items()}}


@pytest.mark.parametrize("name", UNFIT)
def test_attention_that_is_no_plain_self_attention_keeps_its_heads(name):
    with pytest.raises(InputError, match="no layer of net has units"):
        groups_of(UNFIT[name])
    kept = {name: array.copy() for name, array in full(UNFIT[name]).items()}
    kept["attention.in_proj_weight"][:] = False
    assert without_lost_heads(UNFIT[name], Mask(kept))[0] is UNFIT[name]


def test_attention_with_tokens_first_keeps_its_heads():
    with pytest.raises(InputError, match="no layer of net has units"):
        groups_of(Torch(lambda layer, x: layer(*[x.transpose(0, 1)] * 3)[0].transpose(0, 1), batch_first=False))


def test_attention_in_a_network_that_cannot_be_followed_keeps_its_heads():
    network = Torch(lambda layer, x: of_all(layer, x) if x.sum() > 0 else of_all(layer, -x))
    mask = Mask({name: np.zeros_like(array) for name, array in full(network).items()})
    assert without_lost_heads(network, mask)[0] is network
