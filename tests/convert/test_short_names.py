"""Short names inside a model: it computes the same, and what others call by name keeps its name."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from onnx_nets import examples
from sparse_check import outputs_of

from lth_edge.convert.short_names import with_short_names


def net(count: int) -> onnx.ModelProto:
    """Sums a row of constants one after the other; an input and an output have names that look short."""
    names = [f"a sum with a long name, {i}" for i in range(count)]
    constants = [numpy_helper.from_array(np.float32([i]), f"the constant {i}") for i in range(count)]
    nodes = [
        helper.make_node("Add", ["a", constants[0].name], names[:1], name="a node"),
        *(helper.make_node("Add", [names[i - 1], constants[i].name], [names[i]]) for i in range(1, count)),
        helper.make_node("Clip", [names[-1], "", constants[-1].name], ["b"]),
    ]
    given, made = (helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in "ab")
    said = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [3]) for name in names]
    graph = helper.make_graph(nodes, "net", [given], [made], constants, value_info=said)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8, producer_name="me")


def test_it_computes_the_same_in_fewer_bytes() -> None:
    before = net(60)
    after = with_short_names(before)
    onnx.checker.check_model(after, full_check=True)
    feeds = {"a": examples(3)}
    assert np.array_equal(outputs_of(before, feeds)[0], outputs_of(after, feeds)[0])
    assert after.graph.input == before.graph.input and after.graph.output == before.graph.output
    assert after.ByteSize() < 0.4 * before.ByteSize()
    names = [tensor.name for tensor in after.graph.initializer]
    assert len(set(names)) == 60 and not {"a", "b"} & set(names)


def test_a_model_with_branches_stays_as_it_is() -> None:
    value = helper.make_tensor_value_info("y", TensorProto.FLOAT, [3])
    branch = helper.make_graph([helper.make_node("Identity", ["a long name"], ["y"])], "branch", [], [value])
    nodes = [
        helper.make_node("Neg", ["x"], ["a long name"]),
        helper.make_node("If", ["choice"], ["made"], then_branch=branch, else_branch=branch),
    ]
    inputs = [helper.make_tensor_value_info(*item) for item in (("choice", TensorProto.BOOL, []), ("x", 1, [3]))]
    made = helper.make_tensor_value_info("made", TensorProto.FLOAT, [3])
    model = helper.make_model(helper.make_graph(nodes, "net", inputs, [made]))
    assert with_short_names(model) == model
