"""Several seeds trained at once: small networks leave cores idle, and more threads do not help them.

Each seed gets a process of its own (`lth_edge.find.seed_process`), which leaves finished levels where this process
reads them back. On one GPU the processes share it.
"""

import json
import os
import signal
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lth_edge import errors
from lth_edge.errors import LthEdgeError, RecipeError
from lth_edge.find.search import Stage
from lth_edge.progress import Silent
from lth_edge.recipe import Recipe

SeedFolder = Callable[[int], Path]
"""From a seed to the folder of its levels."""
# Modules of the user's folder must not take the place of Python's own while lth-edge is imported.
_COMMAND = [sys.executable, "-P", "-m", "lth_edge.find.seed_process"]
_LINES_KEPT = 30


def jobs_of(recipe: Recipe) -> int:
    """How many seeds are trained at once."""
    return min(recipe.train.jobs, len(recipe.find.seeds))


def cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def check_jobs(recipe: Recipe, own_task: bool, own_loop: bool) -> None:
    """What cannot be done seed by seed, each on its own.

    Args:
        own_task, own_loop: they come as objects of this process, where no other finds them.

    Raises:
        RecipeError: several jobs are asked for all the same.
    """
    if jobs_of(recipe) == 1:
        return
    asked = f"--jobs {recipe.train.jobs}"
    if own_loop:
        raise RecipeError(f"{asked} needs lth-edge's own training loop", "train seed after seed: jobs = 1")
    if own_task:
        raise RecipeError(f"{asked} needs a task that the recipe names", "name model and data in it, or set jobs = 1")
    one_by_one = {"--budget": recipe.find.budget is not None, "--find auto": recipe.find.find == "auto"}
    for option in (name for name, wanted in one_by_one.items() if wanted):
        raise RecipeError(f"{option} goes from seed to seed, {asked} trains them at once", "leave one of them away")


def levels_at_once(stage: Stage, folder: SeedFolder) -> Stage:
    """Train the levels of all seeds, where several are to be trained at once.

    Returns:
        The stage to read them back with; it does not say again that they are there.

    Raises:
        LthEdgeError: what stopped one of the processes; the others are stopped too, and finished levels stay.
    """
    if jobs_of(stage.recipe) == 1:
        return stage
    jobs, threads = jobs_of(stage.recipe), torch.get_num_threads()
    if stage.device.type == "cpu" and jobs * threads > cores():
        stage.progress.line(f"{jobs} jobs of {threads} thread(s) on {cores()} cores: they take turns")
    return _at_once(stage, folder, dict.fromkeys(stage.recipe.find.seeds))


def controls_at_once(stage: Stage, folder: SeedFolder, numbers: Mapping[int, Sequence[int]]) -> Stage:
    """The same for controls.

    Args:
        numbers: seed -> levels that get controls.
    """
    return stage if jobs_of(stage.recipe) == 1 or not numbers else _at_once(stage, folder, numbers)


def _at_once(stage: Stage, folder: SeedFolder, controls: Mapping[int, Sequence[int] | None]) -> Stage:
    processes = _Processes(stage.progress.line)
    fingerprint = stage.task.fingerprint()
    with ThreadPoolExecutor(jobs_of(stage.recipe)) as pool:
        asked = (
            {
                "recipe": stage.recipe.to_dict(),
                "fingerprint": fingerprint,
                "seed": seed,
                "folder": str(folder(seed)),
                "controls": None if numbers is None else list(numbers),
                "device": str(stage.device),
                "threads": torch.get_num_threads(),
                "path": sys.path,
            }
            for seed, numbers in controls.items()
        )
        running = [pool.submit(processes.run, each) for each in asked]
        try:
            for ended in as_completed(running):
                ended.result()
        except BaseException:
            processes.stop()
            raise
    return replace(stage, progress=Silent())


class _Processes:
    """The processes of all seeds: where one fails, none goes on, nor begins."""

    def __init__(self, news: Callable[[str], None]) -> None:
        self._news, self._lock = news, threading.Lock()
        self._begun: list[subprocess.Popen[str]] = []
        self._stopped = False

    def run(self, asked: Mapping[str, Any]) -> None:
        """Train one seed; see `lth_edge.find.seed_process` for what is asked."""
        process = self._begin()
        if process is None:
            return
        with process:
            assert process.stdin and process.stdout and process.stderr, "all three are pipes"
            # stdin stays open: where it closes, this process is gone, and the other must not go on.
            with suppress(BrokenPipeError):  # it has died, and stderr says of what
                process.stdin.write(json.dumps(asked) + "\n")
                process.stdin.flush()
            said: deque[str] = deque(maxlen=_LINES_KEPT)
            for line in process.stderr:
                said.append(line)
                self._tell(line.rstrip())
            answer = process.stdout.read()
        if process.returncode != 0 and not self._stopped:
            raise _error(asked["seed"], answer, said, process.returncode)

    def stop(self) -> None:
        with self._lock:
            self._stopped = True
            for process in self._begun:
                process.kill()

    def _begin(self) -> "subprocess.Popen[str] | None":
        pipe = subprocess.PIPE
        with self._lock:
            if self._stopped:
                return None
            # In a session of its own: Ctrl-C is for this process alone, which then stops the others.
            process = subprocess.Popen(
                _COMMAND, stdin=pipe, stdout=pipe, stderr=pipe, env=_environment(), start_new_session=True,
                encoding="utf-8", errors="replace",
            )  # fmt: skip
            self._begun.append(process)
            return process

    def _tell(self, line: str) -> None:
        with self._lock:
            if not self._stopped:
                self._news(line)


def _error(seed: int, answer: str, said: Sequence[str], code: int) -> Exception:
    """What a process says it was stopped by; a defect keeps its traceback."""
    if answer:
        told: dict[str, Any] = json.loads(answer)
        kind: type[LthEdgeError] = getattr(errors, told["kind"])
        return kind(told["message"], told["mend"])
    if code < 0:
        how = f"its process was stopped by {signal.Signals(-code).name} (is there enough memory?)"
        return LthEdgeError(f"training seed {seed} failed: {how}", "try fewer --jobs; the same command goes on")
    return RuntimeError(f"training seed {seed} failed with exit code {code}\n{''.join(said)}")


def _environment() -> dict[str, str]:
    """This environment; the process imports the lth-edge that this one runs."""
    package = Path(__file__).parents[2]
    places = [str(package)] if package.name not in {"site-packages", "dist-packages"} else []
    kept = os.pathsep.join(filter(None, [*places, os.environ.get("PYTHONPATH")]))
    return dict(os.environ) | ({"PYTHONPATH": kept} if kept else {}) | {"PYTHONIOENCODING": "utf-8"}
