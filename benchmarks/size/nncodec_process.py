"""Runs in NNCodec's environment: each array of a .npz file, coded at several steps.

    PYTHON nncodec_process.py IN.npz OUT_FOLDER QP [QP ...]

Writes OUT_FOLDER/QP.npz, the arrays as they come back, and prints the bytes of each as JSON, QP -> bytes. A step is
2 to the QP/4 or so: the lower, the finer. All other settings are NNCodec's own.
"""

import contextlib
import io
import json
import os
import sys
from pathlib import Path

import numpy as np
from nncodec.nn import decode, encode


def main(source: str, out: str, *qps: str) -> None:
    with np.load(source) as file:
        arrays = {name: file[name].astype(np.float32) for name in file.files}
    folder, sizes = Path(out).resolve(), {}
    os.chdir(folder)  # the library leaves a file of its own beside
    for qp in map(int, qps):
        with contextlib.redirect_stdout(io.StringIO()):
            coded = encode(arrays, args={"qp": qp, "verbose": False})
            decoded = decode(coded)
        np.savez(folder / f"{qp}.npz", **decoded)
        sizes[qp] = len(coded)
    print(json.dumps(sizes))


if __name__ == "__main__":
    main(*sys.argv[1:])
