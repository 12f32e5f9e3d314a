"""A network and its mask to ONNX: which tensor of the graph is which pruned weight is proved, not assumed.

The exporter renames, transposes and rescales weights (batch norm is folded into the convolution before it: the same
zeros, other values). So a masked weight is found again by its zeros: every pruned position must be zero in the exported
tensor, in the same layout or transposed. Where whole units are pruned, the weights that make them and those that read
them can have the same zeros; then the one of equal values is it.
"""

import contextlib
import io
import logging
import warnings
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import nn

from lth_edge.errors import InputError, ProofError, reason
from lth_edge.tasks.task import Task
from lth_edge.ticket import Array, Mask


@dataclass(frozen=True)
class Exported:
    """A model and, for each of its tensors that holds a pruned weight, which entries are kept.

    Attributes:
        model: the ONNX model, weights inside.
        masks: initializer name -> keep mask in the initializer's own layout.
    """

    model: onnx.ModelProto
    masks: dict[str, Array]

    def masked_arrays(self) -> dict[str, Array]:
        """The tensors that hold pruned weights, by the names in `masks`."""
        tensors = {tensor.name: tensor for tensor in self.model.graph.initializer}
        return {name: numpy_helper.to_array(tensors[name]) for name in self.masks}

    def to_bytes(self) -> bytes:
        """The model as a file would hold it."""
        return bytes(self.model.SerializeToString(deterministic=True))


def export_onnx(task: Task, network: nn.Module, mask: Mask | None, opset: int) -> Exported:
    """Export a network with its pre-processing; batch is the free first dimension of every input and output.

    Args:
        network: carries the weights, pruned ones zero; it is exported in inference mode.
        mask: `None` exports a dense network.

    Raises:
        InputError: the exporter cannot translate the network.
        ProofError: a pruned weight is missing in the exported graph, or found more often than once.
    """
    model = _translate(task, network, opset)
    return Exported(model, {} if mask is None else _rename_masked(model, mask, network))


def _translate(task: Task, network: nn.Module, opset: int) -> onnx.ModelProto:
    network.eval()
    deployed = task.deployed(network).to("cpu").eval()
    # Two examples: the exporter specialises on a batch of one.
    inputs, _ = task.splits.train.batch(torch.arange(2))
    batch = torch.export.Dim("batch")
    try:
        with _quiet(), torch.no_grad():
            outputs = deployed(*inputs)
            count = len(outputs) if isinstance(outputs, (tuple, list)) else 1
            program = torch.onnx.export(
                deployed,
                tuple(task.raw(x) for x in inputs),
                dynamo=True,
                opset_version=opset,
                external_data=False,
                input_names=list(task.input_names),
                output_names=["output"] if count == 1 else [f"output_{i}" for i in range(count)],
                dynamic_shapes=(tuple({0: batch} for _ in inputs),),
                verbose=False,
            )
    except Exception as error:
        raise InputError(
            f"{task.model} cannot be exported to ONNX: {reason(error)}",
            "keep shapes static but for the batch, and control flow out of forward()",
        ) from error
    assert program is not None  # it is without dynamo alone
    return program.model_proto


def _rename_masked(model: onnx.ModelProto, mask: Mask, network: nn.Module) -> dict[str, Array]:
    """Find every masked weight in the graph and give it back its PyTorch name (with `.T` where it is transposed)."""
    initializers = {tensor.name: tensor for tensor in model.graph.initializer}
    arrays = {name: numpy_helper.to_array(tensor) for name, tensor in initializers.items() if len(tensor.dims) >= 2}
    found: dict[str, Array] = {}
    taken: dict[str, str] = {}
    for name, kept in _hardest_first(mask):
        weight = network.get_parameter(name).detach().cpu().numpy()
        place, transposed = _locate(name, kept, weight, arrays, taken)
        taken[place] = name
        wanted = f"{name}.T" if transposed else name
        if wanted != place:
            _rename(model, place, wanted)
        found[wanted] = np.ascontiguousarray(kept.T) if transposed else kept
    return {name: found[name] for name in sorted(found)}


def _hardest_first(mask: Mask) -> list[tuple[str, Array]]:
    """Masks with most zeros first: their pattern leaves least room for doubt. Unpruned weights need no place."""
    pruned = [(name, kept) for name, kept in mask.items() if not kept.all()]
    return sorted(pruned, key=lambda item: -int(np.count_nonzero(~item[1])))


def _locate(name: str, kept: Array, weight: Array, arrays: dict[str, Array], taken: dict[str, str]) -> tuple[str, bool]:
    """The one initializer whose zeros cover the pruned weights, and whether it is transposed."""
    matches = [(place, False) for place, array in arrays.items() if place not in taken and _covers(array, kept)]
    if kept.ndim == 2 and not np.array_equal(kept, kept.T):
        matches += [(place, True) for place, array in arrays.items() if place not in taken and _covers(array, kept.T)]
    # A weight that the exporter left alone kept its name, under that of the network in `Deployed`, and its layout.
    by_name = [match for match in matches if match == (f"network.{name}", False)]
    if len(matches) > 1 and not by_name:
        equal = [m for m in matches if np.array_equal(arrays[m[0]], weight.T if m[1] else weight)]
        matches = equal or matches
    if len(by_name or matches) != 1:
        found = ", ".join(place for place, _ in matches) or "nothing"
        raise ProofError(
            f"the pruned weight {name!r} was looked for in the exported graph and {found} was found",
            "the exporter rewrote this layer; keep it out of the network or use a plain Linear or Conv",
        )
    return (by_name or matches)[0]


def _covers(array: Array, kept: Array) -> bool:
    return array.shape == kept.shape and not array[~kept].any() and bool(array[kept].any() or not kept.any())


def _rename(model: onnx.ModelProto, before: str, after: str) -> None:
    for tensor in model.graph.initializer:
        if tensor.name == before:
            tensor.name = after
    for node in model.graph.node:
        for index, name in enumerate(node.input):
            if name == before:
                node.input[index] = after


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Without the exporter's own progress: what fails is raised."""
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):
            warnings.simplefilter("ignore")
            yield
    finally:
        logging.disable(level)
