"""On the device: load a tiny sparse model in its kernels and run it; the error against known outputs, as JSON.

    job     dense, sparse (files), inputs, outputs (as `bench.inputs.save_feed` gives them)
    answer  numpy, onnxruntime (versions), error (largest difference of either, as a share of the largest output)

Before each step its name goes to stderr: where the process dies, that is what it died of.
"""

import json
import sys
from collections.abc import Mapping
from typing import Any

from lth_edge.errors import reason

IMPORT_NUMPY, IMPORT_ONNXRUNTIME, RUN_DENSE, LOAD, RUN = STEPS = (
    "importing numpy",
    "importing onnxruntime",
    "running a dense model",
    "loading the kernels",
    "running a sparse model",
)


def trial(job: Mapping[str, Any]) -> dict[str, Any]:
    _step(IMPORT_NUMPY)
    import numpy

    _step(IMPORT_ONNXRUNTIME)
    import onnxruntime

    from lth_edge.bench.inputs import load_feed
    from lth_edge.runtime.session import session

    inputs, expected = load_feed(job["inputs"]), load_feed(job["outputs"])
    _step(RUN_DENSE)
    dense = onnxruntime.InferenceSession(job["dense"], providers=["CPUExecutionProvider"])
    errors = [_error(dense, inputs, expected)]
    _step(LOAD)
    sparse = session(job["sparse"])
    _step(RUN)
    errors.append(_error(sparse, inputs, expected))
    return {"numpy": numpy.__version__, "onnxruntime": onnxruntime.__version__, "error": max(errors)}


def _error(loaded: Any, inputs: Mapping[str, Any], expected: Mapping[str, Any]) -> float:
    found = dict(zip(expected, loaded.run(list(expected), inputs), strict=True))
    return max(float(abs(found[name] - known).max() / abs(known).max()) for name, known in expected.items())


def _step(name: str) -> None:
    print(name, file=sys.stderr, flush=True)


def main() -> None:
    try:
        print(json.dumps(trial(json.load(sys.stdin))))
    except Exception as error:  # onnxruntime's share no base class of their own
        raise SystemExit(reason(error)) from error


if __name__ == "__main__":
    main()
