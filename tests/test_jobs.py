"""Seeds trained at once: to the same bits as one after the other, and nothing goes on alone."""

import os
import shutil
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from command import QUICK, TINY, lth_edge, start

from lth_edge.errors import RecipeError
from lth_edge.pipeline import compress
from lth_edge.recipe import Recipe
from lth_edge.tasks.build import load_task

ASKED = ("compress", *TINY, "--levels", "1", "--threads", "1", "--seeds", "0,1", *QUICK)
CONTROLS = ("--controls", "--patience", "5")
LONG = ("--steps", "500000")
OWN = """
import torch
from torch import nn

def make():
    if torch.initial_seed() == {failing}:
        print("x" * 200_000)  # more than a pipe holds
        {failure}
    return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
"""


def weights(run: Path) -> dict[str, bytes]:
    """Masks, weights, starts and optimiser states of all levels and controls."""
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.glob("seed-*/*/*.safetensors"))}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jobs") / "run"
    done = lth_edge(*ASKED, *CONTROLS, "--jobs", "2", "--out", folder)
    assert done.code in {0, 4}, done.stderr
    for seed in (0, 1):
        lines = [line for line in done.stderr.splitlines() if line.startswith(f"seed {seed}, level 1")]
        told = [line.split(",")[1].partition(" (")[2] for line in lines if ": step " not in line]
        assert told == ["", "reinit)", "random-mask)"], done.stderr
        assert "already there" not in "".join(lines)
    return folder


@pytest.mark.parametrize("levels", [(), ("--control-levels", "1")], ids=["chosen level", "level named"])
def test_seeds_trained_at_once_are_those_trained_one_after_the_other(at_once, tmp_path, levels):
    if levels:
        shutil.rmtree(at_once / "seed-1" / "level-01-reinit")
        assert lth_edge(*ASKED, *CONTROLS, *levels, "--jobs", "2", "--out", at_once).code in {0, 4}
    done = lth_edge(*ASKED, *CONTROLS, *levels, "--out", tmp_path / "run")
    assert done.code in {0, 4}, done.stderr
    assert weights(tmp_path / "run") == weights(at_once)
    assert "seed-1/level-01-reinit/weights.safetensors" in weights(at_once)


@pytest.mark.parametrize(
    ("failure", "code", "said"),
    [
        ("raise ValueError('no weights for it')", 3, "failed with ValueError: no weights for it"),
        ("import os; os.kill(os.getpid(), 9)", 1, "training seed 1 failed: its process was stopped by SIGKILL"),
    ],
    ids=["told", "killed"],
)
def test_what_stops_one_seed_is_told_and_stops_the_others_begun_or_not(tmp_path, failure, code, said):
    (tmp_path / "net.py").write_text(OWN.format(failing=1, failure=failure))
    own = ("--model", f"{tmp_path / 'net.py'}:make", "--data", "digits", "--seeds", "0,1,2", "--jobs", "2")
    begun = start("compress", *own, *LONG, *QUICK, "--out", tmp_path / "run")
    try:
        _, stderr = begun.communicate(timeout=300)  # two of the three would train for hours
    finally:
        begun.kill()
    assert begun.returncode == code, stderr
    assert said in stderr.splitlines()[-2]


def test_data_that_differ_from_process_to_process_are_refused(tmp_path):
    (tmp_path / "mine.py").write_text(
        "import numpy as np\nfrom sklearn.datasets import load_digits\n\n"
        "def make():\n    data = load_digits()\n    order = np.random.default_rng().permutation(1797)\n"
        "    return (data.images[order].astype('float32'), data.target[order])\n"
    )
    own = ("--model", "mlp", "--data", f"{tmp_path / 'mine.py'}:make", *ASKED[1:], "--jobs", "2")
    done = lth_edge("compress", *own, "--out", tmp_path / "run")
    assert done.code == 3
    assert done.said[0] == "lth-edge: data or network come out differently in each process"
    assert not weights(tmp_path / "run")


def test_where_the_command_is_killed_its_processes_end_too(tmp_path):
    if not Path(f"/proc/{os.getpid()}").exists():
        pytest.skip("no /proc here to see processes in")
    begun = start(*ASKED, *LONG, "--jobs", "2", "--out", tmp_path / "run")
    try:
        assert until(lambda: len(seed_processes(begun.pid)) == 2)
        processes = seed_processes(begun.pid)
    finally:
        begun.send_signal(signal.SIGKILL)
        begun.communicate()
    assert until(lambda: not any(alive(pid) for pid in processes))


def seed_processes(parent: int) -> list[int]:
    found = []
    for path in Path(f"/proc/{parent}/task").glob("*/children"):
        with suppress(OSError):  # threads and children come and go
            found += [pid for pid in map(int, path.read_text().split()) if trains(pid)]
    return found


def trains(pid: int) -> bool:
    return b"seed_process" in Path(f"/proc/{pid}/cmdline").read_bytes()


def alive(pid: int) -> bool:
    with suppress(OSError):
        return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0] != "Z"
    return False


def until(condition: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.1)
    return condition()


@pytest.mark.parametrize("option", [("--budget", "1h"), ("--find", "auto")])
def test_what_goes_from_seed_to_seed_is_refused(option, tmp_path):
    for dry in ((), ("--dry-run",)):
        done = lth_edge(*ASKED, *option, "--jobs", "2", "--out", tmp_path / "run", *dry)
        assert done.code == 2
        assert "from seed to seed, --jobs 2 trains them at once" in done.said[0]
    assert not (tmp_path / "run").exists()


def test_a_task_or_a_loop_that_only_this_process_knows_is_refused(tmp_path):
    recipe = Recipe().replace({"train": {"jobs": 2}, "find": {"seeds": [0, 1]}})
    with pytest.raises(RecipeError, match="needs a task that the recipe names"):
        compress(recipe, tmp_path / "run", task=load_task(recipe.task))
    with pytest.raises(RecipeError, match="needs lth-edge's own training loop"):
        compress(recipe, tmp_path / "run", loop=lambda training: None)
