"""What pruning will gain on this machine, before anything is trained.

Speed depends on how many weights are left and hardly on which: the unpruned net with a random mask stands for the
ticket that may come, or where whole units are pruned, without a random choice of them. It is timed beside the dense
and the int8 file.
"""

import math
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import nn

from lth_edge.bench.choice import BASELINE, SPARSE
from lth_edge.bench.form_time import FormTime, form_times
from lth_edge.bench.inputs import save_feed
from lth_edge.bench.null_graph import null_graph
from lth_edge.bench.samples import latency_samples
from lth_edge.bench.wording import change, kilobytes, ratio
from lth_edge.convert.compact import remove_dead_units
from lth_edge.convert.model_file import save_model
from lth_edge.errors import InputError
from lth_edge.export.onnx_export import export_onnx
from lth_edge.find.controls import random_mask
from lth_edge.find.heads import without_lost_heads
from lth_edge.find.method import layer_rates, pruner_of, whole_mask
from lth_edge.find.prunable import Prunable, prunable
from lth_edge.find.train import load, weights_of
from lth_edge.forms import quantise, write_sparse
from lth_edge.recipe import FindRecipe, Recipe
from lth_edge.tasks.task import Task
from lth_edge.ticket import Mask
from lth_edge.verify import Proof, prove

ASSUMED_SPARSITY = 0.9
"""Where the recipe names none and its levels reach further: what many networks bear."""
ASSUMED_UNITS = 0.5
"""The same share of the weights where they leave in whole units."""
TICKET = "ticket"
"""The form whose graph itself is smaller."""
PROCESSES, SECONDS = 3, 0.2
"""Of timing; the fewest processes that make an interval of medians."""
CALIBRATION_EXAMPLES = 8
"""The speed of int8 does not depend on its ranges."""
PROVED_EXAMPLES = 32


@dataclass(frozen=True)
class Gain:
    """What to expect of a ticket.

    Attributes:
        sparsity: of the random mask.
        forms: dense first.
        missing: form -> why there is none.
        threads: of onnxruntime.
    """

    sparsity: float
    forms: tuple[FormTime, ...]
    missing: Mapping[str, str]
    threads: int

    def lines(self) -> list[str]:
        """One sentence a form, for people."""
        dense, *others = self.forms
        threads = "one thread" if self.threads == 1 else f"{self.threads} threads"
        return [
            f"dense takes {dense.p50_us:.0f} us in onnxruntime (batch 1, {threads}), in {kilobytes(dense.bytes)}",
            *(f"{self._named(form.form)} takes {form.p50_us:.0f} us, {_told(form, dense)}" for form in others),
            *(f"no {form} file: {why}" for form, why in self.missing.items()),
        ]

    def _named(self, form: str) -> str:
        told = {
            SPARSE: f"sparse with {self.sparsity:.1%} zeros (random mask)",
            TICKET: f"a graph without units that hold {self.sparsity:.1%} of the weights (random choice)",
        }
        return told.get(form, form)


def forecast_gain(task: Task, recipe: Recipe, network: nn.Module, layers: Prunable) -> tuple[Gain, Proof]:
    """Export the unpruned net dense, as int8 and with a random mask; prove dense and sparse, time all three.

    Args:
        layers: of the network.

    Returns:
        The gain, and the proof of the dense file.

    Raises:
        InputError: the network cannot be exported.
        ProofError: an exported file computes something else.
    """
    units = recipe.find.granularity == "unit"
    mask = expected_units(task, recipe.find, network) if units else expected_mask(recipe.find, layers)
    with tempfile.TemporaryDirectory(prefix="lth-edge-forecast-") as name:
        folder = Path(name)
        proof, paths, missing = _write(task, recipe, network, mask, folder)
        forms = _timed(task, recipe, paths, folder)
    return Gain(mask.sparsity, tuple(forms), missing, recipe.bench.bench_threads), proof


