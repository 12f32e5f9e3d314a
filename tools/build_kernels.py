"""Compile the library of sparse kernels for every target, with the compiler inside the ziglang wheel.

As a command: `python tools/build_kernels.py [--target host|all|NAME] [--compiler zig|gcc] [--out FOLDER]`.
As the build hook of the wheel: pyproject.toml's `[tool.hatch.build.hooks.custom]`.

Sources are compiled once for the oldest CPU of a target, but those in compute/ once for each of its instruction sets.
A target whose sources, flags and compiler are those of its last build is not built again.
"""

import argparse
import hashlib
import os
import platform
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

try:
    from hatchling.builders.hooks.plugin.interface import BuildHookInterface
except ImportError:  # as a command
    BuildHookInterface = object

ROOT = Path(__file__).resolve().parent.parent
SOURCES = ROOT / "lth_edge" / "kernels"
BUILT = SOURCES / "lib"

COMPILE = """
    -c -O3 -std=c++17 -ffreestanding -fno-exceptions -fno-rtti -fno-stack-protector -fno-asynchronous-unwind-tables
    -fPIC -fvisibility=hidden -Wall -Wextra
""".split()
# A release has no traps for undefined behaviour; the tests look for it.
COMPILE_WITH = {"zig": ["-fno-sanitize=undefined"], "gcc": ["-Wno-psabi"]}
WIDE_VECTORS = ["-mprefer-vector-width=512"]

LINK = ["-shared", "-nostdlib", "-s"]
# 16 KB pages for Android; never unloaded, as sessions hold on to the operators.
LINK_ELF = ["-Wl,-s", "-Wl,-z,max-page-size=16384", "-Wl,-z,nodelete", "-Wl,-z,defs", "-Wl,-soname,liblth_edge.so"]
LINK_MACOS = ["-Wl,-install_name,@rpath/liblth_edge.dylib"]

X86_SETS = {"baseline": "x86_64", "avx2": "x86_64_v3", "avx512": "x86_64_v4"}


Unit = tuple[list[str], Path, Path]
"""Flags, source and object of a compilation."""


@dataclass(frozen=True)
class Target:
    """What is compiled for.

    Args:
        triple: the target as zig names it.
        library: file name of the library.
        sets: instruction sets, the oldest first, and the CPU that stands for each.
        link: flags for the linker.
    """

    triple: str
    library: str
    sets: Mapping[str, str]
    link: list[str] = field(default_factory=list)


TARGETS = {
    "linux-x86_64": Target("x86_64-linux-none", "liblth_edge.so", X86_SETS, LINK_ELF),
    "linux-aarch64": Target("aarch64-linux-none", "liblth_edge.so", {"baseline": "generic"}, LINK_ELF),
    "macos-arm64": Target("aarch64-macos.11.0-none", "liblth_edge.dylib", {"baseline": "apple_m1"}, LINK_MACOS),
    "macos-x86_64": Target("x86_64-macos.11.0-none", "liblth_edge.dylib", X86_SETS, LINK_MACOS),
    "windows-x86_64": Target("x86_64-windows-gnu", "lth_edge.dll", X86_SETS),
}
GCC_CPUS = {"x86_64": "x86-64", "x86_64_v3": "x86-64-v3", "x86_64_v4": "x86-64-v4", "generic": "armv8-a"}


def build(
    name: str, compiler: str = "zig", out: Path = BUILT, defined: Sequence[str] = (), also: Sequence[Path] = ()
) -> Path:
    """Build one target's library, if it is not there already.

    Args:
        name: of `TARGETS`.
        compiler: zig or gcc.
        out: folder of the targets' folders.
        defined: macros, of a build that is none of the product's.
        also: sources besides the product's.

    Raises:
        SystemExit: the compiler is missing, or refuses a source.
    """
    target = TARGETS[name]
    library, stamp = out / name / target.library, out / name / "sources.sha256"
    made_from = _fingerprint(target, compiler, defined, also)
    if library.is_file() and stamp.is_file() and stamp.read_text() == made_from:
        return library
    library.parent.mkdir(parents=True, exist_ok=True)
    stamp.unlink(missing_ok=True)
    with tempfile.TemporaryDirectory(dir=library.parent) as folder:
        units = _units(target, compiler, Path(folder), defined, also)
        objects = _compile_all(units)
        linked = Path(folder) / target.library
        _run([*_compiler(compiler), *_for_target(target, compiler), *LINK, *target.link, "-o", str(linked), *objects])
        linked.replace(library)
    stamp.write_text(made_from)
    return library


