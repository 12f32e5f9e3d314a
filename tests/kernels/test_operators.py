"""The operators inside onnxruntime: hostile files and contradicting inputs are errors, never crashes."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from nodes import Chain, Csr, Layer, constants_of, convolution, csr, linear, model, node, whole
from onnx import TensorProto, helper

from lth_edge import session
from lth_edge.errors import DamagedError, LthEdgeError

ROWS, COLUMNS = 6, 9
RNG = np.random.default_rng(0)


def _sparse(*shape):
    return (RNG.normal(size=shape) * (RNG.random(shape) < 0.4)).astype(np.float32)


WEIGHT = _sparse(ROWS, COLUMNS)
FILTER = _sparse(4, 3, 3, 3)
BIAS = RNG.normal(size=ROWS).astype(np.float32)
GOOD = csr(WEIGHT)


@pytest.fixture
def load(tmp_path):
    """Saves a model and opens it as users do."""

    def opened(found: onnx.ModelProto, threads: int = 1):
        onnx.save(found, tmp_path / "model.onnx")
        return session(tmp_path / "model.onnx", threads)

    return opened


def _inputs(*shapes, dtype=np.float32):
    return {f"x{i}": RNG.normal(size=shape).astype(dtype) for i, shape in enumerate(shapes)}


@pytest.mark.parametrize("shape", [(COLUMNS,), (1, COLUMNS), (5, COLUMNS), (2, 3, COLUMNS), (1, 2, 1, 2, 1, COLUMNS)])
def test_linear_takes_tokens_of_any_rank(load, shape):
    fed = _inputs(shape)
    (y,) = load(model(linear(WEIGHT, bias=BIAS), None)).run(None, fed)
    assert y.shape == (*shape[:-1], ROWS)
    np.testing.assert_allclose(y, fed["x0"] @ WEIGHT.T + BIAS, atol=1e-5)


@pytest.mark.parametrize("indices", ["uint16", "uint8"])
@pytest.mark.parametrize("data", ["float32", "float16", "int8"])
def test_every_type_of_constants_is_read(load, indices, data):
    weight = np.zeros((3, 2000), np.float32)
    weight[0, [0, 254, 255, 256, 1999]] = 1, 2, -3, 4, 5
    weight[2, [510, 1100]] = 127, -1
    fed = _inputs((2, 2000))
    chain = linear(weight, weights=csr(weight, indices=indices, data=data))
    (y,) = load(model(chain, ["n", 2000])).run(None, fed)
    np.testing.assert_allclose(y, fed["x0"] @ weight.T, atol=0.3 if data == "int8" else 1e-4)


@pytest.mark.parametrize("batch", [0, 1, 3])
def test_a_batch_may_be_of_any_size(load, batch):
    images = load(model(convolution(FILTER, pads=(1, 1, 1, 1)), ["n", 3, "h", "w"]))
    assert images.run(None, _inputs((batch, 3, 7, 5)))[0].shape == (batch, 4, 7, 5)
    tokens = load(model(linear(WEIGHT), ["n", 2, COLUMNS]))
    assert tokens.run(None, _inputs((batch, 2, COLUMNS)))[0].shape == (batch, 2, ROWS)


def test_images_of_one_dimension(load):
    weight = _sparse(4, 3, 1, 5)
    fed = _inputs((2, 3, 11))
    (y,) = load(model(replace(convolution(weight, strides=(1, 2)), spatial=1), ["n", 3, "w"])).run(None, fed)
    patches = np.lib.stride_tricks.sliding_window_view(fed["x0"], 5, axis=2)[:, :, ::2]
    np.testing.assert_allclose(y, np.einsum("ncpk,ock->nop", patches, weight[:, :, 0]), atol=1e-5)


def test_a_chain_gives_several_values_and_takes_several_activations(load):
    second = _sparse(ROWS, ROWS)
    layers = [Layer(GOOD, COLUMNS), Layer(csr(second), ROWS, source=2, residual=1)]
    running = load(model(Chain("SparseLinear", layers, activations=2, outputs=[3, 2]), ["n", COLUMNS], ["n", ROWS]))
    fed = _inputs((4, COLUMNS), (4, ROWS))
    last, first = running.run(None, fed)
    np.testing.assert_allclose(first, fed["x0"] @ WEIGHT.T, atol=1e-5)
    np.testing.assert_allclose(last, first @ second.T + fed["x1"], atol=1e-5)
    with pytest.raises(Exception, match="activation 1 has other leading axes"):
        running.run(None, _inputs((4, COLUMNS), (3, ROWS)))


def test_activations_may_be_constants(load):
    found = model(linear(WEIGHT), [2, COLUMNS])
    x = np.ones((2, COLUMNS), np.float32)
    found.graph.initializer.append(onnx.numpy_helper.from_array(x, "x0"))
    del found.graph.input[:]
    np.testing.assert_allclose(load(found).run(None, {})[0], x @ WEIGHT.T, atol=1e-5)


@pytest.mark.parametrize("inside", [True, False])
def test_a_node_in_a_branch_finds_its_constants(load, inside):
    chain = linear(WEIGHT)
    value = [helper.make_tensor_value_info("y0", TensorProto.FLOAT, None)]
    branch = helper.make_graph([node(chain)], "branch", [], value, constants_of(chain) if inside else [])
    either = helper.make_node("If", ["choice"], ["y0"], then_branch=branch, else_branch=branch)
    inputs = [
        helper.make_tensor_value_info("choice", TensorProto.BOOL, []),
        helper.make_tensor_value_info("x0", TensorProto.FLOAT, ["n", COLUMNS]),
    ]
    graph = helper.make_graph([either], "graph", inputs, value, [] if inside else constants_of(chain))
    fed = _inputs((2, COLUMNS)) | {"choice": np.array(True)}
    np.testing.assert_allclose(load(whole(graph)).run(None, fed)[0], fed["x0"] @ WEIGHT.T, atol=1e-5)


FALLING = np.array([0, 5, 3, *GOOD.indptr[3:]], np.int32)
BEYOND = np.where(np.arange(len(GOOD.indices)) == 0, COLUMNS, GOOD.indices).astype(np.uint16)
TWICE = csr(np.ones((ROWS, COLUMNS), np.float32))
GAPS = csr(WEIGHT, indices="uint8")
INT8 = csr(WEIGHT, data="int8")
HOSTILE = {
    "indptr of int64": (replace(GOOD, indptr=GOOD.indptr.astype(np.int64)), "indptr is not int32"),
    "indptr of two axes": (replace(GOOD, indptr=GOOD.indptr[None]), "indptr does not have one axis"),
    "empty indptr": (replace(GOOD, indptr=GOOD.indptr[:0]), "indptr has fewer than two entries"),
    "no rows": (replace(GOOD, indptr=GOOD.indptr[:1]), "indptr has fewer than two entries"),
    "indptr starts late": (replace(GOOD, indptr=GOOD.indptr + np.int32(1)), "indptr"),
    "indptr falls": (replace(GOOD, indptr=FALLING), "indptr falls"),
    "negative indptr": (replace(GOOD, indptr=-GOOD.indptr), "indptr falls"),
    "indptr ends early": (replace(GOOD, indptr=GOOD.indptr[:-1]), "indptr does not end"),
    "indptr ends late": (replace(GOOD, indptr=np.append(GOOD.indptr, 2**31 - 1).astype(np.int32)), "indptr"),
    "index beyond the columns": (replace(GOOD, indices=BEYOND), "beyond"),
    "indices do not rise": (replace(TWICE, indices=TWICE.indices * 0), "do not rise"),
    "indices of int32": (replace(GOOD, indices=GOOD.indices.astype(np.int32)), "indices is neither uint16 nor uint8"),
    "indices too few": (replace(GOOD, indices=GOOD.indices[:-1]), "not of the same length"),
    "indices too many": (replace(GOOD, indices=np.append(GOOD.indices, 1).astype(np.uint16)), "not of the same length"),
    "gaps too few": (replace(GAPS, indices=GAPS.indices[:-1]), "not of the same length"),
    "gaps too many": (replace(GAPS, indices=np.append(GAPS.indices, 0).astype(np.uint8)), "gaps"),
    "gaps hold nothing": (replace(GAPS, indices=np.full(len(GAPS.data), 255, np.uint8)), "gap"),
    "gaps leave the row": (replace(GAPS, indices=np.full(len(GAPS.data), 254, np.uint8)), "gap"),
    "data of float64": (replace(GOOD, data=GOOD.data.astype(np.float64)), "data is not float32, float16 or int8"),
    "data of strings": (replace(GOOD, data=GOOD.data.astype(str).astype(object)), "data is not float32"),
    "data of two axes": (replace(GOOD, data=GOOD.data[None]), "data does not have one axis"),
    "data too short": (replace(GOOD, data=GOOD.data[:-1]), "not of the same length"),
    "scale too short": (replace(INT8, scale=INT8.scale[:-1]), "scale does not have one entry a row"),
    "scale of float16": (replace(INT8, scale=INT8.scale.astype(np.float16)), "scale is not float32"),
    "no scale": (replace(INT8, scale=None), "scale is missing"),
    "a scale too many": (replace(GOOD, scale=INT8.scale), "8 inputs where its layers have 7"),
}


@pytest.mark.parametrize(("weights", "rule"), HOSTILE.values(), ids=HOSTILE)
@pytest.mark.parametrize("operator", ["SparseLinear", "SparseConv"])
def test_hostile_constants_are_refused_with_their_layer(load, operator, weights, rule):
    good = Layer(GOOD, COLUMNS)
    chain = Chain(operator, [good, replace(good, weights=weights)], outputs=[2])
    with pytest.raises(DamagedError, match=rf"{operator} 'node': (layer 1.*{rule}|.*{rule})"):
        load(model(chain, None))


@pytest.mark.parametrize("bias", [BIAS[:-1], BIAS[None], BIAS.astype(np.float64), BIAS.astype(np.float16)])
def test_a_hostile_bias_is_refused(load, bias):
    with pytest.raises(DamagedError, match="layer 0: bias"):
        load(model(linear(WEIGHT, bias=bias), None))


NEVER = [None, [], "word", b"", [2**40], [-(2**31)], [0] * 9999]  # no attribute may be any of these
ATTRIBUTES = {
    "activations": [0, -1, 65, 2**40, 2, [1]],
    "outputs": [[0], [2], [-1], [1, 1]],
    "source": [[1], [-1], [2**31 - 1]],
    "residual": [[1], [-2], [5]],
    "bias": [[2], [-1], [1]],
    "activation": [[5], [-1]],
    "bounds": [[0.0], [0.0, 1.0, 2.0], [0, 1]],
    "columns": [[0], [-9], [COLUMNS, 1], [5], [9.0]],
    "tokens": [-1, 2**40, [1]],
    "spatial": [0, 3, 1],
    "kind": [[3], [-1], [1], [2**31 - 1]],
    "channels": [[0], [-3], [1], [2**31 - 1]],
    "group": [[0], [2], [-1], [2**31 - 1]],
    "kernel_shape": [[0, 3], [-3, -3], [2**31 - 1, 2**31 - 1], [3]],
    "strides": [[0, 1], [-1, 1]],
    "dilations": [[0, 1], [-1, 1]],
    "pads": [[-1, 0, 0, 0], [1, 1]],
    "auto_pad": [[3], [-1]],
    "input_size": [[-1, 5], [5], [2**40, 1]],
}
HOSTILE_ATTRIBUTES = [(name, value) for name, values in ATTRIBUTES.items() for value in NEVER + values]
LINEAR_ATTRIBUTES = "activations outputs source residual bias activation bounds columns tokens".split()


@pytest.mark.parametrize(("name", "value"), HOSTILE_ATTRIBUTES)
def test_hostile_attributes_are_refused(load, name, value):
    chain = linear(WEIGHT) if name in LINEAR_ATTRIBUTES else convolution(FILTER)
    found = model(chain, None)
    kept = [attribute for attribute in found.graph.node[0].attribute if attribute.name != name]
    del found.graph.node[0].attribute[:]
    found.graph.node[0].attribute.extend(kept)
    if value is not None:
        kind = onnx.AttributeProto.INTS if value == [] else None
        found.graph.node[0].attribute.append(helper.make_attribute(name, value, attr_type=kind))
    with pytest.raises(DamagedError, match=r"Sparse(Linear|Conv) 'node': "):
        load(found)


def test_tuning_of_another_release_is_ignored(load):
    fed, images = _inputs((2, COLUMNS)), _inputs((1, 3, 9, 7))
    (features,) = load(model(linear(WEIGHT), None)).run(None, fed)
    (maps,) = load(model(convolution(FILTER), None)).run(None, images)
    for tuning in ([2**31 - 1] * 3, [2**40] * 3, [-1] * 3, [0, 8, 0], [1, 8, 2], [2, 17, 1], [3, 1, 1], "word"):
        tuned = {"tuning": tuning}
        chain = replace(linear(WEIGHT), override=tuned)
        np.testing.assert_array_equal(load(model(chain, None)).run(None, fed)[0], features)
        chain = replace(convolution(FILTER), override=tuned)
        np.testing.assert_array_equal(load(model(chain, None)).run(None, images)[0], maps)


@pytest.mark.parametrize("tuning", [[1], [0] * 4, [0] * 6])
def test_tuning_of_another_number_of_layers_is_refused(load, tuning):
    for chain in (linear(WEIGHT), convolution(FILTER)):
        with pytest.raises(DamagedError, match=f"tuning has {len(tuning)} entries instead of 3"):
            load(model(replace(chain, override={"tuning": tuning}), None))


@pytest.mark.parametrize("tuning", [[0, 1, 1], [0, 2, 3], [1, 1, 1], [1, 3, 2], [2, 1, 4], [2, 5, 27], [2, 2, 1]])
def test_tuned_convolutions_compute_the_same(load, tuning):
    fed = _inputs((2, 3, 9, 7))
    (expected,) = load(model(convolution(FILTER), None)).run(None, fed)
    tuned = replace(convolution(FILTER), override={"tuning": tuning})
    np.testing.assert_allclose(load(model(tuned, None)).run(None, fed)[0], expected, atol=1e-5)


@pytest.mark.parametrize("constant", range(3))
@pytest.mark.parametrize("overridable", [True, False])
def test_constants_that_are_inputs_are_refused(load, constant, overridable):
    found = model(linear(WEIGHT), ["n", COLUMNS], fed=[constant])
    if overridable:
        found.graph.initializer.append(constants_of(linear(WEIGHT))[constant])
    with pytest.raises(DamagedError, match=r"layer 0: .* is missing or not an initializer"):
        load(found)


@pytest.mark.parametrize("count", range(4))
def test_too_few_inputs_are_refused(load, count):
    found = model(linear(WEIGHT), ["n", COLUMNS])
    del found.graph.node[0].input[count:]
    with pytest.raises(DamagedError, match=r"model\.onnx"):
        load(found)


def test_inputs_and_outputs_without_a_name_are_errors(load):
    for side in ("input", "output"):
        found = model(replace(linear(WEIGHT), outputs=[1]), ["n", COLUMNS])
        found.graph.node[0].output[:] = ["y0"] if side == "input" else [""]
        if side == "input":
            found.graph.node[0].input[0] = ""
        with pytest.raises(LthEdgeError):
            load(found)


def test_an_unnamed_output_among_others_is_an_error(load):
    layers = [Layer(GOOD, COLUMNS), Layer(csr(_sparse(ROWS, ROWS)), ROWS, source=1)]
    found = model(Chain("SparseLinear", layers, outputs=[1, 2]), ["n", COLUMNS])
    found.graph.node[0].output[0] = ""
    del found.graph.output[0]
    with pytest.raises(Exception, match="output 0 has no name"):
        load(found).run(None, _inputs((2, COLUMNS)))


@pytest.mark.parametrize("shape", [(), (0,), (COLUMNS + 1,), (3, COLUMNS - 1), (2, 0), (1,) * 40 + (COLUMNS,)])
def test_tokens_that_contradict_the_weights_are_an_error(load, shape):
    running = load(model(linear(WEIGHT), None))
    with pytest.raises(Exception, match="SparseLinear: "):
        running.run(None, {"x0": np.zeros(shape, np.float32)})
    assert running.run(None, _inputs((2, COLUMNS)))[0].shape == (2, ROWS)


WRONG_RANKS = [(), (3,), (1, 3), (3, 9, 9), (1, 3, 9, 9, 1)]
WRONG_SIZES = [(1, 2, 9, 9), (1, 0, 9, 9), (2, 3, 9, 0), (0, 3, 0, 9), (1, 3, 2, 9), (1, 3, 9, 1), (1, 9, 9, 3)]


@pytest.mark.parametrize("shape", WRONG_RANKS + WRONG_SIZES)
def test_images_that_contradict_the_weights_are_an_error(load, shape):
    running = load(model(convolution(FILTER), None))
    with pytest.raises(Exception, match="SparseConv: "):
        running.run(None, {"x0": np.zeros(shape, np.float32)})
    assert running.run(None, _inputs((1, 3, 9, 9)))[0].shape == (1, 4, 7, 7)


def test_a_residual_of_another_shape_is_an_error(load):
    chain = replace(convolution(FILTER, source=0, residual=1), activations=2)
    running = load(model(chain, None, None))
    assert running.run(None, _inputs((1, 3, 9, 9), (1, 4, 7, 7)))[0].shape == (1, 4, 7, 7)
    for shape in [(1, 4, 7, 6), (1, 4, 1, 1), (1, 1, 7, 7), (2, 4, 7, 7), (4, 7, 7)]:
        with pytest.raises(Exception, match="SparseConv: "):
            running.run(None, _inputs((1, 3, 9, 9), shape))


@pytest.mark.parametrize(("element", "dtype"), [(TensorProto.DOUBLE, "f8"), (TensorProto.FLOAT16, "f2")])
def test_activations_of_another_type_are_an_error(load, element, dtype):
    with pytest.raises(Exception, match=r"not float32|Type|type"):
        load(model(linear(WEIGHT), None, element=element)).run(None, _inputs((2, COLUMNS), dtype=dtype))


def test_outputs_of_two_billion_elements_are_refused(load):
    rows = np.zeros((50_000, 1), np.float32)
    with pytest.raises(Exception, match=r"SparseLinear: .*2\^31"):
        load(model(linear(rows), ["n", 1])).run(None, {"x0": np.zeros((50_000, 1), np.float32)})


@pytest.mark.parametrize("threads", [1, 4])
def test_many_runs_and_sessions_at_once_give_one_answer(load, threads):
    found = model(convolution(FILTER, pads=(1, 1, 1, 1)), ["n", 3, "h", "w"])
    sessions = [load(found, threads), load(found, threads)]
    fed = [_inputs((1 + i % 3, 3, 8 + i % 5, 9)) for i in range(8)]
    expected = [sessions[0].run(None, one)[0] for one in fed]
    with ThreadPoolExecutor(8) as pool:
        asked = [(sessions[i % 2], i % 8, pool.submit(sessions[i % 2].run, None, fed[i % 8])) for i in range(160)]
        for _, i, answer in asked:
            np.testing.assert_array_equal(answer.result()[0], expected[i])


# Few tiles and much to compute, so that output channels are cut; little to compute in what takes long to pack, so that
# threads share it; many tiles.
@pytest.mark.parametrize(("channels", "size", "density"), [(64, 14, 0.2), (1024, 8, 0.002), (32, 56, 0.1)])
@pytest.mark.parametrize("threads", [1, 2, 4])
def test_runs_stay_the_same_while_the_kernels_learn_how_many_threads_there_are(load, threads, channels, size, density):
    shape = (96, channels, 3, 3)
    weight = (RNG.normal(size=shape) * (RNG.random(shape) < density)).astype(np.float32)
    images = load(model(convolution(weight, pads=(1, 1, 1, 1)), ["n", channels, "h", "w"]), threads)
    fed = _inputs((1, channels, size, size))
    expected = torch.conv2d(torch.from_numpy(fed["x0"]), torch.from_numpy(weight), padding=1).numpy()
    first = images.run(None, fed)[0]
    np.testing.assert_allclose(first, expected, atol=1e-5 * abs(expected).max())
    for _ in range(300):
        np.testing.assert_array_equal(images.run(None, fed)[0], first)


def test_sessions_are_made_in_threads_at_once(load, tmp_path):
    onnx.save(model(linear(WEIGHT), ["n", COLUMNS]), Path(tmp_path / "shared.onnx"))
    fed = _inputs((3, COLUMNS))

    def one(_):
        return session(tmp_path / "shared.onnx").run(None, fed)[0]

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, range(32)))
    assert all(np.array_equal(answer, answers[0]) for answer in answers)


@settings(max_examples=150, deadline=None)
@given(
    arrays(np.int32, st.integers(1, 8), elements=st.integers(-3, 12)),
    arrays(np.uint8, st.integers(0, 12), elements=st.sampled_from([0, 1, 2, 7, 254, 255])),
    st.integers(0, 12),
    st.booleans(),
    st.integers(1, 10),
)
def test_any_constants_load_or_are_refused(tmp_path_factory, indptr, indices, nnz, wide, columns):
    weights = Csr(indptr, indices.astype(np.uint16 if wide else np.uint8), np.ones(nnz, np.float32))
    path = tmp_path_factory.getbasetemp() / "any.onnx"
    onnx.save(model(Chain("SparseLinear", [Layer(weights, columns)]), ["n", columns]), path)
    try:
        running = session(path)
    except DamagedError:
        return
    assert running.run(None, _inputs((2, columns)))[0].shape == (2, len(indptr) - 1)
