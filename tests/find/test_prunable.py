"""Which weights may be pruned, and which layer is the output."""

import pytest
import torch
from digits_nets import digits, normed, perceptron
from torch import nn

from lth_edge.errors import InputError
from lth_edge.find.method import layer_rates
from lth_edge.find.prunable import has_norms, prunable
from lth_edge.recipe import FindRecipe
from lth_edge.tasks.build import make_task


class Attention(nn.Module):
    """Rows of a digit attend to each other; one Linear is used twice; the head is registered first."""

    def __init__(self):
        super().__init__()
        self.head = nn.Linear(8, 10)
        self.position = nn.Embedding(8, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.norm = nn.LayerNorm(8)
        self.mix = nn.Linear(8, 8)
        self.again = self.mix
        self.gru = nn.GRU(8, 8, batch_first=True)

    def forward(self, x):
        x = x.squeeze(1) + self.position(torch.arange(8))
        x = self.norm(self.attention(x, x, x, need_weights=False)[0])
        x = self.gru(self.again(torch.relu(self.mix(x))))[0]
        return self.head(x.mean(1))


def found(build):
    task = make_task(build, digits())
    return prunable(task, task.network(0))


def test_linear_convolution_and_attention_weights_are_prunable_and_nothing_else():
    assert found(Attention).shapes == {
        "head.weight": (10, 8),
        "attention.in_proj_weight": (24, 8),
        "attention.out_proj.weight": (8, 8),
        "mix.weight": (8, 8),
    }


def test_the_output_layer_is_the_last_to_run_not_the_last_registered():
    assert found(Attention).output == "head.weight"


def test_a_weight_that_two_layers_share_counts_once():
    class Tied(nn.Module):
        def __init__(self):
            super().__init__()
            self.inner, self.outer, self.head = nn.Linear(64, 64), nn.Linear(64, 64), nn.Linear(64, 10)
            self.outer.weight = self.inner.weight

        def forward(self, x):
            return self.head(torch.relu(self.outer(torch.relu(self.inner(x.flatten(1))))))

    assert list(found(Tied).shapes) == ["inner.weight", "head.weight"]


def test_biases_and_norms_are_never_pruned():
    assert found(normed).shapes == {"0.weight": (4, 1, 3, 3), "5.weight": (10, 256)}


def test_a_network_with_nothing_to_prune_is_refused():
    class Scale(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(10))

        def forward(self, x):
            return self.scale * x.flatten(1)[:, :10]

    with pytest.raises(InputError, match="nothing to prune"):
        found(Scale)


def test_looking_leaves_the_mode_and_the_hooks_of_the_network_as_they_were():
    task = make_task(normed, digits())
    network = task.network(0).train()
    prunable(task, network)
    assert network.training
    assert network[3].training
    assert not any(module._forward_hooks for module in network.modules())


@pytest.mark.parametrize(("asked", "output"), [(None, 0.1), (0.0, 0.0), (0.35, 0.35)])
def test_the_output_layer_has_its_own_rate_by_default_half_of_the_others(asked, output):
    assert layer_rates(found(Attention), FindRecipe(output_prune_rate=asked)) == {
        "head.weight": output,
        "attention.in_proj_weight": 0.2,
        "attention.out_proj.weight": 0.2,
        "mix.weight": 0.2,
    }


def test_convolutions_have_their_own_rate_where_one_is_given():
    assert layer_rates(found(normed), FindRecipe(conv_prune_rate=0.15)) == {"0.weight": 0.15, "5.weight": 0.1}
    assert layer_rates(found(normed), FindRecipe()) == {"0.weight": 0.2, "5.weight": 0.1}


def test_norms_are_seen_wherever_they_lie():
    assert has_norms(Attention())
    assert has_norms(normed())
    assert not has_norms(perceptron())
