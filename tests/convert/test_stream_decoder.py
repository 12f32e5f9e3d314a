"""The stream's decoder gives the dense weights bit for bit, in stock onnxruntime and to every pass that reads them."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator
from onnx_nets import Net, examples, lenet5, mlp, run

from lth_edge.convert import standard
from lth_edge.convert.c_program.read import read_network
from lth_edge.convert.decoded import decoded
from lth_edge.convert.graph import replace_all
from lth_edge.convert.model_file import file_bytes, layer_sparsity, read_model, save_model
from lth_edge.convert.round_values import round_values
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.standard import to_standard
from lth_edge.errors import DamagedError


def few_values(net: Net, values: str = "codebook-4") -> onnx.ModelProto:
    return round_values(net.model(), net.masks, values)


def has_stream(model: onnx.ModelProto) -> bool:
    return "F" in {node.op_type for node in model.graph.node}


def weights_of(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    return {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}


@pytest.fixture
def net() -> Net:
    return lenet5(density=0.1)


@pytest.fixture
def rounded(net: Net) -> onnx.ModelProto:
    return few_values(net)


@pytest.fixture
def ticket(net: Net, rounded: onnx.ModelProto) -> onnx.ModelProto:
    made = to_standard(few_values(mlp(density=0.08)), mlp(density=0.08).masks)
    assert has_stream(made)
    return made


@settings(max_examples=12, deadline=None)
@given(
    density=st.sampled_from([0.0, 0.0005, 0.03, 0.3, 1.0]),
    values=st.sampled_from([1, 2, 5, 40, 256]),
    shapes=st.lists(st.sampled_from([(60, 50), (8, 3, 5, 5), (2, 5000)]), min_size=1, max_size=3),
    seed=st.integers(0, 2**16),
)
def test_onnxruntime_decodes_bit_for_bit(density: float, values: int, shapes: list[tuple[int, ...]], seed: int) -> None:
    """Also where gaps would be fewer bytes."""
    random = np.random.default_rng(seed)
    book = random.normal(size=values).astype(np.float32)
    weights, masks = {}, {}
    for number, shape in enumerate(shapes):
        mask = random.random(shape) < density
        mask.flat[random.integers(mask.size)] = True
        weights[f"weight{number}"], masks[f"weight{number}"] = np.where(mask, random.choice(book, shape), 0), mask
    graph = helper.make_graph(
        [helper.make_node("Identity", [name], [f"out_{name}"]) for name in weights],
        "weights",
        [helper.make_tensor_value_info("input", TensorProto.FLOAT, [1])],
        [helper.make_tensor_value_info(f"out_{name}", TensorProto.FLOAT, w.shape) for name, w in weights.items()],
        [numpy_helper.from_array(weight.astype(np.float32), name) for name, weight in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    coded = standard._with_stream(model, masks)
    assert coded is not None and has_stream(coded)
    onnx.checker.check_model(coded, full_check=True)
    found = run(coded, np.zeros(1, np.float32))
    wanted = [weight.astype(np.float32).tobytes() for weight in weights.values()]
    assert [each.tobytes() for each in found] == wanted
    plain = weights_of(decoded(coded))
    assert [plain[name].tobytes() for name in weights] == wanted


@pytest.mark.parametrize("values", ["codebook-2", "codebook-4", "codebook-64"])
@pytest.mark.parametrize("net", [mlp(density=0.08), lenet5(density=0.3), mlp(density=0.08, trans_b=0)])
def test_outputs_equal_those_of_the_dense_model_with_zeros(net: Net, values: str) -> None:
    rounded = few_values(net, values)
    shape = [dim.dim_value for dim in rounded.graph.input[0].type.tensor_type.shape.dim][1:]
    for batch in (1, 7):
        inputs = examples(batch, *shape, seed=batch)
        assert run(to_standard(rounded, net.masks), inputs)[0].tobytes() == run(rounded, inputs)[0].tobytes()


@pytest.mark.parametrize("opset", [18, 21, 23])
def test_it_is_valid_and_folded_away_at_load(opset: int, tmp_path: Path) -> None:
    net = mlp(density=0.05)
    model = round_values(net.model(opset=opset), net.masks, "codebook-4")
    save_model(to_standard(model, net.masks), tmp_path / "ticket.onnx")
    assert has_stream(onnx.load(tmp_path / "ticket.onnx"))
    run(tmp_path / "ticket.onnx", examples(1, 64), tmp_path / "optimised.onnx")
    run(model, examples(1, 64), tmp_path / "dense.onnx")
    left = (
        [node.op_type for node in onnx.load(tmp_path / name).graph.node] for name in ("optimised.onnx", "dense.onnx")
    )
    assert next(left) == next(left)


def test_it_is_plain_onnx_optimised_or_not(ticket: onnx.ModelProto) -> None:
    """Onnx's own reference computes the same weights, and onnxruntime the same outputs without any optimisation."""
    inputs = examples(3, 64)
    wanted = run(ticket, inputs)[0]
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    session = onnxruntime.InferenceSession(ticket.SerializeToString(), options, providers=["CPUExecutionProvider"])
    assert session.run(None, {"input": inputs})[0].tobytes() == wanted.tobytes()
    weights = {name: array for name, array in weights_of(decoded(ticket)).items() if name.endswith("weight")}
    outputs = [helper.make_tensor_value_info(name, TensorProto.FLOAT, array.shape) for name, array in weights.items()]
    replace_all(ticket.graph.output, outputs)
    found = ReferenceEvaluator(ticket).run(None, {"input": inputs})
    assert [each.tobytes() for each in found] == [array.tobytes() for array in weights.values()]


