"""NNCodec (Fraunhofer's implementation of ISO/IEC 15938-17) on the same ticket: its fewest bytes within a loss.

It gets the weights as the network holds them: units that nothing is left of stay in, a few bits each. It lives in an
environment of its own, for it needs an older NumPy:

    python -m venv NNCODEC && NNCODEC/bin/pip install nncodec==2.1.3
"""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from lth_edge.ticket import Weights

STEPS = range(-36, 9, 2)
PROCESS = Path(__file__).parent / "nncodec_process.py"


def nncodec(weights: Weights, python: Path, loss: Callable[[Weights], float], allowed: float) -> tuple[int, Weights]:
    """Coded bytes, the fewest of all steps within the loss, and the weights that come back.

    Args:
        weights: with zeros where nothing is left.
        python: the interpreter of NNCodec's environment.
        loss: of decoded weights against `weights`, in the units of the metric.
        allowed: the most that may be lost.
    """
    with TemporaryDirectory() as name:
        folder = Path(name)
        np.savez(folder / "weights.npz", **weights)
        command = [str(python), str(PROCESS), str(folder / "weights.npz"), name, *map(str, STEPS)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
        sizes = {int(qp): size for qp, size in json.loads(done.stdout.splitlines()[-1]).items()}
        for qp in sorted(sizes, key=sizes.__getitem__):
            with np.load(folder / f"{qp}.npz") as file:
                decoded = {key: file[key].astype(array.dtype).reshape(array.shape) for key, array in weights.items()}
            if loss(decoded) <= allowed:
                assert qp != STEPS[-1], "a coarser step might do as well: add some"
                return sizes[qp], decoded
    raise ValueError(f"no step of NNCodec loses {allowed:g} or less: add finer ones")
