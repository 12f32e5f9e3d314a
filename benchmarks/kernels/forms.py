"""The forms of a model that are compared; ours are opened by `lth_edge`, the others by a stock onnxruntime."""

import os
from pathlib import Path
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

from lth_edge.runtime.session import session

DENSE, INT8, DEEPSPARSE, NULL = "dense", "int8", "deepsparse", "null graph"
_SPARSE = "sparse "
_ERRORS_ONLY = 3


def sparse_form(values: str) -> str:
    """The name of our form whose weights are stored as `values`: fp32, fp16 or int8."""
    return f"{_SPARSE}{values}"


def write_forms(dense: Path, values: tuple[str, ...], batches: list[dict[str, Any]]) -> dict[str, str]:
    """Write int8 and our forms beside a masked dense model; form -> file, dense included.

    Args:
        dense: its pruned weights are zeros.
        values: the types of stored values of our forms.
        batches: to calibrate int8 on.
    """
    from lth_edge.convert.int8 import to_int8

    files = {DENSE: dense, INT8: dense.with_suffix(".quantised.onnx")}
    to_int8(dense, files[INT8], batches)
    files |= {sparse_form(kind): _write_sparse(dense, kind) for kind in values}
    return {form: str(path) for form, path in files.items()}


def open_form(form: str, path: str, threads: int) -> Any:
    """A session. Threads stop spinning when a run ends, or they would steal the cores from the next form."""
    if form.startswith(_SPARSE):
        return session(path, threads=threads, flush_denormals=True)
    return _stock(path, threads)


def _stock(path: str, threads: int) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])


def _write_sparse(dense: Path, values: str) -> Path:
    from lth_edge.convert.model_file import read_model, save_model
    from lth_edge.convert.sparse import to_sparse

    path = dense.with_suffix(f".{values}.onnx")
    save_model(to_sparse(read_model(dense), values=values).model, path)
    return path
