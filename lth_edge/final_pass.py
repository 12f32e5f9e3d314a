"""The one pass over the test set: all levels, controls and files, when everything has been decided.

Of a level both the checkpoint that is shipped and the weights after the last step are evaluated. Results are kept in
test.json, keyed by the hash of what was evaluated, with a line for each time the test set was opened. The same command
again opens nothing.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from lth_edge.files import file_hash, read_json, write_json
from lth_edge.find.evaluate import evaluate
from lth_edge.find.feed import Feed
from lth_edge.find.level import Level
from lth_edge.find.search import Stage
from lth_edge.find.train import load
from lth_edge.tasks.examples import Examples
from lth_edge.tasks.metrics import recall_per_class
from lth_edge.tasks.task import Task, bare
from lth_edge.ticket import load_weights
from lth_edge.verify import file_outputs, flipped, targets_of

LevelKey = tuple[int, int, str]


@dataclass(frozen=True)
class TestResults:
    """What the test set says.

    Attributes:
        levels: (seed, level, control) -> {"loss", "metric"} of the checkpoint that is shipped.
        ends: the same of the weights after the last step.
        forms: form -> {"metric", "recall", "flips"}.
        openings: when and why the test set was opened, over the life of the run.
    """

    levels: dict[LevelKey, dict[str, float]] = field(default_factory=dict)
    ends: dict[LevelKey, dict[str, float]] = field(default_factory=dict)
    forms: dict[str, dict[str, Any]] = field(default_factory=dict)
    openings: list[str] = field(default_factory=list)

    __test__ = False  # not a test case, whatever its name looks like


def final_pass(stage: Stage, folder: Path, levels: Sequence[Level], forms: Mapping[str, Path]) -> TestResults:
    """Evaluate on the test set whatever test.json does not hold yet; without a test set, nothing.

    Args:
        forms: form -> file; the first is the dense baseline that flips are counted against.
    """
    if stage.task.splits.test is None:
        return TestResults()
    place = folder / "test.json"
    known = read_json(place) if place.exists() else {"openings": [], "levels": {}, "forms": {}}
    shipped, ends = (
        {_level_key(level): level.folder / name for level in levels}
        for name in ("weights.safetensors", "end.safetensors")
    )
    digests = {path: file_hash(path) for path in (*shipped.values(), *ends.values())}
    form_keys = {name: file_hash(path) for name, path in forms.items()}
    # Equal weights are one entry, whatever their file is called.
    stale = {digest: path for path, digest in digests.items() if digest not in known["levels"]}
    if stale or any(form_keys[name] not in known["forms"] for name in forms):
        what = f"{len({path.parent for path in stale.values()})} levels and {len(forms)} files"
        known["openings"].append(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {what}")
        # Written before the reading: a pass that is killed half-way has been a reading all the same.
        write_json(place, known)
        stage.progress.line(f"test set: opened for the final pass over {what}")
        examples = stage.task.splits.test.open(what)
        known["levels"] |= _levels(stage, examples, stale)
        known["forms"] |= {form_keys[name]: result for name, result in _forms(stage.task, examples, forms).items()}
        write_json(place, known)
    return TestResults(
        levels={key: known["levels"][digests[path]] for key, path in shipped.items()},
        ends={key: known["levels"][digests[path]] for key, path in ends.items()},
        forms={name: known["forms"][digest] for name, digest in form_keys.items()},
        openings=known["openings"],
    )


def validation_metrics(task: Task, forms: Mapping[str, Path]) -> dict[str, float]:
    """What each file is worth on validation data: the choice among forms rests on it."""
    examples = task.splits.validation
    targets = targets_of(examples)
    return {name: task.metric(bare(file_outputs(path, task, examples)), targets) for name, path in forms.items()}


def _level_key(level: Level) -> LevelKey:
    return int(level.facts["seed"]), level.number, str(level.facts["control"])


def _levels(stage: Stage, examples: Examples, checkpoints: Mapping[str, Path]) -> dict[str, dict[str, float]]:
    feed = Feed(examples, stage.task.preprocess, stage.device)
    network = stage.task.network(0).to(stage.device)
    results = {}
    for digest, path in checkpoints.items():
        load(network, load_weights(path))
        found = evaluate(stage.task, network, feed)
        results[digest] = {"loss": found.loss, "metric": found.metric}
    return results


def _forms(task: Task, examples: Examples, forms: Mapping[str, Path]) -> dict[str, dict[str, Any]]:
    targets = targets_of(examples)
    outputs = {name: file_outputs(path, task, examples) for name, path in forms.items()}
    dense = next(iter(outputs.values()))
    results: dict[str, dict[str, Any]] = {}
    for name, found in outputs.items():
        first = targets if isinstance(targets, np.ndarray) else targets[0]
        results[name] = {
            "metric": task.metric(bare(found), targets),
            "recall": _recall(task, found[0], first),
            "flips": None if found is dense else flipped(task, dense[0], found[0], first),
        }
    return results


def _recall(task: Task, outputs: Any, targets: Any) -> dict[str, float] | None:
    if not task.classifies:
        return None
    names = task.labels or tuple(str(i) for i in range(int(targets.max()) + 1))
    return {names[c]: value for c, value in recall_per_class(outputs, targets).items()}
