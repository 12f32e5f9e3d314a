"""`lth-edge convert`: the table, the proof, the exit codes, whole files or none."""

from pathlib import Path
from unittest.mock import patch

import numpy as np
import onnx
import pytest
from command import lth_edge
from onnx import TensorProto, helper, numpy_helper

from lth_edge.agreement import Agreement, agreement, distance
from lth_edge.convert.model_file import save_model


def net(density: float = 0.1, input_type: int = TensorProto.FLOAT) -> onnx.ModelProto:
    """Two dense layers on 20 features."""
    rng = np.random.default_rng(0)
    shapes = {"fc1.weight": (30, 20), "fc2.weight": (5, 30)}
    weights = {name: rng.standard_normal(shape) * (rng.random(shape) < density) for name, shape in shapes.items()}
    nodes = [
        helper.make_node("Cast", ["input"], ["x"], to=TensorProto.FLOAT),
        helper.make_node("Gemm", ["x", "fc1.weight"], ["hidden"], transB=1),
        helper.make_node("Relu", ["hidden"], ["active"]),
        helper.make_node("Gemm", ["active", "fc2.weight"], ["output"], transB=1),
    ]
    initializers = [numpy_helper.from_array(array.astype(np.float32), name) for name, array in weights.items()]
    given = helper.make_tensor_value_info("input", input_type, ["batch", 20])
    made = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 5])
    graph = helper.make_graph(nodes, "net", [given], [made], initializers)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


@pytest.fixture
def pruned(here: Path) -> Path:
    save_model(net(), here / "net.onnx")
    return here / "net.onnx"


def test_it_says_layer_by_layer_what_became_of_the_model(pruned: Path) -> None:
    done = lth_edge("convert", pruned, "-o", "out.onnx")
    assert done.code == 0, done.stderr
    words = " ".join(done.stdout.split())
    for said in ("fc1.weight", "30 x 20", "layer 1 of 2", "2 of 2 layers sparse", "proved on random inputs"):
        assert said in words
    after = Path("out.onnx").stat().st_size
    assert f"-> {after:,} bytes" in words
    assert [node.op_type for node in onnx.load("out.onnx").graph.node] == ["Cast", "SparseLinear"]


def test_the_new_file_runs_and_can_be_inspected(pruned: Path) -> None:
    assert lth_edge("convert", pruned, "-o", "out.onnx").code == 0
    compared = agreement(pruned, Path("out.onnx"))
    assert compared is not None and compared.error < 1e-6 and compared.inputs == ((1, 20),)
    before, after = (lth_edge("inspect", path).stdout for path in (pruned, "out.onnx"))
    assert before == after


def test_the_same_model_gives_the_same_file_every_time(pruned: Path) -> None:
    for name in ("one.onnx", "two.onnx"):
        assert lth_edge("convert", pruned, "-o", name).code == 0
    assert Path("one.onnx").read_bytes() == Path("two.onnx").read_bytes()


def test_tuning_says_what_it_gained_and_the_file_is_proved(here: Path) -> None:
    weight = np.random.default_rng(0).standard_normal((8, 4, 3, 3)).astype(np.float32)
    weight[np.random.default_rng(1).random(weight.shape) < 0.9] = 0
    shapes = {"input": [1, 4, 12, 12], "output": [1, 8, 10, 10]}
    given, made = (helper.make_tensor_value_info(*item) for item in ((k, 1, v) for k, v in shapes.items()))
    node = helper.make_node("Conv", ["input", "conv.weight"], ["output"])
    graph = helper.make_graph([node], "net", [given], [made], [numpy_helper.from_array(weight, "conv.weight")])
    save_model(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)]), here / "net.onnx")
    done = lth_edge("convert", "net.onnx", "-o", "out.onnx", "--tune")
    assert done.code == 0 and "about a second each" in done.stderr
    assert "of 1 convolutions faster" in done.stdout and "conv.weight: " in done.stdout
    assert "proved on random inputs" in done.stdout


