"""A package of a small network, and the means to damage it."""

import dataclasses
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from pets_network import LABELS, PIXELS, save_network, save_two_inputs, scores

from lth_edge.convert.model_file import save_model
from lth_edge.convert.sparse import to_sparse
from lth_edge.package.manifest import MANIFEST, SUMS, FileRecord, Manifest, sums
from lth_edge.package.write import PackageContents, write_package
from lth_edge.runtime.library import library_path, this_machine


@pytest.fixture
def contents(tmp_path: Path) -> PackageContents:
    save_network(tmp_path / "ticket.onnx")
    save_network(tmp_path / "plain.onnx", split=True)
    return PackageContents(
        name="mlp-pets-0123456789ab",
        created="2026-11-22T10:00:00Z",
        kind="winning ticket",
        form="ticket",
        model=tmp_path / "ticket.onnx",
        fallback=tmp_path / "plain.onnx",
        inputs={"pixels": PIXELS},
        outputs={"scores": scores(PIXELS)},
        metric={"name": "accuracy", "unit": "%", "higher_is_better": True},
        opset=18,
        ir_version=8,
        recipe_hash="0123456789ab",
        labels=LABELS,
        figures={"test accuracy (%)": 97.51234, "latency (us)": {"batch 1": 5.25}},
        license_weights="Apache-2.0",
        license_data="CC-BY-4.0",
    )


@pytest.fixture
def package(tmp_path: Path, contents: PackageContents) -> Path:
    """The folder of a written package; its zip lies beside it."""
    write_package(tmp_path / "package", contents)
    return tmp_path / "package"


@pytest.fixture
def sparse_contents(tmp_path: Path, contents: PackageContents) -> PackageContents:
    """The same network in lth-edge's kernels, for this machine and one that is none."""
    save_model(to_sparse(onnx.load(contents.model), min_sparsity=0).model, tmp_path / "sparse.onnx")
    (tmp_path / "lth_edge.dll").write_bytes(b"of another machine")
    libraries = {this_machine(): library_path(), "amiga-m68k": tmp_path / "lth_edge.dll"}
    return dataclasses.replace(contents, form="sparse", model=tmp_path / "sparse.onnx", libraries=libraries)


@pytest.fixture
def sparse_package(tmp_path: Path, sparse_contents: PackageContents) -> Path:
    """The folder of a package whose model needs the kernels beside it."""
    write_package(tmp_path / "sparse", sparse_contents)
    return tmp_path / "sparse"


@pytest.fixture
def two_inputs(tmp_path: Path, contents: PackageContents) -> Path:
    """The folder of a package with two inputs and three outputs, its own fallback, no labels."""
    save_two_inputs(tmp_path / "two.onnx")
    left, right = np.float32([[1, 2], [5, 0]]), np.float32([[1, 1], [0, 0]])
    pair = dataclasses.replace(
        contents,
        model=tmp_path / "two.onnx",
        fallback=tmp_path / "two.onnx",
        inputs={"left": left, "right": right},
        outputs={"total": left + right, "larger": np.array([1, 0]), "product": left * right},
        labels=(),
    )
    write_package(tmp_path / "pair", pair)
    return tmp_path / "pair"


@pytest.fixture
def forge() -> Callable[..., None]:
    """Change a package as someone would who also mends its hashes."""
    return _forge


def _forge(folder: Path, **changes: Any) -> None:
    content = json.loads((folder / MANIFEST).read_text()) | changes
    for name in content["files"]:
        data = (folder / name).read_bytes()
        content["files"][name] = dataclasses.asdict(FileRecord(sha256(data).hexdigest(), len(data)))
    text = json.dumps(content).encode()
    (folder / MANIFEST).write_bytes(text)
    (folder / SUMS).write_text(sums(text, Manifest.from_json(text).files))
