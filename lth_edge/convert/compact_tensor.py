"""Tensors in the fewer bytes of two: as they lie in memory, or small whole numbers in a byte or two each."""

import numpy as np
import onnx
from onnx import helper, numpy_helper

from lth_edge.ticket import Array

_VARINTS = ("int8", "uint8", "int16", "uint16", "int32", "int64")


def compact_tensor(numbers: Array, name: str) -> onnx.TensorProto:
    """A tensor of these numbers."""
    raw = numpy_helper.from_array(np.ascontiguousarray(numbers).reshape(numbers.shape), name)
    if numbers.dtype.name not in _VARINTS:
        return raw
    typed = helper.make_tensor(name, raw.data_type, numbers.shape, numbers.ravel().tolist())
    return min(raw, typed, key=lambda tensor: tensor.ByteSize())
