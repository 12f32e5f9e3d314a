"""A container: files come back to the byte, what it does not understand included, and damage is always told."""

import zlib
from hashlib import sha256
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from onnx import TensorProto, helper, numpy_helper

from lth_edge.codec import plan
from lth_edge.codec.container import read_container, write_container
from lth_edge.codec.listing import FileRecipe, Listing, PieceRecipe
from lth_edge.codec.numbers import NumberForm
from lth_edge.codec.recipes import MatrixRecipe
from lth_edge.codec.renderings import Rendering
from lth_edge.codec.symbols import Outline
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.standard import to_standard
from lth_edge.errors import DamagedError, InputError

DTYPES = st.sampled_from(["<f4", "<f2", "|i1", "|u1"])


VERSION_1 = (
    "894c5448450d0a1a0101ee860ff4096961e539be948ff5049d030001010b0dd0fb62113bc8a83fc431e2230ae713a3030a5ef02c06bbfd"
    "3a597930d82c08b700abd317931cd497de89aba3d4a37f1d2556581537cf7b070d64fc60894086b074fb7a285408f8ee6d55f485077743"
    "940bd8798c355a3a565efdb7cd31d8707d58748b07b711ecd8eaac7db54ada88d0f42f9204e22bd5d5cafcdb29130bda8b59f684c2f93c"
    "8a110b2ca7162c400e65e03643368d220dcc6113deaa57388989d799b067aa1c6c5b311d436fe96093a16ded4f096056b08b3a4126ba4e"
    "128dbd6636c9bb5099ad1eadaa008e8580ab8ef57b4aea2e6a2a95555979825e50deb2debcf580aba80014e315fb8de9f54c3fa550df46"
    "0d206db7857cf9fb69d889bea6948888cad1fa7762f28d10c7a05a99d82d754282089f28ff26142d332c24f5ff62c03243c07e5f1bfdc0"
    "0de84b9685efd5881112e4034a728a15bbf287d0d074d8a62f8d239b65e6d4eb52af781f8b5090cba72f8d12b67ce413b4e6670c92b06b"
    "e3c9714d0122e800ec0cd71a7bd98bd3a41b3f3ea32de638196e44931bc65799f93d4520001051820c59a3da5689734a4bff63a5c00007"
    "152dae2ca4acf1ef51fd56e2b3a19b5b58fbf7882b6578ec8ecad5351a426c61e343ebfc970885c1bf68dfa011ab2bbbd5e7f3d6dcd215"
    "e561c8450504a9dbd8c6c35bff6c906558c74e8b"
)
VERSION_1_IN_PARTS = (
    "894c5448450d0a1a010513fbbdcbc218fdf463c26fa4bf0ce602030187059b0263623ec29412c8c9c0c9d8500134428091914192f14804"
    "032b576e7e4a6a8e5e7e5e5e05b3ff152646064d0626490616ae94d4bce254b030139b0e0323372303bb8fa7b3ab5fb02b431f3b475e7e"
    "49aa5e494509032b674962524eaa5e52661e832ab063b28c8d4b8b8bb71c36399291989326c401e362b61fd5b8d8ca21835bdce5f846b5"
    "0cb990e5d187b3807298e3580e20a3c10358ece5e48d5cb971c1747221dbc005f78f10d0062246a764b9a0ea40e641c6a3904e8e071db6"
    "5f016ea657425a2fa07a1e3a8392e4a5807be8a1882305946020e1e795a2758f1128c0e5841af85e27186169a61c9a66ce30a3ae7a2887"
    "75e6d18f0e45cfe1904a0318c94df2581d7d408e83998305d8de000d7b30967b6d9043f207443300029307141b3d2e6df4b8b4d1e3d206"
    "cb716919c0c4920f0001252a012500daff00070e151c232a31383f464d545b626970777e858c939aa1a8afb6bdc4cbd2d9e0e7eef5fc07"
    "152dae2ca4acf1ef51fd56e2b3a19b5b58fbf7882b6578ec8ecad5351a426c61e343ebfc970885c1bf68dfa011ab2bbbd5e7f3d6dcd215"
    "e561c8450504a9dbd8c6c35bff6c906558c74e8b"
)
VERSION_1_FILES = {"model.onnx": "e10acdd892c07706", "dense.onnx": "61b369c897dc8f5b", "note.txt": "2cf24dba5fb0a30e"}


