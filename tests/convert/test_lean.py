"""A lean graph says the same in fewer bytes; short vectors are the vectors."""

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx_nets import Net, examples, lenet5, mlp, run

from lth_edge.convert.decoded import decoded
from lth_edge.convert.lean import lean
from lth_edge.convert.short_vectors import read_vectors, shorten_vectors


@pytest.mark.parametrize("net", [mlp(), lenet5(reshape=True), lenet5(pad=1, pool="AveragePool")])
def test_it_computes_the_same_under_the_same_names(net: Net) -> None:
    model = net.model()
    model.graph.node[0].doc_string = "a note"
    small = lean(model, net.masks)
    onnx.checker.check_model(small, full_check=True)
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim][1:]
    inputs = examples(3, *shape)
    assert run(small, inputs)[0].tobytes() == run(model, inputs)[0].tobytes()
    assert small.graph.input == model.graph.input and small.graph.output == model.graph.output
    assert {*net.masks} <= {tensor.name for tensor in small.graph.initializer}
    assert sum(node.ByteSize() for node in small.graph.node) < sum(node.ByteSize() for node in model.graph.node)
    assert small.SerializeToString() == lean(small, net.masks).SerializeToString()


def test_what_differs_from_the_defaults_stays() -> None:
    net = Net([4, 9, 9])
    net.conv("c", 4, 6, pad=1, strides=[2, 2], dilations=[1, 1], group=1)
    net.node("MaxPool", kernel_shape=[2, 2], ceil_mode=1, strides=[1, 1])
    convolution, pool = lean(net.model(), net.masks).graph.node
    assert {item.name for item in convolution.attribute} == {"pads", "strides"}
    assert {item.name for item in pool.attribute} == {"kernel_shape", "ceil_mode"}


def test_a_model_with_branches_keeps_all_names() -> None:
    branches = [
        helper.make_graph(
            [helper.make_node("Neg" if name == "then" else "Identity", ["inner"], [name])],
            name,
            [],
            [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["N", 4])],
        )
        for name in ("then", "else")
    ]
    nodes = [
        helper.make_node("Relu", ["input"], ["inner"]),
        helper.make_node("If", ["which"], ["output"], then_branch=branches[0], else_branch=branches[1]),
    ]
    graph = helper.make_graph(
        nodes,
        "branches",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, ["N", 4])],
        [helper.make_tensor_value_info("output", TensorProto.FLOAT, ["N", 4])],
        [numpy_helper.from_array(np.array(True), "which")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    small = lean(model, ())
    assert run(small, examples(2, 4))[0].tobytes() == run(model, examples(2, 4))[0].tobytes()


def with_biases(*biases: np.ndarray) -> onnx.ModelProto:
    net = Net([biases[0].size])
    for number, bias in enumerate(biases):
        net.node("Add", [net.last, net.constant(f"bias{number}", bias)])
    return net.model()


def test_vectors_of_whole_numbers_times_a_power_of_two_take_a_byte_a_number() -> None:
    random = np.random.default_rng(0)
    biases = [(random.integers(-127, 128, 300) * step).astype(np.float32) for step in (2.0**-9, 2.0**-7)]
    model = with_biases(*biases)
    short = onnx.ModelProto()
    short.CopyFrom(model)
    shorten_vectors(short)
    assert short.ByteSize() < 0.45 * model.ByteSize()
    onnx.checker.check_model(short, full_check=True)
    assert run(short, examples(2, 300))[0].tobytes() == run(model, examples(2, 300))[0].tobytes()
    assert [array.tobytes() for array in read_vectors(short).values()] == [bias.tobytes() for bias in biases]
    plain = {tensor.name: numpy_helper.to_array(tensor) for tensor in decoded(short).graph.initializer}
    assert [plain[f"bias{number}"].tobytes() for number in range(2)] == [bias.tobytes() for bias in biases]


@pytest.mark.parametrize(
    "vector",
    [
        np.linspace(-1, 1, 100),
        np.array([1.0, -0.0] * 50),
        np.array([128.0, 1.0] * 50),
        np.array([np.nan, 1.0] * 50),
        np.array([np.inf, 1.0] * 50),
        np.zeros(100),
        np.ones(20),
    ],
    ids=["any numbers", "minus zero", "128", "nan", "infinite", "zeros", "few"],
)
def test_other_vectors_stay_as_they_are(vector: np.ndarray) -> None:
    model = with_biases(vector.astype(np.float32))
    before = model.SerializeToString(deterministic=True)
    shorten_vectors(model)
    assert model.SerializeToString(deterministic=True) == before
    assert decoded(model) is model
