"""Several seeds trained at once: small networks leave cores idle, and more threads do not help them.

Each seed gets a process of its own (`lth_edge.find.seed_process`), which leaves finished levels where this process
reads them back. On one GPU the processes share it.
"""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import torch

from lth_edge import errors
from lth_edge.errors import LthEdgeError, RecipeError
from lth_edge.find.search import Stage
from lth_edge.progress import Silent
from lth_edge.recipe import Recipe

_COMMAND = [sys.executable, "-m", "lth_edge.find.seed_process"]


def check_jobs(recipe: Recipe, named: bool) -> None:
    """What cannot be done seed by seed, each on its own.

    Args:
        named: the recipe alone names the task and its training, so that another process finds them too.

    Raises:
        RecipeError: several jobs are asked for all the same.
    """
    if recipe.train.jobs == 1:
        return
    asked = f"--jobs {recipe.train.jobs}"
    if not named:
        raise RecipeError(f"{asked} needs a task that the recipe names", "name model and data in it")
    one_by_one = {"--budget": recipe.find.budget is not None, "--find auto": recipe.find.find == "auto"}
    for option in (name for name, wanted in one_by_one.items() if wanted):
        raise RecipeError(
            f"{option} goes from seed to seed, {asked} trains them at once", f"leave {option} or --jobs away"
        )


def train_at_once(
    stage: Stage, folder: Callable[[int], Path], controls: Sequence[int], levels_told: bool = True
) -> Stage:
    """Train the levels of all seeds, and their controls at some levels; nothing where one job at a time is wanted.

    Args:
        folder: where a seed's levels lie.
        levels_told: say of each level that it is trained, or was there already.

    Returns:
        The stage to read them back with; it does not say again that they are there.

    Raises:
        LthEdgeError: what stopped one of the processes; the others are stopped too, and finished levels stay.
    """
    jobs, seeds = min(stage.recipe.train.jobs, len(stage.recipe.find.seeds)), stage.recipe.find.seeds
    if jobs == 1:
        return stage
    begun: list[subprocess.Popen[str]] = []
    with ThreadPoolExecutor(jobs) as pool:
        job_of = partial(_job, stage, controls, levels_told)
        waiting = [pool.submit(_run, job_of(seed, folder(seed)), begun, stage.progress.line) for seed in seeds]
        try:
            for ended in as_completed(waiting):
                ended.result()
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            for process in begun:
                process.kill()
            raise
    return replace(stage, progress=Silent())


def _job(stage: Stage, controls: Sequence[int], levels_told: bool, seed: int, folder: Path) -> dict[str, Any]:
    return {
        "recipe": stage.recipe.to_dict(),
        "seed": seed,
        "folder": str(folder),
        "controls": list(controls),
        "levels_told": levels_told,
        "device": str(stage.device),
        "threads": torch.get_num_threads(),
    }


def _run(job: dict[str, Any], begun: list[subprocess.Popen[str]], news: Callable[[str], None]) -> None:
    pipe = subprocess.PIPE
    process = subprocess.Popen(_COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, text=True, env=_environment())
    begun.append(process)
    assert process.stdin and process.stdout and process.stderr, "all three are pipes"
    # It stays open: where it closes, this process is gone, and the other must not go on.
    process.stdin.write(json.dumps(job) + "\n")
    process.stdin.flush()
    last = ""
    for line in process.stderr:
        last = line.strip() or last
        news(line.rstrip())
    answer = process.stdout.read()
    if process.wait() != 0:
        raise _error(job["seed"], answer, last, process.returncode)


def _error(seed: int, answer: str, last: str, code: int) -> LthEdgeError:
    if answer:
        told: dict[str, Any] = json.loads(answer)
        kind: type[LthEdgeError] = getattr(errors, told["kind"])
        return kind(told["message"], told["mend"])
    why = f"it was stopped by {signal.Signals(-code).name}" if code < 0 else last or f"exit code {code}"
    return LthEdgeError(f"training seed {seed} failed: {why}", "try fewer --jobs; the same command goes on")


def _environment() -> dict[str, str]:
    """This environment; the process imports the lth-edge that this one runs."""
    package = Path(__file__).parents[2]
    places = [str(package)] if package.name not in {"site-packages", "dist-packages"} else []
    kept = os.pathsep.join(filter(None, [*places, os.environ.get("PYTHONPATH")]))
    return dict(os.environ) | ({"PYTHONPATH": kept} if kept else {}) | {"PYTHONSAFEPATH": "1"}
