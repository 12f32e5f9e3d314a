import dataclasses
import io
import shutil
import stat
import subprocess
import sys
import zipfile

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pets_network import PIXELS, Trap, scores

from lth_edge.errors import DamagedError
from lth_edge.package import archive, replay
from lth_edge.package.manifest import MANIFEST, SUMS
from lth_edge.package.verify import verify_package
from lth_edge.package.write import write_package, zip_path
from lth_edge.runtime import library

NAMES = [
    "model.onnx",
    "fallback.onnx",
    MANIFEST,
    SUMS,
    "test_vector.npz",
    "run.py",
    "README.md",
    "LICENSE-runner",
]
SHARED = settings(
    max_examples=40,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)


def flip(data: bytes, position: int) -> bytes:
    return data[:position] + bytes([data[position] ^ 1]) + data[position + 1 :]


def rezip(package, changes=lambda files: files):
    """The zip of the package's files after `changes`, made by someone else's tool."""
    files = changes({file.name: file.read_bytes() for file in package.iterdir()})
    with zipfile.ZipFile(zip_path(package), "w") as made:
        for name, data in files.items():
            made.writestr(name, data)
    return zip_path(package)


@pytest.mark.parametrize("zipped", [False, True])
def test_a_written_package_verifies(package, zipped):
    verified = verify_package(zip_path(package) if zipped else package)
    assert verified.manifest.name == "mlp-pets-0123456789ab"
    assert set(verified.files) == set(NAMES) - {SUMS}
    assert set(verified.errors) == {"model.onnx", "fallback.onnx"}
    assert max(verified.errors.values()) <= 1e-6


def test_what_python_leaves_behind_where_the_runner_was_imported_does_no_harm(package):
    (package / "__pycache__").mkdir()
    (package / "__pycache__" / "run.cpython-312.pyc").write_bytes(b"compiled")
    assert verify_package(package).errors
    assert "__pycache__" not in set(verify_package(package).files)


def test_a_package_that_was_moved_and_zipped_again_verifies(package, tmp_path):
    moved = shutil.move(package, tmp_path / "elsewhere")
    assert verify_package(rezip(moved)).errors


def test_a_model_that_is_its_own_fallback_verifies(tmp_path, contents):
    write_package(tmp_path / "out", dataclasses.replace(contents, fallback=contents.model))
    assert set(verify_package(tmp_path / "out").errors) == {"model.onnx"}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("where", ["first", "middle", "last"])
