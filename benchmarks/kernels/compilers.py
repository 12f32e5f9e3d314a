"""The shipped library against the same sources compiled by this machine's GCC, interleaved in one process.

    python -m benchmarks.kernels.compilers [MODEL ...] [--sparsity 90] [--seconds 20] [--out FILE]

What is told is GCC's time over the shipped library's: above 1 the latter is faster (`two_builds.py`).
"""

import subprocess
import tempfile
from datetime import UTC, datetime
from pathlib import Path

from benchmarks.kernels.arguments import arguments
from benchmarks.kernels.measure import place
from benchmarks.kernels.two_builds import compare
from lth_edge.bench.machine import machine
from lth_edge.files import write_json
from lth_edge.runtime.library import library_path
from tools.build_kernels import build, host

MODELS = ("conv-6", "mobilenet-v1")


def main() -> None:
    asked = arguments(__doc__, MODELS, (90,), 20.0, "file of the results")
    created, about = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), machine()
    with tempfile.TemporaryDirectory(prefix="lth-edge-gcc-") as folder:
        libraries = {"shipped": library_path(), "gcc": build(host(), "gcc", Path(folder))}
        results = [
            compare(model, percent, libraries, asked.seconds) for model in asked.models for percent in asked.sparsity
        ]
    for result in results:
        low, middle, high = (result["ratio"][name] for name in ("low", "median", "high"))
        name = f"{result['model']} {result['percent']}%"
        print(f"{name}: the shipped library is {middle:.3f}x as fast as GCC's ({low:.3f} to {high:.3f})")
    out = asked.out or place(about, created).with_name("compilers") / "report.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    gcc = subprocess.run(["g++", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
    write_json(out, {"schema_version": 1, "created": created, "machine": about, "gcc": gcc, "results": results})
    print(out)


if __name__ == "__main__":
    main()
