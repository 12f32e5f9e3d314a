"""A converted model held against the one that it was made from."""

import numpy as np
import onnx
import onnxruntime
from onnx_nets import examples
from reference_ops import reference

from lth_edge.convert.sparse import to_sparse

LIMIT = 1e-5


def outputs_of(model, feeds):
    """What onnxruntime computes without optimisations, some of which round activations behind quantised weights."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.log_severity_level = 3
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, feeds)


def check(model, *shape, feeds=None, **settings):
    """Convert, check as a file would be, and compare on random inputs.

    Returns:
        what `to_sparse` gave.
    """
    before = model.SerializeToString()
    converted = to_sparse(model, **settings)
    assert model.SerializeToString() == before
    onnx.checker.check_model(converted.model, full_check=True)
    given = {tensor.name for tensor in model.graph.initializer} if model.ir_version < 4 else set()
    assert [v for v in model.graph.input if v.name not in given] == list(converted.model.graph.input)
    assert list(model.graph.output) == list(converted.model.graph.output)
    feeds = {"input": examples(*shape)} if feeds is None else feeds
    for expected, found in zip(outputs_of(model, feeds), reference(converted.model, feeds), strict=True):
        assert expected.shape == found.shape and expected.dtype == found.dtype
        largest = np.abs(expected).max(initial=0) or 1
        assert np.abs(expected - found).max(initial=0) <= LIMIT * largest
    return converted


def ops(converted):
    """Kinds of the nodes, in order."""
    return [node.op_type for node in converted.model.graph.node]


def attributes(node):
    return {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