def host() -> str:
    """The target that this machine is."""
    machine = {"AMD64": "x86_64", "arm64": "aarch64"}.get(platform.machine(), platform.machine())
    system = {"Darwin": "macos", "Windows": "windows"}.get(platform.system(), "linux")
    name = f"{system}-{machine}".replace("macos-aarch64", "macos-arm64")
    if name not in TARGETS:
        raise SystemExit(f"there are no kernels for {name}, only for: {', '.join(TARGETS)}")
    return name


def _fingerprint(target: Target, compiler: str, defined: Sequence[str], also: Sequence[Path]) -> str:
    known = hashlib.sha256(repr((target, _version(compiler), list(defined))).encode())
    for path in [Path(__file__), *sorted(SOURCES.rglob("*.h")), *sorted(SOURCES.rglob("*.cc")), *also]:
        known.update(f"{path.name} {path.stat().st_size}\n".encode() + path.read_bytes())
    return known.hexdigest()


def _compile_all(units: Iterator[Unit]) -> list[str]:
    """Objects of the oldest CPU sort first: of an inline function that several have, the linker keeps the first."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return sorted(pool.map(_compile, *zip(*units, strict=True)))


def _units(target: Target, compiler: str, folder: Path, defined: Sequence[str], also: Sequence[Path]) -> Iterator[Unit]:
    start = [*_compiler(compiler), *_for_target(target, compiler), *COMPILE, *COMPILE_WITH[compiler]]
    start += [f"-D{macro}" for macro in defined]
    sets = list(target.sets.items())
    for source in [*sorted(SOURCES.glob("*/*.cc")), *also]:
        for set_, cpu in sets if source.parent.name == "compute" else sets[:1]:
            named = [f"-DLTH_SET={set_}"] if source.parent.name == "compute" else []
            flags = [*start, _for_cpu(cpu, compiler), *named, *(WIDE_VECTORS if set_ == "avx512" else [])]
            yield flags, source, folder / f"{sets.index((set_, cpu))}-{source.parent.name}-{source.stem}.o"


def _compile(flags: list[str], source: Path, made: Path) -> str:
    _run([*flags, str(source), "-o", str(made)])
    return str(made)


def _compiler(name: str) -> list[str]:
    return ["g++"] if name == "gcc" else [sys.executable, "-m", "ziglang", "c++"]


def _for_target(target: Target, compiler: str) -> list[str]:
    return [] if compiler == "gcc" else ["-target", target.triple]


def _for_cpu(cpu: str, compiler: str) -> str:
    return f"-march={GCC_CPUS[cpu]}" if compiler == "gcc" else f"-mcpu={cpu}"


def _version(compiler: str) -> str:
    return _run(["g++", "--version"] if compiler == "gcc" else [sys.executable, "-m", "ziglang", "version"])


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise SystemExit(f"the compiler of the kernels cannot run: {error}") from error
    if done.returncode != 0:
        mend = "\nThe kernels are compiled by ziglang: pip install ziglang" if "No module named" in done.stderr else ""
        raise SystemExit(f"compiling the kernels failed: {' '.join(command)}\n{done.stdout}{done.stderr}{mend}")
    sys.stderr.write(done.stderr)  # warnings
    return done.stdout


class BuildKernels(BuildHookInterface):  # type: ignore[misc,valid-type]  # hatchling is there when this is a hook
    """Builds the libraries of all targets: one wheel serves them all."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        for name in TARGETS:
            build(name)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", choices=["host", "all", *TARGETS], default="host")
    parser.add_argument("--compiler", choices=["zig", "gcc"], default="zig", help="gcc compiles for this machine alone")
    parser.add_argument("--out", type=Path, default=BUILT, help="folder of the targets' folders")
    asked = parser.parse_args()
    names = list(TARGETS) if asked.target == "all" else [host() if asked.target == "host" else asked.target]
    if asked.compiler == "gcc" and names != [host()]:
        parser.error("gcc compiles for this machine alone")
    for name in names:
        print(build(name, asked.compiler, asked.out))


if __name__ == "__main__":
    main()
