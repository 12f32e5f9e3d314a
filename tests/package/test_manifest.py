import copy
import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from lth_edge.errors import DamagedError
from lth_edge.package.fields import is_plain_name
from lth_edge.package.manifest import MANIFEST, SUMS, Manifest

HEX = "0123456789abcdef" * 4

GOOD = {
    "schema_version": 1,
    "name": "mlp",
    "created": "2026-11-22T10:00:00Z",
    "lth_edge": "0.1.0",
    "kind": "winning ticket",
    "form": "ticket",
    "model": "model.onnx",
    "fallback": "model.onnx",
    "inputs": [{"name": "x", "dtype": "uint8", "shape": [None, 2]}],
    "outputs": [{"name": "y", "dtype": "float32", "shape": [None, 3]}],
    "labels": ["Katze", "鳥", ""],
    "metric": {"name": "accuracy"},
    "opset": 18,
    "ir_version": 8,
    "oldest_onnxruntime": "1.14",
    "test_vector": {"file": "test_vector.npz", "tolerance": 1e-4},
    "figures": {"accuracy": 97.5},
    "recipe_hash": "0123456789ab",
    "licenses": {"weights": "unknown", "data": "unknown", "runner": "MIT-0"},
    "files": {"model.onnx": {"sha256": HEX, "bytes": 10}, "test_vector.npz": {"sha256": HEX, "bytes": 0}},
}


def read(content) -> Manifest:
    return Manifest.from_json(json.dumps(content).encode())


def with_file(name):
    content = copy.deepcopy(GOOD)
    content["files"][name] = {"sha256": HEX, "bytes": 1}
    return content


def with_libraries(libraries, fallback="fallback.onnx"):
    content = with_file("liblth_edge.so")
    content["files"]["fallback.onnx"] = {"sha256": HEX, "bytes": 1}
    return content | {"fallback": fallback, "libraries": libraries}


def test_json_round_trip_keeps_everything():
    manifest = read(with_libraries({"linux-aarch64": "liblth_edge.so"}))
    assert json.loads(manifest.to_json()) == with_libraries({"linux-aarch64": "liblth_edge.so"})
    assert Manifest.from_json(manifest.to_json()) == manifest


def test_a_manifest_from_before_there_were_kernels_names_none():
    assert read(GOOD).libraries == {}
    assert json.loads(read(GOOD).to_json()) == GOOD | {"libraries": {}}


def test_a_newer_schema_is_refused_with_its_mend():
    with pytest.raises(DamagedError, match="schema version 2") as caught:
        read(GOOD | {"schema_version": 2})
    assert caught.value.mend == "upgrade lth-edge"


def test_a_newer_schema_is_told_even_where_the_rest_makes_no_sense():
    with pytest.raises(DamagedError, match="schema version 7"):
        read({"schema_version": 7})


@pytest.mark.parametrize("version", [0, -1, "1", 1.0, True, None])
def test_a_schema_that_never_was_is_refused(version):
    with pytest.raises(DamagedError, match="schema"):
        read(GOOD | {"schema_version": version})


@pytest.mark.parametrize("key", GOOD)
def test_a_missing_field_is_named(key):
    with pytest.raises(DamagedError, match=key):
        read({k: v for k, v in GOOD.items() if k != key})


HOSTILE_NAMES = [
    "/etc/passwd", "../model.onnx", "a/../b", "a/b", "..", ".", "", "C:model.onnx", "C:\\model.onnx", "a\\b",
    "\\\\host\\share", "a..b", ".hidden", "trailing.", "space name", "new\nline", "nul\0", "\ud800", "é",
    "x" * 101,
]  # fmt: skip


@pytest.mark.parametrize("name", HOSTILE_NAMES)
def test_a_file_name_that_is_not_plain_is_refused(name):
    assert not is_plain_name(name)
    for content in (with_file(name), GOOD | {"model": name}, GOOD | {"fallback": name}):
        with pytest.raises(DamagedError, match="plain file name"):
            read(content)
    with pytest.raises(DamagedError, match="plain file name"):
        read(GOOD | {"test_vector": {"file": name, "tolerance": 1e-4}})


