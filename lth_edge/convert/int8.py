"""The opponent: ONNX Runtime's own static quantisation, in its QDQ form, one scale per output channel."""

import logging
import os
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from lth_edge.convert.model_file import read_model, save_model
from lth_edge.errors import InputError
from lth_edge.ticket import Array

_PER_CHANNEL_SINCE = 13


def to_int8(dense: Path, out: Path, batches: Iterable[dict[str, Array]]) -> None:
    """Quantise weights and activations to int8.

    Args:
        dense: a float32 model, batch norm folded.
        out: the file to write, whole or not at all.
        batches: calibration data: input name -> array, the ranges of activations are measured on them.

    Raises:
        InputError: no such model, one below opset 13, no batch, or onnxruntime cannot quantise it.
        DamagedError: the model is not readable.
    """
    calibration = list(batches)
    if not calibration:
        raise InputError("int8 quantisation needs at least one calibration batch", "give some training examples")
    opset = max((entry.version for entry in read_model(dense).opset_import if entry.domain == ""), default=0)
    if opset < _PER_CHANNEL_SINCE:
        raise InputError(
            f"{dense.name} has opset {opset}, too old for one scale per output channel",
            f"export it with opset {_PER_CHANNEL_SINCE} or later",
        )
    with tempfile.TemporaryDirectory(prefix="lth-edge-int8-") as folder, _quiet():
        prepared, quantised = Path(folder) / "prepared.onnx", Path(folder) / "quantised.onnx"
        try:
            _quantise(dense, prepared, quantised, calibration)
        except Exception as error:
            raise InputError(
                f"onnxruntime cannot quantise {dense.name}: {error}",
                "check that the calibration batches fit the model's inputs",
            ) from error
        save_model(read_model(quantised), out)


def _quantise(dense: Path, prepared: Path, quantised: Path, batches: Iterable[dict[str, Array]]) -> None:
    os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")
    from onnxruntime import quantization

    # onnx's own shape inference suffices for feed-forward networks; the symbolic one would need sympy.
    quantization.quant_pre_process(str(dense), str(prepared), skip_symbolic_shape=True)
    quantization.quantize_static(
        str(prepared),
        str(quantised),
        _Calibration(batches),
        quant_format=quantization.QuantFormat.QDQ,
        per_channel=True,
        activation_type=quantization.QuantType.QInt8,
        weight_type=quantization.QuantType.QInt8,
    )


class _Calibration:
    """Batches in the form that onnxruntime's calibration asks for; it accepts any object with this method."""

    def __init__(self, batches: Iterable[dict[str, Array]]) -> None:
        self._batches = iter(batches)

    def get_next(self) -> dict[str, Array] | None:
        return next(self._batches, None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the quantiser's advice, which goes to the root logger, from the user's terminal."""
    before = logging.root.manager.disable
    logging.disable(logging.ERROR)
    try:
        yield
    finally:
        logging.disable(before)
