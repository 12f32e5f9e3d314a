"""The slots of ort_abi.h against the installed onnxruntime: what they are said to do, they do.

Those of kernels alone (KernelInfo, KernelContext, custom ops) need a session with one: tests/kernels/test_operators.py.
"""

import ctypes
import re
from ctypes import POINTER, byref, c_char_p, c_int, c_int64, c_size_t, c_uint32, c_void_p
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

HEADER = Path(__file__).parents[2] / "lth_edge" / "kernels" / "onnxruntime" / "ort_abi.h"
TEXT = HEADER.read_text()
SLOTS = {
    name: int(slot) for slot, name in re.findall(r"^constexpr Slot<(\d+), [^;]*>\s+(\w+)\{\};", TEXT, re.MULTILINE)
}
TYPES = {name: int(number) for name, number in re.findall(r"k(\w+) = (\d+)", re.search(r"enum ElementType.*", TEXT)[0])}

# What the header does not use, and the round trips need.
SLOTS_OF_THE_TEST = {
    "GetErrorCode": 1,
    "CreateSessionOptions": 10,
    "CreateTensorWithDataAsOrtValue": 49,
    "CreateCpuMemoryInfo": 69,
    "GetAllocatorWithDefaultOptions": 78,
    "ReleaseMemoryInfo": 94,
    "ReleaseValue": 96,
    "ReleaseSessionOptions": 100,
}


class ApiBase(ctypes.Structure):
    _fields_ = (
        ("get_api", ctypes.CFUNCTYPE(c_void_p, c_uint32)),
        ("get_version", ctypes.CFUNCTYPE(c_char_p)),
    )


class Api:
    """The table of functions, by the header's numbers."""

    def __init__(self, base: ApiBase) -> None:
        version = int(re.search(r"kApiVersion = (\d+)", TEXT)[1])
        self._table = ctypes.cast(base.get_api(version), POINTER(c_void_p))

    def __call__(self, name, *arguments, result=c_void_p):
        """Calls a function that gives a status, and raises what the status says."""
        status = self.raw(name, *arguments, result=result)
        if status and result is c_void_p:
            text = self.raw("GetErrorMessage", c_void_p(status), result=c_char_p).decode()
            self.raw("ReleaseStatus", c_void_p(status), result=None)
            raise RuntimeError(text)
        return status

    def raw(self, name, *arguments, result=c_void_p):
        address = self._table[(SLOTS | SLOTS_OF_THE_TEST)[name]]
        return ctypes.CFUNCTYPE(result)(address)(*arguments)


@pytest.fixture(scope="module")
def base():
    for library in sorted((Path(onnxruntime.__file__).parent / "capi").glob("*onnxruntime*.*")):
        try:
            entry = ctypes.CDLL(str(library)).OrtGetApiBase
        except (OSError, AttributeError):
            continue
        entry.restype = POINTER(ApiBase)
        return entry().contents
    pytest.skip("this onnxruntime shows no OrtGetApiBase")


@pytest.fixture
def api(base):
    return Api(base)


def test_the_header_is_read_whole():
    assert len(SLOTS) == TEXT.count("constexpr Slot<")
    assert len(set(SLOTS.values())) == len(SLOTS)
    assert SLOTS["CreateStatus"] == 0
    assert TYPES["Float16"] == 10


def test_the_table_is_that_of_the_installed_version(base):
    assert base.get_version().decode() == onnxruntime.__version__
    assert base.get_api(17)
    assert not base.get_api(10_000)


def test_a_status_goes_round(api):
    status = c_void_p(api.raw("CreateStatus", c_int(2), c_char_p(b"a broken rule")))
    assert api.raw("GetErrorCode", status, result=c_int) == 2
    assert api.raw("GetErrorMessage", status, result=c_char_p) == b"a broken rule"
    api.raw("ReleaseStatus", status, result=None)


@pytest.mark.parametrize("dtype", ["float32", "uint8", "int8", "uint16", "int32", "float16"])
@pytest.mark.parametrize("shape", [(), (3,), (2, 0, 5), (2, 3, 4, 5)])
def test_a_tensor_goes_round(api, dtype, shape):
    array = np.zeros(shape, dtype)
    memory, value, info, data = c_void_p(), c_void_p(), c_void_p(), c_void_p()
    kind, rank, axes = c_int(), c_size_t(), (c_int64 * 8)()
    element = TYPES[dtype.replace("float32", "float").capitalize()]
    api("CreateCpuMemoryInfo", c_int(1), c_int(0), byref(memory))
    given = (c_int64 * len(shape))(*shape)
    tensor = (memory, c_void_p(array.ctypes.data), c_size_t(array.nbytes), given, c_size_t(len(shape)), c_int(element))
    api("CreateTensorWithDataAsOrtValue", *tensor, byref(value))

    api("GetTensorTypeAndShape", value, byref(info))
    api("GetTensorElementType", info, byref(kind))
    api("GetDimensionsCount", info, byref(rank))
    api("GetDimensions", info, axes, rank)
    api("GetTensorMutableData", value, byref(data))
    assert (kind.value, rank.value, tuple(axes[: rank.value])) == (element, len(shape), shape)
    assert array.nbytes == 0 or data.value == array.ctypes.data

    api.raw("ReleaseTensorTypeAndShapeInfo", info, result=None)
    api.raw("ReleaseValue", value, result=None)
    api.raw("ReleaseMemoryInfo", memory, result=None)


def test_memory_goes_round(api):
    allocator, memory = c_void_p(), c_void_p()
    api("GetAllocatorWithDefaultOptions", byref(allocator))
    api("AllocatorAlloc", allocator, c_size_t(1000), byref(memory))
    assert memory.value % 16 == 0
    ctypes.memset(memory, 7, 1000)
    api("AllocatorFree", allocator, memory)
    with pytest.raises(RuntimeError):
        api("AllocatorAlloc", allocator, c_size_t(2**62), byref(memory))


def test_a_domain_goes_round(api):
    options, domain = c_void_p(), c_void_p()
    api("CreateSessionOptions", byref(options))
    api("CreateCustomOpDomain", c_char_p(b"some.domain"), byref(domain))
    api("AddCustomOpDomain", options, domain)
    api.raw("ReleaseSessionOptions", options, result=None)
    api.raw("ReleaseCustomOpDomain", domain, result=None)
