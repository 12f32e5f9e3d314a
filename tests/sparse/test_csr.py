"""CSR from masks: what is kept comes back bit for bit, and nothing else passes for CSR."""

import json
import struct
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from safetensors.numpy import save_file

from lth_edge.errors import DamagedError, InputError
from lth_edge.sparse import CsrMatrix, load_csr, save_csr

shapes = hnp.array_shapes(min_dims=1, max_dims=4, min_side=0, max_side=7)


@st.composite
def masked_weights(draw):
    shape = draw(shapes)
    weight = draw(hnp.arrays(np.float32, shape, elements=st.sampled_from([0.0, -0.0, 1.5, -2.25, 1e-40, np.nan])))
    return weight, draw(hnp.arrays(np.bool_, shape))


def small() -> CsrMatrix:
    return CsrMatrix(
        (2, 4),
        np.array([0, 2, 3], np.int32),
        np.array([1, 3, 0], np.uint16),
        np.array([1.0, 0.0, -2.0], np.float32),
    )


@given(masked_weights())
def test_dense_to_csr_and_back_is_bit_equal(pair):
    weight, mask = pair
    matrix = CsrMatrix.from_mask(weight, mask)
    expected = np.where(mask, weight, np.float32(0))
    assert matrix.nnz == mask.sum()
    assert matrix.to_dense().tobytes() == expected.tobytes()
    assert np.array_equal(matrix.positions(), np.flatnonzero(mask))


@given(masked_weights())
def test_scipy_sees_the_same_matrix_with_its_explicit_zeros(pair):
    matrix = CsrMatrix.from_mask(*pair)
    scipy_matrix = matrix.to_scipy()
    assert scipy_matrix.nnz == matrix.nnz
    assert np.array_equal(scipy_matrix.toarray(), matrix.to_dense(), equal_nan=True)


def test_kept_zeros_are_stored_and_pruned_values_are_not():
    matrix = CsrMatrix.from_mask(np.array([[0.0, -0.0, 5.0]], np.float32), np.array([[True, True, False]]))
    assert matrix.data.tobytes() == np.array([0.0, -0.0], np.float32).tobytes()


@pytest.mark.parametrize(("columns", "dtype"), [(65536, np.uint16), (65537, np.uint32)])
def test_indices_are_as_narrow_as_the_columns_allow(columns, dtype):
    mask = np.zeros((1, columns), np.bool_)
    mask[0, -1] = True
    matrix = CsrMatrix.from_mask(np.ones((1, columns), np.float32), mask)
    assert matrix.indices.dtype == dtype
    assert matrix.indices[0] == columns - 1
    assert matrix.nbytes == 2 * 4 + np.dtype(dtype).itemsize + 4


@pytest.mark.parametrize(
    "change",
    [
        {"shape": (2, 3)},
        {"shape": (3, 4)},
        {"shape": (2, 4, 1)},
        {"indptr": np.array([0, 2, 3], np.int64)},
        {"indptr": np.array([1, 2, 3], np.int32)},
        {"indptr": np.array([0, 4, 3], np.int32)},
        {"indptr": np.array([0, 2, 2], np.int32)},
        {"indptr": np.array([[0, 2, 3]], np.int32)},
        {"indices": np.array([1, 3, 0], np.int32)},
        {"indices": np.array([3, 1, 0], np.uint16)},
        {"indices": np.array([1, 1, 0], np.uint16)},
        {"indices": np.array([1, 4, 0], np.uint16)},
        {"indices": np.array([1, 3], np.uint16)},
        {"data": np.array(["a", "b", "c"])},
    ],
)
def test_a_matrix_that_contradicts_itself_is_refused(change):
    with pytest.raises(DamagedError, match="not a valid CSR matrix"):
        replace(small(), **change)


@pytest.mark.parametrize(
    ("weight", "mask"),
    [
        (np.ones((2, 3), np.float32), np.ones((3, 2), np.bool_)),
        (np.ones((2, 3), np.float32), np.ones((2, 3), np.int8)),
        (np.float32(1)[()], np.True_),
    ],
)
def test_a_mask_that_does_not_fit_is_refused(weight, mask):
    with pytest.raises(InputError, match="does not fit"):
        CsrMatrix.from_mask(np.asarray(weight), np.asarray(mask))


