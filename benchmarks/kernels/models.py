"""The ONNX files of the speed table: random weights under random masks, batch norm folded, batch 1.

The files have opset 16, the newest that DeepSparse 1.8 reads; PyTorch's current exporter starts at 18, so the older one
writes them. Every layer has the same sparsity. Speed does not depend on the values, but values must stay finite, normal
numbers: each layer is scaled so that its output has variance 1 (as Mishkin and Matas do, arXiv 1511.06422).
"""

import os
import warnings
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
import torch
from onnx import version_converter
from torch import Tensor, nn

from benchmarks.kernels.networks import NETWORKS, Network
from benchmarks.kernels.patterns import PATTERNS
from lth_edge.convert.model_file import save_model

OPSET = 16
SEED = 2026
_BIAS = 0.1


def write_model(name: str, sparsity: float, path: Path, pattern: str = "random") -> None:
    """Write network `name` with `sparsity` of each prunable layer's weights zero; the same file every time.

    Args:
        pattern: of `PATTERNS`: where the weights that are kept lie.
    """
    torch.manual_seed(SEED)
    entry = NETWORKS[name]
    network = entry.build().eval()
    with torch.no_grad():
        _move_biases(network)
        for layer in entry.prunable(network):
            layer.weight.masked_fill_(~PATTERNS[pattern](layer.weight, sparsity), 0)
        _scale(network, entry)
    _export(network, entry, path)


def write_ticket(ticket: Path, path: Path) -> None:
    """Write a real ticket with its weights as plain tensors, batch 1 and opset 16, whatever its own file has."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    options.optimized_model_filepath = str(path)
    options.log_severity_level = 3
    onnxruntime.InferenceSession(str(ticket), options, providers=["CPUExecutionProvider"])
    model = version_converter.convert_version(onnx.load(str(path)), OPSET)
    # onnxruntime names all domains that it knows, some of them newer than DeepSparse.
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", OPSET))
    model.graph.ClearField("value_info")
    for value in (*model.graph.input, *model.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    save_model(model, path)


def example_inputs(path: Path, seed: int) -> dict[str, npt.NDArray[np.float32]]:
    """Random inputs with mean 0 and variance 1 for a model of fixed shapes."""
    random = np.random.default_rng([SEED, seed])
    return {
        value.name: random.standard_normal([size.dim_value for size in value.type.tensor_type.shape.dim], np.float32)
        for value in onnx.load(str(path)).graph.input
    }


def _move_biases(network: nn.Module) -> None:
    """Biases and shifts of batch norm start at zero; in a trained network they do not."""
    for name, parameter in network.named_parameters():
        if name.endswith("bias"):
            parameter.normal_(0, _BIAS)


def _scale(network: nn.Module, entry: Network) -> None:
    """Give each layer's output variance 1, first layers first: one run with hooks on the layers."""

    def to_unit_variance(layer: nn.Module, _: tuple[Tensor, ...], output: Tensor) -> Tensor:
        deviation = float(output.std()) or 1.0
        layer.weight /= deviation
        if layer.bias is not None:
            layer.bias /= deviation
        return output / deviation

    layers = [module for module in network.modules() if isinstance(module, (nn.Linear, nn.Conv2d))]
    hooks = [layer.register_forward_hook(to_unit_variance) for layer in layers]
    network(torch.randn(entry.shape))
    for hook in hooks:
        hook.remove()


def _export(network: nn.Module, entry: Network, path: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            network,
            (torch.randn(entry.shape),),
            str(path),
            dynamo=False,
            opset_version=OPSET,
            input_names=["input"],
            output_names=["output"],
        )
    save_model(onnx.load(str(path)), path)
