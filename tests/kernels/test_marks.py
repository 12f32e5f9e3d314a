"""Marks along a run: a release has none; a build with them tells all of a run, and computes the same."""

import re
import shutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from benchmarks.kernels.library_session import bind, open_with
from benchmarks.kernels.marks import EVENT, Marks, build_marked, kinds, parts
from benchmarks.kernels.waking import hand_overs
from lth_edge.convert.inventory import inventory
from lth_edge.convert.sparse import to_sparse
from lth_edge.runtime.library import library_path, this_machine
from tools.build_kernels import SOURCES

MARK = re.compile(r"LTH_MARK\([^;]*\);")
MARKED = sorted(path for path in SOURCES.rglob("*.[hc]*") if MARK.search(path.read_text()))
CHANNELS, SIZE, CLASSES = 24, 16, 5


def preprocessed(source: Path, *flags: str) -> list[str]:
    """What the compiler reads, word by word."""
    command = [sys.executable, "-m", "ziglang", "c++", "-std=c++17", "-E", "-P", "-DLTH_SET=baseline", *flags]
    return subprocess.run([*command, str(source)], capture_output=True, text=True, check=True).stdout.split()


def test_a_release_is_compiled_as_if_its_sources_had_no_marks(tmp_path: Path) -> None:
    pytest.importorskip("ziglang", reason="there is no ziglang to preprocess the kernels with")
    copy = tmp_path / "kernels"
    shutil.copytree(SOURCES, copy, ignore=shutil.ignore_patterns("lib"))
    for path in MARKED:
        text = path.read_text().replace('#include "../measure/mark.h"\n', "")
        (copy / path.relative_to(SOURCES)).write_text(MARK.sub(";", text))
    shutil.rmtree(copy / "measure")
    sources = [path for path in MARKED if path.suffix == ".cc"] + [SOURCES / "compute" / "kernels.cc"]
    assert len(sources) > 4
    for source in sources:
        assert preprocessed(source) == preprocessed(copy / source.relative_to(SOURCES)), source.name
        assert preprocessed(source, "-DLTH_MARKS") != preprocessed(source), source.name


@pytest.fixture(scope="module")
def marked() -> Path:
    pytest.importorskip("ziglang", reason="there is no ziglang to compile the kernels with")
    if this_machine() != "linux-x86_64":
        pytest.skip("marks are read by x86-64's clock, in an ELF library")
    return build_marked()


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two convolutions, a pool and a linear layer, nine in ten weights pruned."""
    random = np.random.default_rng(0)
    shapes = {"w0": (CHANNELS, 8, 3, 3), "w1": (CHANNELS, CHANNELS, 3, 3), "w2": (CLASSES, CHANNELS * (SIZE // 2) ** 2)}
    weights = {
        name: random.standard_normal(shape).astype(np.float32) * (random.random(shape) < 0.1)
        for name, shape in shapes.items()
    }
    nodes = [
        helper.make_node("Conv", ["x", "w0"], ["a"], pads=[1] * 4),
        helper.make_node("Relu", ["a"], ["b"]),
        helper.make_node("Conv", ["b", "w1"], ["c"], pads=[1] * 4),
        helper.make_node("MaxPool", ["c"], ["d"], kernel_shape=[2, 2], strides=[2, 2]),
        helper.make_node("Flatten", ["d"], ["e"]),
        helper.make_node("Gemm", ["e", "w2"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 8, SIZE, SIZE])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, CLASSES])],
        [numpy_helper.from_array(weight, name) for name, weight in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    path = tmp_path_factory.mktemp("network") / "network.onnx"
    onnx.save(to_sparse(model).model, path)
    return path


def test_marks_tell_every_part_of_a_run(marked: Path, network: Path) -> None:
    inputs = {"x": np.random.default_rng(1).standard_normal((1, 8, SIZE, SIZE), np.float32)}
    session = open_with(network, marked)
    outputs = session.run(None, inputs)
    assert np.array_equal(outputs[0], open_with(network, library_path()).run(None, inputs)[0])
    run, marks = bind(session, inputs, outputs), Marks(marked)
    for _ in range(300):  # until the chain knows that it has one thread
        run()
    found = parts([marks.of(run) for _ in range(20)], marks)
    assert found[0].kind == found[-1].kind == "leave"
    assert {part.kind for part in found} >= {"operate", "layer", "pack", "multiply", "pool"}
    assert all(part.us >= 0 for part in found)
    assert {(part.operator, part.layer) for part in found if part.layer >= 0} == {(0, 0), (0, 1), (0, 2), (1, 0)}
    read: dict[tuple[int, int], int] = defaultdict(int)
    for part in found:
        if part.kind == "multiply":
            nonzeros, _, floats, strips = part.details
            read[part.operator, part.layer] += nonzeros * floats * strips
    for layer, work in enumerate(inventory(onnx.load(network))[:2]):
        kept = work.multiply_adds // work.positions
        assert read[0, layer] >= work.multiply_adds and read[0, layer] % kept == 0


def test_kinds_are_numbered_as_the_header_has_them() -> None:
    assert kinds()[:2] == ("operate", "leave") and kinds()[-1] == "join"
    assert len(kinds()) == len(set(kinds())) == 12


def events(*told: tuple[int, str, int]) -> np.ndarray:
    """Tick, kind, core of each."""
    made = np.zeros(len(told), EVENT)
    for event, (tick, kind, core) in zip(made, told, strict=True):
        event["tick"], event["what"], event["core"] = tick, kinds().index(kind), core
    return made


def test_parts_are_medians_without_what_the_marks_take_and_runs_unlike_the_others_do_not_count() -> None:
    def run(multiply: int) -> np.ndarray:
        ticks = (0, "leave", 0), (100, "operate", 0), (300, "layer", 0), (320, "multiply", 0)
        return events(*ticks, (320 + multiply, "leave", 0), (1000, "leave", 0))

    other = events((0, "leave", 0), (100, "operate", 0), (90000, "leave", 0))
    marks = SimpleNamespace(ticks_per_us=10.0, cost_ticks=20.0)
    found = parts([run(120), run(320), other, run(520)], marks)
    assert [(part.kind, part.layer, part.us) for part in found] == [
        ("leave", -1, 8.0), ("operate", -1, 18.0), ("layer", 0, 0.0), ("multiply", 0, 30.0), ("leave", -1, 34.0),
    ]  # fmt: skip


def test_a_hand_over_tells_when_the_other_thread_came_and_how_long_the_caller_waited() -> None:
    told = [
        *[(0, "leave", 0), (100, "share", 0), (110, "piece", 0), (150, "piece", 1)],
        *[(210, "done", 0), (290, "done", 1), (300, "join", 0)],
        *[(400, "share", 0), (410, "piece", 0), (510, "done", 0), (520, "join", 0), (600, "leave", 0)],
    ]
    first, second = hand_overs(events(*told), 10.0)
    assert (first.began_us, first.took_us, first.woke_us, first.waited_us) == (10.0, 20.0, 5.0, 9.0)
    assert second.woke_us is None and second.waited_us == 1.0
