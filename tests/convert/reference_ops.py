"""Our two operators as kernels/OPERATORS.md says, in numpy and float64."""

from itertools import pairwise, product
from math import erf, prod, sqrt

import numpy as np
from onnx.reference import ReferenceEvaluator
from onnx.reference.op_run import OpRun

ERF = np.vectorize(erf, otypes=[np.float64])


def reference(model, feeds):
    """All outputs of a model, by onnx's reference and ours."""
    with np.errstate(all="ignore"):
        return ReferenceEvaluator(model, new_ops=[SparseLinear, SparseConv]).run(None, feeds)


def decoded(indptr, indices, columns):
    """The column of each nonzero."""
    rows = len(indptr) - 1
    assert indptr.dtype == np.int32 and indptr[0] == 0 and (np.diff(indptr) >= 0).all()
    if indices.dtype == np.uint16:
        found = indices.astype(np.int64)
        assert len(found) == indptr[-1]
    else:
        assert indices.dtype == np.uint8
        found, place = [], 0
        for row in range(rows):
            cursor = 0
            for _ in range(indptr[row], indptr[row + 1]):
                while indices[place] == 255:
                    cursor, place = cursor + 255, place + 1
                cursor += int(indices[place])
                found.append(cursor)
                cursor, place = cursor + 1, place + 1
        assert place == len(indices)
        found = np.array(found, np.int64)
    assert all((np.diff(found[a:b]) > 0).all() for a, b in pairwise(indptr))
    assert (found < columns).all()
    return found


class Layers:
    """Constants of a node's layers, taken in turn."""

    def __init__(self, inputs):
        self.left = list(inputs)

    def matrix(self, columns):
        """[rows, columns] values, and which are stored."""
        indptr, indices, data = (self.left.pop(0) for _ in range(3))
        assert data.dtype in {np.dtype(np.float32), np.dtype(np.float16), np.dtype(np.int8)}
        assert data.shape == (indptr[-1],)
        rows = np.repeat(np.arange(len(indptr) - 1), np.diff(indptr))
        values = data.astype(np.float64)
        if data.dtype == np.int8:
            scale = self.left.pop(0)
            assert scale.dtype == np.float32 and scale.shape == (len(indptr) - 1,)
            values = values * scale[rows]
        dense, stored = np.zeros((len(indptr) - 1, columns)), np.zeros((len(indptr) - 1, columns), bool)
        where = rows, decoded(indptr, indices, columns)
        dense[where], stored[where] = values, True
        return dense, stored

    def bias(self, rows):
        bias = self.left.pop(0)
        assert bias.dtype == np.float32 and bias.shape == (rows,)
        return bias.astype(np.float64)


def activated(x, kind, low, high):
    """The activation of a layer."""
    functions = {
        0: lambda: x,
        1: lambda: np.minimum(np.maximum(x, low), high),
        2: lambda: x * np.clip(x / 6 + 0.5, 0, 1),
        3: lambda: 0.5 * x * (1 + ERF(x / sqrt(2))),
        4: lambda: 0.5 * x * (1 + np.tanh(sqrt(2 / np.pi) * (x + 0.044715 * x**3))),
    }
    return functions[kind]()


def product_of(x, matrix):
    """[..., columns] to [..., rows]; what is not stored contributes nothing, whatever it would be multiplied with."""
    dense, stored = matrix
    result = np.zeros((*x.shape[:-1], len(dense)))
    for row in range(len(dense)):
        result[..., row] = x[..., stored[row]] @ dense[row, stored[row]]
    return result


def chain(attributes, inputs, layer_of):
    """Run all layers; `layer_of` computes one up to its bias."""
    count = attributes["activations"]
    values = [value.astype(np.float64) for value in inputs[:count]]
    assert all(value.dtype == np.float32 for value in inputs[:count])
    constants = Layers(inputs[count:])
    for layer, source in enumerate(attributes["source"]):
        computed = layer_of(layer, values[source], constants)
        residual, (low, high) = attributes["residual"][layer], attributes["bounds"][2 * layer : 2 * layer + 2]
        if residual >= 0:
            assert values[residual].shape == computed.shape
            computed = computed + values[residual]
        values.append(activated(computed, attributes["activation"][layer], low, high))
    assert not constants.left
    assert min(attributes["outputs"]) >= count
    return tuple(values[number].astype(np.float32) for number in attributes["outputs"])


