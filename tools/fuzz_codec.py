"""Run a decoder under libFuzzer, and write down what came of it.

    python tools/fuzz_codec.py [--program decode] [--runs 1000000] [--slice 50000] [--out FILE]

Any bytes must end in a verdict: no crash, no step beyond the declared memory, no undefined behaviour, no hang, and what
the C++ decoders decode must encode to what decodes to the same; these run under sanitizers. Inputs found on the way are
kept from slice to slice, each of which begins from a seed of its own; the result is written after each.
tests/codec/test_fuzz.py runs the same program for a few seconds. `container`, the Python reader of whole files, needs
`pip install atheris`.
"""

import argparse
import json
import platform
import re
import subprocess
import sys
import tempfile
import time
from importlib.metadata import version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KERNELS = ROOT / "lth_edge" / "kernels"
PROGRAMS = ROOT / "tests" / "codec" / "fuzz"
SOURCES = {
    "decode": [KERNELS / "codec" / "codec.cc"],
    "coded_weights": [
        KERNELS / "codec" / "codec.cc", *sorted((KERNELS / "coded").glob("*.cc")), KERNELS / "layers" / "check.cc"
    ],
}  # fmt: skip
"""Program -> what it is compiled with: the decoder of .lthe files, and that of a sparse model's coded weights."""
READER = "container"
"""The program in Python."""
FLAGS = ["-std=c++17", "-O2", "-g1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
LIMITS = {
    "decode": ["-timeout=10", "-malloc_limit_mb=64"],
    "coded_weights": ["-timeout=10", "-malloc_limit_mb=64"],
    READER: ["-timeout=10", "-rss_limit_mb=512"],  # NumPy and onnx are in it
}
LONGEST = {"decode": 600, "coded_weights": 300, READER: 5000}
"""Program -> bytes of an input at most."""


def command_of(program: str, folder: Path) -> list[str]:
    """How a fuzzer is started; it is compiled into the folder first.

    Raises:
        RuntimeError: it cannot be compiled or started; says why.
    """
    if program == READER:
        if find_spec("atheris") is None:
            raise RuntimeError("there is no atheris to fuzz Python with: pip install atheris")
        return [sys.executable, str(PROGRAMS / f"{READER}.py")]
    built = build(program, folder / program)
    if built.returncode:
        raise RuntimeError(built.stderr)
    return [str(folder / program)]


def build(program: str, out: Path) -> subprocess.CompletedProcess[str]:
    """Compile a fuzzer; its `returncode` and `stderr` say why there is none."""
    sources = [PROGRAMS / f"{program}.cc", *SOURCES[program]]
    command = ["clang++", *FLAGS, f"-I{KERNELS}", "-o", str(out), *map(str, sources)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fuzz(command: list[str], program: str, corpus: Path, runs: int, seed: int) -> subprocess.CompletedProcess[str]:
    """One slice of executions; `returncode` is 0 where nothing was found."""
    options = [f"-runs={runs}", f"-seed={seed}", f"-max_len={LONGEST[program]}", *LIMITS[program]]
    # A process begins with the peak memory of the one that it is started from, which here may be large; a shell's child
    # does not.
    shell = ["sh", "-c", '"$@"; exit $?', "sh"]
    whole = [*shell, *command, *options, "-print_final_stats=1", str(corpus)]
    return subprocess.run(whole, capture_output=True, text=True, cwd=corpus.parent, check=False)


def executions(done: subprocess.CompletedProcess[str]) -> int:
    """How many inputs a slice tried, those of the corpus among them."""
    found = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    return int(found[1]) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", choices=LIMITS, default="decode")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--slice", type=int, default=50_000)
    parser.add_argument("--out", type=Path, help="[benchmarks/results/fuzz-PROGRAM.json]")
    given = parser.parse_args()
    out = given.out or ROOT / "benchmarks" / "results" / f"fuzz-{given.program}.json"
    with tempfile.TemporaryDirectory() as name:
        try:
            command, corpus = command_of(given.program, Path(name)), Path(name) / "corpus"
        except RuntimeError as error:
            sys.exit(str(error))
        corpus.mkdir()
        began, tried, slices = time.time(), 0, 0
        while tried < given.runs:
            slices += 1
            done = fuzz(command, given.program, corpus, given.slice, slices)
            tried += executions(done)
            if done.returncode:
                sys.exit(done.stderr)
            kept = len(list(corpus.iterdir()))
            print(f"{tried:,} executions, {kept:,} inputs kept", flush=True)
            _write(out, given.program, done, tried, slices, time.time() - began, kept)


def _write(
    out: Path, program: str, last: subprocess.CompletedProcess[str], tried: int, slices: int, seconds: float, kept: int
) -> None:
    coverage = re.findall(r"cov: (\d+) ft: (\d+)", last.stderr)[-1]
    content = {
        "program": f"tests/codec/fuzz/{program}.{'py' if program == READER else 'cc'}",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        **_built_with(program),
        "limits": LIMITS[program],
        "executions": tried,
        "slices": slices,
        "seconds": round(seconds),
        "inputs_kept": kept,
        "edges_covered": int(coverage[0]),
        "features_covered": int(coverage[1]),
        "findings": 0,
    }
    out.write_text(json.dumps(content, indent=2) + "\n")


def _built_with(program: str) -> dict[str, Any]:
    if program == READER:
        return {"fuzzer": f"atheris {version('atheris')}", "python": platform.python_version()}
    told = subprocess.run(["clang++", "--version"], capture_output=True, text=True, check=True).stdout
    return {"compiler": told.splitlines()[0], "flags": FLAGS}


if __name__ == "__main__":
    main()
