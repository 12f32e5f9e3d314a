"""The product in one function: a network goes in, a ticket that runs, with proof, comes out."""

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import torch

from lth_edge import findings
from lth_edge.bench.machine import machine
from lth_edge.bench.measure import bench
from lth_edge.bench.verdicts import best_form, verdicts
from lth_edge.errors import InputError, reason
from lth_edge.final_pass import final_pass, validation_metrics
from lth_edge.find.at_once import check_jobs
from lth_edge.find.choose import Choice, choose
from lth_edge.find.codebook import train_within_codebook
from lth_edge.find.defaults import fill_in, why_rewind
from lth_edge.find.level import Level
from lth_edge.find.own import OwnLoop, own_trainer
from lth_edge.find.search import Budget, Found, Stage, repeatable
from lth_edge.find.seeds import find_all, train_controls
from lth_edge.find.train import train
from lth_edge.forecast import forecast
from lth_edge.forms import Stored, make_baseline, store_ticket
from lth_edge.package.ship import ship
from lth_edge.progress import Progress, Silent
from lth_edge.recipe import Recipe
from lth_edge.report.report import Report
from lth_edge.report.sizes import package_row
from lth_edge.run import Run, folder_of, look_at_run, open_run
from lth_edge.tasks.build import load_task
from lth_edge.tasks.examples import some
from lth_edge.tasks.task import Task
from lth_edge.ticket import Array, Ticket

VECTOR_EXAMPLES = 4
"""Examples in a package's test vector."""


def compress(
    recipe: Recipe,
    out: Path | None = None,
    *,
    task: Task | None = None,
    loop: OwnLoop | None = None,
    progress: Progress | None = None,
) -> Report:
    """Find a winning ticket and ship it: the whole product.

    Args:
        recipe: what to do; the same recipe goes on where a killed call stopped.
        out: the run's folder; by default `lth-edge-runs/TASK-HASH`.
        task: in place of the one that `recipe.task` names.
        loop: the user's training function, see `lth_edge.find.own`.

    Returns:
        The report; its "chosen" is `None` where no pruned level is within tolerance, the curve is there all the same.

    Raises:
        LthEdgeError: see `lth_edge.errors`.
    """
    progress = progress or Silent()
    check_jobs(recipe, own_task=task is not None, own_loop=loop is not None)
    task = task or load_task(recipe.task)
    recipe = fill_in(recipe, task, own_loop=loop is not None)
    with open_run(out, recipe, task.fingerprint(loop), task.name) as begun:
        stage, run = prepare(task, recipe, begun, loop, progress)  # export, prove, time: before any training
        budget = Budget(recipe.find.budget_seconds)
        searches = find_all(stage, run.seed, budget)  # dense, then train -> prune -> rewind, level by level
        choice = choose(task, searches)  # the sparsest within tolerance, on validation data
        controls = list(train_controls(stage, run.seed, searches, choice, budget))
        run.clear_results()
        baseline = make_baseline(task, _dense(searches, choice).ticket(), recipe.store, run.files)
        stored = _store(stage, choice.level.ticket(), run) if choice else None
        paths = baseline.paths | (stored.paths if stored else {})
        validation = validation_metrics(task, paths)
        measured_on = machine()
        progress.line(f"measuring {', '.join(paths)} in {recipe.bench.processes} processes")
        measured = bench(paths, {size: _inputs(task, size) for size in (1, recipe.bench.bench_batch)}, recipe.bench)
        levels = [level for search in searches for level in search.levels]
        tested = final_pass(stage, run.folder, [*levels, *controls], paths)  # the test set is read here, once
        report = findings.search_sections(stage, run, searches, controls, choice, tested, measured_on)
        report |= findings.file_sections(baseline, stored, validation, tested, measured)
        vector = _inputs(task, VECTOR_EXAMPLES)
        report["package"] = ship(run.folder, report, best_form(report), paths, vector, task.licenses)
        report["sizes"].append(package_row(report["sizes"], "package.zip", report["package"]["bytes"]))
        report["verdicts"] = verdicts(report)
        return Report(report).save(run.folder)


def preview(recipe: Recipe, out: Path | None = None, progress: Progress | None = None) -> list[str]:
    """What `compress` would do, and the forecast, in words, as `--dry-run` gives it; nothing is trained or written.

    Raises:
        LthEdgeError: what `compress` would refuse before it trains.
    """
    check_jobs(recipe, own_task=False, own_loop=False)
    task = load_task(recipe.task)
    recipe = fill_in(recipe, task)
    begun = look_at_run(folder_of(out, recipe, task.name), recipe, task.fingerprint(None))
    recipe = recipe.replace({"train": begun.pins})
    stage = Stage.of(task, recipe, device_of(recipe.train.device), progress or Silent())
    splits, settings = task.splits, recipe.train
    seeds, preset = ", ".join(map(str, recipe.find.seeds)), recipe.task.preset
    return [
        f"network: {task.model} on {task.data}, seeds {seeds}" + (f", preset {preset}" if preset else ""),
        f"folder: {begun.folder}, {_progress(begun)}",
        *forecast(stage, own_loop=False).lines(),
        f"data: {len(splits.train):,} training, {len(splits.validation):,} validation and "
        f"{0 if splits.test is None else len(splits.test):,} test examples ({splits.test_origin})",
        f"training: {settings.steps:,} steps of {settings.batch_size} a level, {settings.optimizer} at "
        f"{settings.learning_rate:g}; {why_rewind(recipe.find, task)}",
        "nothing was trained or written",
    ]


def _progress(run: Run) -> str:
    levels, controls = run.finished()
    words = f"{levels} finished level{'s' * (levels != 1)}"
    if controls:
        words += f" and {controls} control{'s' * (controls != 1)}"
    return f"which has {words}, not to be trained again" if levels else "new"


def prepare(task: Task, recipe: Recipe, run: Run, loop: OwnLoop | None, progress: Progress) -> tuple[Stage, Run]:
    """The stage of a search on pinned threads and device; the forecast is made once in the life of a run."""
    facts = run.facts
    device = device_of(facts.get("device") or recipe.train.device)
    repeatable(device)
    stage = Stage.of(task, recipe, device, progress, train if loop is None else own_trainer(loop))
    if "forecast" in facts:
        torch.set_num_threads(facts["forecast"]["threads"])
        return stage, run
    outlook = forecast(stage, own_loop=loop is not None)
    for line in outlook.lines():
        progress.line(line)
    return stage, run.pin(device=device, forecast=outlook.to_dict())


def device_of(wanted: str) -> str:
    """The device to train on.

    Raises:
        InputError: it is not there.
    """
    if wanted == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.zeros(1, device=wanted)
    except (RuntimeError, AssertionError) as error:
        raise InputError(f"the device {wanted!r} is not there: {reason(error)}", "use --device cpu") from error
    return wanted


def _store(stage: Stage, ticket: Ticket, run: Run) -> Stored:
    """The ticket's files; only lth-edge's own training can go on within a codebook."""
    retrain = partial(train_within_codebook, stage, ticket) if stage.trainer is train else None
    return store_ticket(stage.task, ticket, stage.recipe.store, run.files, retrain)


def _dense(searches: Sequence[Found], choice: Choice | None) -> Level:
    seed = choice.seed if choice else searches[0].seed
    return next(search.levels[0] for search in searches if search.seed == seed)


def _inputs(task: Task, count: int) -> dict[str, Array]:
    """Real raw inputs as a file takes them; examples repeat where there are too few."""
    examples = some(task.splits.validation, count)
    return task.feed(examples.batch(torch.arange(count) % len(examples))[0])
