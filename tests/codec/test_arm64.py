"""The coder on 64-bit Arm writes the bytes that it writes everywhere."""

import shutil
import subprocess
from pathlib import Path

import pytest
from test_stream import BEST_BYTES, BEST_SINCE, FAST_BYTES, FAST_SINCE

SOURCE = Path(__file__).parent / "arm64" / "print_bytes.cc"
KERNELS = Path(__file__).parents[2] / "lth_edge" / "kernels"
COMPILER = "aarch64-linux-gnu-g++"
EMULATORS = ("qemu-aarch64", "qemu-aarch64-static")


@pytest.mark.parametrize("optimised", ["-O0", "-O3"])
def test_arm64_writes_the_same_bytes(tmp_path: Path, optimised: str) -> None:
    emulator = next(filter(shutil.which, EMULATORS), None)
    if shutil.which(COMPILER) is None or emulator is None:
        pytest.skip(f"there is no {COMPILER}, or no emulator: {' or '.join(EMULATORS)}")
    program = tmp_path / "print_bytes"
    sources = [str(SOURCE), str(KERNELS / "codec" / "codec.cc")]
    command = [COMPILER, "-std=c++17", optimised, "-static", f"-I{KERNELS}", "-o", str(program), *sources]
    subprocess.run(command, check=True)
    done = subprocess.run([emulator, str(program)], capture_output=True, text=True, check=True)
    assert done.stdout.split() == [FAST_BYTES, BEST_BYTES, FAST_SINCE, BEST_SINCE]