def test_one_flipped_bit_in_any_file_is_found(package, name, where):
    data = (package / name).read_bytes()
    (package / name).write_bytes(flip(data, {"first": 0, "middle": len(data) // 2, "last": len(data) - 1}[where]))
    with pytest.raises(DamagedError, match=MANIFEST if name == SUMS else name) as caught:
        verify_package(package)
    assert caught.value.mend
    with pytest.raises(DamagedError):
        verify_package(rezip(package))


@SHARED
@given(data=st.data())
def test_one_flipped_bit_anywhere_in_the_sums_or_manifest_is_found(package, data):
    name = data.draw(st.sampled_from([MANIFEST, SUMS]))
    good = (package / name).read_bytes()
    try:
        (package / name).write_bytes(flip(good, data.draw(st.integers(0, len(good) - 1))))
        with pytest.raises(DamagedError):
            verify_package(package)
    finally:
        (package / name).write_bytes(good)


@pytest.mark.parametrize("name", NAMES)
def test_one_flipped_bit_in_the_zip_is_found(package, name):
    path = zip_path(package)
    with zipfile.ZipFile(path) as opened:
        entry = opened.getinfo(name)
        start = entry.header_offset + 30 + len(name)
    path.write_bytes(flip(path.read_bytes(), start + entry.compress_size // 2))
    with pytest.raises(DamagedError):
        verify_package(path)


@SHARED
@given(data=st.data())
def test_a_flipped_bit_in_the_zip_raises_nothing_but_damaged(package, tmp_path, data):
    """A bit that no reader looks at, such as a date, may flip: then the files are still as written."""
    good = zip_path(package).read_bytes()
    damaged = tmp_path / "damaged.zip"
    damaged.write_bytes(flip(good, data.draw(st.integers(0, len(good) - 1))))
    try:
        verify_package(damaged)
    except DamagedError as error:
        assert str(damaged) in error.message or error.mend


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_truncated_zip_is_damaged(package, share):
    path = zip_path(package)
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * share)])
    with pytest.raises(DamagedError, match=r"package\.zip is not a readable zip"):
        verify_package(path)


def test_no_package_at_all(tmp_path):
    with pytest.raises(DamagedError, match="there is no package"):
        verify_package(tmp_path / "nothing.zip")
    with pytest.raises(DamagedError, match=r"manifest\.json is missing"):
        verify_package(tmp_path)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("zipped", [False, True])
def test_a_missing_file_is_named(package, name, zipped):
    (package / name).unlink()
    with pytest.raises(DamagedError, match=name):
        verify_package(rezip(package) if zipped else package)


def test_an_unlisted_file_is_named(package):
    (package / "virus.py").write_text("")
    with pytest.raises(DamagedError, match=r"virus\.py") as caught:
        verify_package(package)
    assert "remove it" in caught.value.mend
    with pytest.raises(DamagedError, match=r"virus\.py"):
        verify_package(rezip(package))


def test_an_unlisted_folder_is_named(package):
    (package / "cache").mkdir()
    with pytest.raises(DamagedError, match="cache"):
        verify_package(package)


@pytest.mark.parametrize("name", ["../out.txt", "/tmp/out.txt", "a/b.txt", "C:out.txt", "..\\out.txt", "dir/", "é.txt"])
def test_a_zip_that_reaches_outside_is_refused_before_extraction(package, monkeypatch, name):
    path = rezip(package, lambda files: files | {name: b"out"})
    monkeypatch.setattr(zipfile.ZipFile, "extractall", lambda *_: pytest.fail("extracted"))
    with pytest.raises(DamagedError, match="no plain file name"):
        verify_package(path)


@pytest.mark.parametrize("kind", [stat.S_IFLNK, stat.S_IFDIR, stat.S_IFIFO])
def test_a_link_in_a_zip_is_refused(package, kind):
    path = rezip(package, lambda files: {name: data for name, data in files.items() if name != "run.py"})
    with zipfile.ZipFile(path, "a") as made:
        entry = zipfile.ZipInfo("run.py")
        entry.create_system = 3
        entry.external_attr = (kind | 0o777) << 16
        made.writestr(entry, "/etc/passwd")
    with pytest.raises(DamagedError, match=r"run\.py.*is a link"):
        verify_package(path)


@pytest.mark.filterwarnings("ignore:Duplicate name")
@pytest.mark.parametrize("name", ["run.py", "RUN.py"])
def test_a_name_that_comes_twice_is_refused(package, name):
    path = rezip(package)
    with zipfile.ZipFile(path, "a") as made:
        made.writestr(name, b"print('the other one')")
    with pytest.raises(DamagedError, match="comes twice"):
        verify_package(path)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_an_unknown_way_of_packing_is_refused(package, method):
    with zipfile.ZipFile(zip_path(package), "w", method) as made:
        for file in package.iterdir():
            made.write(file, file.name)
    with pytest.raises(DamagedError, match="packed in an unknown way"):
        verify_package(zip_path(package))


def test_an_encrypted_entry_is_refused(package):
    data = bytearray(zip_path(package).read_bytes())
    flags = data.index(b"PK\x01\x02") + 8
    data[flags] |= 1
    zip_path(package).write_bytes(data)
    with pytest.raises(DamagedError, match="is encrypted"):
        verify_package(zip_path(package))


def test_a_zip_of_something_else_is_refused(tmp_path):
    with zipfile.ZipFile(tmp_path / "other.zip", "w") as made:
        made.writestr("hello.txt", "hello")
    with pytest.raises(DamagedError, match="not a package"):
        verify_package(tmp_path / "other.zip")


def test_a_bomb_is_refused_by_its_claimed_size(package, monkeypatch):
    monkeypatch.setattr(zipfile.ZipFile, "extractall", lambda *_: pytest.fail("extracted"))
    with pytest.raises(DamagedError, match=r"README\.md claims 10000000 bytes"):
        verify_package(rezip(package, lambda files: files | {"README.md": bytes(10_000_000)}))
    with pytest.raises(DamagedError, match=r"SHA256SUMS.*claims"):
        verify_package(rezip(package, lambda files: files | {SUMS: bytes(17 << 20)}))


def test_a_bomb_that_its_manifest_announces_is_refused(package, monkeypatch):
    monkeypatch.setattr(archive, "_LARGEST_PACKAGE", 1000)
    with pytest.raises(DamagedError, match="more than any package"):
        verify_package(zip_path(package))


def test_a_newer_schema_is_refused(package, forge):
    forge(package)
    text = (package / MANIFEST).read_bytes().replace(b'"schema_version": 1', b'"schema_version": 2')
    (package / MANIFEST).write_bytes(text)
    for path in (package, rezip(package)):
        with pytest.raises(DamagedError, match="schema version 2") as caught:
            verify_package(path)
        assert caught.value.mend == "upgrade lth-edge"


def test_a_forged_model_fails_the_replay(package, forge, contents):
    data = bytearray((package / "model.onnx").read_bytes())
    weight = np.float32(-8).tobytes()
    at = data.index(weight)
    data[at : at + 4] = np.float32(8).tobytes()
    (package / "model.onnx").write_bytes(data)
    forge(package)
    with pytest.raises(DamagedError, match=r"model\.onnx is off by"):
        verify_package(package)


def test_a_forged_fallback_fails_the_replay_too(package, forge):
    (package / "fallback.onnx").write_bytes(b"not a model")
    forge(package)
    with pytest.raises(DamagedError, match=r"fallback\.onnx"):
        verify_package(package)


def test_a_manifest_that_names_other_tensors_is_refused(package, forge):
    forge(package, outputs=[{"name": "scores", "dtype": "float32", "shape": [None, 4]}])
    with pytest.raises(DamagedError, match="other inputs or outputs"):
        verify_package(package)


def npz(**arrays):
    made = io.BytesIO()
    np.savez(made, **arrays)
    return made.getvalue()


def npy(array):
    made = io.BytesIO()
    np.save(made, array)
    return made.getvalue()


def raw_npz(**entries):
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as opened:
        for name, data in entries.items():
            opened.writestr(f"{name}.npy", data)
    return made.getvalue()


HUGE = (
    b"\x93NUMPY\x01\x00v\x00"
    + b"{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000,), }".ljust(117)
    + b"\n"
)

VECTORS = {
    "missing output": npz(input_0=PIXELS),
    "other shape": npz(input_0=PIXELS[:, :1], output_0=scores(PIXELS)),
    "other type": npz(input_0=PIXELS.astype(np.float64), output_0=scores(PIXELS)),
    "texts": npz(input_0=PIXELS, output_0=np.array(["a", "b"])),
    "fewer outputs": npz(input_0=PIXELS, output_0=scores(PIXELS)[:2]),
    "no array": raw_npz(input_0=npy(PIXELS), output_0=b"plain bytes"),
    "huge header": raw_npz(input_0=HUGE, output_0=HUGE),
    "no zip": b"not a zip",
    "empty": b"",
}


@pytest.mark.parametrize("vector", VECTORS.values(), ids=VECTORS)
def test_a_hostile_test_vector_is_damage(package, forge, vector):
    (package / "test_vector.npz").write_bytes(vector)
    forge(package)
    with pytest.raises(DamagedError):
        verify_package(package)


def test_a_pickled_test_vector_is_never_unpickled(package, forge, tmp_path):
    trap = np.array([Trap(tmp_path / "sprung")])
    (package / "test_vector.npz").write_bytes(npz(input_0=trap, output_0=trap))
    forge(package)
    with pytest.raises(DamagedError):
        verify_package(package)
    assert not (tmp_path / "sprung").exists()


def test_no_number_where_one_was_recorded(two_inputs, forge):
    with np.load(two_inputs / "test_vector.npz") as arrays:
        changed = dict(arrays) | {"output_2": arrays["output_2"] * np.float32(np.nan)}
    (two_inputs / "test_vector.npz").write_bytes(npz(**changed))
    forge(two_inputs)
    with pytest.raises(DamagedError, match="off by inf"):
        verify_package(two_inputs)


def test_a_test_vector_that_unpacks_to_too_much_is_refused(package, monkeypatch):
    monkeypatch.setattr(replay, "_LARGEST_VECTOR", 10)
    with pytest.raises(DamagedError, match="too many for a test vector"):
        verify_package(package)


def test_verifying_needs_neither_torch_nor_onnx(package):
    code = (
        "import sys; sys.modules['torch'] = sys.modules['onnx'] = None\n"
        "from pathlib import Path; from lth_edge.package.verify import verify_package\n"
        "print(len(verify_package(Path(sys.argv[1])).files))"
    )
    done = subprocess.run([sys.executable, "-c", code, package], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "7"


@pytest.mark.parametrize("zipped", [False, True])
def test_a_sparse_package_verifies(sparse_package, zipped):
    verified = verify_package(zip_path(sparse_package) if zipped else sparse_package)
    assert set(verified.errors) == {"model.onnx", "fallback.onnx"}
    assert not verified.skipped
    assert set(verified.manifest.libraries.values()) <= set(verified.files)


def test_where_there_are_no_kernels_the_fallback_alone_is_replayed(sparse_package, monkeypatch, tmp_path):
    monkeypatch.setattr(library, "_FOLDER", tmp_path / "nothing")
    verified = verify_package(sparse_package)
    assert set(verified.errors) == {"fallback.onnx"}
    assert "lacks the sparse kernels" in verified.skipped["model.onnx"]


def test_verifying_runs_no_code_of_the_package(sparse_package, forge):
    """Its libraries are compared with their hashes; the model is replayed with the kernels of this installation."""
    for name in verify_package(sparse_package).manifest.libraries.values():
        (sparse_package / name).write_bytes(b"never loaded")
    forge(sparse_package)
    assert set(verify_package(sparse_package).errors) == {"model.onnx", "fallback.onnx"}


@pytest.mark.parametrize("name", ["LICENSE-kernels", "lth_edge-amiga-m68k.dll"])
def test_damaged_kernels_are_named(sparse_package, name):
    (sparse_package / name).write_bytes(b"damaged")
    with pytest.raises(DamagedError, match=name):
        verify_package(sparse_package)
