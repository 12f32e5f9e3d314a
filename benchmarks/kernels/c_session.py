"""A model in onnxruntime's C library, on one thread: what an application pays that calls it from C, Java or C#.

Python's own share of a call, about a microsecond, matters to networks of a few microseconds alone.
"""

import ctypes
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnxruntime

from lth_edge.runtime.library import library_path

Array = npt.NDArray[Any]

_API_VERSION = 17
# Places in the table OrtApi, which is only ever appended to.
_ERROR_MESSAGE, _CREATE_ENV, _CREATE_SESSION, _RUN, _CREATE_OPTIONS = 2, 3, 7, 9, 10
_SET_LOG_SEVERITY, _SET_THREADS, _REGISTER_LIBRARY, _CREATE_TENSOR, _CREATE_MEMORY = 22, 24, 29, 49, 69
_ERRORS_ONLY, _FLOAT, _ARENA, _DEFAULT = 3, 1, 1, 0


class CSession:
    """A model of float32 inputs and outputs, bound to memory once.

    Args:
        path: an ONNX file, sparse layers of lth-edge's included.
        inputs: input name -> array, float32.
        outputs: output name -> an array of its shape.
        loop: the compiled `c_calls.cpp`.
    """

    def __init__(self, path: str, inputs: Mapping[str, Array], outputs: Mapping[str, Array], loop: Path) -> None:
        self._held = [np.ascontiguousarray(array, np.float32).copy() for array in (*inputs.values(), *outputs.values())]
        self._results = self._held[len(inputs) :]
        values = [_tensor(array) for array in self._held]
        self._inputs, self._outputs = _pointers(values[: len(inputs)]), _pointers(values[len(inputs) :])
        self._input_names, self._output_names = _strings(inputs), _strings(outputs)
        self._session = _made(_CREATE_SESSION, _environment(), str(path).encode(), _options())
        self._loop = ctypes.CDLL(str(loop)).time_calls
        self._loop.restype = ctypes.c_void_p

    def time(self, runs: int) -> list[int]:
        """Nanoseconds of each run."""
        times = (ctypes.c_int64 * runs)()
        given = (self._input_names, self._inputs, ctypes.c_size_t(len(self._inputs)))
        made = (self._output_names, ctypes.c_size_t(len(self._outputs)), self._outputs)
        run, session = ctypes.c_void_p(_slots()[_RUN]), ctypes.c_void_p(self._session)
        _check(self._loop(run, session, *given, *made, ctypes.c_long(runs), times))
        return list(times)

    def outputs(self) -> list[Array]:
        """What a run computes."""
        self.time(1)
        return [array.copy() for array in self._results]


@cache
def _slots() -> Any:
    folder = Path(onnxruntime.__file__).parent / "capi"
    found = sorted(folder.glob("libonnxruntime.so*"))
    if not found:
        sys.exit("this onnxruntime brings no C library: install 1.32 or newer")
    base = ctypes.CDLL(str(found[0])).OrtGetApiBase
    base.restype = ctypes.POINTER(ctypes.CFUNCTYPE(ctypes.POINTER(ctypes.c_void_p), ctypes.c_uint32))
    return base()[0](_API_VERSION)


def _call(slot: int, *arguments: Any) -> Any:
    function = ctypes.CFUNCTYPE(ctypes.c_void_p, *(type(argument) for argument in arguments))
    return function(_slots()[slot])(*arguments)


def _made(slot: int, *arguments: Any) -> int:
    """What a function makes behind its last argument."""
    made = ctypes.c_void_p()
    plain = [ctypes.c_char_p(each) if isinstance(each, bytes) else each for each in arguments]
    handles = [ctypes.c_void_p(each) if type(each) is int else each for each in plain]
    _check(_call(slot, *handles, ctypes.pointer(made)))
    assert made.value is not None, "a function that succeeds makes something"
    return made.value


def _check(status: int | None) -> None:
    if status:
        message = ctypes.CFUNCTYPE(ctypes.c_char_p, ctypes.c_void_p)(_slots()[_ERROR_MESSAGE])
        sys.exit(f"onnxruntime: {message(status).decode()}")


@cache
def _environment() -> int:
    return _made(_CREATE_ENV, ctypes.c_int(_ERRORS_ONLY), b"benchmark")


@cache
def _options() -> int:
    options = _made(_CREATE_OPTIONS)
    for slot, number in ((_SET_LOG_SEVERITY, _ERRORS_ONLY), (_SET_THREADS, 1)):
        _check(_call(slot, ctypes.c_void_p(options), ctypes.c_int(number)))
    _made(_REGISTER_LIBRARY, options, str(library_path()).encode())
    return options


@cache
def _memory() -> int:
    return _made(_CREATE_MEMORY, ctypes.c_int(_ARENA), ctypes.c_int(_DEFAULT))


def _tensor(array: Array) -> int:
    """An OrtValue over the array's own memory."""
    shape = (ctypes.c_int64 * array.ndim)(*array.shape)
    size, rank = ctypes.c_size_t(array.nbytes), ctypes.c_size_t(array.ndim)
    return _made(_CREATE_TENSOR, _memory(), ctypes.c_void_p(array.ctypes.data), size, shape, rank, ctypes.c_int(_FLOAT))


def _pointers(values: Sequence[int]) -> Any:
    return (ctypes.c_void_p * len(values))(*values)


def _strings(names: Mapping[str, Array]) -> Any:
    return (ctypes.c_char_p * len(names))(*(name.encode() for name in names))
