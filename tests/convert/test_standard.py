"""The compact file decodes, in stock onnxruntime, to the dense weights bit for bit."""

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import helper, numpy_helper
from onnx_nets import Net, examples, lenet5, mlp, run

from lth_edge.convert.gap_decoder import read_gaps
from lth_edge.convert.graph import Graph
from lth_edge.convert.model_file import save_model
from lth_edge.convert.standard import to_standard
from lth_edge.errors import InputError
from lth_edge.sparse import CsrMatrix
from lth_edge.sparse.gaps import Gaps


def decoded(model, name, element_type=onnx.TensorProto.FLOAT):
    """What onnxruntime makes of an initializer, read as an output of the graph."""
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.node.append(helper.make_node("Identity", [name], ["decoded"]))
    copy.graph.output.append(helper.make_tensor_value_info("decoded", element_type, None))
    return run(copy, examples(1, *[d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim][1:]))[-1]


def one_layer(weight, mask):
    net = Net([weight.shape[0]])
    net.node("MatMul", ["input", net.constant("w", np.where(mask, weight, np.float32(0)))])
    return net.model(), {"w": mask}


@given(
    size=st.integers(1, 3000),
    density=st.sampled_from([0.0, 0.0005, 0.003, 0.02, 0.5, 1.0]),
    seed=st.integers(0, 2**16),
    ends=st.tuples(st.booleans(), st.booleans()),
)
def test_gaps_decode_to_the_dense_weight_and_never_write_twice(size, density, seed, ends):
    rng = np.random.default_rng(seed)
    weight = rng.choice(np.array([0.0, -0.0, 1.5, -2.0, np.nan], np.float32), (1, size))
    mask = rng.random((1, size)) < density
    mask[0, 0], mask[0, -1] = ends
    gaps = Gaps.encode(CsrMatrix.from_mask(weight, mask))
    positions = np.cumsum(gaps.steps, dtype=np.int64)
    assert np.all(np.diff(positions) > 0)
    assert positions[-1] < size
    assert gaps.decode((1, size)).tobytes() == np.where(mask, weight, np.float32(0)).tobytes()


@pytest.mark.parametrize("gap", [255, 256, 510, 511, 765, 766])
@pytest.mark.parametrize("first", [0, 255, 256])
def test_wide_gaps_are_bridged_exactly(gap, first):
    weight = np.full((1, first + gap + 1), 7.0, np.float32)
    mask = np.zeros(weight.shape, np.bool_)
    mask[0, [first, first + gap]] = True
    gaps = Gaps.encode(CsrMatrix.from_mask(weight, mask))
    assert gaps.decode(weight.shape).tobytes() == np.where(mask, weight, np.float32(0)).tobytes()
    assert np.count_nonzero(gaps.values) == 2
    assert np.all(gaps.steps[1:] > 0)


@settings(max_examples=15, deadline=None)
@given(density=st.sampled_from([0.0, 0.0005, 0.01, 0.1]), seed=st.integers(0, 2**16))
def test_onnxruntime_decodes_bit_for_bit(density, seed):
    rng = np.random.default_rng(seed)
    weight = rng.choice(np.array([0.0, -0.0, 1.5, -1e-40], np.float32), (60, 50))
    mask = rng.random(weight.shape) < density
    model, masks = one_layer(weight, mask)
    standard = to_standard(model, masks)
    assert [tensor.name for tensor in standard.graph.initializer if tensor.name == "w"] == []
    assert decoded(standard, "w").tobytes() == np.where(mask, weight, np.float32(0)).tobytes()


@pytest.mark.parametrize("net", [mlp(), mlp(trans_b=0), lenet5(density=0.05), lenet5(pad=1, density=0.05)])
def test_outputs_equal_those_of_the_dense_model_with_zeros(net, tmp_path):
    model = net.model()
    standard = to_standard(model, net.masks)
    shape = [dim.dim_value for dim in model.graph.input[0].type.tensor_type.shape.dim][1:]
    for batch in (1, 7):
        inputs = examples(batch, *shape, seed=batch)
        assert run(standard, inputs)[0].tobytes() == run(model, inputs)[0].tobytes()
    for name in net.masks:
        assert decoded(standard, name).tobytes() == net.arrays[name].tobytes()


def test_onnxruntime_folds_the_decoding_away_when_it_loads(tmp_path):
    net = mlp()
    standard = to_standard(net.model(), net.masks)
    assert {"CumSum", "ScatterElements"} <= {node.op_type for node in standard.graph.node}
    run(standard, examples(1, 64), tmp_path / "optimised.onnx")
    kinds = {node.op_type for node in onnx.load(tmp_path / "optimised.onnx").graph.node}
    assert kinds.isdisjoint({"Cast", "CumSum", "ConstantOfShape", "ScatterElements", "Reshape"})


def test_half_precision_weights_keep_their_type():
    mask = np.zeros((40, 30), np.bool_)
    mask[3, 4] = True
    net = Net([40], onnx.TensorProto.FLOAT16)
    net.node("MatMul", ["input", net.constant("w", np.where(mask, 1.5, 0).astype(np.float16))])
    net.last = net.node("Cast", to=onnx.TensorProto.FLOAT)
    standard = to_standard(net.model(), {"w": mask})
    onnx.checker.check_model(standard, full_check=True)
    weight = run(standard, np.eye(40, dtype=np.float16))[0]
    assert np.array_equal(weight, net.arrays["w"])
    assert any(node.op_type == "ScatterElements" for node in standard.graph.node)