def two_layers(seed: int, density: float, half: bool = False) -> tuple[onnx.ModelProto, dict[str, np.ndarray]]:
    """A convolution and a linear layer with random masks."""
    random = np.random.default_rng(seed)
    weights = {"conv": random.normal(size=(8, 1, 3, 3)), "linear": random.normal(size=(10, 8 * 36))}
    masks = {name: random.random(weight.shape) < density for name, weight in weights.items()}
    dtype = np.float16 if half else np.float32
    stored = {
        name: np.where(masks[name], weight, 0).astype(dtype).astype(np.float32) for name, weight in weights.items()
    }
    stored["bias"] = random.normal(size=10).astype(np.float32)
    nodes = [
        helper.make_node("Conv", ["x", "conv"], ["c"]),
        helper.make_node("Relu", ["c"], ["r"]),
        helper.make_node("Flatten", ["r"], ["f"]),
        helper.make_node("Gemm", ["f", "linear", "bias"], ["y"], transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "two layers",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["N", 1, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(array, name) for name, array in stored.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8), masks


def forms(seed: int, density: float, half: bool = False) -> dict[str, bytes]:
    """The model as the files of a package hold it: dense, as gaps, and in our operators."""
    model, masks = two_layers(seed, density, half)
    sparse = to_sparse(model, masks, min_sparsity=0).model
    models = {"dense.onnx": model, "ticket.onnx": to_standard(model, masks), "sparse.onnx": sparse}
    return {name: each.SerializeToString() for name, each in models.items()}


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 2**32), density=st.sampled_from([0.0, 0.002, 0.1, 0.5, 1.0]), best=st.booleans())
def test_every_form_of_a_ticket_comes_back(seed: int, density: float, best: bool) -> None:
    files = forms(seed, density)
    assert read_container(write_container(files, best)) == files


def test_a_matrix_in_several_files_is_coded_once() -> None:
    files = forms(1, 0.1)
    alone = len(write_container({"ticket.onnx": files["ticket.onnx"]}, True))
    assert len(write_container(files, True)) < alone + 700


def test_float16_values_in_float32_are_stored_in_half_the_bits() -> None:
    full, half = (len(write_container(forms(2, 0.3, half), True)) for half in (False, True))
    assert half < 0.75 * full


@settings(max_examples=80, deadline=None)
@given(
    DTYPES.flatmap(lambda dtype: arrays.arrays(dtype, st.tuples(st.integers(1, 6), st.integers(1, 40)))), st.booleans()
)
def test_any_tensor_comes_back_bit_for_bit(tensor: np.ndarray, best: bool) -> None:
    """NaN with its payload, minus zero and infinities included."""
    graph = helper.make_graph([], "g", [], [], [numpy_helper.from_array(tensor, "t")])
    files = {"model.onnx": helper.make_model(graph).SerializeToString()}
    assert read_container(write_container(files, best)) == files


@pytest.mark.parametrize("name", ["t.gaps", "t.indptr", "t.indptr.2"])
def test_tensors_named_as_ours_that_are_something_else_come_back(name: str) -> None:
    endings = (".gaps", ".values", ".size", ".shape") if "gaps" in name else (".indptr", ".indices", ".data")
    random = np.random.default_rng(0)
    for dtype in ("<i4", "|u1", "<f4"):
        tensors = [numpy_helper.from_array(random.integers(0, 9, 20).astype(dtype), f"t{e}") for e in endings]
        graph = helper.make_graph([], "g", [], [], tensors)
        files = {"model.onnx": helper.make_model(graph).SerializeToString()}
        assert read_container(write_container(files, True)) == files


@settings(max_examples=60, deadline=None)
@given(st.dictionaries(st.sampled_from(["a.onnx", "b.txt", "c.onnx"]), st.binary(max_size=300)))
def test_any_files_come_back(files: dict[str, bytes]) -> None:
    assert read_container(write_container(files, True)) == files


OTHER_FILES = {"LICENSE": "14c41cdada1efd28", "table.bin": "c7f89eb70b6f5641"}


@pytest.mark.parametrize(
    ("stored", "holds"),
    [(VERSION_1, VERSION_1_FILES), (VERSION_1_IN_PARTS, VERSION_1_FILES | OTHER_FILES)],
    ids=["listing by LZMA", "listing in parts"],
)
def test_the_bytes_of_version_1_never_change(stored: str, holds: dict[str, str]) -> None:
    files = read_container(bytes.fromhex(stored))
    assert {name: sha256(held).hexdigest()[:16] for name, held in files.items()} == holds
    assert write_container(files, True)[:10] == bytes.fromhex(VERSION_1_IN_PARTS)[:10]


