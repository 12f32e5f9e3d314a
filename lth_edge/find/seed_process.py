"""One process that trains one seed: `python -m lth_edge.find.seed_process`, a job as one line of JSON on stdin.

It holds `recipe` (all values set), `seed`, `folder` (takes the levels), `controls` (levels that get them),
`levels_told` (false: say nothing of levels), `device` and `threads`. News go to stderr. An error that lth-edge raises
on purpose comes as JSON on stdout, with its exit code. stdin stays open as long as the process that asked is there;
where it ends, so does this one.
"""

import json
import os
import sys
import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch

from lth_edge.errors import INTERRUPTED, LthEdgeError
from lth_edge.find.controls import control, wanted
from lth_edge.find.search import Budget, Stage, find
from lth_edge.progress import Lines, Silent
from lth_edge.recipe import Recipe
from lth_edge.tasks.build import load_task

_NEWS_EVERY = 60.0  # seconds: several processes speak


def train_seed(job: dict[str, Any]) -> None:
    """Train what is not there yet."""
    torch.set_num_threads(job["threads"])
    recipe = Recipe.from_dict(job["recipe"])
    stage = Stage.of(load_task(recipe.task), recipe, job["device"], Lines(_NEWS_EVERY))
    folder = Path(job["folder"])
    searching = stage if job["levels_told"] else replace(stage, progress=Silent())
    found = find(searching, job["seed"], folder, Budget(None))
    for number, kind in wanted(recipe.find, job["controls"], len(found.levels)):
        control(stage, kind, job["seed"], found.levels, number, folder)


def _end_with_the_other() -> None:
    sys.stdin.read()
    os._exit(INTERRUPTED)


def main() -> int:
    job = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    try:
        train_seed(job)
    except LthEdgeError as error:
        print(json.dumps({"kind": type(error).__name__, "message": error.message, "mend": error.mend}))
        return error.exit_code
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


if __name__ == "__main__":
    sys.exit(main())
