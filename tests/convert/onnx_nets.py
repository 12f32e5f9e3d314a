"""Small networks in plain ONNX, and what onnxruntime computes with them."""

import os
from itertools import pairwise
from pathlib import Path

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper


class Net:
    """A graph that grows node by node; each method returns the name of the tensor it makes."""

    def __init__(self, input_shape, input_type=TensorProto.FLOAT, seed=0):
        self.rng = np.random.default_rng(seed)
        self.input = helper.make_tensor_value_info("input", input_type, ["batch", *input_shape])
        self.nodes, self.arrays, self.masks = [], {}, {}
        self.last = "input"

    def constant(self, name, array):
        self.arrays[name] = np.asarray(array)
        return name

    def node(self, op_type, inputs=None, **attributes):
        name = f"{op_type.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op_type, inputs or [self.last], [name], name=name, **attributes))
        self.last = name
        return name

    def weight(self, name, shape, density, units_axis):
        """A pruned weight: random, with whole units and whole inputs gone now and then, and kept zeros."""
        mask = self.rng.random(shape) < density
        for axis in (0, 1):
            share = 0.35 if density < 1 else 0.0
            dead = self.rng.random(shape[axis]) < share
            mask[(slice(None),) * axis + (dead,)] = False
        weight = self.rng.standard_normal(shape).astype(np.float32)
        weight[self.rng.random(shape) < 0.02] = 0.0
        self.masks[name] = mask
        return self.constant(name, np.where(mask, weight, np.float32(0)))

    def bias(self, name, units):
        return self.constant(name, self.rng.standard_normal(units).astype(np.float32))

    def gemm(self, name, fan_in, units, density=1.0, *, trans_b=1, bias=True):
        shape = (units, fan_in) if trans_b else (fan_in, units)
        inputs = [self.last, self.weight(f"{name}.weight", shape, density, 0 if trans_b else 1)]
        return self.node("Gemm", inputs + ([self.bias(f"{name}.bias", units)] if bias else []), transB=trans_b)

    def matmul(self, name, fan_in, units, density=1.0, bias=True):
        product = self.node("MatMul", [self.last, self.weight(f"{name}.weight", (fan_in, units), density, 1)])
        return self.node("Add", [product, self.bias(f"{name}.bias", units)]) if bias else product

    def conv(self, name, fan_in, units, *, kernel=3, pad=0, density=1.0, bias=True, **attributes):
        inputs = [self.last, self.weight(f"{name}.weight", (units, fan_in, kernel, kernel), density, 0)]
        inputs += [self.bias(f"{name}.bias", units)] if bias else []
        return self.node("Conv", inputs, kernel_shape=[kernel] * 2, pads=[pad] * 4, **attributes)

    def model(self, outputs=(), opset=18):
        graph = helper.make_graph(
            self.nodes,
            "net",
            [self.input],
            [helper.make_empty_tensor_value_info(name) for name in (self.last, *outputs)],
            [numpy_helper.from_array(array, name) for name, array in self.arrays.items()],
        )
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
        return typed(model)


def typed(model):
    """The model with the shapes of its tensors filled in, those of its outputs too."""
    inferred = onnx.shape_inference.infer_shapes(model, strict_mode=True)
    known = {value.name: value for value in inferred.graph.value_info}
    for output in inferred.graph.output:
        if output.name in known:
            output.CopyFrom(known[output.name])
    return inferred


def mlp(seed=0, density=0.1, sizes=(64, 300, 100, 10), trans_b=1, activation="Relu"):
    net = Net([sizes[0]], seed=seed)
    for layer, (fan_in, units) in enumerate(pairwise(sizes)):
        net.gemm(f"{layer}", fan_in, units, density, trans_b=trans_b)
        if layer < len(sizes) - 2:
            net.node(activation)
    return net


def lenet5(seed=0, density=0.15, *, pad=0, activation="Relu", pool="MaxPool", reshape=False, **pooling):
    net = Net([1, 12, 12], seed=seed)
    side = 12
    for layer, (fan_in, units) in enumerate([(1, 6), (6, 8)]):
        net.conv(f"conv{layer}", fan_in, units, pad=pad, density=density)
        net.node(activation)
        net.node(pool, kernel_shape=[2, 2], strides=[2, 2], **pooling)
        pooled = sum(pooling.get("pads", [0] * 4)[::2])
        side = (side - 2 + 2 * pad + pooled) // 2
    flat = 8 * side * side
    if reshape:
        net.node("Reshape", [net.last, net.constant("flat_shape", np.array([-1, flat]))], allowzero=1)
    else:
        net.node("Flatten")
    net.gemm("fc0", flat, 20, density)
    net.node(activation)
    net.gemm("fc1", 20, 5, 0.6)
    return net


def run(model, inputs, path: Path | None = None):
    """All outputs, with onnxruntime's defaults: every optimisation on."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    if path is not None:
        options.optimized_model_filepath = str(path)
    source = str(model) if isinstance(model, Path) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options).run(None, {"input": inputs})


def examples(*shape, seed=0, scale=1.0):
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)
