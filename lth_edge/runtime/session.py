"""One way to open an ONNX file, the same while proving, measuring and running it."""

import os
from pathlib import Path

# onnxruntime reads this once, when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime

from lth_edge.errors import DamagedError, InputError, LthEdgeError, reason
from lth_edge.runtime.library import library_path

_ERRORS_ONLY = 3
_DOMAIN = "lth_edge"


def session(
    path: Path | str, threads: int = 1, flush_denormals: bool = False, optimise: bool = True
) -> onnxruntime.InferenceSession:
    """Load an ONNX file for the CPU, sparse layers of lth-edge's included.

    Sequential execution, telemetry off. Threads stop spinning when a run ends: they
    would otherwise steal the cores from whatever runs next.

    Args:
        path: an ONNX file.
        threads: threads inside one operator, the calling one included.
        flush_denormals: treat denormals as zero, as on a device. Only the first session of a process decides,
            and it changes all arithmetic of the calling thread for good, training and numpy included: for
            processes that do nothing else.
        optimise: all of onnxruntime's graph optimisations. Some round activations where weights are quantised;
            without them the file computes what it says.

    Raises:
        InputError: no such file, no threads, or an operator that this onnxruntime does not have; or sparse layers
            where there are no kernels for them.
        DamagedError: the file is not a model that onnxruntime can read, or its sparse layers break a rule.
    """
    if threads < 1:
        raise InputError(f"cannot run {path} on {threads} threads", "give 1 or more")
    if not Path(path).is_file():
        raise InputError(f"there is no model file {path}", "check the path")
    options = _options(threads, flush_denormals, optimise)
    lacking = _register_kernels(options)
    try:
        return onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])
    except onnxruntime.capi.onnxruntime_pybind11_state.NotImplemented as error:
        raise InputError(f"{path} needs what this onnxruntime lacks: {error}", "install a newer one") from error
    except Exception as error:  # onnxruntime's exceptions share no base class of their own
        if lacking and f"{_DOMAIN}:" in str(error):
            raise InputError(f"{path} has sparse layers, and {lacking.message}", lacking.mend) from error
        raise DamagedError(f"onnxruntime cannot load {path}: {error}", "copy it again or make it anew") from error


def _register_kernels(options: onnxruntime.SessionOptions) -> LthEdgeError | None:
    """Why the sparse kernels cannot be had, which matters to a model with sparse layers alone."""
    try:
        options.register_custom_ops_library(str(library_path()))
    except LthEdgeError as error:
        return error
    except Exception as error:  # of onnxruntime's, as above
        return InputError(
            f"onnxruntime cannot load their kernels: {reason(error)}", "install onnxruntime 1.20 or newer"
        )
    return None


def _options(threads: int, flush_denormals: bool, optimise: bool) -> onnxruntime.SessionOptions:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.execution_mode = onnxruntime.ExecutionMode.ORT_SEQUENTIAL
    levels = onnxruntime.GraphOptimizationLevel
    options.graph_optimization_level = levels.ORT_ENABLE_ALL if optimise else levels.ORT_DISABLE_ALL
    options.log_severity_level = _ERRORS_ONLY
    options.add_session_config_entry("session.set_denormal_as_zero", str(int(flush_denormals)))
    options.add_session_config_entry("session.force_spinning_stop", "1")
    return options
