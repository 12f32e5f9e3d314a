"""How many bytes a ticket takes in each form, and what it is worth there: rows of benchmarks/results/size.csv.

    python -m benchmarks.size.measure --data-dir DIR --nncodec PYTHON [--network lenet-5] [--seeds 0,1,2]

Rows of the same network, data, seed and sparsity are replaced. `factor` is over the dense fp32 weights, 4 bytes a
parameter; accuracies are in percent of the test images, `ticket_test_accuracy` with fp32 values. The row `dense` is the
network before it was pruned. `sparse` holds its weights coded with all contexts, `sparse-fast` with some,
`sparse-plain` as arrays. `nncodec` is the smallest of its steps within the same loss as ours; PYTHON is that of its
environment (nnc.py).
The download forms are .lthe files of ticket.onnx alone, what `lth-edge pack ticket.onnx` writes.
"""

from collections.abc import Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from torch import nn

from benchmarks.size.nnc import nncodec
from benchmarks.size.opponents import compressed, deep_compression, sparse_files
from benchmarks.size.rows import Row, write_rows
from benchmarks.size.subjects import BATCH, SUBJECTS, options
from benchmarks.size.train import DENSE, tickets
from lth_edge.codec.container import write_container
from lth_edge.convert.coded_weights import held_as
from lth_edge.convert.compact import remove_dead_units
from lth_edge.convert.model_file import save_model
from lth_edge.convert.reorder import reorder_units
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.standard import to_standard
from lth_edge.export.onnx_export import Exported, export_onnx
from lth_edge.find.codebook import train_within_codebook
from lth_edge.find.defaults import fill_in
from lth_edge.find.evaluate import evaluate
from lth_edge.find.search import Stage
from lth_edge.find.train import load
from lth_edge.progress import Silent
from lth_edge.recipe import Recipe, SparseWeights
from lth_edge.sparse.quantize import Values
from lth_edge.storage import candidates, choose_storage, sparse_values
from lth_edge.tasks.examples import Examples
from lth_edge.tasks.task import Task, bare
from lth_edge.ticket import Ticket, Weights
from lth_edge.verify import file_outputs, targets_of

RESULTS = Path(__file__).parents[1] / "results" / "size.csv"
COLUMNS = ("network", "data", "seed", "sparsity", "form", "bytes", "factor", "ticket_test_accuracy", "test_accuracy")
KEY = ("network", "data", "seed", "sparsity")
SPARSE_FORMS: dict[str, SparseWeights] = {"sparse": "best", "sparse-fast": "fast", "sparse-plain": "plain"}


def rows_of(stage: Stage, seed: int, sparsity: float, ticket: Ticket, test: Examples, python: Path) -> Iterator[Row]:
    """A row for each form of one ticket; `python` is that of NNCodec's environment."""
    task = stage.task

    def export(weights: Weights) -> Exported:
        exported = export_onnx(task, _network(task, weights), ticket.mask, 18)
        smaller = remove_dead_units(exported.model, exported.masks)
        turned = reorder_units(smaller.model, smaller.masks)
        return Exported(turned.model, turned.masks)

    exact = export(ticket.weights)
    with TemporaryDirectory() as name:
        recipe = stage.recipe.store
        offered = candidates(ticket.weights, export, recipe, partial(train_within_codebook, stage, ticket))
        storage, chosen = choose_storage(task, offered, exact, recipe, Path(name))
        own, files = _own_forms(chosen.held, storage.values, Path(name))
        worth = {form: _accuracy(task, path, test) for form, path in files.items()}
        before = _accuracy(task, _saved(exact.model, Path(name) / "exact.onnx"), test)
        shared_bytes, shared = deep_compression(ticket.weights, ticket.mask)
        worth["deep-compression"] = _accuracy(task, _saved(export(shared).model, Path(name) / "shared.onnx"), test)
        masked, loss = ticket.mask.apply(ticket.weights), partial(_loss, stage, _worth(stage, ticket.weights))
        coded_bytes, decoded = nncodec(masked, python, loss, recipe.storage_loss)
        filled = export_onnx(task, _network(task, decoded), None, 18)  # its quantiser may fill zeros in
        worth["nncodec"] = _accuracy(task, _saved(filled.model, Path(name) / "nncodec.onnx"), test)
    others = compressed(exact.to_bytes()) | sparse_files(ticket.weights, ticket.mask)
    others |= {"deep-compression": shared_bytes, "nncodec": coded_bytes}
    how = storage.values + (" trained" if storage.trained else "")
    tried = ", ".join(f"{t.values}{' trained' if t.trained else ''} {t.loss:.2f}" for t in storage.trials)
    print(
        f"{task.model} seed {seed} at {sparsity:.0%}: {how}; lost on validation data: {tried}; "
        f"{before:.2f} -> {worth['standard']:.2f} % of test images, {own}",
        flush=True,
    )
    for form, size in (own | others).items():
        after = worth.get(form, worth["standard"] if form in own else before)
        yield _row(task, seed, sparsity, form, size, before, after)


