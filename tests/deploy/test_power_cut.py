"""Power goes between any two steps of an update: what serves afterwards is whole, and the next call ends well."""

import shutil
from contextlib import ExitStack
from itertools import count
from pathlib import Path

import pytest
from device import LOADS_NOT, Device, Publisher, spoil_run
from store import State, Store

from lth_edge.package.runner import check_hashes

FEWEST_STEPS, FEWEST_STEPS_BACK = 20, 7
"""Fewer would mean that steps are no longer seen."""


def looked_at(device: Device, known: set[int]) -> None:
    """After the start: a whole release serves, and it is one of these."""
    health = device.settled()
    assert health["release"] in known and device.current() in known, health
    check_hashes(device.state / "releases" / str(health["release"]))


def test_before_every_step_to_a_new_release(served: Device, publisher: Publisher) -> None:
    """The update to the n-th new release is killed before its n-th step, and the server with it."""
    with ExitStack() as started:
        started.enter_context(served.serving())
        for step in count(1):
            old, new = step, step + 1
            publisher.publish(new)
            served.update(kill_at=step, status=None)
            killed = served.code < 0
            started.close()
            started.enter_context(served.serving())
            looked_at(served, {old, new})
            assert served.health()["status"] == "ok"
            assert served.update() in {f"release {new} serves", f"release {new} is here already"}
            assert served.current() == served.settled()["release"] == new
            if not killed:
                break
    assert step > FEWEST_STEPS
    left = {folder.name for folder in (served.state / "releases").iterdir()}
    assert left == {str(old), str(new)}


@pytest.fixture
def on_trial(served: Device, device_package: Path) -> Device:
    """A device that has switched to release 2, whose server will not load it, and lost power there."""
    store = Store(served.state)
    with store.held(), store.arriving(2) as folder:
        shutil.copytree(device_package, folder, dirs_exist_ok=True)
        spoil_run(folder, LOADS_NOT)
    store.remember(State(highest=1, previous=1, trial=2))
    store.switch(2)
    return served


def test_before_every_step_back_from_one_that_does_not_serve(on_trial: Device, tmp_path: Path) -> None:
    begun = on_trial.state
    for step in count(1):
        on_trial.state = tmp_path / f"state-{step}"
        shutil.copytree(begun, on_trial.state, symlinks=True)
        with on_trial.serving():
            on_trial.settled()
            on_trial.update(kill_at=step, status=None)
            killed = on_trial.code < 0
        with on_trial.serving():
            assert on_trial.settled()["release"] == 1
            on_trial.update(status=None)
            assert on_trial.current() == on_trial.settled(at=1)["release"] == 1
        if not killed:
            break
    assert step > FEWEST_STEPS_BACK


def test_a_cut_right_before_the_switch_leaves_nothing_to_go_back_to(served: Device) -> None:
    store = Store(served.state)
    store.remember(State(highest=1, previous=1, trial=2))
    assert "no release to go back to" in served.update("--rollback", status=3)
    assert served.current() == 1
