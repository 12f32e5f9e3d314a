"""A package of a small network, and the means to damage it."""

import dataclasses
import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pets_network import LABELS, PIXELS, save_network, save_two_inputs, scores

from lth_edge.package.manifest import MANIFEST, SUMS, FileRecord, Manifest, sums
from lth_edge.package.write import PackageContents, write_package


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
