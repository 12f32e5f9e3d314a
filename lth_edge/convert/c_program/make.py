"""From an ONNX model to a C program: read, prove, quantise; each step is a file beside this one."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
import onnx

from lth_edge.convert.c_program.evaluate import in_batches
from lth_edge.convert.c_program.evaluate_float import evaluate_float
from lth_edge.convert.c_program.evaluate_integer import evaluate_integer
from lth_edge.convert.c_program.layers import Network, Weighted
from lth_edge.convert.c_program.lower_float import lower_float, with_int8_weights
from lth_edge.convert.c_program.lower_int8 import lower_int8
from lth_edge.convert.c_program.program import Program
from lth_edge.convert.c_program.quantise import Quantised, quantise, quantise_rows
from lth_edge.convert.c_program.read import read_network
from lth_edge.errors import InputError, ProofError
from lth_edge.ticket import Array

Kind = Literal["int8", "fp32"]

_LIMIT = 1e-5


@dataclass(frozen=True, eq=False)
class Made:
    """A network on its way to C, at one precision.

    Attributes:
        network: the layers, as the program computes them: int8 weights are rounded.
        values: how weights are stored.
        quantised: in integers, where activations are.
    """

    network: Network
    values: Kind
    quantised: Quantised | None

    def program(self, name: str, dense: bool = False) -> Program:
        """The program.

        Args:
            name: a C identifier.
            dense: store every weight, zeros too.
        """
        if self.quantised is not None:
            return lower_int8(self.quantised, name, dense)
        return lower_float(self.network, name, self.values == "int8", dense)

    def takes(self, inputs: Array) -> Array:
        """[N, inputs], raw inputs as the program takes them."""
        given = inputs if self.quantised is None else self.quantised.raw(inputs)
        return given.reshape(len(inputs), -1)

    def gives(self, inputs: Array) -> Array:
        """[N, outputs], what the program gives for raw inputs: int8, or float32 within rounding."""
        if self.quantised is not None:
            return evaluate_integer(self.quantised, self.takes(inputs))
        return outputs_of(self.network, inputs).astype(np.float32)

    @property
    def matrices(self) -> list[Array]:
        """[rows, columns] each: the weights as they are stored, before zeros are left out."""
        weights = [layer for layer in self.network.layers if isinstance(layer, Weighted)]
        return [quantise_rows(layer.matrix)[0] if self.values == "int8" else layer.matrix for layer in weights]


def make(
    model: onnx.ModelProto, values: Kind, activations: Kind, calibration: Array, inputs: Array, outputs: Array
) -> Made:
    """Read a model and quantise it.

    Args:
        model: of standard operators.
        values: how weights are stored.
        activations: what is computed in; int8 needs int8 weights.
        calibration: [N, ...], raw inputs for the ranges of int8 activations.
        inputs: [N, ...], raw inputs of a test vector.
        outputs: [N, ...], what onnxruntime gives for them.

    Raises:
        InputError: an operator has no C kernel, a weight is not finite, or the precisions do not go together.
        ProofError: the layers that were read do not compute what onnxruntime does.
    """
    if (values, activations) == ("fp32", "int8"):
        raise InputError("int8 activations need int8 weights", "give --values int8, or --activations fp32")
    network = read_network(model)
    for layer in network.layers:
        if isinstance(layer, Weighted) and not (np.isfinite(layer.weight).all() and np.isfinite(layer.bias).all()):
            raise InputError(f"{layer.origin} has weights that are not finite", "train it anew")
    if not any(np.any(layer.weight) for layer in network.layers if isinstance(layer, Weighted)):
        raise InputError("every weight of the network is zero", "give a ticket that keeps some")
    _prove(network, inputs, outputs)
    if activations == "int8":
        return Made(network, values, quantise(network, calibration))
    return Made(with_int8_weights(network) if values == "int8" else network, values, None)


def outputs_of(network: Network, inputs: Array) -> Array:
    """[N, outputs], float64."""
    outputs = [evaluate_float(network, batch)[network.output] for batch in in_batches(inputs)]
    return np.concatenate(outputs).reshape(len(inputs), -1)


def _prove(network: Network, inputs: Array, outputs: Array) -> None:
    expected = outputs.reshape(len(inputs), -1)
    error = float(np.abs(outputs_of(network, inputs) - expected).max()) / (float(np.abs(expected).max()) or 1.0)
    if not error <= _LIMIT:
        raise ProofError(
            f"the layers read for C are off by {error:.2g} of the largest output; {_LIMIT:.0e} is allowed",
            "report the model: an operator is read wrongly",
        )
