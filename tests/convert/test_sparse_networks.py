"""Networks as PyTorch exports them, randomly pruned, batch norm folded or not."""

import pytest
import torch
import torchvision
from sparse_check import check, ops
from torch_nets import exported, exported_by_tracing, pruned

NETWORKS = {
    "resnet18": (exported, ["Conv", "Relu", "MaxPool", "SparseConv", "Reshape", "SparseLinear"]),
    "mobilenet_v2": (exported_by_tracing, ["Conv", "Clip", "SparseConv", "Flatten", "SparseLinear"]),
    "mobilenet_v3_small": (exported, None),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_torchvision(name):
    export, expected = NETWORKS[name]
    converted = check(export(pruned(getattr(torchvision.models, name)(weights=None)), 3, 32, 32), 1, 3, 32, 32)
    assert expected is None or [kind for kind in ops(converted) if kind != "Constant"] == expected
    sparse = [layer for layer in converted.layers if layer.sparsity > 0.5]
    assert len(sparse) > 15 and all(layer.converted for layer in sparse)


def test_unfolded_batch_norm():
    model = exported_by_tracing(pruned(torchvision.models.resnet18(weights=None)), 3, 32, 32, folded=False)
    assert sum(node.op_type == "BatchNormalization" for node in model.graph.node) == 20
    converted = check(model, 2, 3, 32, 32)
    kinds = [kind for kind in ops(converted) if kind not in {"Identity", "Constant"}]
    assert kinds == ["Conv", "BatchNormalization", "Relu", "MaxPool", "SparseConv", "Flatten", "SparseLinear"]


def test_a_transformer():
    network = torchvision.models.VisionTransformer(16, 8, 2, 3, hidden_dim=48, mlp_dim=96, num_classes=10)
    for parameter in network.parameters():
        if parameter.ndim > 1:
            parameter.data = torch.randn_like(parameter) * (torch.rand_like(parameter) < 0.2)
    converted = check(exported(network.eval(), 3, 16, 16), 2, 3, 16, 16)
    assert all(layer.converted for layer in converted.layers)
    assert sum("of 2, with bias, Gelu" in layer.reason for layer in converted.layers) == 2
    assert sum("of 2, with bias, residual" in layer.reason for layer in converted.layers) == 2