def expected_mask(recipe: FindRecipe, layers: Prunable) -> Mask:
    """A random mask of the sparsity asked for: each layer has lost its rate, level after level.

    A sparsity that the recipe names holds as far as its levels reach; without one, `ASSUMED_SPARSITY` does.
    """
    rates = layer_rates(layers, recipe)
    sizes = {name: math.prod(shape) for name, shape in layers.shapes.items()}
    wanted = (1 - (recipe.sparsity or ASSUMED_SPARSITY)) * sum(sizes.values())
    few, many = 0.0, float(recipe.levels)
    for _ in range(60):
        level = (few + many) / 2
        left = sum(size * (1 - rates[name]) ** level for name, size in sizes.items())
        few, many = (level, many) if left > wanted else (few, level)
    kept = {name: np.arange(size) < max(1, round(size * (1 - rates[name]) ** many)) for name, size in sizes.items()}
    return random_mask(Mask({name: kept[name].reshape(shape) for name, shape in layers.shapes.items()}), 0)


def expected_units(task: Task, recipe: FindRecipe, network: nn.Module) -> Mask:
    """A mask without a random choice of units, at the first level that takes the sparsity asked for, or the last."""
    layers = prunable(task, network)
    rates, pruner = layer_rates(layers, recipe), pruner_of(recipe, layers, network, task.model)
    generator, mask = np.random.default_rng(0), whole_mask(layers)
    drawn = {name: generator.standard_normal(shape) for name, shape in layers.shapes.items()}
    for _ in range(recipe.levels):
        mask = pruner(drawn, mask, rates)
        if mask.sparsity >= (recipe.sparsity or ASSUMED_UNITS):
            break
    return mask


def _write(
    task: Task, recipe: Recipe, network: nn.Module, mask: Mask, folder: Path
) -> tuple[Proof, dict[str, Path], dict[str, str]]:
    """The proof of the dense file, the files by form, and why a form is missing."""
    paths, missing = {BASELINE: folder / "dense.onnx"}, {}
    save_model(export_onnx(task, network, None, recipe.store.opset).model, paths[BASELINE])
    proof = prove(BASELINE, paths[BASELINE], task, network, task.splits.train, PROVED_EXAMPLES)
    try:
        quantise(task, paths[BASELINE], folder / "int8.onnx", CALIBRATION_EXAMPLES)
        paths["int8"] = folder / "int8.onnx"
    except InputError as error:
        missing["int8"] = error.message
    masked = task.network(recipe.find.seeds[0])
    load(masked, mask.apply(weights_of(network)))
    form = TICKET if recipe.find.granularity == "unit" else SPARSE
    paths[form] = folder / f"{form}.onnx"
    try:
        _write_pruned(form, task, masked, mask, recipe.store.opset, paths[form])
        prove(form, paths[form], task, masked, task.splits.train, PROVED_EXAMPLES)
    except InputError as error:
        del paths[form]
        missing[form] = error.message
    return proof, paths, missing


def _write_pruned(form: str, task: Task, masked: nn.Module, mask: Mask, opset: int, path: Path) -> None:
    if form == SPARSE:
        write_sparse(export_onnx(task, masked, mask, opset), path)
        return
    exported = export_onnx(task, *without_lost_heads(masked, mask), opset)
    save_model(remove_dead_units(exported.model, exported.masks).model, path)


def _timed(task: Task, recipe: Recipe, paths: Mapping[str, Path], folder: Path) -> list[FormTime]:
    null = folder / "null.onnx"
    null.write_bytes(null_graph())
    feed = save_feed(folder / "1.npz", task.feed(task.splits.train.batch(torch.arange(1))[0]))
    settings = replace(recipe.bench, processes=PROCESSES, seconds=SECONDS)
    return form_times(paths, latency_samples(paths, {"1": feed}, null, settings))


def _told(form: FormTime, dense: FormTime) -> str:
    size = ratio(dense.bytes / form.bytes, "smaller", "larger")
    return f"{change(form.speedup)}, in {kilobytes(form.bytes)}: {size}"
