"""Killed at any instant, the same command goes on; asked again, it does nothing twice."""

import json
import os
import pty
import re
import shutil
import signal
import time
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
from command import Done, Finished, lth_edge, start

TRAINED = re.compile(r"^seed \d, level \d.*: \d+\.\d+s", re.MULTILINE)
DEADLINE = 120.0


def level_files(run: Path) -> dict[str, bytes]:
    """What must be bit-equal: masks, weights, ends, starts and optimiser states of all levels."""
    return {str(path.relative_to(run)): path.read_bytes() for path in sorted(run.glob("seed-*/*/*.safetensors"))}


def levels(run: Path) -> set[str]:
    return {f"{path.parent.name}/{path.name}" for path in run.glob("seed-*/level-*")}


def openings(run: Path) -> list[str]:
    return json.loads((run / "test.json").read_text())["openings"]


def until(said: str, descriptor: int) -> str:
    """Read from a process until it has said something."""
    text, deadline = "", time.monotonic() + DEADLINE
    while not re.search(said, text) and time.monotonic() < deadline:
        try:
            text += os.read(descriptor, 4096).decode(errors="replace")
        except OSError:  # the other end of a pty is closed
            break
    return text


@dataclass
class Interrupted:
    """A run that was ended by Ctrl-C on a terminal, then by kill -9 in training, then let go on.

    Attributes:
        screen: what the terminal showed.
        code: the exit code after Ctrl-C.
        left: the levels that were whole after each of the two ends.
        last: the end of the last command.
    """

    folder: Path
    screen: str = ""
    code: int = 0
    left: list[set[str]] = field(default_factory=list)
    last: Done = field(default_factory=lambda: Done(0, "", ""))


@pytest.fixture(scope="module")
def interrupted(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Interrupted:
    run = Interrupted(tmp_path_factory.mktemp("interrupted") / "run")
    command = ("compress", *finished.arguments, "--out", run.folder)
    run.screen, run.code = ctrl_c(command)
    run.left.append(levels(run.folder))
    killed_in_training(command)
    run.left.append(levels(run.folder))
    run.last = lth_edge(*command)
    return run


def ctrl_c(command: tuple[Any, ...]) -> tuple[str, int]:
    """Start on a terminal, press Ctrl-C while a level after the first is trained; the screen and the exit code.

    A fast machine may train a level between two drawings of the bar: any of them will do.
    """
    ours, theirs = pty.openpty()
    process = start(*command, stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True)
    os.close(theirs)
    screen = until(r"level [1-9].*\d+/200", ours)
    os.killpg(process.pid, signal.SIGINT)  # what a terminal sends to the group in front
    screen += until("interrupted", ours)
    return re.sub(r"\x1b\[[\d;?]*[A-Za-z]", "", screen), process.wait(DEADLINE)


def killed_in_training(command: tuple[Any, ...]) -> None:
    """Start, and kill -9 when a second level has been trained: the first is on disk by then."""
    process = start(*command)
    assert process.stderr
    seen = 0
    for line in process.stderr:
        seen += bool(TRAINED.match(line))
        if seen == 2:
            break
    process.kill()
    process.communicate()
    assert process.returncode == -signal.SIGKILL


def test_on_a_terminal_a_bar_shows_the_time_left(interrupted: Interrupted) -> None:
    assert re.search(r"level 0.*[━╸].*\d+/200 \d:\d\d:\d\d", interrupted.screen)


def test_elsewhere_progress_is_plain_lines(finished: Finished) -> None:
    assert "\x1b" not in finished.done.stderr and "\r" not in finished.done.stderr
    assert len(TRAINED.findall(finished.done.stderr)) == 12  # four levels and two controls of two seeds


def test_ctrl_c_has_its_exit_code_and_says_how_to_go_on(interrupted: Interrupted) -> None:
    assert interrupted.code == 130
    assert "lth-edge: interrupted; the same command goes on" in interrupted.screen
    assert "Traceback" not in interrupted.screen


def test_both_ends_came_in_the_midst_of_training(interrupted: Interrupted) -> None:
    after_ctrl_c, after_kill = interrupted.left
    assert "seed-0/level-00" in after_ctrl_c
    assert after_ctrl_c < after_kill < levels(interrupted.folder)


def test_a_run_ended_twice_ends_bit_equal_to_one_that_was_not(interrupted: Interrupted, finished: Finished) -> None:
    assert interrupted.last.code == 0, interrupted.last.stderr
    assert level_files(interrupted.folder) == level_files(finished.folder)


def test_what_was_finished_is_not_trained_again(interrupted: Interrupted) -> None:
    assert interrupted.last.stderr.count("already there") == len(interrupted.left[1])
    assert len(TRAINED.findall(interrupted.last.stderr)) == 12 - len(interrupted.left[1])


@pytest.fixture
def copy(finished: Finished, tmp_path: Path) -> Finished:
    """A copy of the finished run, to go on with."""
    shutil.copytree(finished.folder, tmp_path / "run")
    return replace(finished, folder=tmp_path / "run")


def test_the_same_command_again_trains_nothing_and_leaves_the_test_set_closed(copy: Finished) -> None:
    before, opened = level_files(copy.folder), openings(copy.folder)
    half_written = copy.folder / "seed-0" / ".level-09.abcd.tmp"
    half_written.mkdir()
    done = lth_edge("compress", *copy.arguments, "--out", copy.folder)
    assert done.code == 0, done.stderr
    assert TRAINED.findall(done.stderr) == [] and "test set: opened" not in done.stderr
    assert (level_files(copy.folder), openings(copy.folder)) == (before, opened)
    assert not half_written.exists()


def test_more_seeds_and_levels_go_on_in_the_same_run(copy: Finished) -> None:
    before = level_files(copy.folder)
    more = [*copy.arguments, "--seeds", "0,1,2", "--levels", "4", "--no-controls"]
    done = lth_edge("compress", *more, "--out", copy.folder)
    assert done.code == 0, done.stderr
    assert len(TRAINED.findall(done.stderr)) == 2 + 5  # level 4 of two seeds, all five of the third
    assert before.items() <= level_files(copy.folder).items()
    assert len(openings(copy.folder)) == 2  # and the report says so
    assert copy.report["task"]["test_reads"] == 2
