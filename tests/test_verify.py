"""The proof: over examples of every class, every output, and flips counted whatever the shape of the targets."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from onnx import helper
from sklearn.datasets import load_digits
from torch import nn

from lth_edge.convert.model_file import save_model
from lth_edge.errors import ProofError
from lth_edge.export.onnx_export import export_onnx
from lth_edge.tasks.build import make_task
from lth_edge.tasks.examples import TensorExamples, some
from lth_edge.tasks.task import Task
from lth_edge.verify import flipped, prove

DIGITS = load_digits()
X = torch.from_numpy((DIGITS.data / 16).astype(np.float32)[:300])
Y = torch.from_numpy(DIGITS.target[:300].astype(np.int64))


class Two(nn.Module):
    """Scores, and a second output."""

    def __init__(self) -> None:
        super().__init__()
        self.scores, self.ink = nn.Linear(64, 10), nn.Linear(64, 1)

    def forward(self, x):
        return self.scores(x), self.ink(x)


def sorted_by_class(count: int = 30) -> TensorExamples:
    return TensorExamples((torch.arange(10 * count),), (torch.arange(10).repeat_interleave(count),))


@pytest.mark.parametrize("count", [10, 64, 256])
def test_some_examples_of_data_sorted_by_class_are_of_every_class_alike(count: int) -> None:
    counts = some(sorted_by_class(), count).targets[0].bincount(minlength=10)
    assert int(counts.sum()) == count and int(counts.max() - counts.min()) <= 1


@pytest.mark.parametrize("count", [300, 999])
def test_some_are_all_where_there_are_no_more(count: int) -> None:
    assert some(sorted_by_class(), count).batch(torch.arange(300))[0][0].tolist() == list(range(300))


@pytest.fixture(scope="module")
def task() -> Task:
    return make_task(Two, (X, Y), loss=lambda found, y: nn.functional.cross_entropy(found[0], y), metric="accuracy")


@pytest.fixture
def exported(task: Task, tmp_path: Path) -> Path:
    save_model(export_onnx(task, task.network(0), None, opset=18).model, tmp_path / "two.onnx")
    return tmp_path / "two.onnx"


def test_the_proof_sees_every_class_of_data_sorted_by_class(task: Task, exported: Path) -> None:
    order = Y.argsort()
    examples = TensorExamples((X[order],), (Y[order],))
    wrong_on_the_last = task.network(0)
    far = examples.inputs[0][-1]
    original = wrong_on_the_last.forward

    def forward(x):
        scores, ink = original(x)
        return scores + (x == far).all(1, keepdim=True), ink

    wrong_on_the_last.forward = forward
    assert prove("dense", exported, task, task.network(0), examples, count=16).examples == 16
    with pytest.raises(ProofError, match=r"two\.onnx differs from PyTorch"):
        prove("dense", exported, task, wrong_on_the_last, examples, count=16)


def test_a_second_output_that_is_not_a_number_is_no_proof(task: Task, exported: Path, tmp_path: Path) -> None:
    model = onnx.load(exported)
    name = model.graph.output[1].name
    for node in model.graph.node:
        node.output[:] = ["finite" if output == name else output for output in node.output]
    model.graph.initializer.append(onnx.numpy_helper.from_array(np.float32(np.nan), "nan"))
    model.graph.node.append(helper.make_node("Add", ["finite", "nan"], [name]))
    onnx.save(model, tmp_path / "nan.onnx")
    with pytest.raises(ProofError, match="differs from PyTorch by nan"):
        prove("dense", tmp_path / "nan.onnx", task, task.network(0), task.splits.validation)


@pytest.mark.parametrize("shape", [(-1,), (-1, 1)], ids=["row", "column"])
def test_flips_are_counted_whatever_the_shape_of_the_targets(task: Task, shape: tuple[int, ...]) -> None:
    two_classes = replace(task, labels=("no", "yes"))
    targets = np.array([0, 0, 1, 1, 1]).reshape(shape)
    dense, other = (np.float32(logits)[:, None] for logits in ([-1, 1, 1, -1, 1], [-1, -1, 1, 1, -1]))
    assert flipped(two_classes, dense, other, targets) == {"gained": 2, "lost": 1}


def test_without_classes_no_flips_are_counted(task: Task) -> None:
    assert flipped(replace(task, labels=()), X.numpy(), X.numpy(), Y.numpy()) is None
