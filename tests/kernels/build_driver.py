"""Compiles tests/kernels/driver together with the kernels."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

DRIVER = Path(__file__).parent / "driver"
KERNELS = Path(__file__).parents[2] / "lth_edge" / "kernels"

X86_SETS = {"baseline": "x86-64", "avx2": "x86-64-v3", "avx512": "x86-64-v4"}
ARM64_SETS = {"baseline": "armv8-a"}

# -Wno-psabi: how vectors are handed between functions has changed between compilers; ours stay within one.
FLAGS = ["-std=c++17", "-g1", "-pthread", "-Wall", "-Wextra", "-Wno-psabi", f"-I{KERNELS}", f"-I{DRIVER}"]


def build_driver(
    folder: Path, compiler: str = "g++", sets: Mapping[str, str] = X86_SETS, flags: Sequence[str] = ("-O2",)
) -> Path:
    """The driver, made in `folder`. `sets` names the -march of each instruction set, the oldest first.

    Raises:
        RuntimeError: what the compiler says of a source that it refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    common = [compiler, *FLAGS, *flags]
    oldest = next(iter(sets.values()))
    commands = {}
    for source in sorted([*DRIVER.glob("*.cc"), *_plain_sources()]):
        commands[folder / f"{source.parent.name}-{source.stem}.o"] = [*common, f"-march={oldest}", "-c", str(source)]
    for set_, march in sets.items():
        for source in sorted((KERNELS / "compute").glob("*.cc")):
            made = folder / f"{set_}-{source.stem}.o"
            commands[made] = [*common, f"-march={march}", f"-DLTH_SET={set_}", "-c", str(source)]
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(lambda made: _run([*commands[made], "-o", str(made)]), commands))
    driver = folder / "driver"
    _run([*common, "-o", str(driver), *map(str, sorted(commands))])
    return driver


def _plain_sources() -> list[Path]:
    """Kernel sources compiled for the oldest CPU; memcpy comes from the C library here, for sanitizers to watch."""
    apart = {KERNELS / "cpu" / "memory.cc"}
    return [
        path
        for path in KERNELS.glob("*/*.cc")
        if path.parent.name not in ("compute", "onnxruntime") and path not in apart
    ]


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}\n{done.stdout}{done.stderr}")
