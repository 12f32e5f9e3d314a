"""How many multiply-adds a cycle the inner loops can make, by llvm-mca, on cores that are not at hand.

    python -m benchmarks.loops [--mca llvm-mca-19]

Compiles the kernels as the release does and reads their innermost loops back from the assembly. For Arm, loops as dense
kernels have them stand beside them, in fp32 and int8. llvm-mca (19 or later) simulates each on the model of a core, its
data in the first cache: an upper bound. What it finds goes to results/llvm-mca/loops/report.json; the boards of
lth_edge/devices/boards.toml and the machine of benchmarks/estimate.py have their figures from there.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from lth_edge.files import write_json
from tools.build_kernels import COMPILE, COMPILE_WITH, SOURCES, WIDE_VECTORS

OUT = Path(__file__).parent / "results" / "llvm-mca" / "loops" / "report.json"
_ITERATIONS = 200
_SPARSE_VECTORS = range(8, 17)
"""Sums that a tile of a larger plane has."""
_BRANCH = re.compile(r"\s+(?:b\.\w+|cbn?z|tbn?z|b|j\w+)\b.*?(\.LBB\w+)")


@dataclass(frozen=True)
class Architecture:
    """What is compiled for, and simulated.

    Attributes:
        flags: of the compiler.
        triple: as llvm-mca names it.
        comment: what begins one in assembly.
        multiply_add: the instruction.
        lanes: floats that it works on.
        cores: core -> flags of llvm-mca; a model may stand for a core whose own is wrong.
        hand_written: kind -> loop and the multiply-adds of a round, and the cores that have its instructions.
    """

    flags: list[str]
    triple: str
    comment: str
    multiply_add: str
    lanes: int
    cores: Mapping[str, list[str]]
    hand_written: Mapping[str, tuple[list[str], int, tuple[str, ...]]]


def _arm_dense() -> list[str]:
    """A 4 x 16 tile of fp32, as MLAS has it: four loads of the weight, sixteen products by element."""
    loads = [f"ldp q{16 + 2 * pair}, q{17 + 2 * pair}, [x1], #32" for pair in range(2)]
    products = [
        f"fmla v{4 * row + part}.4s, v{16 + part}.4s, v{20 + row}.s[0]" for row in range(4) for part in range(4)
    ]
    return [*loads, *products, "subs x3, x3, #1", "b.ne .L"]


_ARM_LOADS = ["ldp q16, q17, [x1], #32", "ldp q18, q19, [x2], #32"]


def _arm_int8() -> list[str]:
    """Eight sums of int8 products by widening, four on the way at a time."""
    products = [
        line.format(wide=20 + part % 4, sum=part, a=16 + part % 2, b=18 + part // 2 % 2)
        for four in (range(4), range(4, 8))
        for line in (
            "smull v{wide}.8h, v{a}.8b, v{b}.8b",
            "smlal2 v{wide}.8h, v{a}.16b, v{b}.16b",
            "sadalp v{sum}.4s, v{wide}.8h",
        )
        for part in four
    ]
    return [*_ARM_LOADS, *products, "subs x3, x3, #1", "b.ne .L"]


def _arm_dot() -> list[str]:
    """Eight sums of int8 products where the core has SDOT."""
    products = [f"sdot v{part}.4s, v{16 + part % 2}.16b, v{18 + part // 2 % 2}.16b" for part in range(8)]
    return [*_ARM_LOADS, *products, "subs x3, x3, #1", "b.ne .L"]


_A53, _A72, _A76, _X86 = "cortex-a53", "cortex-a72", "cortex-a76", "sapphirerapids"

ARCHITECTURES = (
    Architecture(
        flags=["-target", "aarch64-linux-none", "-mcpu=generic", "-DLTH_SET=baseline"],
        triple="aarch64", comment="//", multiply_add="fmla", lanes=4,
        cores={_A53: [f"-mcpu={_A53}"], _A72: [f"-mcpu={_A72}"], _A76: ["-mcpu=neoverse-n1", "-mattr=+dotprod"]},
        hand_written={
            "dense": (_arm_dense(), 16 * 4, (_A53, _A72, _A76)),
            "int8": (_arm_int8(), 8 * 16, (_A53, _A72)),
            "int8 dot": (_arm_dot(), 8 * 16, (_A76,)),
        },
    ),
    Architecture(
        flags=["-target", "x86_64-linux-none", "-mcpu=x86_64_v4", *WIDE_VECTORS, "-DLTH_SET=avx512"],
        triple="x86_64", comment="#", multiply_add="vfmadd", lanes=16,
        cores={_X86: [f"-mcpu={_X86}"]},
        hand_written={},  # dense loops are measured on such a machine (benchmarks.kernels.peak)
    ),
)  # fmt: skip


def kernel_loops(architecture: Architecture, folder: Path) -> Iterator[tuple[str, list[str]]]:
    """Function and body of every innermost loop that multiplies in the kernels."""
    assembly = folder / f"{architecture.triple}.s"
    flags = [flag for flag in (*COMPILE, *COMPILE_WITH["zig"]) if flag != "-c"]
    source = SOURCES / "compute" / "kernels.cc"
    command = [sys.executable, "-m", "ziglang", "c++", *architecture.flags, *flags]
    subprocess.run([*command, "-S", str(source), "-o", str(assembly)], check=True, stderr=subprocess.DEVNULL)
    function, label, body = "", "", []
    for raw in assembly.read_text(errors="replace").splitlines():
        line = raw.split(architecture.comment)[0].rstrip()
        if found := re.match(r"(_Z\w+|\.LBB\w+):", line):
            # An inner label: whatever began before it is no innermost loop.
            label, body = found[1], []
            function = label if label.startswith("_Z") else function
        elif re.match(r"\s+[a-z]", line):
            body.append(line.strip())
            branch = _BRANCH.match(line)
            if branch and branch[1] == label and any(architecture.multiply_add in line for line in body):
                yield function, body


def multiply_adds_a_cycle(loop: list[str], products: int, triple: str, flags: list[str], mca: str) -> float:
    command = [mca, f"-mtriple={triple}", f"-iterations={_ITERATIONS}", *flags]
    done = subprocess.run(command, input="\n".join(loop), capture_output=True, text=True, check=True)
    cycles = re.search(r"Total Cycles:\s+(\d+)", done.stdout)
    if cycles is None:
        sys.exit(f"{mca} says no number of cycles")
    return round(products * _ITERATIONS / int(cycles[1]), 2)


def simulate(architecture: Architecture, mca: str, folder: Path) -> dict[str, dict[str, list[float]]]:
    """Core -> kind of loop -> multiply-adds a cycle of each loop of the kind."""
    loops = {kind: [(loop, products)] for kind, (loop, products, _) in architecture.hand_written.items()}
    for function, loop in kernel_loops(architecture, folder):
        sums = sum(architecture.multiply_add in line for line in loop)
        if "multiply_vector" in function or "multiply_slices" in function or "multiply_slots" in function:
            loops.setdefault("sparse vector", []).append((loop, sums * architecture.lanes))
        elif "tile_kernel" in function and sums in _SPARSE_VECTORS:
            loops.setdefault("sparse", []).append((loop, sums * architecture.lanes))
    return {
        core: {
            kind: [multiply_adds_a_cycle(loop, products, architecture.triple, flags, mca) for loop, products in bodies]
            for kind, bodies in loops.items()
            if kind not in architecture.hand_written or core in architecture.hand_written[kind][2]
        }
        for core, flags in architecture.cores.items()
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mca", default="llvm-mca-19", help="of LLVM 19 or later")
    mca = parser.parse_args().mca
    with tempfile.TemporaryDirectory(prefix="lth-edge-loops-") as folder:
        cores = {
            core: found
            for architecture in ARCHITECTURES
            for core, found in simulate(architecture, mca, Path(folder)).items()
        }
    version = subprocess.run([mca, "--version"], capture_output=True, text=True, check=True).stdout
    llvm = next(line.strip() for line in version.splitlines() if "version" in line)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    write_json(OUT, {"schema_version": 1, "llvm": llvm, "multiply_adds_a_cycle": cores})
    for core, kinds in cores.items():
        for kind, figures in kinds.items():
            print(f"{core:16}{kind:16}{median(figures):6.2f} ({min(figures)} to {max(figures)}, {len(figures)} loops)")


if __name__ == "__main__":
    main()
