"""Run the kernels as Raspberry Pis would, under qemu: on their own, inside an arm64 onnxruntime, and by the C++ runner.

    python tools/check_arm64.py [--seeds N] [--mirror URL] [--cache FOLDER]

Needs an x86-64 Debian or Ubuntu with apt, make, pip and g++-aarch64-linux-gnu (or another compiler by --compiler), and
this project installed. qemu, an arm64 Python, onnxruntime and its headers are fetched once into the cache, and never
installed. Only right and wrong are checked: emulated time says nothing about a device's.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / name) for name in (".", "tests/kernels", "tests/deploy", "tools")]

from arm64_root import CACHE, PYTHON, Arm64Root  # noqa: E402
from build_driver import ARM64_SETS, build_driver  # noqa: E402
from build_kernels import build, host  # noqa: E402
from digits_package import write_digits_package  # noqa: E402
from sparse_model import inputs, write_model  # noqa: E402

from lth_edge.convert.coded_weights import held_as  # noqa: E402
from lth_edge.convert.model_file import read_model, save_model  # noqa: E402
from lth_edge.package.targets import package_for  # noqa: E402

CPUS = {"cortex-a53": "Pi Zero 2 W, Pi 3", "cortex-a72": "Pi 4", "cortex-a76": "Pi 5"}
HEADERS = "usr/include/onnxruntime"  # of libonnxruntime-dev, for the C++ runner

RUN_MODEL = """
import sys, numpy, lth_edge
model, given, computed = sys.argv[1:]
session = lth_edge.session(model)
numpy.savez(computed, *session.run(None, dict(numpy.load(given))))
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=60, help="chains of layers drawn for each CPU")
    parser.add_argument("--compiler", default="aarch64-linux-gnu-g++")
    parser.add_argument("--mirror", help="a mirror of Debian; without it the one that apt uses here")
    parser.add_argument("--cache", type=Path, default=CACHE)
    asked = parser.parse_args()
    arm64 = Arm64(Arm64Root(asked.cache, asked.mirror))
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        driver = build_driver(folder / "driver", asked.compiler, ARM64_SETS, ["-O2", "-static"])
        model, given, native = folder / "model.onnx", folder / "given.npz", folder / "native.npz"
        write_model(model)
        save_model(held_as(read_model(model), "best"), folder / "coded.onnx")
        inputs(given)
        build(host())
        build("linux-aarch64")
        runner = build_runner(folder, asked.compiler, arm64.headers)
        package = package_for(write_digits_package(folder), ["linux-aarch64"], folder)[0]
        script = package / "run.py"
        run([sys.executable, "-c", RUN_MODEL, model, given, native], {"PYTHONPATH": str(ROOT)})
        right = True
        for cpu, boards in CPUS.items():
            right &= checked(
                cpu, boards, "kernels", lambda c=cpu: arm64.run_static(c, driver, 0, asked.seeds, "--guards")
            )
            right &= checked(cpu, boards, "onnxruntime", lambda c=cpu: arm64_model(arm64, c, folder))
            right &= checked(cpu, boards, "run.py", lambda c=cpu: arm64_package(arm64.run_python(c, script)))
            right &= checked(cpu, boards, "C++ runner", lambda c=cpu: arm64_package(arm64.run_cpp(c, runner, package)))
    sys.exit(0 if right else 1)


def build_runner(folder: Path, compiler: str, headers: Path) -> Path:
    """deploy/cpp/run.cpp by its own Makefile."""
    cpp = Path(shutil.copytree(ROOT / "deploy" / "cpp", folder / "cpp"))
    run(["make", "-C", cpp, f"CXX={compiler}", f"INCLUDE={headers}"])
    return cpp / "run"


def arm64_model(arm64: "Arm64", cpu: str, folder: Path) -> None:
    """The model of this machine's run gives the same numbers there, its weights plain and coded."""
    import numpy as np

    for model in ("model", "coded"):
        computed = folder / f"{cpu}.{model}.npz"
        arm64.run_python(cpu, "-c", RUN_MODEL, folder / f"{model}.onnx", folder / "given.npz", computed)
        with np.load(folder / "native.npz") as native, np.load(computed) as emulated:
            for name in native.files:
                np.testing.assert_allclose(emulated[name], native[name], rtol=0, atol=1e-5 * np.abs(native[name]).max())


def arm64_package(said: str) -> None:
    """The package's own kernels gave what this machine recorded; its fallback would have, too."""
    assert "ok: model.onnx repeats the test vector" in said, said


def checked(cpu: str, boards: str, what: str, check: Callable[[], None]) -> bool:
    """Prints a line of the table; True where the check passes."""
    started, problem = time.monotonic(), ""
    try:
        check()
    except (subprocess.CalledProcessError, AssertionError) as error:
        problem = f"{error}\n{getattr(error, 'stdout', '')}"
    verdict = "FAILS" if problem else "passes"
    print(f"{cpu:<11} {boards:<18} {what:<12} {verdict:<7} {time.monotonic() - started:4.0f} s", problem, flush=True)
    return not problem


def run(command: list[str | Path | int], environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    everything = {**os.environ, "ORT_DISABLE_TELEMETRY": "1", **(environment or {})}
    words = list(map(str, command))
    return subprocess.run(
        words, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, env=everything, cwd=cwd
    ).stdout


class Arm64:
    """Programs of that root, run by qemu as a processor of one kind."""

    def __init__(self, files: Arm64Root) -> None:
        self._files = files
        self.headers = files.root / HEADERS

    def run_static(self, cpu: str, program: Path, *arguments: str | int) -> None:
        run([self._files.qemu, "-cpu", cpu, program, *arguments])

    def run_cpp(self, cpu: str, runner: Path, package: Path) -> str:
        (library,) = self._files.site.glob("onnxruntime/capi/libonnxruntime.so.1*")
        root = self._files.root
        return run([self._files.qemu, "-cpu", cpu, "-L", root, runner, package, "--onnxruntime", library])

    def run_python(self, cpu: str, *arguments: str | Path) -> str:
        places = {
            "PYTHONHOME": str(self._files.root / "usr"),
            "PYTHONPATH": f"{self._files.site}:{ROOT}",
            "PYTHONDONTWRITEBYTECODE": "1",
        }
        python = self._files.root / "usr" / "bin" / f"python{PYTHON}"
        return run([self._files.qemu, "-cpu", cpu, "-L", self._files.root, python, *arguments], places)


if __name__ == "__main__":
    main()