@pytest.mark.parametrize("name", [MANIFEST, SUMS, "Model.onnx", "sha256sums"])
def test_names_that_collide_are_refused(name):
    with pytest.raises(DamagedError, match="is taken"):
        read(with_file(name))


@pytest.mark.parametrize("key", ["model", "fallback"])
def test_a_model_that_is_not_listed_is_refused(key):
    with pytest.raises(DamagedError, match="does not list it"):
        read(GOOD | {key: "other.onnx"})


@pytest.mark.parametrize(
    "changes",
    [
        {"labels": ["\x1b[2J"]},
        {"labels": "cat"},
        {"name": "\ud800"},
        {"inputs": []},
        {"inputs": [*GOOD["inputs"], *GOOD["inputs"]]},
        {"inputs": [{"name": "x", "dtype": "object", "shape": []}]},
        {"outputs": [{"name": "y", "dtype": "float32", "shape": [-1]}]},
        {"oldest_onnxruntime": "1.14\n"},
        {"opset": 2**60},
        {"test_vector": {"file": "test_vector.npz", "tolerance": 0}},
        {"test_vector": {"file": "test_vector.npz", "tolerance": float("inf")}},
        {"test_vector": {"file": "test_vector.npz", "tolerance": float("nan")}},
        {"test_vector": {"file": "test_vector.npz", "tolerance": True}},
        {"test_vector": {"file": "test_vector.npz", "tolerance": 10**400}},
    ],
)
def test_values_out_of_bounds_are_refused(changes):
    with pytest.raises(DamagedError):
        read(GOOD | changes)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[]", b"null", b"[" * 100_000, b"1" * 10_000])
def test_what_is_no_manifest_is_refused(text):
    with pytest.raises(DamagedError):
        Manifest.from_json(text)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(codec=None)),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


def places(content, path=()):
    """The path of every value in nested JSON."""
    items = content.items() if isinstance(content, dict) else enumerate(content) if isinstance(content, list) else ()
    for key, value in items:
        yield (*path, key)
        yield from places(value, (*path, key))


@settings(max_examples=300, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.tuples(st.sampled_from(list(places(GOOD))), JSON), min_size=1, max_size=3))
def test_no_mutation_raises_anything_but_damaged(mutations):
    content = copy.deepcopy(GOOD)
    for path, value in mutations:
        node = content
        for key in path[:-1]:
            node = node[key] if isinstance(node, dict | list) and key in dict(_items(node)) else None
        if isinstance(node, dict | list) and path[-1] in dict(_items(node)):
            node[path[-1]] = value
    try:
        manifest = read(content)
    except DamagedError as error:
        str(error).encode("utf-8")
    else:
        assert all(map(is_plain_name, manifest.files))


def _items(node):
    return node.items() if isinstance(node, dict) else enumerate(node)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_damaged(text):
    with pytest.raises(DamagedError):
        Manifest.from_json(text)


@pytest.mark.parametrize(
    ("libraries", "says"),
    [
        ({"linux-aarch64": "gone.so"}, "names gone.so but does not list it"),
        ({"linux-aarch64": "../liblth_edge.so"}, "a plain file name"),
        ({"linux-aarch64": 3}, "a plain file name"),
        ({"\x1b[2J": "liblth_edge.so"}, "which is none"),
        ({"linux": "liblth_edge.so"}, "which is none"),
        (["liblth_edge.so"], "an object"),
    ],
)
def test_libraries_that_cannot_be_are_refused(libraries, says):
    with pytest.raises(DamagedError, match=says):
        read(with_libraries(libraries))


def test_libraries_without_a_fallback_are_refused():
    with pytest.raises(DamagedError, match="without a fallback"):
        read(with_libraries({"linux-aarch64": "liblth_edge.so"}, fallback="model.onnx"))
