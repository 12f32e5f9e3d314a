"""One process that trains one seed: `python -m lth_edge.find.seed_process`, one line of JSON on stdin.

    recipe       every value set
    fingerprint  of the task, as the process that asks has it
    seed
    folder       takes the levels
    controls     null: train the levels; else the levels, all there, that get controls
    device, threads
    path         where modules are looked for

News go to stderr. An error that lth-edge raises on purpose comes as JSON on stdout, with its exit code. stdin stays
open as long as the process that asked is there; where it ends, so does this one.
"""

import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lth_edge.errors import INTERRUPTED, InputError, LthEdgeError
from lth_edge.find.controls import control, wanted
from lth_edge.find.search import Budget, Stage, find, repeatable
from lth_edge.progress import Lines, Silent
from lth_edge.recipe import Recipe
from lth_edge.tasks.build import load_task

_NEWS_EVERY = 60.0  # seconds: several processes speak


def train_seed(asked: dict[str, Any]) -> None:
    """Train what is asked for (see the module) and is not there yet.

    Raises:
        InputError: data or network are others than those of the process that asks.
        LthEdgeError: see `lth_edge.find.search.find`.
    """
    torch.set_num_threads(asked["threads"])
    repeatable(asked["device"])
    recipe, seed, folder = Recipe.from_dict(asked["recipe"]), asked["seed"], Path(asked["folder"])
    task = load_task(recipe.task)
    if task.fingerprint() != asked["fingerprint"]:
        raise InputError(
            "data or network come out differently in each process",
            "draw random numbers from a fixed seed in their factories, or leave --jobs away",
        )
    stage = Stage.of(task, recipe, asked["device"], Lines(_NEWS_EVERY))
    if asked["controls"] is None:
        find(stage, seed, folder, Budget(None))
        return
    found = find(replace(stage, progress=Silent()), seed, folder, Budget(None))
    for number, kind in wanted(recipe.find, asked["controls"], len(found.levels)):
        control(stage, kind, seed, found.levels, number, folder)


def _end_with_the_other() -> None:
    # Not sys.stdin: a process forked from here would wait for the lock that a blocked read of it holds.
    while os.read(0, 4096):
        pass
    os._exit(INTERRUPTED)


def main() -> int:
    asked = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    sys.path[:] = asked["path"]
    # What the user's code prints goes with the news: stdout is for the answer.
    with os.fdopen(os.dup(1), "w") as answer:
        os.dup2(2, 1)
        try:
            train_seed(asked)
        except LthEdgeError as error:
            json.dump({"kind": type(error).__name__, "message": error.message, "mend": error.mend}, answer)
            return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