class SparseLinear(OpRun):
    op_domain = "lth_edge"

    def _run(self, *inputs, **given):
        attributes = {name: getattr(self, name) for name in LINEAR}

        def layer_of(layer, x, constants):
            assert x.shape[-1] == attributes["columns"][layer]
            y = product_of(x, constants.matrix(attributes["columns"][layer]))
            return y + constants.bias(y.shape[-1]) if attributes["bias"][layer] else y

        return chain(attributes, inputs, layer_of)


COMMON = ("activations", "outputs", "source", "residual", "bias", "activation", "bounds")
LINEAR = (*COMMON, "columns", "tokens")
CONV = (*COMMON, "spatial", "kind", "channels", "group", "kernel_shape", "strides", "dilations")
CONV = (*CONV, "pads", "auto_pad", "input_size")


class SparseConv(OpRun):
    op_domain = "lth_edge"

    def _run(self, *inputs, **given):
        attributes = {name: getattr(self, name) for name in CONV}
        flat = attributes["spatial"] == 1
        assert len(attributes["input_size"]) == 2 * attributes["activations"]

        def layer_of(layer, x, constants):
            x = x[:, :, None, :] if flat and x.ndim == 3 else x
            y = conv_layer(attributes, layer, x, constants)
            return y[:, :, 0, :] if flat else y

        return chain(attributes, inputs, layer_of)


def conv_layer(attributes, layer, x, constants):
    """A convolution or pool over [N, C, H, W]."""
    pairs = {name: attributes[name][2 * layer : 2 * layer + 2] for name in ("kernel_shape", "strides", "dilations")}
    assert x.shape[1] == attributes["channels"][layer]
    if attributes["kind"][layer] == 2:
        return x.mean(axis=(2, 3), keepdims=True)
    pads = attributes["pads"][4 * layer : 4 * layer + 4]
    window = *pairs.values(), *padding(x.shape[2:], pads, attributes["auto_pad"][layer], *pairs.values())
    if attributes["kind"][layer] == 1:
        return windows(x, *window, -np.inf).max(axis=2)
    taken = windows(x, *window, 0.0)
    group, (n, channels, _, *size) = attributes["group"][layer], taken.shape
    columns = channels // group * prod(pairs["kernel_shape"])
    matrix = constants.matrix(columns)
    rows = len(matrix[0]) // group
    parts = []
    for each in range(group):
        part = taken.reshape(n, group, columns, *size)[:, each]
        own = tuple(half[each * rows : (each + 1) * rows] for half in matrix)
        parts.append(np.moveaxis(product_of(np.moveaxis(part, 1, -1), own), -1, 1))
    y = np.concatenate(parts, axis=1)
    return y + constants.bias(y.shape[1])[:, None, None] if attributes["bias"][layer] else y


def padding(size, pads, auto, kernel, strides, dilations):
    """Before and after, of both axes."""
    if auto == 0:
        return (pads[0], pads[2]), (pads[1], pads[3])
    found = []
    for axis in range(2):
        reach = (kernel[axis] - 1) * dilations[axis] + 1
        total = max((-(-size[axis] // strides[axis]) - 1) * strides[axis] + reach - size[axis], 0)
        small, large = total // 2, total - total // 2
        found.append((small, large) if auto == 1 else (large, small))
    return found


def windows(x, kernel, strides, dilations, rows, columns, filling):
    """[N, C, kernel positions, H', W']."""
    padded = np.pad(x, ((0, 0), (0, 0), rows, columns), constant_values=filling)
    reach = [(kernel[axis] - 1) * dilations[axis] + 1 for axis in range(2)]
    size = [(padded.shape[2 + axis] - reach[axis]) // strides[axis] + 1 for axis in range(2)]
    taken = []
    for down, right in product(range(kernel[0]), range(kernel[1])):
        top, left = down * dilations[0], right * dilations[1]
        bottom, end = top + (size[0] - 1) * strides[0] + 1, left + (size[1] - 1) * strides[1] + 1
        taken.append(padded[:, :, top : bottom : strides[0], left : end : strides[1]])
    return np.stack(taken, axis=2)