@pytest.mark.parametrize("opset", [18, 21, 23])
def test_only_standard_operators_of_the_model_s_own_opset(tmp_path, opset):
    net = mlp()
    model = net.model(opset=opset)
    model.ir_version = 11
    standard = to_standard(model, net.masks)
    assert [(entry.domain, entry.version) for entry in standard.opset_import] == [("", opset)]
    save_model(standard, tmp_path / "ticket.onnx")
    run(tmp_path / "ticket.onnx", examples(1, 64))


def test_ninety_percent_sparse_is_about_an_eighth_of_dense(tmp_path):
    rng = np.random.default_rng(0)
    weight = rng.standard_normal((512, 512)).astype(np.float32)
    model, masks = one_layer(weight, rng.random(weight.shape) < 0.1)
    save_model(model, tmp_path / "dense.onnx")
    save_model(to_standard(model, masks), tmp_path / "ticket.onnx")
    share = (tmp_path / "ticket.onnx").stat().st_size / (tmp_path / "dense.onnx").stat().st_size
    assert 0.12 < share < 0.13


@settings(max_examples=40, deadline=None)
@given(side=st.integers(1, 40), density=st.floats(0, 1), seed=st.integers(0, 2**16))
def test_a_file_never_grows_and_small_or_dense_layers_stay_as_they_are(side, density, seed):
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((side, side)).astype(np.float32)
    model, masks = one_layer(weight, rng.random(weight.shape) < density)
    standard = to_standard(model, masks)
    assert standard.ByteSize() <= model.ByteSize()
    if density > 0.85 or side < 8:
        assert standard.graph.initializer[0].raw_data == model.graph.initializer[0].raw_data


@settings(max_examples=20, deadline=None)
@given(density=st.sampled_from([0.001, 0.05, 0.3]), seed=st.integers(0, 2**16), kind=st.sampled_from(["half", "few"]))
def test_values_of_few_bits_are_stored_in_them(density, seed, kind):
    rng = np.random.default_rng(seed)
    weight = rng.standard_normal((90, 80)).astype(np.float16).astype(np.float32)
    if kind == "few":
        weight = rng.choice(np.array([0.0, -3.3, 1e-7, 2.25], np.float32), weight.shape)
    mask = rng.random(weight.shape) < density
    model, masks = one_layer(weight, mask)
    standard = to_standard(model, masks)
    assert decoded(standard, "w").tobytes() == np.where(mask, weight, np.float32(0)).tobytes()
    (reshape,) = (node for node in standard.graph.node if node.op_type == "Reshape")
    gaps, shape = read_gaps(Graph(standard), reshape)
    assert gaps.decode(shape).tobytes() == np.where(mask, weight, np.float32(0)).tobytes()
    ending = ".values.codes" if kind == "few" else ".values.half"
    if mask.sum() > 300:
        assert f"w{ending}" in {tensor.name for tensor in standard.graph.initializer}


def test_values_that_differ_in_the_sign_of_a_zero_alone_are_no_codebook():
    weight = np.where(np.arange(4000).reshape(50, 80) % 2, np.float32(0.0), np.float32(-0.0))
    mask = np.ones(weight.shape, bool)
    mask[:, ::3] = False
    model, masks = one_layer(weight, mask)
    masks["w"][:, ::3] = False
    assert decoded(to_standard(model, masks), "w").tobytes() == np.where(mask, weight, np.float32(0)).tobytes()


def test_layers_are_chosen_one_by_one():
    net = mlp(density=0.1, sizes=(64, 3000, 10))
    net.masks["1.weight"][:] = True
    names = {tensor.name for tensor in to_standard(net.model(), net.masks).graph.initializer}
    assert "1.weight" in names
    assert "0.weight" not in names


def test_the_given_model_is_left_as_it_is():
    net = mlp()
    model = net.model()
    before = model.SerializeToString(deterministic=True)
    to_standard(model, net.masks)
    assert model.SerializeToString(deterministic=True) == before


@pytest.mark.parametrize(
    ("masks", "wrong"),
    [
        ({"nothing": np.ones((2, 2), np.bool_)}, "no initializer"),
        ({"w": np.ones((2, 3), np.bool_)}, "shape"),
        ({"w": np.ones((3, 2), np.int8)}, "int8"),
        ({"w": np.zeros((3, 2), np.bool_)}, "not zero where its mask prunes"),
    ],
)
def test_masks_of_another_model_are_refused(masks, wrong):
    model, _ = one_layer(np.ones((3, 2), np.float32), np.ones((3, 2), np.bool_))
    with pytest.raises(InputError, match=wrong):
        to_standard(model, masks)


def test_negative_zeros_from_folded_batch_norm_count_as_pruned():
    weight = np.zeros((50, 50), np.float32)
    weight[0, 0] = 1.0
    model, masks = one_layer(weight, weight != 0)
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.where(masks["w"], 1, -np.float32(0)), "w"))
    assert np.array_equal(decoded(to_standard(model, masks), "w"), weight)
