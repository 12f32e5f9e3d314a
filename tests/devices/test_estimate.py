"""`lth-edge estimate`: the work of real models, the roofline over it, and what is said of it."""

from dataclasses import replace
from itertools import pairwise
from math import prod
from pathlib import Path

import numpy as np
import onnx
import pytest
from command import Finished, lth_edge
from onnx import TensorProto, helper, numpy_helper

from lth_edge.convert.int8 import to_int8
from lth_edge.convert.inventory import inventory
from lth_edge.convert.model_file import read_model, save_model
from lth_edge.convert.random_masks import mask_at_random
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.work import KERNELS, Work
from lth_edge.devices.boards import board
from lth_edge.devices.estimated import DeviceEstimate
from lth_edge.devices.roofline import RATIO_SPREAD, SHARES, SPREAD, estimate_layers
from lth_edge.errors import DamagedError, InputError, RecipeError
from lth_edge.estimate import estimate

BOARDS = ("zero2w", "pi3", "pi4", "pi5")


def small_net(op: str = "Relu") -> onnx.ModelProto:
    """Conv, pool, strided and depthwise Conv, average, two Gemms; a free batch."""
    rng = np.random.default_rng(0)
    shapes = {"c1": (32, 3, 3, 3), "c2": (64, 32, 3, 3), "dw": (64, 1, 3, 3), "f1": (100, 64), "f2": (10, 100)}
    weights = [numpy_helper.from_array(rng.standard_normal(shape, np.float32), n) for n, shape in shapes.items()]
    nodes = [
        helper.make_node("Conv", ["input", "c1"], ["a"], pads=[1, 1, 1, 1]),
        helper.make_node(op, ["a"], ["b"]),
        helper.make_node("MaxPool", ["b"], ["c"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Conv", ["c", "c2"], ["d"], pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Relu", ["d"], ["e"]),
        helper.make_node("Conv", ["e", "dw"], ["f"], pads=[1, 1, 1, 1], group=64),
        helper.make_node("Relu", ["f"], ["g"]),
        helper.make_node("GlobalAveragePool", ["g"], ["h"]),
        helper.make_node("Flatten", ["h"], ["i"]),
        helper.make_node("Gemm", ["i", "f1"], ["j"], transB=1),
        helper.make_node("Relu", ["j"], ["k"]),
        helper.make_node("Gemm", ["k", "f2"], ["output"], transB=1),
    ]
    given = helper.make_tensor_value_info("input", TensorProto.FLOAT, ["batch", 3, 32, 32])
    made = helper.make_tensor_value_info("output", TensorProto.FLOAT, ["batch", 10])
    graph = helper.make_graph(nodes, "net", [given], [made], weights)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)


def sparse_net(sparsity: float, model: onnx.ModelProto | None = None) -> onnx.ModelProto:
    masked = mask_at_random(model or small_net(), sparsity)
    return to_sparse(masked.model, masked.masks, min_sparsity=0.0).model


def total_us(model: onnx.ModelProto, name: str) -> float:
    return sum(layer.us for layer in estimate_layers(inventory(model), board(name)))


def test_the_work_of_a_dense_network_is_counted_by_hand() -> None:
    works = {work.name: work for work in inventory(small_net())}
    told = {name: (works[name].kernel, works[name].multiply_adds) for name in ("c1", "c2", "dw", "f1", "f2")}
    assert told == {
        "c1": ("conv", 32 * 27 * 32 * 32),
        "c2": ("conv", 64 * 288 * 8 * 8),
        "dw": ("depthwise", 64 * 9 * 8 * 8),
        "f1": ("vector", 6400),
        "f2": ("vector", 1000),
    }
    assert works["c2"].weight_bytes == 4 * 64 * 288
    assert works["c2"].activation_bytes == 4 * (32 * 16 * 16 + 64 * 8 * 8)
    # Activations behind a layer are computed with it, views are no work: the two pools remain.
    assert [work.kernel for work in works.values() if work.name not in told] == ["pool", "pool"]


