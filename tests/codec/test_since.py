"""An update: files come back to the byte with the very base it builds on, and with no other."""

import zlib
from dataclasses import replace
from hashlib import sha256

import numpy as np
import onnx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import numpy_helper
from test_container import two_layers

from lth_edge.codec.base import Base, Origin
from lth_edge.codec.coded_matrix import CodedMatrix
from lth_edge.codec.container import Given, read_base, read_container, write_container
from lth_edge.codec.copies import find_copies, left_over, put_together
from lth_edge.codec.listing import FileRecipe, Listing, PieceRecipe
from lth_edge.codec.numbers import NumberForm
from lth_edge.codec.recipes import MatrixRecipe
from lth_edge.codec.renderings import Rendering
from lth_edge.codec.symbols import Outline, Symbols
from lth_edge.convert.sparse import to_sparse
from lth_edge.convert.standard import to_standard
from lth_edge.errors import DamagedError, InputError

BASE = (
    "894c5448450d0a1a01011763593b2f8e23b6ac073b035b60000081d47a305125ac251e3d169c7c1756988e140cb5f72c5243cc54639c89"
    "bb7041a059ce9a5ef65da37e4ec8fceca0cf33890c4079ea442d3482990eac098ad15de0833460190c39dbabeb570fc676bc35462fbe41"
    "efd5b6239bfffe48a400d0b056bd3d8fa2b7c9818f8ca4378f68de5342f462d9181c00d63a44a127a52b780da7b8859cf5720ea94da16b"
    "300aa8f320e51d7c632dde1e1058734aa4"
)
VERSION_2 = (
    "894c5448450d0a1a0201d73114f92e4ca2cf011047fba44f38f8d6f355a70776312e6c746865454a00000054e7b45c98045a8f33127b08"
    "cfe54d087c9ef47be9d5c796cec2b50dabf02ab592ade9fb36ba6733286c83c061af35ab23e7d2953ec849dd3f2cc1ba761a8c071aee1f"
    "febfc4003793d9fa4348b4fae8e7934183bf546b412a5ed682657b7c33c689fde27f4b22b2db3c"
)
VERSION_2_IN_PARTS = (
    "894c5448450d0a1a02053e482a8d2e4ca2cf011047fba44f38f8d6f355a704626173654536010245326360646260601351626464e0676c"
    "286065e2426cca656411676064011684a90cb28c0cf20c900046be6e39115456a7ea01003793d9fa4348b4fae8e7934183bf546b412a5e"
    "d682657b7c33c689fde27f4b22b2db3c"
)
VERSION_2_FILES = {"model.onnx": "4c3cf63885fc24dd", "note": "e971aa93dc190229"}
LIBRARY_BYTES = 5000

Masks = dict[str, np.ndarray]


def changed(
    model: onnx.ModelProto, masks: Masks, seed: int, keep: float = 1.0, order: np.ndarray | None = None
) -> tuple[onnx.ModelProto, Masks]:
    """The model with other values, perhaps fewer weights, perhaps the channels of its convolution in another order."""
    random = np.random.default_rng(seed)
    later = onnx.ModelProto()
    later.CopyFrom(model)
    kept = {}
    for tensor in later.graph.initializer:
        weight = numpy_helper.to_array(tensor) * random.uniform(0.9, 1.1, tensor.dims).astype(np.float32)
        if tensor.name in masks:
            left = masks[tensor.name] & (random.random(weight.shape) < keep)
            weight = np.where(left, weight, np.float32(0))
            kept[tensor.name] = left
        if order is not None and tensor.name in {"conv", "linear"}:
            axis, span = (0, 1) if tensor.name == "conv" else (1, 36)
            places = (order[:, None] * span + np.arange(span)).ravel()
            weight, kept[tensor.name] = (np.take(each, places, axis) for each in (weight, kept[tensor.name]))
        tensor.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(weight), tensor.name))
    return later, kept


def files_of(model: onnx.ModelProto, masks: Masks, note: bytes = b"one") -> dict[str, bytes]:
    """As a package holds them: dense, as gaps, in our operators, and what is no model."""
    sparse = to_sparse(model, masks, min_sparsity=0).model
    models = {"dense.onnx": model, "ticket.onnx": to_standard(model, masks), "sparse.onnx": sparse}
    library = np.random.default_rng(0).bytes(LIBRARY_BYTES)
    return {name: each.SerializeToString() for name, each in models.items()} | {"kernels.so": library, "note": note}


@pytest.fixture(scope="module")
def ticket() -> tuple[onnx.ModelProto, Masks]:
    return two_layers(1, 0.3)


@pytest.fixture(scope="module")
def old(ticket: tuple[onnx.ModelProto, Masks]) -> Given:
    return Given("old.lthe", write_container(files_of(*ticket), True))


@pytest.fixture(scope="module")
def base(old: Given) -> Base:
    return read_base(old)


