"""DeepSparse in a process and an environment of its own; needs only that package and numpy.

    python deepsparse_worker.py MODEL CORES

Requests are lines of JSON on stdin, answers lines of JSON on stdout:

    {"load": [ARRAY.npy]}  -> {"load_ms": ...}           compiles the model and keeps the inputs
    {"time": N}            -> {"nanoseconds": [...]}     N runs, timed here, one after another
    {"outputs": FOLDER}    -> {"files": [...]}           the outputs as .npy
"""

import json
import os
import sys
from pathlib import Path
from time import perf_counter_ns

from clock import time_runs

os.environ["NM_DISABLE_ANALYTICS"] = "True"


def answer(request, state, model, cores):
    import numpy as np

    if "load" in request:
        from deepsparse import Engine

        state["inputs"] = [np.load(file) for file in request["load"]]
        start = perf_counter_ns()
        state["engine"] = Engine(model, batch_size=1, num_cores=cores)
        return {"load_ms": (perf_counter_ns() - start) / 1e6}
    engine, inputs = state["engine"], state["inputs"]
    if "time" in request:
        return {"nanoseconds": time_runs(lambda: engine.run(inputs, val_inp=False), request["time"], cores)}
    files = []
    for place, output in enumerate(engine.run(inputs)):
        files.append(str(Path(request["outputs"]) / f"deepsparse-{place}.npy"))
        np.save(files[-1], output)
    return {"files": files}


def main():
    """Serve until stdin ends. The engine prints on stdout, so answers go out through a copy of it."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    state = {}
    for line in sys.stdin:
        print(json.dumps(answer(json.loads(line), state, sys.argv[1], int(sys.argv[2]))), file=answers, flush=True)


if __name__ == "__main__":
    main()