def test_an_activation_that_the_runtime_does_not_fuse_is_work() -> None:
    assert [work.kernel for work in inventory(small_net("Softplus"))].count("elementwise") == 1


def test_chains_have_the_shapes_that_the_dense_network_has() -> None:
    dense = {work.name: work for work in inventory(small_net())}
    for work in inventory(sparse_net(0.9)):
        if work.kernel == "pool":
            continue
        assert work.shape == dense[work.name].shape and work.positions == dense[work.name].positions
        left = prod(work.shape) if "depthwise" in work.kernel else prod(work.shape) - round(0.9 * prod(work.shape))
        assert work.multiply_adds == left * work.positions
    kernels = [work.kernel for work in inventory(sparse_net(0.9))]
    assert kernels.count("sparse conv") == 2 and kernels.count("sparse vector") == 2
    assert "sparse depthwise" in kernels and kernels.count("pool") == 2
    assert [work.starts for work in inventory(sparse_net(0.9))].count(True) < len(kernels)


def test_shapes_are_followed_through_several_chains() -> None:
    model = sparse_net(0.9, small_net("Softplus"))  # which no chain can hold
    assert sum(node.domain == "lth_edge" for node in model.graph.node) >= 2
    assert {work.name for work in inventory(model)} >= {"c1", "c2", "dw", "f1", "f2"}


def test_int8_work_is_read_as_such(tmp_path: Path) -> None:
    save_model(small_net(), tmp_path / "dense.onnx")
    feed = {"input": np.random.default_rng(0).standard_normal((1, 3, 32, 32), np.float32)}
    to_int8(tmp_path / "dense.onnx", tmp_path / "int8.onnx", [feed])
    works = inventory(read_model(tmp_path / "int8.onnx"))
    kernels = {work.kernel for work in works}
    assert {"int8 conv", "int8 depthwise", "int8 vector"} <= kernels
    assert not kernels & {"conv", "depthwise", "vector"}
    (second,) = (work for work in works if work.shape == (64, 32, 3, 3))
    assert second.weight_bytes == 64 * 288


@pytest.mark.parametrize("op", ["Einsum", "LSTM"])
def test_work_that_is_not_known_is_refused(op: str) -> None:
    model = small_net()
    model.graph.node[1].op_type = op
    with pytest.raises(InputError, match=f"the work of {op} "):
        inventory(model)


def test_a_damaged_chain_is_told() -> None:
    model = sparse_net(0.9)
    node = next(node for node in model.graph.node if node.op_type == "SparseConv")
    source = next(item for item in node.attribute if item.name == "source")
    source.ints[:] = [99] * len(source.ints)
    with pytest.raises(DamagedError, match="is damaged"):
        inventory(model)


def test_free_sizes_are_refused() -> None:
    model = small_net()
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_param = "height"
    with pytest.raises(InputError, match="axis 2 of the input 'input' is free"):
        inventory(model)


@pytest.mark.parametrize("name", BOARDS)
def test_fewer_weights_never_take_longer(name: str) -> None:
    times = [total_us(sparse_net(sparsity), name) for sparsity in (0.0, 0.5, 0.7, 0.8, 0.9, 0.95, 0.99)]
    assert all(more >= fewer for more, fewer in pairwise(times)) and times[0] > times[-1]


def test_a_faster_board_takes_less() -> None:
    for model in (small_net(), sparse_net(0.9)):
        times = [total_us(model, name) for name in BOARDS]
        assert all(slower > faster for slower, faster in pairwise(times))


def test_a_layer_takes_as_long_as_its_compute_or_its_bytes() -> None:
    known, work = board("pi4"), Work("layer", "gemm", (512, 512), 512 * 512 * 64, 1 << 20, 1 << 17, positions=64)
    _, layer = estimate_layers([work], known)
    rate = known.multiply_adds["dense"] * known.dense_reach * SHARES["gemm"].compute * known.clock_ghz * 1e3
    assert layer.bound == "compute" and layer.us > work.multiply_adds / rate
    _, read = estimate_layers([replace(work, multiply_adds=1, weight_bytes=1 << 30)], known)
    assert read.bound == "memory" and read.us > (1 << 30) / (known.memory_gb_s * 1e3)
    _, small = estimate_layers([replace(work, multiply_adds=1, weight_bytes=1, activation_bytes=1)], known)
    assert small.bound == "overhead"