def test_what_is_the_same_takes_next_to_nothing(ticket: tuple[onnx.ModelProto, Masks], old: Given, base: Base) -> None:
    files = files_of(*ticket, note=b"two")
    update = write_container(files, True, base)
    assert len(update) < 200
    assert read_container(update, [old]) == files


@pytest.mark.parametrize("best", [False, True])
@pytest.mark.parametrize(
    "order", [None, [3, 1, 0, 2, 6, 7, 5, 4], [3, 1, 0, 2, 6, 7]], ids=["as were", "moved", "fewer"]
)
@pytest.mark.parametrize("keep", [1.0, 0.7])
def test_a_ticket_within_the_mask_is_an_update(
    ticket: tuple[onnx.ModelProto, Masks], old: Given, base: Base, keep: float, order: list[int] | None, best: bool
) -> None:
    """Retrained, pruned on, and with its channels in another order, or without some."""
    files = files_of(*changed(*ticket, 2, keep, None if order is None else np.array(order)))
    update = write_container(files, best, base)
    assert len(update) < min(2800, 0.85 * (len(write_container(files, best)) - LIBRARY_BYTES))
    assert read_container(update, [old]) == files


@settings(max_examples=25, deadline=None)
@given(
    seeds=st.tuples(st.integers(0, 99), st.integers(0, 99)),
    densities=st.tuples(*[st.sampled_from([0.0, 0.02, 0.3, 1.0])] * 2),
    best=st.booleans(),
)
def test_any_pair_comes_back(seeds: tuple[int, int], densities: tuple[float, float], best: bool) -> None:
    before, after = (files_of(*two_layers(*each)) for each in zip(seeds, densities, strict=True))
    base = Given("before", write_container(before, not best))
    update = write_container(after, best, read_base(base))
    assert read_container(update, [base]) == after
    assert len(update) < len(write_container(after, best)) + 40


@settings(max_examples=60, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["a.onnx", "b.txt"]), st.binary(max_size=200)),
    st.dictionaries(st.sampled_from(["a.onnx", "c.txt"]), st.binary(max_size=200)),
)
def test_any_files_are_an_update_of_any(before: dict[str, bytes], after: dict[str, bytes]) -> None:
    base = Given("before", write_container(before, True))
    assert read_container(write_container(after, True, read_base(base)), [base]) == after


def test_an_update_may_build_on_an_update(ticket: tuple[onnx.ModelProto, Masks], old: Given, base: Base) -> None:
    second = changed(*ticket, 2)
    newer = Given("newer.lthe", write_container(files_of(*second), True, base))
    files = files_of(*changed(*second, 3, 0.8))
    newest = write_container(files, True, read_base(newer, [old]))
    for bases in ([old, newer], [newer, old]):
        assert read_container(newest, bases) == files
    with pytest.raises(InputError, match=r"newer\.lthe: it is an update since 'old\.lthe'"):
        read_container(newest, [newer])


def test_another_base_is_refused_by_name(ticket: tuple[onnx.ModelProto, Masks], old: Given, base: Base) -> None:
    update = write_container(files_of(*changed(*ticket, 2)), True, base)
    fast = Given("fast.lthe", write_container(files_of(*ticket), False))
    wanted = f"'old.lthe', the file whose SHA-256 begins with {sha256(old.content).hexdigest()[:16]}"
    for bases, says in (([], "no such file is given"), ([fast], "fast.lthe is not"), ([fast, fast], "are not")):
        with pytest.raises(InputError) as caught:
            read_container(update, bases)
        assert wanted in caught.value.message and says in caught.value.message and "--since" in caught.value.mend


def test_a_file_that_stands_alone_needs_no_base(ticket: tuple[onnx.ModelProto, Masks], old: Given) -> None:
    assert read_container(old.content, [Given("any", b"")]) == files_of(*ticket)


def small() -> tuple[Given, dict[str, bytes]]:
    """A base and what an update since makes of it, the same on every machine and with every library."""
    random = np.random.default_rng(5)
    weight = np.where(random.random((6, 20)) < 0.4, random.integers(-40, 40, (6, 20)) / 8, 0).astype(np.float32)
    later = np.where(random.random((6, 20)) < 0.8, weight + np.float32(0.125) * (weight != 0), 0).astype(np.float32)
    before, after = (
        onnx.helper.make_graph([], "g", [], [], [numpy_helper.from_array(w, "w")]) for w in (weight, later)
    )
    models = [onnx.helper.make_model(graph, ir_version=8).SerializeToString() for graph in (before, after)]
    base = Given("v1.lthe", write_container({"model.onnx": models[0], "note": b"The first version of a note."}, True))
    return base, {"model.onnx": models[1], "note": b"The second version of a note."}


def resealed(content: bytes) -> bytes:
    """With a checksum that fits, as one who means harm would."""
    return content[:10] + zlib.crc32(content[14:]).to_bytes(4, "little") + content[14:]