def dense_row(task: Task, seed: int, dense: Ticket, test: Examples) -> Row:
    """The network before it was pruned."""
    with TemporaryDirectory() as name:
        exported = export_onnx(task, _network(task, dense.weights), None, 18)
        worth = _accuracy(task, _saved(exported.model, Path(name) / "dense.onnx"), test)
    return _row(task, seed, DENSE, "dense", 4 * _parameters(task), worth, worth)


def _row(task: Task, seed: int, sparsity: float, form: str, size: int, before: float, after: float) -> Row:
    facts = (task.model, task.data, seed, f"{sparsity:.2f}", form, size, f"{4 * _parameters(task) / size:.2f}")
    return dict(zip(COLUMNS, (*facts, f"{before:.2f}", f"{after:.2f}"), strict=True))


def _parameters(task: Task) -> int:
    return sum(p.numel() for p in task.network(0).parameters())


def _network(task: Task, weights: Weights) -> nn.Module:
    network = task.network(0)
    load(network, weights)
    return network


def _own_forms(held: Exported, values: Values, folder: Path) -> tuple[dict[str, int], dict[str, Path]]:
    """Bytes of each form of ours, and the files that are run."""
    files = {"standard": _saved(to_standard(held.model, held.masks), folder / "ticket.onnx")}
    sparse = to_sparse(held.model, held.masks, values=sparse_values(values)).model
    for form, weights in SPARSE_FORMS.items():
        files[form] = _saved(held_as(sparse, weights), folder / f"{form}.onnx")
    sizes = {form: path.stat().st_size for form, path in files.items()}
    content = {"ticket.onnx": files["standard"].read_bytes()}
    for profile in ("fast", "best"):
        sizes[f"download-{profile}"] = len(write_container(content, best=profile == "best"))
    return sizes, files


def _loss(stage: Stage, before: float, weights: Weights) -> float:
    """How much worse than `before` on validation data."""
    return stage.task.metric.loss_against(_worth(stage, weights), before)


def _worth(stage: Stage, weights: Weights) -> float:
    """The metric on validation data."""
    return evaluate(stage.task, _network(stage.task, weights), stage.validation_feed).metric


def _saved(model: Any, path: Path) -> Path:
    save_model(model, path)
    return path


def _accuracy(task: Task, path: Path, test: Examples) -> float:
    return task.metric(bare(file_outputs(path, task, test)), targets_of(test))


def main() -> None:
    parser = options(__doc__, network="lenet-5", seeds="0,1,2")
    parser.add_argument("--nncodec", type=Path, required=True, metavar="PYTHON", help="of NNCodec's environment")
    parser.add_argument("--store", default="auto", help="how values are stored, as `lth-edge compress --store` says")
    given = parser.parse_args()
    torch.set_num_threads(1)
    subject = SUBJECTS[given.network]
    task = subject.task(given.data_dir)
    train = {
        "steps": subject.codebook_steps,
        "batch_size": BATCH,
        "learning_rate": subject.rate,
        "milestones": [0.3, 0.5, 0.65, 0.8, 0.9],
        "gamma": 0.4,
        "augment": "none",
        "evaluate_every": subject.codebook_steps // 20,  # as `lth-edge compress` does
    }
    recipe = replace(Recipe().replace({"train": train, "store": {"store": given.store}}), task=task.recipe)
    stage = Stage.of(task, fill_in(recipe, task), "cpu", Silent())
    assert task.splits.test is not None, "each of these data sets has one"
    test = task.splits.test.open("the sizes' accuracies")
    for seed in map(int, given.seeds.split(",")):
        for sparsity, ticket in tickets(task, subject, seed, given.cache):
            is_dense = sparsity == DENSE
            rows = (
                [dense_row(task, seed, ticket, test)]
                if is_dense
                else list(rows_of(stage, seed, sparsity, ticket, test, given.nncodec))
            )
            write_rows(RESULTS, COLUMNS, rows, KEY)


if __name__ == "__main__":
    main()