def test_bytes_come_from_the_cache_that_holds_them() -> None:
    known = board("pi5")
    rates = [known.gb_s(size) for size in (1 << 14, 1 << 18, 1 << 20, 1 << 24)]
    assert rates == [*(rate for _, rate in known.caches), known.memory_gb_s]
    assert rates == sorted(rates, reverse=True)


def test_every_kernel_has_a_share_and_every_board_its_loop() -> None:
    assert set(SHARES) == set(KERNELS)
    for name in BOARDS:
        assert {share.loop for share in SHARES.values()} == set(board(name).multiply_adds)


def test_totals_are_the_sums_of_layers_and_ranges_hold_their_middle(tmp_path: Path) -> None:
    save_model(mask_at_random(small_net(), 0.9).model, tmp_path / "net.onnx")
    content = estimate(tmp_path / "net.onnx", "pi4").to_dict()
    assert set(content["forms"]) == {"dense", "sparse"}
    for form, told in content["forms"].items():
        layers = [layer for layer in content["layers"] if layer["form"] == form]
        assert layers[0]["name"] == "call"
        assert told["low_us"] == pytest.approx(sum(layer["low_us"] for layer in layers))
        assert told["high_us"] == pytest.approx(sum(layer["high_us"] for layer in layers))
        assert told["high_us"] >= SPREAD * sum(layer["us"] for layer in layers) * 0.999
    low, high = content["speedup"]["sparse"]["low"], content["speedup"]["sparse"]["high"]
    middle = sum(x["us"] for x in content["layers"] if x["form"] == "dense") / sum(
        x["us"] for x in content["layers"] if x["form"] == "sparse"
    )
    assert low < middle < high and high / low == pytest.approx(RATIO_SPREAD**2)
    assert "dense" not in content["speedup"]


def test_a_run_is_estimated_printed_and_kept_beside_its_measurements(pruned: Finished) -> None:
    done = lth_edge("estimate", pruned.folder, "--target", "pi4")
    assert done.code == 0, done.stderr
    words = " ".join(done.stdout.split())
    assert words.startswith(
        "estimated for Raspberry Pi 4 Model B (Cortex-A72), one thread, batch 1: not measured on dev"
    )
    for said in ("dense", "int8", "ticket", "sparse", "method: roofline", "good to a factor of 2", "to one of 1.6"):
        assert said in words
    content = DeviceEstimate.read(pruned.folder / "devices" / "pi4.estimate.json").content
    assert (content["schema_version"], content["name"], content["kind"]) == (1, "pi4", "estimated")
    assert content["note"] == "not measured on device" and content["method"]
    assert set(content["forms"]) == {"dense", "int8", "ticket", "sparse"}
    assert set(content["speedup"]) == {"int8", "ticket", "sparse"}


def test_a_dense_file_is_estimated_alone_and_a_sparse_one_too(tmp_path: Path) -> None:
    save_model(small_net(), tmp_path / "dense.onnx")
    save_model(sparse_net(0.9), tmp_path / "sparse.onnx")
    for name in ("dense", "sparse"):
        found = estimate(tmp_path / f"{name}.onnx", "zero2w")
        assert list(found.layers) == [name] and found.speedup(name) is None
    assert not (tmp_path / "devices").exists()


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["net.onnx", "--target", "pi6"], 2, "there is no board 'pi6'"),
        (["missing.onnx", "--target", "pi4"], 3, "there is no ONNX file"),
        ([".", "--target", "pi4"], 3, "is no finished run"),
    ],
)
def test_what_cannot_be_estimated_is_told(here: Path, arguments: list[str], code: int, said: str) -> None:
    save_model(small_net(), here / "net.onnx")
    done = lth_edge("estimate", *arguments)
    assert done.code == code and said in done.stderr
    with pytest.raises(RecipeError, match="pi6"):
        board("pi6")
