"""PyTorch networks, randomly pruned, as its exporters write them."""

import contextlib
import io
import warnings

import onnx
import torch
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
