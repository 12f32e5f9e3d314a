"""Layers of every shape and attribute become chains that compute the same, within 1e-5 of the largest output."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx_nets import Net, examples, lenet5, mlp
from reference_ops import decoded, reference
from sparse_check import LIMIT, attributes, check, ops, outputs_of

from lth_edge.convert.sparse import to_sparse
from lth_edge.errors import InputError
from lth_edge.sparse.csr import CsrMatrix
from lth_edge.sparse.gaps import gaps_of, indices_of

QUICK = settings(max_examples=40, deadline=None)


@QUICK
@given(st.data())
def test_gemm(data):
    rows, columns = data.draw(st.integers(1, 20)), data.draw(st.integers(1, 40))
    trans_a, trans_b = data.draw(st.booleans()), data.draw(st.booleans())
    net = Net([columns], seed=data.draw(st.integers(0, 99)))
    shape = (rows, columns) if trans_b else (columns, rows)
    inputs = ["input", net.weight("w", shape, data.draw(st.sampled_from([0.0, 0.3, 1.0])), 0)]
    if trans_a:
        inputs[0] = net.node("Transpose", ["input"], perm=[1, 0])
    bias = data.draw(st.sampled_from([None, (), (1,), (rows,), (1, rows)]))
    if bias is not None:
        inputs.append(net.constant("b", net.rng.standard_normal(bias).astype(np.float32)))
    alpha, beta = data.draw(st.sampled_from([1.0, 0.5])), data.draw(st.sampled_from([1.0, -2.0]))
    net.node("Gemm", inputs, transA=int(trans_a), transB=int(trans_b), alpha=alpha, beta=beta)
    converted = check(net.model(), 3, columns, min_sparsity=0.0)
    assert "SparseLinear" in ops(converted) and "Gemm" not in ops(converted)


@QUICK
@given(st.data())
def test_conv(data):
    spatial = data.draw(st.integers(1, 2))
    pairs = {
        name: data.draw(st.lists(st.integers(1, most), min_size=spatial, max_size=spatial))
        for name, most in (("kernel_shape", 4), ("strides", 3), ("dilations", 2))
    }
    auto_pad = data.draw(st.sampled_from(["NOTSET", "VALID", "SAME_UPPER", "SAME_LOWER"]))
    if auto_pad == "NOTSET":
        pairs["pads"] = data.draw(st.lists(st.integers(0, 3), min_size=2 * spatial, max_size=2 * spatial))
    elif auto_pad != "VALID":
        pairs["dilations"] = [1] * spatial  # onnxruntime knows no other
    group, fan_in, units = (data.draw(st.integers(1, 3)) for _ in range(3))
    net = Net([fan_in * group, 9, 8][: spatial + 1], seed=data.draw(st.integers(0, 99)))
    density = data.draw(st.sampled_from([0.0, 0.3, 1.0]))
    inputs = ["input", net.weight("w", (units * group, fan_in, *pairs["kernel_shape"]), density, 0)]
    if data.draw(st.booleans()):
        inputs.append(net.bias("b", units * group))
    net.node("Conv", inputs, auto_pad=auto_pad, group=group, **pairs)
    assert ops(check(net.model(), 2, fan_in * group, *[9, 8][:spatial], min_sparsity=0.0)) == ["SparseConv"]


@pytest.mark.parametrize("kernel", [5, 7, 9])
def test_large_windows(kernel):
    net = Net([2, 12, 12])
    net.conv("c", 2, 3, kernel=kernel, pad=kernel // 2, density=0.2, strides=[2, 2])
    check(net.model(), 1, 2, 12, 12)


@QUICK
@given(st.integers(1, 4), st.integers(1, 12), st.integers(1, 12), st.integers(0, 99))
def test_matmul_on_activations_of_any_rank(rank, columns, rows, seed):
    net = Net([2] * (rank - 2) + [columns] if rank > 1 else [], seed=seed)
    if rank == 1:
        net.input = helper.make_tensor_value_info("input", TensorProto.FLOAT, [columns])
    net.matmul("w", columns, rows, 0.3)
    net.node("Relu")
    lead = () if rank == 1 else (3, *[2] * (rank - 2))
    assert ops(check(net.model(), *lead, columns, min_sparsity=0.0)) == ["SparseLinear"]


def test_a_constant_left_operand_is_a_convolution_over_three_axes_alone():
    for shape, expected in (([6, 5], ["SparseConv"]), ([6], ["MatMul"]), ([2, 6, 5], ["MatMul"])):
        net = Net(shape)
        if len(shape) == 1:
            net.input = helper.make_tensor_value_info("input", TensorProto.FLOAT, [6, "batch"])
        net.node("MatMul", [net.weight("w", (4, 6), 0.3, 0), "input"])
        converted = check(net.model(), *((6, 3) if len(shape) == 1 else (3, *shape)), min_sparsity=0.0)
        assert ops(converted) == expected
        assert converted.layers[0].converted == (expected == ["SparseConv"])


def test_weights_of_more_axes():
    net = Net([5, 6])
    net.node("MatMul", ["input", net.weight("squeezed", (1, 6, 4), 0.2, 1)])
    net.node("MatMul", [net.last, net.constant("batch", np.zeros((2, 1, 4, 4), np.float32))])
    net.node("MatMul", [net.last, net.constant("vector", np.zeros(4, np.float32))])
    layers = check(net.model(), 2, 5, 6).layers
    assert [layer.converted for layer in layers] == [True, False, False]
    assert "a batch of matrices" in layers[1].reason and "a vector" in layers[2].reason


def test_addends_of_a_gemm_that_are_no_constant():
    net = Net([8])
    wide = net.gemm("0", 8, 8, 0.2)
    for addend, beta in ((wide, 1.0), (net.node("ReduceMean", [wide], keepdims=0, axes=[0]), 1.0), (wide, 0.5)):
        inputs = ["input", net.weight(f"w{len(net.nodes)}", (8, 8), 0.2, 0), addend]
        net.node("Gemm", inputs, transB=1, beta=beta)
        net.nodes.append(helper.make_node("Identity", [net.last], [f"out_{len(net.nodes)}"]))
    outputs = [node.output[0] for node in net.nodes if node.op_type == "Identity"]
    converted = check(net.model(outputs, opset=17), 4, 8)
    assert [layer.converted for layer in converted.layers] == [True, True, True, False]
    assert converted.layers[3].reason == "left dense: its bias is scaled and not a constant"
    assert "Add" in ops(converted) and "with residual" in converted.layers[1].reason


def test_transposed_activations():
    net = Net([1])
    net.input = helper.make_tensor_value_info("input", TensorProto.FLOAT, [8, "batch"])
    net.node("Gemm", ["input", net.weight("w", (8, 5), 0.2, 1)], transA=1)
    assert ops(check(net.model(), 8, 3)) == ["Transpose", "SparseLinear"]


@pytest.mark.parametrize("values", ["fp32", "fp16", "int8"])
def test_values_in_fewer_bits(values):
    model, x = mlp(density=0.2).model(), examples(4, 64)
    converted = to_sparse(model, values=values).model
    data = [t for t in converted.graph.initializer if t.name.endswith(".data")]
    kinds = {"fp32": TensorProto.FLOAT, "fp16": TensorProto.FLOAT16, "int8": TensorProto.INT8}
    assert {tensor.data_type for tensor in data} == {kinds[values]}
    weights = [numpy_helper.to_array(tensor) for tensor in model.graph.initializer if len(tensor.dims) == 2]
    assert sum(tensor.dims[0] for tensor in data) == sum(map(np.count_nonzero, weights))
    (expected,), (found,) = outputs_of(model, {"input": x}), reference(converted, {"input": x})
    allowed = {"fp32": LIMIT, "fp16": 2e-3, "int8": 3e-2}[values]
    assert np.abs(expected - found).max() <= allowed * np.abs(expected).max()


def test_numbers_that_fewer_bits_cannot_hold_stay():
    net = Net([4])
    net.node("Gemm", ["input", net.constant("w", np.diag([1, np.inf, np.nan, 1e9]).astype(np.float32))])
    for values, kind in (("int8", TensorProto.FLOAT), ("fp16", TensorProto.FLOAT)):
        (data,) = (t for t in to_sparse(net.model(), values=values).model.graph.initializer if ".data" in t.name)
        assert data.data_type == kind
    net.arrays["w"][3, 3] = 5
    (data,) = (t for t in to_sparse(net.model(), values="fp16").model.graph.initializer if ".data" in t.name)
    assert data.data_type == TensorProto.FLOAT16


@QUICK
@given(st.integers(1, 6), st.integers(1, 900), st.sampled_from([0.0, 0.002, 0.02, 0.3, 1.0]), st.integers(0, 99))
def test_gaps_and_columns_lead_to_the_same_places(rows, columns, density, seed):
    mask = np.random.default_rng(seed).random((rows, columns)) < density
    matrix = CsrMatrix.from_mask(mask.astype(np.float32), mask)
    indptr = matrix.indptr.astype(np.int32)
    assert decoded(indptr, gaps_of(matrix), columns).tolist() == matrix.indices.tolist()
    chosen = indices_of(matrix)
    assert decoded(indptr, chosen, columns).tolist() == matrix.indices.tolist()
    assert chosen.nbytes == min(gaps_of(matrix).nbytes, 2 * matrix.nnz)


def test_rows_too_wide_for_columns_of_sixteen_bits():
    for columns in (65536, 65537):
        net = Net([columns])
        weight = np.zeros((columns, 1), np.float32)
        weight[[0, columns - 1], 0] = 1, 2
        net.node("MatMul", ["input", net.constant("w", weight)])
        converted = check(net.model(), 2, columns)
        (indices,) = (t for t in converted.model.graph.initializer if t.name == "w.indices")
        assert (indices.data_type == TensorProto.UINT16) == (columns == 65536)


def test_minus_zero_and_the_mask():
    weight = np.array([[0.0, -0.0, 1.0, np.nan], [np.inf, 0.0, 0.0, 2.0]], np.float32)
    net = Net([4])
    net.node("Gemm", ["input", net.constant("w", weight)], transB=1)

    def stored(converted):
        (data,) = (tensor for tensor in converted.model.graph.initializer if tensor.name == "w.data")
        return numpy_helper.to_array(data)

    np.testing.assert_array_equal(stored(to_sparse(net.model(), min_sparsity=0.1)), [1.0, np.nan, np.inf, 2.0])
    mask = weight != 0
    mask[1, 1] = True
    kept = to_sparse(net.model(), {"w": mask}, min_sparsity=0.1)
    np.testing.assert_array_equal(stored(kept), [1.0, np.nan, np.inf, 0.0, 2.0])
    assert kept.layers[0].sparsity == 3 / 8
    with pytest.raises(InputError, match="not zero where its mask prunes"):
        to_sparse(net.model(), {"w": np.zeros((2, 4), bool)})


def test_the_rule_and_its_override():
    net = Net([3, 8, 8])
    net.conv("c", 3, 8, density=1.0)
    net.arrays["c.weight"][:4] = 0
    net.node("Flatten")
    net.gemm("f", 8 * 36, 4, 1.0)
    net.arrays["f.weight"][0] = 0
    layers = check(net.model(), 2, 3, 8, 8).layers
    assert [layer.converted for layer in layers] == [True, False]
    assert layers[1].reason == f"left dense: {layers[1].sparsity:.0%} of its weights are zero, it gains from 75% on"
    assert all(layer.converted for layer in check(net.model(), 2, 3, 8, 8, min_sparsity=0.1).layers)
    assert not any(layer.converted for layer in to_sparse(net.model(), min_sparsity=0.9).layers)


def test_over_several_tokens_a_fully_connected_layer_gains_earlier():
    for tokens, converted in ((1, False), (16, True)):
        net = Net([tokens, 24])
        net.arrays["w"] = np.ones((24, 8), np.float32)
        net.arrays["w"][::3], net.arrays["w"][1::3] = 0, 0
        net.node("MatMul", ["input", "w"])
        assert [layer.converted for layer in to_sparse(net.model()).layers] == [converted]


def test_a_converted_model_stays_as_it_is():
    once = to_sparse(lenet5().model(), min_sparsity=0.3).model
    twice = to_sparse(once)
    assert twice.model == once
    assert {layer.reason for layer in twice.layers} == {"already sparse"} and not twice.any
    assert [(layer.name, layer.shape) for layer in twice.layers][:2] == [
        ("conv0.weight", (6, 1, 3, 3)),
        ("conv1.weight", (8, 6, 3, 3)),
    ]


def test_sizes_to_prepare_for():
    net = lenet5()
    conv, *_, linear = to_sparse(net.model(), min_sparsity=0.3).model.graph.node
    assert attributes(conv)["input_size"] == [12, 12] and attributes(linear)["tokens"] == 1
    net.input.type.tensor_type.shape.dim[0].dim_value = 5
    *_, linear = to_sparse(net.model(), min_sparsity=0.3).model.graph.node
    assert attributes(linear)["tokens"] == 5
