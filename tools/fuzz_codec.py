"""Run a decoder under libFuzzer and sanitizers, and write down what came of it.

    python tools/fuzz_codec.py [--program decode] [--runs 1000000] [--slice 50000] [--out FILE]

Any bytes must end in a verdict: no crash, no step beyond the declared memory, no undefined behaviour, no hang, and what
decodes must encode to what decodes to the same. Inputs found on the way are kept from slice to slice, each of which
begins from a seed of its own; the result is written after each. tests/codec/test_fuzz.py runs the same program for a
few seconds.
"""

import argparse
import json
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

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
FLAGS = ["-std=c++17", "-O2", "-g1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]
LIMITS = ["-timeout=10", "-malloc_limit_mb=64"]
LONGEST = {"decode": 600, "coded_weights": 300}
"""Program -> bytes of an input at most."""


def build(program: str, out: Path) -> subprocess.CompletedProcess[str]:
    """Compile a fuzzer; its `returncode` and `stderr` say why there is none."""
    sources = [PROGRAMS / f"{program}.cc", *SOURCES[program]]
    command = ["clang++", *FLAGS, f"-I{KERNELS}", "-o", str(out), *map(str, sources)]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def fuzz(fuzzer: Path, corpus: Path, runs: int, seed: int) -> subprocess.CompletedProcess[str]:
    """One slice of executions; `returncode` is 0 where nothing was found."""
    command = [
        str(fuzzer),
        f"-runs={runs}",
        f"-seed={seed}",
        f"-max_len={LONGEST[fuzzer.name]}",
        *LIMITS,
        "-print_final_stats=1",
        str(corpus),
    ]
    return subprocess.run(command, capture_output=True, text=True, cwd=corpus.parent, check=False)


def executions(done: subprocess.CompletedProcess[str]) -> int:
    """How many inputs a slice tried, those of the corpus among them."""
    found = re.search(r"number_of_executed_units:\s*(\d+)", done.stderr)
    return int(found[1]) if found else 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--program", choices=SOURCES, default="decode")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--slice", type=int, default=50_000)
    parser.add_argument("--out", type=Path, help="[benchmarks/results/fuzz-PROGRAM.json]")
    given = parser.parse_args()
    out = given.out or ROOT / "benchmarks" / "results" / f"fuzz-{given.program}.json"
    with tempfile.TemporaryDirectory() as name:
        fuzzer, corpus = Path(name) / given.program, Path(name) / "corpus"
        corpus.mkdir()
        built = build(given.program, fuzzer)
        if built.returncode:
            sys.exit(built.stderr)
        began, tried, slices = time.time(), 0, 0
        while tried < given.runs:
            slices += 1
            done = fuzz(fuzzer, corpus, given.slice, slices)
            tried += executions(done)
            if done.returncode:
                sys.exit(done.stderr)
            kept = len(list(corpus.iterdir()))
            print(f"{tried:,} executions, {kept:,} inputs kept", flush=True)
            _write(out, given.program, done, tried, slices, time.time() - began, kept)


def _write(
    out: Path, program: str, last: subprocess.CompletedProcess[str], tried: int, slices: int, seconds: float, kept: int
) -> None:
    version = subprocess.run(["clang++", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[
        0
    ]
    coverage = re.findall(r"cov: (\d+) ft: (\d+)", last.stderr)[-1]
    content = {
        "program": f"tests/codec/fuzz/{program}.cc",
        "date": time.strftime("%Y-%m-%d", time.gmtime()),
        "compiler": version,
        "flags": [*FLAGS, *LIMITS],
        "executions": tried,
        "slices": slices,
        "seconds": round(seconds),
        "inputs_kept": kept,
        "edges_covered": int(coverage[0]),
        "features_covered": int(coverage[1]),
        "findings": 0,
    }
    out.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    main()
