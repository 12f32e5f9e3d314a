"""The coder on 64-bit Arm writes the bytes, and decodes the arrays, that it does everywhere."""

import shutil
import subprocess
from pathlib import Path

import pytest
from test_coded_layers import FROZEN, frozen_layers
from test_stream import BEST_BYTES, BEST_SINCE, FAST_BYTES, FAST_SINCE

from lth_edge.codec.coded_layers import LayerConstants
from lth_edge.sparse.gaps import indices_of

SOURCES = Path(__file__).parent / "arm64"
KERNELS = Path(__file__).parents[2] / "lth_edge" / "kernels"
COMPILER = "aarch64-linux-gnu-g++"
EMULATORS = ("qemu-aarch64", "qemu-aarch64-static")
OPTIMISED = pytest.mark.parametrize("optimised", ["-O0", "-O3"])


def run(source: str, optimised: str, folder: Path, *arguments: str | Path | int) -> list[str]:
    """What a program says there."""
    emulator = next(filter(shutil.which, EMULATORS), None)
    if shutil.which(COMPILER) is None or emulator is None:
        pytest.skip(f"there is no {COMPILER}, or no emulator: {' or '.join(EMULATORS)}")
    program = folder / source.partition(".")[0]
    sources = [SOURCES / source, KERNELS / "codec" / "codec.cc", *(KERNELS / "coded").glob("*.cc")]
    command = [COMPILER, "-std=c++17", optimised, "-static", f"-I{KERNELS}", "-o", program, *sources]
    subprocess.run(list(map(str, command)), check=True)
    asked = [emulator, str(program), *map(str, arguments)]
    return subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()


@OPTIMISED
def test_arm64_writes_the_same_bytes(tmp_path: Path, optimised: str) -> None:
    assert run("print_bytes.cc", optimised, tmp_path) == [FAST_BYTES, BEST_BYTES, FAST_SINCE, BEST_SINCE]


def arrays_of(layer: LayerConstants) -> list[str]:
    """As the library holds a layer in memory."""
    matrix = layer.matrix
    arrays = matrix.indptr, indices_of(matrix), matrix.data, layer.scale, layer.bias
    return [array.tobytes().hex() for array in arrays if array is not None]


@OPTIMISED
@pytest.mark.parametrize("best", FROZEN)
def test_arm64_decodes_the_same_arrays(tmp_path: Path, optimised: str, best: bool) -> None:
    layers = frozen_layers()
    (tmp_path / "coded").write_bytes(bytes.fromhex(FROZEN[best]))
    facts = [fact for layer in layers for fact in (layer.matrix.shape[1], int(layer.bias is not None))]
    printed = run("print_decoded.cc", optimised, tmp_path, tmp_path / "coded", *facts)
    assert printed == [array for layer in layers for array in arrays_of(layer)]