def test_a_file_gives_back_matrices_and_tensor_shapes(tmp_path):
    weight = np.arange(48, dtype=np.float32).reshape(4, 3, 2, 2)
    conv = CsrMatrix.from_mask(weight, weight % 3 == 0)
    save_csr(tmp_path / "csr.safetensors", {"conv": (conv, weight.shape), "a.data": (small(), (2, 4))})
    loaded = load_csr(tmp_path / "csr.safetensors")
    assert {name: shape for name, (_, shape) in loaded.items()} == {"conv": (4, 3, 2, 2), "a.data": (2, 4)}
    for part in ("indptr", "indices", "data"):
        stored, original = getattr(loaded["conv"][0], part), getattr(conv, part)
        assert stored.dtype == original.dtype
        assert stored.tobytes() == original.tobytes()


def test_saving_twice_gives_the_same_bytes(tmp_path):
    for name in ("one", "two"):
        save_csr(tmp_path / name, {"b": (small(), (2, 4)), "a": (small(), (2, 2, 2))})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def parts(matrix: CsrMatrix) -> dict[str, np.ndarray]:
    return {f"w.{part}": getattr(matrix, part) for part in ("indptr", "indices", "data")}


def described(layer, version=1) -> dict[str, str]:
    return {"csr": json.dumps({"version": version, "layers": {"w": layer}})}


GOOD = {"matrix": [2, 4], "tensor": [2, 4]}


@pytest.mark.parametrize(
    "metadata",
    [
        None,
        {"csr": "not json"},
        {"csr": "[" * 100_000},
        {"csr": "[]"},
        {"csr": '{"version": 1, "layers": []}'},
        described(GOOD, version=2),
        described([2, 4]),
        described({"matrix": [2, 4]}),
        described({"matrix": [2, 4.0], "tensor": [2, 4]}),
        described({"matrix": [2, -4], "tensor": [2, -4]}),
        described({"matrix": [2, 4, 1], "tensor": [2, 4, 1]}),
        described({"matrix": [2, 4], "tensor": [4, 2]}),
        described({"matrix": [2, 4], "tensor": []}),
        described({"matrix": [2, 3], "tensor": [2, 3]}),
        {"csr": json.dumps({"version": 1, "layers": {"w": GOOD, "v": GOOD}})},
    ],
)
def test_hostile_metadata_is_damage(tmp_path, metadata):
    save_file(parts(small()), tmp_path / "csr", metadata=metadata)
    with pytest.raises(DamagedError):
        load_csr(tmp_path / "csr")


@pytest.mark.parametrize(
    "tensors",
    [
        {"w.indptr": np.zeros(3, np.int32)},
        {**parts(small()), "more": np.zeros(1)},
        {**parts(small()), "w.indices": np.array([3, 1, 0], np.uint16)},
        {**parts(small()), "w.data": np.zeros((3, 1), np.float32)},
    ],
)
def test_hostile_tensors_are_damage(tmp_path, tensors):
    save_file(tensors, tmp_path / "csr", metadata=described(GOOD))
    with pytest.raises(DamagedError, match="csr"):
        load_csr(tmp_path / "csr")


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x80\x04N.",
        struct.pack("<Q", 2**62) + b"{}",
        struct.pack("<Q", 67) + json.dumps({"w": {"dtype": "F32", "shape": [4], "data_offsets": [0, 99]}}).encode(),
    ],
)
def test_hostile_bytes_are_damage(tmp_path, content):
    (tmp_path / "csr").write_bytes(content)
    with pytest.raises(DamagedError, match="csr"):
        load_csr(tmp_path / "csr")


def test_a_truncated_or_missing_file_is_damage(tmp_path):
    save_csr(tmp_path / "csr", {"w": (small(), (2, 4))})
    whole = (tmp_path / "csr").read_bytes()
    (tmp_path / "csr").write_bytes(whole[:-1])
    with pytest.raises(DamagedError, match="damaged"):
        load_csr(tmp_path / "csr")
    with pytest.raises(DamagedError, match="missing"):
        load_csr(tmp_path / "nothing")
    with pytest.raises(DamagedError):
        load_csr(tmp_path)


def test_no_matrix_at_all_is_a_valid_file(tmp_path):
    save_csr(tmp_path / "csr", {})
    assert load_csr(tmp_path / "csr") == {}
