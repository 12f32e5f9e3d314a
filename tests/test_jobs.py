"""Seeds trained at once: to the same bits as one after the other, and nothing goes on alone."""

import os
import shutil
import signal
import time
from pathlib import Path

import pytest
from command import QUICK, TINY, lth_edge, start

from lth_edge.errors import RecipeError
from lth_edge.pipeline import compress
from lth_edge.recipe import Recipe
from lth_edge.tasks.build import load_task

ASKED = ("compress", "--model", "mlp", "--data", "digits", *TINY, "--levels", "1", "--seeds", "0,1", *QUICK)
CONTROLS = ("--controls", "--patience", "5")


def weights(run: Path) -> dict[str, bytes]:
    """Masks, weights, starts and optimiser states of all levels and controls."""
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.glob("seed-*/*/*.safetensors"))}


@pytest.fixture(scope="module")
def at_once(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("jobs") / "run"
    done = lth_edge(*ASKED, *CONTROLS, "--jobs", "2", "--out", folder)
    assert done.code in {0, 4}, done.stderr
    for seed in (0, 1):
        told = [line for line in done.stderr.splitlines() if line.startswith(f"seed {seed}, level 1")]
        assert [line.split(",")[1].partition(" (")[2] for line in told] == ["", "reinit)", "random-mask)"], done.stderr
        assert "already there" not in "".join(told)
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


def test_what_stops_one_seed_is_told_as_ever_and_stops_the_others(tmp_path):
    done = lth_edge(*ASKED, "--learning-rate", "1e30", "--optimizer", "sgd", "--jobs", "2", "--out", tmp_path / "run")
    assert done.code == 8
    assert done.said[0].startswith("lth-edge: the loss is ") and "--learning-rate" in done.said[1]


def test_where_the_command_is_killed_its_processes_end_too(tmp_path):
    own = Path(f"/proc/{os.getpid()}")
    if not own.exists():
        pytest.skip("no /proc here to see processes in")
    begun = start(*ASKED, "--steps", "500000", "--jobs", "2", "--out", tmp_path / "run")
    assert until(lambda: len(seed_processes(begun.pid)) == 2)
    processes = seed_processes(begun.pid)
    begun.send_signal(signal.SIGKILL)
    begun.communicate()
    assert until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in processes))


def seed_processes(parent: int) -> list[int]:
    children = Path(f"/proc/{parent}/task/{parent}/children").parent.parent.glob("*/children")
    pids = {int(pid) for path in children for pid in path.read_text().split()}
    return [pid for pid in pids if b"seed_process" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def until(condition) -> bool:
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


def test_a_task_that_only_this_process_knows_is_refused(tmp_path):
    recipe = Recipe().replace({"train": {"jobs": 2}})
    with pytest.raises(RecipeError, match="needs a task that the recipe names"):
        compress(recipe, tmp_path / "run", task=load_task(recipe.task))