def test_a_ticket_of_four_values_takes_about_its_entropy(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    mask = random.random((500, 800)) < 0.05
    net = Net([800])
    net.node(
        "MatMul", ["input", net.constant("weight", np.where(mask, random.normal(size=mask.shape), 0).T.astype("f4"))]
    )
    model = round_values(net.model(), {"weight": mask.T.copy()}, "codebook-4")
    save_model(to_standard(model, {"weight": mask.T.copy()}), tmp_path / "ticket.onnx")
    least = mask.size * 0.2864 / 8 + mask.sum() * 2 / 8  # H(0.05), two bits a value
    assert (tmp_path / "ticket.onnx").stat().st_size < 1.02 * least + 1700


def test_gaps_are_taken_where_they_are_fewer_bytes_or_the_decoder_would_need_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    net = mlp(density=0.08)
    assert not has_stream(to_standard(net.model(), net.masks))  # all values differ
    small = mlp(density=0.08, sizes=(16, 20, 10))
    assert not has_stream(to_standard(few_values(small), small.masks))
    assert has_stream(to_standard(few_values(net), net.masks))
    monkeypatch.setattr(standard, "MOST_SYMBOLS", 100)
    assert not has_stream(to_standard(few_values(net), net.masks))


def test_what_has_no_room_in_the_stream_stands_beside_it(monkeypatch: pytest.MonkeyPatch) -> None:
    net = mlp(density=0.08, sizes=(64, 900, 1000, 10))
    rounded = few_values(net)
    room = sum(int(net.masks[name].sum()) for name in ("0.weight", "1.weight")) - 1
    monkeypatch.setattr(standard, "MOST_SYMBOLS", room)
    made = to_standard(rounded, net.masks)
    assert has_stream(made)
    held = {tensor.name for tensor in made.graph.initializer}
    assert "1.weight" not in held and "1.weight.gaps" not in held
    assert "0.weight.gaps" in held
    inputs = examples(3, 64)
    assert run(made, inputs)[0].tobytes() == run(rounded, inputs)[0].tobytes()


def test_an_empty_layer_stands_beside_the_stream() -> None:
    net = mlp(density=0.08)
    net.masks["1.weight"][:] = False
    net.arrays["1.weight"] = np.zeros_like(net.arrays["1.weight"])
    rounded = few_values(net)
    made = to_standard(rounded, net.masks)
    assert has_stream(made)
    inputs = examples(3, 64)
    assert run(made, inputs)[0].tobytes() == run(rounded, inputs)[0].tobytes()


@pytest.mark.parametrize("name", ["p", "_x0"])
def test_a_model_that_uses_the_decoder_s_names_keeps_them(name: str) -> None:
    net = mlp(density=0.08)
    rounded = few_values(net)
    rounded.graph.input[0].name = name
    for node in rounded.graph.node:
        node.input[:] = [name if each == "input" else each for each in node.input]
    made = to_standard(rounded, net.masks)
    assert not has_stream(made)
    assert made.graph.input[0].name == name
    assert decoded(made) is made


def test_every_pass_reads_the_weights_behind_it(tmp_path: Path) -> None:
    net = lenet5(density=0.3)
    net.gemm("wide", 5, 3000, 0.05)
    rounded = few_values(net)
    for name, model in (("dense.onnx", rounded), ("ticket.onnx", to_standard(rounded, net.masks))):
        save_model(model, tmp_path / name)
    dense, ticket = (read_model(tmp_path / name) for name in ("dense.onnx", "ticket.onnx"))
    assert has_stream(onnx.load(tmp_path / "ticket.onnx")) and not has_stream(ticket)
    assert file_bytes(tmp_path / "ticket.onnx") == (tmp_path / "ticket.onnx").stat().st_size < 20_000
    assert [(layer.name, layer.nonzero) for layer in layer_sparsity(ticket)] == [
        (layer.name, layer.nonzero) for layer in layer_sparsity(dense)
    ]
    a, b = (to_sparse(model) for model in (dense, ticket))
    assert [layer.sparsity for layer in a.layers] == [layer.sparsity for layer in b.layers]
    inputs = examples(2, 1, 12, 12)
    assert run(ticket, inputs)[0].tobytes() == run(rounded, inputs)[0].tobytes()
    kinds = [[type(layer) for layer in read_network(model).layers] for model in (dense, ticket)]
    assert kinds[0] == kinds[1]


def test_a_decoder_that_was_changed_is_not_taken_for_ours(ticket: onnx.ModelProto) -> None:
    for change in (
        lambda model: model.functions[0].node[-1].input.__setitem__(2, "t"),
        lambda model: next(n for n in model.graph.node if n.op_type == "Min").__setattr__("op_type", "Max"),
        lambda model: next(t for t in model.graph.initializer if t.name == "a").__setattr__("raw_data", bytes(4)),
    ):
        changed = onnx.ModelProto()
        changed.CopyFrom(ticket)
        change(changed)
        assert has_stream(decoded(changed))


def test_a_damaged_stream_is_told(ticket: onnx.ModelProto, tmp_path: Path) -> None:
    planes = next(tensor for tensor in ticket.graph.initializer if tensor.name == "p")
    planes.raw_data = bytes(len(planes.raw_data))
    onnx.save(ticket, tmp_path / "damaged.onnx")
    with pytest.raises(DamagedError, match="cannot be decoded"):
        read_model(tmp_path / "damaged.onnx")


@pytest.mark.parametrize(
    ("name", "numbers", "told"),
    [
        ("v", np.zeros(0, np.int32), "weights"),
        ("d", np.zeros(5, np.int32), "weights"),
        ("_q0", np.zeros(0, np.float32), "vectors"),
        ("_y", np.array([300.0, 100.0], np.float32), "vectors"),
    ],
)
def test_parts_of_the_wrong_size_or_kind_are_told(name: str, numbers: np.ndarray, told: str, tmp_path: Path) -> None:
    net = mlp(density=0.08)
    ticket = to_standard(few_values(net), net.masks)
    part = next(tensor for tensor in ticket.graph.initializer if tensor.name == name)
    part.CopyFrom(numpy_helper.from_array(numbers, name))
    onnx.save(ticket, tmp_path / "damaged.onnx")
    with pytest.raises(DamagedError, match=f"its {told} cannot be decoded"):
        read_model(tmp_path / "damaged.onnx")