def test_a_linear_model_has_nothing_to_tune_and_says_so(pruned: Path) -> None:
    assert lth_edge("convert", pruned, "-o", "plain.onnx").code == 0
    done = lth_edge("convert", pruned, "-o", "tuned.onnx", "--tune")
    assert done.code == 0 and "nothing to tune" in done.stdout
    assert Path("plain.onnx").read_bytes() == Path("tuned.onnx").read_bytes()


def test_fewer_bits_are_proved_without_a_limit(pruned: Path) -> None:
    sizes = {}
    for values in ("fp32", "fp16", "int8"):
        done = lth_edge("convert", pruned, "-o", f"{values}.onnx", "--values", values)
        assert done.code == 0 and ("its rounded weights" in done.stdout) == (values != "fp32")
        sizes[values] = Path(f"{values}.onnx").stat().st_size
    assert sizes["fp32"] > sizes["fp16"]


def test_coded_weights_are_smaller_compute_the_same_and_become_plain_again(pruned: Path) -> None:
    sizes = {}
    for weights in ("plain", "fast", "best"):
        done = lth_edge("convert", pruned, "-o", f"{weights}.onnx", "--sparse-weights", weights)
        assert done.code == 0 and "proved on random inputs" in done.stdout, done.stderr
        sizes[weights] = Path(f"{weights}.onnx").stat().st_size
    assert max(sizes["fast"], sizes["best"]) < 0.8 * sizes["plain"]
    compared = agreement(Path("plain.onnx"), Path("best.onnx"))
    assert compared is not None and compared.error == 0
    assert lth_edge("inspect", "best.onnx").stdout.split()[-4:] == lth_edge("inspect", pruned).stdout.split()[-4:]
    done = lth_edge("convert", "best.onnx", "-o", "again.onnx", "--sparse-weights", "plain")
    assert done.code == 0 and "already sparse" in done.stdout
    assert abs(Path("again.onnx").stat().st_size - sizes["plain"]) < 200, "names alone differ"


def test_a_coded_file_is_the_same_every_time(pruned: Path) -> None:
    for name in ("one.onnx", "two.onnx"):
        assert lth_edge("convert", pruned, "-o", name, "--sparse-weights", "best").code == 0
    assert Path("one.onnx").read_bytes() == Path("two.onnx").read_bytes()


def test_a_damaged_coded_file_is_told(pruned: Path) -> None:
    assert lth_edge("convert", pruned, "-o", "coded.onnx", "--sparse-weights", "fast").code == 0
    model = onnx.load("coded.onnx")
    (coded,) = (tensor for tensor in model.graph.initializer if tensor.data_type == TensorProto.UINT8)
    coded.raw_data = coded.raw_data[:-1] + bytes([coded.raw_data[-1] ^ 1])
    onnx.save(model, "coded.onnx")
    for command in (("inspect", "coded.onnx"), ("convert", "coded.onnx", "-o", "out.onnx")):
        done = lth_edge(*command)
        assert done.code == 6 and "checksum" in done.stderr


def test_nothing_to_convert_names_the_sparsest_layer(here: Path) -> None:
    save_model(net(density=0.9), here / "net.onnx")
    done = lth_edge("convert", "net.onnx", "-o", "out.onnx")
    assert done.code == 3 and not Path("out.onnx").exists()
    assert "'fc" in done.stderr and "from 75% on" in done.stderr and "--min-sparsity" in done.stderr
    assert lth_edge("convert", "net.onnx", "-o", "out.onnx", "--min-sparsity", "0.01").code == 0


def test_more_pruning_is_not_advised_where_it_would_not_help(here: Path) -> None:
    model = net()
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    model.graph.node[0].attribute[0].i = TensorProto.FLOAT16
    model.graph.output[0].type.tensor_type.elem_type = TensorProto.FLOAT16
    save_model(model, here / "net.onnx")
    done = lth_edge("convert", "net.onnx", "-o", "out.onnx")
    assert done.code == 3 and "float16" in done.stderr and "not a matter of sparsity" in done.stderr


