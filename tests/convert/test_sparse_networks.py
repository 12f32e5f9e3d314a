"""Networks as PyTorch exports them, randomly pruned, batch norm folded or not."""

import contextlib
import io
import warnings

import onnx
import pytest
import torch
import torchvision
from sparse_check import check, ops
from torch import nn


def pruned(network, density=0.2):
    """In inference mode, with statistics and biases that matter; depthwise layers and the stem stay dense."""
    torch.manual_seed(0)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            for tensor, low in ((module.running_mean, -0.2), (module.running_var, 0.5), (module.weight.data, 0.8)):
                tensor.uniform_(low, low + 0.4)
        if isinstance(module, nn.Linear) or (isinstance(module, nn.Conv2d) and module.groups == 1):
            nn.init.kaiming_normal_(module.weight)
            if getattr(module, "in_channels", 0) != 3:
                module.weight.data *= torch.rand_like(module.weight) < density
    return network.eval()


def exported(network, *shape):
    batch = torch.export.Dim("batch")
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
        warnings.simplefilter("ignore")
        program = torch.onnx.export(
            network,
            (torch.randn(2, *shape),),
            dynamo=True,
            opset_version=20,
            external_data=False,
            input_names=["input"],
            dynamic_shapes=({0: batch},),
            verbose=False,
        )
    return program.model_proto


def exported_by_tracing(network, *shape, folded=True):
    """By the older exporter, which can leave batch norm unfolded."""
    file = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.randn(2, *shape),),
            file,
            dynamo=False,
            opset_version=17,
            input_names=["input"],
            dynamic_axes={"input": {0: "batch"}},
            training=torch.onnx.TrainingMode.EVAL if folded else torch.onnx.TrainingMode.PRESERVE,
            do_constant_folding=folded,
        )
    return onnx.load_from_string(file.getvalue())


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
