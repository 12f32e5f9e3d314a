"""The kernels for AVX2 beside those for AVX-512, on a machine that has both, interleaved in one process.

    python -m benchmarks.kernels.instruction_sets [MODEL ...] [--sparsity 90] [--seconds 20] [--out FILE]

What is told is AVX2's time over AVX-512's (`two_builds.py`). The former library is a build of its own, which takes the
machine for one without AVX-512.
"""

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

MODELS = ("conv-6", "vgg-16", "resnet-20", "resnet-18", "mobilenet-v1", "vit-tiny-ffn", "mlp")


def main() -> None:
    asked = arguments(__doc__, MODELS, (90,), 20.0, "file of the results")
    created, about = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"), machine()
    if "avx512f" not in about["flags"]:
        raise SystemExit("this machine has no AVX-512 to compare with")
    with tempfile.TemporaryDirectory(prefix="lth-edge-avx2-") as folder:
        without = build(host(), "zig", Path(folder), defined=["LTH_WITHOUT_AVX512"])
        libraries = {"avx512": library_path(), "avx2": without}
        results = [
            compare(model, percent, libraries, asked.seconds) for model in asked.models for percent in asked.sparsity
        ]
    for result in results:
        low, middle, high = (result["ratio"][name] for name in ("low", "median", "high"))
        print(f"{result['model']} {result['percent']}%: AVX2 takes {middle:.2f}x ({low:.2f} to {high:.2f})")
    out = asked.out or place(about, created).with_name("instruction-sets") / "report.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    write_json(out, {"schema_version": 1, "created": created, "machine": about, "results": results})
    print(out)


if __name__ == "__main__":
    main()
