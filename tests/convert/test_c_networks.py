"""The reference networks as PyTorch exports them, pruned: every one is read, proved, and close in integers."""

import numpy as np
import pytest
import torch
from c_build import made_of, require, self_test_of, write
from onnx_nets import examples
from torch import nn
from torch_nets import exported, pruned

from lth_edge.errors import InputError
from lth_edge.tasks.models import REFERENCE

SHAPES = {"lenet-5": (1, 16, 16), "conv-6": (3, 8, 8), "vgg-16": (3, 16, 16), "cnn-1d": (3, 64)}
BEYOND_C = {"vit"}


def series_network():
    return nn.Sequential(
        nn.Conv1d(3, 8, 5, stride=2, padding=2),
        nn.BatchNorm1d(8),
        nn.Hardswish(),
        nn.MaxPool1d(2),
        nn.Conv1d(8, 16, 3, padding=1, groups=4),
        nn.ReLU6(),
        nn.AdaptiveAvgPool1d(1),
        nn.Flatten(),
        nn.Linear(16, 5),
    )


def network(name):
    """A pruned network and the shape of its input."""
    torch.manual_seed(0)
    shape = SHAPES.get(name, (1, 8, 8))
    return pruned(REFERENCE[name](shape, 10)), shape


@pytest.mark.parametrize("name", [name for name in REFERENCE if name not in BEYOND_C])
def test_a_reference_network_is_read_and_close_in_integers(name):
    built, shape = network(name)
    inputs = examples(4, *shape)
    made, outputs = made_of(exported(built, *shape), inputs, "int8", "int8")
    error = np.abs(made.gives(inputs) * made.quantised.output_scale - outputs).max() / np.abs(outputs).max()
    assert error < 0.1


@pytest.mark.parametrize("name", sorted(BEYOND_C))
def test_a_network_beyond_c_is_refused_by_the_node_that_has_no_kernel(name):
    built, shape = network(name)
    with pytest.raises(InputError, match=r"'\w+' cannot be written in C: it has no C kernel"):
        made_of(exported(built, *shape), examples(4, *shape), "int8", "int8")


def test_a_series_network_of_pytorch_runs_in_c(tmp_path):
    require("gcc")
    inputs = examples(4, 3, 60)
    made, outputs = made_of(exported(pruned(series_network()), 3, 60), inputs)
    write(tmp_path, made, inputs, outputs)
    self_test_of(tmp_path, "gcc")


def test_resnet_20_runs_in_c(tmp_path):
    require("gcc")
    built, shape = network("resnet-20")
    inputs = examples(4, *shape)
    made, _ = made_of(exported(built, *shape), inputs, "int8", "int8")
    write(tmp_path, made, inputs)
    self_test_of(tmp_path, "gcc")
