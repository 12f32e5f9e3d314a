"""Every kernel and instruction set against a naive float64 reference: the C++ of tests/kernels/driver, built and run.

The driver draws a chain of layers from a seed. To see a failure again: `driver SEED 1 --set NAME --guards`.
"""

import shutil
import subprocess
from pathlib import Path

import pytest
from build_driver import X86_SETS, build_driver
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

pytestmark = pytest.mark.skipif(shutil.which("g++") is None, reason="there is no g++ to compile the kernels with")

SETS = pytest.mark.parametrize("set_", [*X86_SETS, "avx512_gather"])
UNDEFINED = ["-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"]


@pytest.fixture(scope="session")
def driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_driver(tmp_path_factory.mktemp("driver"))


@pytest.fixture(scope="session")
def checked_driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_driver(tmp_path_factory.mktemp("checked_driver"), flags=UNDEFINED)


@pytest.fixture(scope="session")
def threads_driver(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_driver(tmp_path_factory.mktemp("threads_driver"), flags=["-O1", "-fsanitize=thread"])


def passes(driver: Path, *arguments: str | int) -> None:
    command = [str(driver), *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    said = done.stdout + done.stderr
    if "this CPU has no set" in said:
        pytest.skip(said.strip())
    assert done.returncode == 0, f"{' '.join(command)}\n{said}"


@SETS
def test_chains_agree_with_the_reference(driver: Path, set_: str) -> None:
    """Numbers, NaN and infinities, broken chains, lack of memory, sizes at the limits; guard pages on both sides."""
    passes(driver, 0, 250, "--set", set_, "--guards")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(1_000, 2**63))
def test_any_seed_agrees_with_the_reference(driver: Path, seed: int) -> None:
    passes(driver, seed, 5, "--guards")


@SETS
def test_no_address_is_wrong_and_nothing_is_undefined(checked_driver: Path, set_: str) -> None:
    passes(checked_driver, 10_000, 80, "--set", set_)


@SETS
def test_eight_threads_run_one_program_at_once(threads_driver: Path, set_: str) -> None:
    passes(threads_driver, 20_000, 25, "--set", set_, "--threads", 8)
