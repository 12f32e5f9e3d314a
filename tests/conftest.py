"""One finished run that the tests of the whole product share, made by the command as a user calls it."""

from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest
from command import QUICK, TINY, Done, Finished, start

import lth_edge
from lth_edge.errors import InputError
from lth_edge.runtime.library import library_path

RECIPE = """
[task]
model_args = {hidden = 48}

[train]
steps = 200

[find]
levels = 9
seeds = [0, 1]
controls = true

[bench]
processes = 2
seconds = 0.05
"""


def pytest_configure() -> None:
    """Without the kernels half of the tests would fail, each with a puzzle of its own."""
    try:
        library_path()
    except InputError as error:
        raise pytest.UsageError(
            f"{error.message}\nThese tests run {Path(lth_edge.__file__).parent}; if that is a working copy, build its "
            "kernels: pip install ziglang && python tools/build_kernels.py --target host"
        ) from error


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Finished:
    """Two seeds of three levels with controls on digits, from a recipe whose nine levels a flag overrules."""
    place = tmp_path_factory.mktemp("finished")
    (place / "recipe.toml").write_text(RECIPE)
    process = start("compress", place / "recipe.toml", "--levels", "3", "--out", place / "run")
    out, err = process.communicate(timeout=240)
    flags = (*TINY, *QUICK, "--seeds", "0,1", "--controls")
    return Finished(place / "run", flags, Done(process.returncode, out, err))


@pytest.fixture(scope="session", autouse=True)
def operators_are_listed_once() -> Iterator[None]:
    """torch lists its 500 ONNX operators anew for each export, which takes a second; here one list serves them all."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry
    except ImportError:  # a torch that keeps its list elsewhere: the tests only take longer
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(cache(ONNXRegistry.from_torchlib)))
        yield


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path