@pytest.fixture(scope="module")
def content() -> bytes:
    return write_container(forms(3, 0.1), True)


def resealed(content: bytes) -> bytes:
    """With a checksum that fits, as one who means harm would."""
    return content[:10] + zlib.crc32(content[14:]).to_bytes(4, "little") + content[14:]


def test_each_flipped_bit_is_told(content: bytes) -> None:
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        with pytest.raises(DamagedError):
            read_container(bytes(damaged))


def test_each_cut_is_told(content: bytes) -> None:
    for length in range(len(content)):
        with pytest.raises(DamagedError):
            read_container(content[:length])
    with pytest.raises(DamagedError):
        read_container(content + b"\0")


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_damage_with_a_fitting_checksum_is_told_too(content: bytes, data: st.DataObject) -> None:
    """Whatever a hand put there: never another error, and never other files than those whose hash it holds."""
    damaged = bytearray(content)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(8, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(22, len(damaged))) :]
    try:
        files = read_container(resealed(bytes(damaged)))
    except DamagedError:
        return
    assert sha256(b"".join(files.values())).digest()[:8] == bytes(damaged[14:22])


@pytest.mark.parametrize(
    ("start", "says"),
    [(b"", "does not begin"), (b"\x89LTHE\r\n\x1a", "too early"), (b"\x89LTHE\r\n\x1a\x03" + bytes(20), "upgrade")],
)
def test_what_is_no_container_is_told(start: bytes, says: str) -> None:
    with pytest.raises(DamagedError) as caught:
        read_container(start)
    assert says in str(caught.value)


SMALL = MatrixRecipe(Outline(2, 2, 4), NumberForm(0))


@pytest.mark.parametrize(
    "listing",
    [
        Listing([MatrixRecipe(Outline(1 << 20, 1 << 11, 0), NumberForm(0))], []),
        Listing([SMALL], [FileRecipe("a", [PieceRecipe(b"", 1, Rendering.DENSE)], b"")]),
        Listing([], [FileRecipe("a", [PieceRecipe(b"", 0, Rendering.DENSE)], b"")]),
        Listing([SMALL], [FileRecipe("a", [], b""), FileRecipe("A", [], b"")]),
        Listing(
            [MatrixRecipe(Outline(1 << 14, 1 << 14, 0), NumberForm(0))],
            [FileRecipe("a", [PieceRecipe(b"", 0, Rendering.DENSE)] * 5, b"")],
        ),
    ],
    ids=["too many weights", "no such matrix", "no matrix", "a file twice", "too many bytes"],
)
def test_listings_that_claim_too_much_or_contradict_themselves_are_refused(listing: Listing) -> None:
    with pytest.raises(DamagedError):
        Listing.from_bytes(listing.to_bytes())


def test_more_weights_than_a_container_holds_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(plan, "MOST_CELLS", 1000)
    with pytest.raises(InputError, match="weights are more than"):
        write_container(forms(4, 0.1), True)


@pytest.mark.parametrize("cut", range(1, 12))
def test_listings_that_are_too_short_or_too_long_are_refused(cut: int) -> None:
    text = Listing([SMALL], [FileRecipe("a", [PieceRecipe(b"1", 0, Rendering.DENSE)], b"2")]).to_bytes()
    for damaged in (text[:-cut], text + bytes(cut)):
        with pytest.raises(DamagedError):
            Listing.from_bytes(damaged)


@pytest.mark.parametrize("dtype", ["<f4", "<f2", "|i1", "|u1"])
def test_words_beyond_a_form_are_damage(dtype: str) -> None:
    few = np.array([1, 2, 1, 1, 2, 2, 1, 2] * 8).astype(dtype)
    form = NumberForm.of(few)
    assert np.array_equal(form.decode(form.encode(few)), few)
    with pytest.raises(DamagedError):
        form.decode(np.array([2**31 - 1], np.uint32))


def test_the_document_names_what_the_code_knows() -> None:
    text = (Path(__file__).parents[2] / "lth_edge" / "codec" / "LTHE.md").read_text()
    assert all(f"| {rendering.value} | " in text for rendering in Rendering)


def test_a_flag_of_a_newer_release_asks_for_one() -> None:
    content = bytearray(write_container({"note.txt": b"hello"}, True))
    content[9] |= 8
    with pytest.raises(DamagedError, match="unknown here") as raised:
        read_container(bytes(content))
    assert raised.value.mend == "upgrade lth-edge"
