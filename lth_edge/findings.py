"""What a run found: the sections of its report that come from the search, from the files and from the test set."""

import math
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import Any

from lth_edge.bench.evidence import RETRAINED
from lth_edge.bench.measure import Measurements
from lth_edge.codec.container import write_container
from lth_edge.errors import InputError
from lth_edge.final_pass import TestResults
from lth_edge.find.choose import Choice
from lth_edge.find.defaults import why_rewind
from lth_edge.find.level import Level
from lth_edge.find.prunable import prunable
from lth_edge.find.search import Found, Stage, device_name
from lth_edge.find.train import train
from lth_edge.forms import Baseline, Stored
from lth_edge.report import content
from lth_edge.report.against_dense import against_dense
from lth_edge.report.anchors import anchors_section
from lth_edge.report.sizes import TicketFacts, sizes
from lth_edge.run import Run
from lth_edge.tasks.task import Task


def kind_of(task: Task, choice: Choice | None) -> str:
    """What the outcome may be called: a ticket is won from the network's own initialisation."""
    if choice is None:
        return "no ticket within tolerance"
    if task.kept is not None:
        return RETRAINED
    if task.given is not None:
        return "pruned from trained weights"
    return "winning ticket" if choice.level.facts["retraining"] == "rewind" else "pruned, not rewound"


def search_sections(
    stage: Stage,
    run: Run,
    searches: Sequence[Found],
    controls: Sequence[Level],
    choice: Choice | None,
    tested: TestResults,
    measured_on: dict[str, Any],
) -> dict[str, Any]:
    """Header, task, search, machine, levels and layers."""
    task, recipe = stage.task, stage.recipe
    levels = [level for search in searches for level in search.levels]
    records = [_record(task, searches, level, tested) for level in (*levels, *controls)]
    rows = [record.to_dict() for record in records]
    name = f"{task.name}-{recipe.search_hash}"
    back = recipe.find
    if back.retraining == "rewind":  # the step that was kept, which a training loop of one's own may have named
        back = replace(back, rewind_step=searches[0].levels[0].facts["rewind_step"])
    return content.header(name, kind_of(task, choice), recipe.search_hash, recipe.to_dict()) | {
        "task": _task(task, tested),
        "find": {
            "method": recipe.find.find,
            "granularity": recipe.find.granularity,
            "retraining": recipe.find.retraining,
            "rewind_step": back.rewind_step,
            "why": why_rewind(back, task),
            "device": device_name(stage.device),
            "loop": "lth-edge's" if stage.trainer is train else "the user's own training function",
            "stopped": "; ".join(dict.fromkeys(search.stopped for search in searches)),
            "seconds": sum(level.facts["seconds"] for level in (*levels, *controls)),
        },
        "machine": measured_on,
        "forecast": run.facts["forecast"],
        "levels": rows,
        "curve": content.curve(rows),
        "anchors": anchors_section(recipe, rows),
        "against_dense": against_dense(content.curve(rows), rows, task.tolerance, task.metric.higher_is_better),
        "chosen": None if choice is None else _chosen(choice),
        "layers": [] if choice is None else content.layers(choice.level.mask()),
    }


def file_sections(
    baseline: Baseline,
    stored: Stored | None,
    validation: Mapping[str, float],
    tested: TestResults,
    measured: Measurements,
) -> dict[str, Any]:
    """CSR, compaction, proof, forms, sizes and measurements; the package comes last, when its form is chosen."""
    paths = baseline.paths | (stored.paths if stored else {})
    proofs = [baseline.proof, *(stored.proofs if stored else [])]
    rows = content.forms(paths, validation, tested.forms)
    others = {} if stored is None else _counted(stored)
    return {
        "csr": stored.csr if stored else None,
        "compact": stored.compact if stored else None,
        "storage": stored.storage.to_dict() if stored else None,
        "proof": {"examples": baseline.proof.examples, "forms": [proof.to_dict() for proof in proofs]},
        "forms": rows,
        "missing_forms": baseline.missing | (stored.missing if stored else {}),
        "sizes": sizes(rows, others, None if stored is None else _ticket_facts(stored)),
        "measurements": measured.to_dict(),
        "package": None,
    }


def _counted(stored: Stored) -> dict[str, int]:
    """Bytes of what is no file of the run: the ticket as others would hold it, and as a download."""
    counted = {"dense with zeros gzipped": stored.masked_gzip_bytes, "CSR": stored.csr["bytes"]}
    ticket = {"ticket.onnx": stored.paths["ticket"].read_bytes()}
    with suppress(InputError):  # it is larger than what can be coded here: that ends no run
        counted |= {f"ticket.lthe, {name}": len(write_container(ticket, name == "best")) for name in ("fast", "best")}
    return counted


def _ticket_facts(stored: Stored) -> TicketFacts:
    forms = {"CSR", *(f"ticket.lthe, {name}" for name in ("fast", "best")), *(p.name for p in stored.paths.values())}
    kept = sum(layer["nnz"] for layer in stored.csr["layers"])
    return TicketFacts(kept, stored.csr["limit_bits"], frozenset(forms), stored.storage.values != "fp32")


def _record(task: Task, searches: Iterable[Found], level: Level, tested: TestResults) -> content.LevelRecord:
    seed = level.facts["seed"]
    dense = next(search.levels[0] for search in searches if search.seed == seed)
    key = (int(seed), level.number, str(level.facts["control"]))
    within = task.within_tolerance(level.metric, dense.metric)
    return content.LevelRecord(level.facts, tested.levels.get(key), tested.ends.get(key), within)


def _task(task: Task, tested: TestResults) -> dict[str, Any]:
    network = task.network(0)
    splits = task.splits
    return {
        "model": task.model,
        "data": task.data,
        "metric": {
            "name": task.metric.name,
            "unit": task.metric.unit,
            "higher_is_better": task.metric.higher_is_better,
        },
        "tolerance": task.tolerance,
        "labels": list(task.labels),
        "examples": {
            "train": len(splits.train),
            "validation": len(splits.validation),
            "test": 0 if splits.test is None else len(splits.test),
        },
        "test_set": splits.test_origin,
        "test_reads": len(tested.openings),
        "test_openings": tested.openings,
        "parameters": sum(p.numel() for p in network.parameters()),
        "prunable": sum(math.prod(shape) for shape in prunable(task, network).shapes.values()),
    }


def _chosen(choice: Choice) -> dict[str, Any]:
    facts = choice.level.facts
    return {key: facts[key] for key in ("level", "sparsity", "weights_left")} | {
        "seed": choice.seed,
        "why": choice.why,
    }
