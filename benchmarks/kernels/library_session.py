"""Sessions whose sparse layers run in a given build of the library."""

import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import onnxruntime


def open_with(path: Path, library: Path, threads: int = 1) -> onnxruntime.InferenceSession:
    """As `lth_edge.session` opens a file, but for the library."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    options.register_custom_ops_library(str(library))
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def bind(
    session: onnxruntime.InferenceSession, inputs: Mapping[str, Any], outputs: Sequence[Any]
) -> Callable[[], None]:
    """A run through inputs and outputs bound to memory once; `outputs` are of the outputs' shapes."""
    binding = session.io_binding()
    held = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in (*inputs.values(), *outputs)]
    for name, value in zip(inputs, held, strict=False):
        binding.bind_ortvalue_input(name, value)
    for output, value in zip(session.get_outputs(), held[len(inputs) :], strict=True):
        binding.bind_ortvalue_output(output.name, value)
    return lambda: session.run_with_iobinding(binding)
