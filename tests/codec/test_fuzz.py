"""The decoders under libFuzzer, those in C++ with sanitizers: any bytes end in a verdict, and never in harm."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from test_coded_layers import ATTRIBUTES, layer
from test_stream import random_matrix

from lth_edge.codec.coded_layers import encode_layers
from lth_edge.codec.stream import encode

sys.path.append(str(Path(__file__).parents[2] / "tools"))
from fuzz_codec import READER, command_of, executions, fuzz

RUNS = int(os.environ.get("LTH_FUZZ_RUNS", "10000"))


def command(program: str, folder: Path) -> list[str]:
    if program == READER:
        pytest.importorskip("atheris", reason="there is no atheris to fuzz Python with")
        return command_of(program, folder)
    if shutil.which("clang++") is None:
        pytest.skip("there is no clang++ to build a fuzzer with")
    try:
        return command_of(program, folder)
    except RuntimeError as error:
        if "libclang_rt.fuzzer" in str(error):
            pytest.skip("this clang++ comes without libFuzzer")
        raise


def seed(number: int) -> bytes:
    """Matrices declared as tests/codec/fuzz/decode.cc reads them, and a stream; every second one decodes, in the others
    some of the matrices have an earlier version."""
    random = np.random.default_rng(number)
    best, heads, matrices = bool(number & 1), b"", []
    for _ in range(1 + number % 3):
        rows, width, height, blocks = (int(random.integers(1, most)) for most in (20, 7, 7, 5))
        matrix = random_matrix(number, (0.1, 1.0)[number % 2], 100, rows, height, width, blocks)
        outline = matrix.outline
        if outline.nnz > 254 and not outline.full:
            continue
        kept = bytes([255, outline.fan << 3]) if outline.full else bytes([outline.nnz, outline.fan << 3 | 1])
        heads += bytes([rows, width, height, blocks]) + kept + bytes([outline.magnitude_bits, outline.has_signs])
        matrices.append(matrix)
    earlier = number % 8 if number % 4 > 1 else 0
    return bytes([best | len(matrices) << 1 | earlier << 3]) + heads + encode(matrices, best)


def coded_seed(number: int) -> bytes:
    """Coded weights that decode, with their layers declared as tests/codec/fuzz/coded_weights.cc reads them."""
    dtypes, count = ("float32", "float16", "int8"), 1 + number % 3
    columns = [(9, 25, 256, 1)[(number + place) % 4] for place in range(count)]
    layers = [
        layer(number, 1 + number % 7, wide, (0.05, 0.3, 1.0)[number % 3], dtypes[(number + place) % 3], bool(place % 2))
        for place, wide in enumerate(columns)
    ]
    content = encode_layers(layers, ATTRIBUTES, bool(number & 1))
    assert content is not None
    head = bytes(each for place, wide in enumerate(columns) for each in (wide - 1, place % 2))
    return bytes([count - 1]) + head + content[4:]


def try_out(program: str, seeds: list[bytes], folder: Path) -> None:
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, content in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(content)
    done = fuzz(command(program, folder), program, corpus, RUNS, seed=1)
    assert done.returncode == 0, done.stderr[-3000:]
    assert executions(done) >= RUNS


def test_no_bytes_harm_the_decoder(tmp_path: Path) -> None:
    try_out("decode", [seed(number) for number in range(40)], tmp_path)


def test_no_coded_weights_harm_the_library(tmp_path: Path) -> None:
    try_out("coded_weights", [coded_seed(number) for number in range(40)], tmp_path)


def test_no_bytes_harm_the_reader_of_whole_files(tmp_path: Path) -> None:
    try_out(READER, [], tmp_path)
