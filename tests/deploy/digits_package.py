"""A package with real data and real kernels: a pruned network that tells scikit-learn's digits apart."""

from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from lth_edge.convert.model_file import save_model
from lth_edge.convert.sparse import to_sparse
from lth_edge.package.write import PackageContents, write_package
from lth_edge.runtime.library import library_path
from lth_edge.runtime.session import session

SPARSITY, EPOCHS = 0.8, 16
LABELS = tuple("0123456789")


def digits() -> tuple[np.ndarray, np.ndarray]:
    """Images, float32 [1797, 64] from 0 to 16, and the digit on each."""
    images, targets = load_digits(return_X_y=True)
    return images.astype(np.float32), targets


def write_digits_package(folder: Path) -> Path:
    """Write `folder/package`, whose sparse model needs kernels, for both Linux targets."""
    dense, sparse, images = folder / "ticket.onnx", folder / "sparse.onnx", digits()[0][:8]
    onnx.save(_pruned_network(), dense)
    save_model(to_sparse(onnx.load(dense), min_sparsity=0.5).model, sparse)
    contents = PackageContents(
        name="mlp-digits",
        created="2026-11-26T10:00:00Z",
        kind="winning ticket",
        form="sparse",
        model=sparse,
        fallback=dense,
        inputs={"image": images},
        outputs={"scores": session(dense).run(None, {"image": images})[0]},
        metric={"name": "accuracy", "unit": "%", "higher_is_better": True},
        opset=18,
        ir_version=8,
        recipe_hash="0123456789ab",
        labels=LABELS,
        libraries={target: library_path(target) for target in ("linux-x86_64", "linux-aarch64")},
    )
    write_package(folder / "package", contents)
    return folder / "package"


def _trained() -> MLPClassifier:
    """Trained, pruned by magnitude, and trained on with what is left."""
    network, kept = MLPClassifier((256,), random_state=0), None
    for epoch in range(EPOCHS):
        network.partial_fit(*digits(), classes=range(10))
        if epoch == EPOCHS // 2:
            kept = [np.abs(weight) >= np.quantile(np.abs(weight), SPARSITY) for weight in network.coefs_]
        if kept:
            network.coefs_ = [weight * mask for weight, mask in zip(network.coefs_, kept, strict=True)]
    return network


def _pruned_network() -> onnx.ModelProto:
    """image [N, 64] -> scores [N, 10], its smallest weights zero."""
    fitted = _trained()
    weights = [weight.astype(np.float32) for weight in fitted.coefs_]
    biases = [bias.astype(np.float32) for bias in fitted.intercepts_]
    nodes = [
        helper.make_node("Gemm", ["image", "w0", "b0"], ["sums"]),
        helper.make_node("Relu", ["sums"], ["hidden"]),
        helper.make_node("Gemm", ["hidden", "w1", "b1"], ["scores"]),
    ]
    named = {"w0": weights[0], "b0": biases[0], "w1": weights[1], "b1": biases[1]}
    graph = helper.make_graph(
        nodes,
        "digits",
        [helper.make_tensor_value_info("image", TensorProto.FLOAT, ["N", 64])],
        [helper.make_tensor_value_info("scores", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(array, name) for name, array in named.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
