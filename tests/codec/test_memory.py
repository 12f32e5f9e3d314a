"""Decoding a pruned network takes less than twice the memory of what comes of it."""

import tracemalloc

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from lth_edge.codec import native
from lth_edge.codec.container import read_container, write_container


@pytest.mark.skipif(native.library() is None, reason="this installation has no coder in its library")
def test_peak_memory_is_under_twice_the_decoded_size() -> None:
    random = np.random.default_rng(0)
    kept = random.random((1024, 2048)) < 0.1
    weight = np.where(kept, random.integers(1, 9, kept.shape), 0).astype(np.float32)
    graph = onnx.helper.make_graph([], "g", [], [], [numpy_helper.from_array(weight, "weight")])
    files = {"model.onnx": onnx.helper.make_model(graph).SerializeToString()}
    content = write_container(files, best=False)
    tracemalloc.start()
    try:
        assert read_container(content) == files
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 2 * len(files["model.onnx"])
