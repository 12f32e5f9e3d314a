"""A pruned run, a home folder of the tests' own, and pretend Raspberry Pis."""

import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import QUICK, Finished, lth_edge

from lth_edge.devices import wheelhouse
from lth_edge.package.ship import ship

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools"))

from pretend_pi import PretendError, PretendPi, pretend_pi

PRUNED = ("--model-arg", "hidden=48", "--steps", 60, "--levels", 1, "--prune-rate", 0.9, "--tolerance", 100, *QUICK)
_LACKING: list[str] = []
"""Why no pretend Pi can be had: found out once, not by every test."""
_WHEELS = wheelhouse.CACHE.expanduser()


@pytest.fixture(scope="session")
def pruned(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """A run on digits with all four forms, whatever becomes of the accuracy."""
    folder = tmp_path_factory.mktemp("pruned") / "run"
    made = Finished(folder, (), lth_edge("compress", *PRUNED, "--out", folder))
    assert made.done.code == 0, made.done.stderr
    return made


@pytest.fixture(scope="session")
def sparse_package(pruned: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The sparse form of that run as a package, whichever form the run itself ships."""
    folder = tmp_path_factory.mktemp("sparse")
    paths = {form["name"]: pruned.folder / "files" / form["file"] for form in pruned.report["forms"]}
    with np.load(pruned.folder / "package" / "test_vector.npz") as vector:
        ship(folder, pruned.report, "sparse", paths, {"input": vector["input_0"]}, ("unknown", "unknown"))
    return folder / "package"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty home folder; downloaded wheels stay where they are found again."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setattr(wheelhouse, "CACHE", _WHEELS)
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


@contextmanager
def _pi_or_skip(*arguments: Any, **faults: Any) -> Iterator[PretendPi]:
    with ExitStack() as stack:
        if _LACKING:
            pytest.skip(_LACKING[0])
        try:
            started = stack.enter_context(pretend_pi(*arguments, **faults))
        except PretendError as error:
            _LACKING.append(f"no pretend Pi here: {error}")
            pytest.skip(_LACKING[0])
        yield started


@pytest.fixture
def start_pi() -> Callable[..., AbstractContextManager[PretendPi]]:
    """Starts a pretend Pi as `pretend_pi` does; the test is skipped where none can be had."""
    return _pi_or_skip


@pytest.fixture
def pi() -> Iterator[PretendPi]:
    """A Pi 4 with onnxruntime."""
    with _pi_or_skip("pi4") as started:
        yield started


@pytest.fixture
def devices(tmp_path: Path) -> Callable[[PretendPi], Path]:
    """Writes a devices file that calls a pretend Pi `pi`."""

    def write(pi: PretendPi) -> Path:
        path = tmp_path / "devices.toml"
        path.write_text(f'[pi]\ntarget = "ssh:{pi.host}"\nssh_config = "{pi.ssh_config}"\n')
        return path

    return write