def test_what_is_sparse_already_is_said_to_be(pruned: Path) -> None:
    assert lth_edge("convert", pruned, "-o", "out.onnx").code == 0
    done = lth_edge("convert", "out.onnx", "-o", "again.onnx")
    assert done.code == 3 and "sparse already" in done.stderr and not Path("again.onnx").exists()


def test_a_model_without_layers_is_refused(here: Path) -> None:
    model = net()
    del model.graph.node[1:], model.graph.initializer[:]
    model.graph.node[0].output[0] = "output"
    model.graph.output[0].type.tensor_type.shape.dim[1].dim_value = 20
    save_model(model, here / "net.onnx")
    done = lth_edge("convert", "net.onnx", "-o", "out.onnx")
    assert done.code == 3 and "holds no constant weight" in done.stderr


def test_the_input_is_never_overwritten(pruned: Path) -> None:
    Path("link.onnx").symlink_to(pruned)
    Path("hard.onnx").hardlink_to(pruned)
    before = pruned.read_bytes()
    for out in ("net.onnx", "./net.onnx", "link.onnx", "hard.onnx"):
        done = lth_edge("convert", pruned, "-o", out)
        assert done.code == 2 and "is the file to convert" in done.stderr
    Path("notes.txt").write_text("mine")
    done = lth_edge("convert", pruned, "-o", "notes.txt")
    assert done.code == 2 and "notes.txt is there, and is no .onnx file" in done.stderr
    assert Path("notes.txt").read_text() == "mine"
    assert pruned.read_bytes() == before


@pytest.mark.parametrize("fraction", ["-0.1", "1.5", "nan"])
def test_a_sparsity_is_a_fraction(pruned: Path, fraction: str) -> None:
    done = lth_edge("convert", pruned, "-o", "out.onnx", "--min-sparsity", fraction)
    assert done.code == 2 and "no fraction" in done.stderr


def test_missing_and_damaged_models(here: Path) -> None:
    assert lth_edge("convert", "none.onnx", "-o", "out.onnx").code == 3
    Path("bad.onnx").write_bytes(b"no model")
    assert lth_edge("convert", "bad.onnx", "-o", "out.onnx").code == 6
    assert not Path("out.onnx").exists()


def test_a_file_that_computes_something_else_is_not_written(pruned: Path) -> None:
    with patch("lth_edge.conversion.agreement", return_value=Agreement(float("nan"), ())):
        done = lth_edge("convert", pruned, "-o", "out.onnx")
        assert done.code == 5 and "nothing was written" in done.stderr
        assert [path.name for path in Path().iterdir()] == ["net.onnx"]
        assert lth_edge("convert", pruned, "-o", "out.onnx", "--no-verify").code == 0


def test_inputs_that_cannot_be_guessed_are_said(here: Path) -> None:
    model = net()
    model.graph.node[0].CopyFrom(helper.make_node("Reshape", ["input", "shape"], ["x"]))
    model.graph.initializer.append(numpy_helper.from_array(np.array([-1, 20]), "shape"))
    model.graph.input[0].type.tensor_type.shape.dim[1].dim_param = "any"
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 3
    save_model(model, here / "net.onnx")
    done = lth_edge("convert", "net.onnx", "-o", "out.onnx")
    assert done.code == 0 and "not proved" in done.stdout


def test_distances() -> None:
    nan, inf = float("nan"), float("inf")
    assert distance(np.array([2.0, nan, inf]), np.array([1.0, nan, inf])) == 0.5
    assert distance(np.array([2.0, nan]), np.array([2.0, 0.0])) == inf
    assert distance(np.array([2.0, 1.0]), np.array([2.0, nan])) == inf
    assert distance(np.array([nan]), np.array([nan])) == 0.0
    assert distance(np.array([0.0]), np.array([0.5])) == 0.5
    assert distance(np.array([1]), np.array([2])) == 0.0
    assert distance(["a"], ["b"]) == 0.0