def test_each_flipped_bit_and_each_cut_is_told() -> None:
    base, files = small()
    content = write_container(files, True, read_base(base))
    for place in range(len(content)):
        damaged = bytearray(content)
        damaged[place] ^= 1 << place % 8
        for bad in (bytes(damaged), content[:place]):
            with pytest.raises(DamagedError):
                read_container(bad, [base])


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_damage_with_a_fitting_checksum_is_told_too(data: st.DataObject) -> None:
    base, damaged = Given("v1.lthe", bytes.fromhex(BASE)), bytearray.fromhex(VERSION_2)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(8, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    del damaged[data.draw(st.integers(22, len(damaged))) :]
    try:
        back = read_container(resealed(bytes(damaged)), [base])
    except (DamagedError, InputError):
        return
    assert sha256(b"".join(back.values())).digest()[:8] == bytes(damaged[14:22])


MOVED = np.array([0, 1, 2, 3, 4, 5])


@pytest.mark.parametrize(
    ("outline", "form", "origin"),
    [
        (Outline(6, 20, 121), NumberForm(0), Origin(0)),
        (Outline(6, 21, 10), NumberForm(0), Origin(0)),
        (Outline(6, 20, 10), NumberForm(2), Origin(0)),
        (Outline(5, 20, 10), NumberForm(0), Origin(0, rows=MOVED)),
        (Outline(6, 20, 10), NumberForm(0), Origin(0, rows=MOVED[::-1] + 1)),
        (Outline(6, 20, 10), NumberForm(0), Origin(0, columns=MOVED[:1])),
        (Outline(6, 20, 10), NumberForm(0), Origin(0, rows=np.array([0, 1, 2, 3, 4, 4]))),
        (Outline(6, 20, 10), NumberForm(0), Origin(0, rows=MOVED - 1)),
    ],
    ids="weights shape type rows beyond columns twice below".split(),
)
def test_matrices_that_cannot_come_from_the_base_are_refused(
    outline: Outline, form: NumberForm, origin: Origin
) -> None:
    base = read_base(small()[0])
    form = replace(form, dtype=base.matrices[0].form.dtype if form.dtype == 0 else form.dtype)
    listing = Listing([MatrixRecipe(outline, form, origin)], [])
    if origin.columns is not None:  # one unit that all columns belong to: so it is if none moved
        assert Listing.from_bytes(listing.to_bytes(base), base).matrices[0].outline.earlier is not None
        return
    with pytest.raises(DamagedError):
        Listing.from_bytes(listing.to_bytes(base), base)


def test_two_matrices_of_one_are_refused() -> None:
    base = read_base(small()[0])
    recipe = MatrixRecipe(Outline(6, 20, 10), replace(NumberForm(0), dtype=base.matrices[0].form.dtype), Origin(0))
    with pytest.raises(DamagedError, match="two matrices"):
        Listing.from_bytes(Listing([recipe, recipe], []).to_bytes(base), base)


def test_a_listing_that_claims_too_much_of_a_base_is_refused() -> None:
    huge = CodedMatrix(Symbols.blank(Outline(1 << 13, 1 << 13, 0)), NumberForm(0))
    base = Base("huge", bytes(8), [huge], b"")
    same = MatrixRecipe(huge.outline, huge.form, Origin(0), unchanged=True)
    listing = Listing([same], [FileRecipe("f", [PieceRecipe(b"", 0, Rendering.DENSE)] * 17, b"")])
    with pytest.raises(DamagedError, match="more than any package"):
        Listing.from_bytes(listing.to_bytes(base), base)


@settings(max_examples=200, deadline=None)
@given(
    earlier=st.binary(max_size=300),
    parts=st.lists(st.tuples(st.integers(0, 300), st.integers(0, 300), st.binary(max_size=9)), max_size=6),
)
def test_copies_and_new_bytes_are_the_text(earlier: bytes, parts: list[tuple[int, int, bytes]]) -> None:
    text = b"".join(earlier[start : start + length] + new for start, length, new in parts)
    copies = find_copies(text, earlier)
    assert put_together(copies, left_over(text, copies), earlier) == text


def test_a_long_copy_is_one() -> None:
    earlier = np.random.default_rng(0).bytes(300_000)
    (copy,) = find_copies(b"new" + earlier[5:-7] + b"end", earlier)
    assert (copy.new, copy.start, copy.end) == (3, 5, len(earlier) - 7)


@pytest.mark.parametrize("stored", [VERSION_2, VERSION_2_IN_PARTS], ids=["listing by LZMA", "listing in parts"])
def test_the_bytes_of_version_2_never_change(stored: str) -> None:
    files = read_container(bytes.fromhex(stored), [Given("base", bytes.fromhex(BASE))])
    assert {name: sha256(held).hexdigest()[:16] for name, held in files.items()} == VERSION_2_FILES
    base, files = small()
    assert write_container(files, True, read_base(base))[:10] == bytes.fromhex(VERSION_2_IN_PARTS)[:10]
