"""The reference networks have the parameters of their papers, and each trains."""

import pytest
import torch
from torch import nn

from lth_edge.errors import InputError
from lth_edge.tasks.models import REFERENCE
from lth_edge.tasks.vit import Attention

SHAPES = {
    "mlp": (1, 8, 8),
    "lenet-300-100": (1, 8, 8),
    "lenet-5": (1, 28, 28),
    "conv-2": (1, 8, 8),
    "conv-4": (1, 8, 8),
    "conv-6": (3, 8, 8),
    "resnet-8": (3, 8, 8),
    "resnet-20": (3, 8, 8),
    "resnet-56": (3, 8, 8),
    "vgg-16": (3, 16, 16),
    "cnn-1d": (9, 32),
    "vit": (3, 8, 8),
}


def weights(network: nn.Module) -> int:
    """Weights of linear and convolution layers."""
    return sum(m.weight.numel() for m in network.modules() if isinstance(m, (nn.Linear, nn.Conv1d, nn.Conv2d)))


def parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def test_every_reference_network_is_tried_here():
    assert SHAPES.keys() == REFERENCE.keys()


@pytest.mark.parametrize("name", REFERENCE)
def test_a_network_trains_one_step(name):
    torch.manual_seed(0)
    network = REFERENCE[name](SHAPES[name], 4)
    before = [p.detach().clone() for p in network.parameters()]
    optimizer = torch.optim.SGD(network.parameters(), 0.01)
    outputs = network(torch.randn(4, *SHAPES[name]))
    assert outputs.shape == (4, 4)
    nn.functional.cross_entropy(outputs, torch.arange(4)).backward()
    optimizer.step()
    changed = [not torch.equal(p, old) for p, old in zip(network.parameters(), before, strict=True)]
    # A bias in front of a batch norm is without effect; these networks have none.
    assert all(changed)


@pytest.mark.parametrize(
    ("name", "shape", "expected"),
    [
        ("lenet-300-100", (1, 28, 28), 266_200),
        ("lenet-5", (1, 28, 28), 430_500),
        ("conv-6", (3, 32, 32), 2_261_184),
        ("conv-4", (3, 32, 32), 2_425_024),
        ("conv-2", (3, 32, 32), 4_300_992),
    ],
)
def test_weights_are_as_many_as_the_papers_architecture_has(name, shape, expected):
    assert weights(REFERENCE[name](shape, 10)) == expected


def test_lenet_300_100_has_266_610_parameters_with_its_biases():
    assert parameters(REFERENCE["lenet-300-100"]((1, 28, 28), 10)) == 266_610


@pytest.mark.parametrize(("depth", "millions"), [(8, 0.078), (20, 0.27), (56, 0.85)])
def test_a_resnet_has_the_papers_parameters_and_as_many_layers_as_its_name_says(depth, millions):
    network = REFERENCE[f"resnet-{depth}"]((3, 32, 32), 10)
    assert parameters(network) == pytest.approx(1e6 * millions, rel=0.02)
    layers = [m for m in network.modules() if isinstance(m, nn.Linear) or getattr(m, "kernel_size", ()) == (3, 3)]
    assert len(layers) == depth


def test_vgg_16_has_thirteen_convolutions_with_batch_norm_and_one_linear_layer():
    network = REFERENCE["vgg-16"]((3, 32, 32), 10)
    kinds = (nn.Conv2d, nn.BatchNorm2d, nn.Linear)
    assert [sum(isinstance(m, kind) for m in network.modules()) for kind in kinds] == [13, 13, 1]


def test_hidden_widths_of_the_mlp_can_be_chosen():
    network = REFERENCE["mlp"]((5,), 2, hidden="7,3")
    assert [tuple(m.weight.shape) for m in network if isinstance(m, nn.Linear)] == [(7, 5), (3, 7), (2, 3)]


def test_initialisation_is_glorot_normal_with_zero_biases_as_in_the_paper():
    torch.manual_seed(0)
    layer = REFERENCE["lenet-300-100"]((1, 28, 28), 10)[1]
    assert not layer.bias.any()
    assert layer.weight.std().item() == pytest.approx((2 / (784 + 300)) ** 0.5, rel=0.02)
    assert layer.weight.abs().max() > 3 * layer.weight.std(), "normal, not uniform"


def test_a_vision_transformer_has_a_token_for_each_patch_and_takes_its_sizes_as_arguments():
    network = REFERENCE["vit"]((3, 32, 32), 10, width=48, depth=2, heads=3, patch=8)
    assert network[0](torch.zeros(1, 3, 32, 32)).shape == (1, 16, 48)
    assert sum(isinstance(m, nn.LayerNorm) for m in network.modules()) == 2 * 2 + 1


def test_attention_is_that_of_pytorch():
    torch.manual_seed(0)
    ours, tokens = Attention(12, 3, 4), torch.randn(2, 5, 12)
    theirs = nn.MultiheadAttention(12, 3, batch_first=True)
    theirs.in_proj_weight.data = torch.cat([layer.weight for layer in (ours.query, ours.key, ours.value)])
    theirs.in_proj_bias.data = torch.cat([ours.query.bias, torch.zeros(12), ours.value.bias])
    theirs.out_proj.load_state_dict(ours.out.state_dict())
    assert torch.allclose(ours(tokens), theirs(tokens, tokens, tokens)[0], atol=1e-6)


@pytest.mark.parametrize(
    ("name", "shape", "message"),
    [("vit", (3, 30, 32), "sides in multiples of 4"), ("cnn-1d", (3, 8, 8), "needs series of channels x samples")],
)
def test_other_shapes_are_refused_with_what_would_do(name, shape, message):
    with pytest.raises(InputError, match=message):
        REFERENCE[name](shape, 10)


def test_a_width_that_the_heads_do_not_share_is_refused():
    with pytest.raises(ValueError, match="width 10 is no multiple of 3 heads"):
        REFERENCE["vit"]((3, 8, 8), 10, width=10, heads=3)


@pytest.mark.parametrize(("name", "shape"), [("lenet-5", (1, 8, 8)), ("conv-2", (64,)), ("vgg-16", (3, 8, 8))])
def test_data_that_a_network_cannot_take_is_named(name, shape):
    with pytest.raises(InputError, match=f"{name} needs images"):
        REFERENCE[name](shape, 10)
