"""The C++ decoder under libFuzzer and sanitizers: any bytes end in a verdict, and never in harm."""

import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
from test_stream import random_matrix

from lth_edge.codec.stream import encode

sys.path.append(str(Path(__file__).parents[2] / "tools"))
from fuzz_codec import build, executions, fuzz

RUNS = int(os.environ.get("LTH_FUZZ_RUNS", "10000"))


@pytest.fixture(scope="module")
def fuzzer(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if shutil.which("clang++") is None:
        pytest.skip("there is no clang++ to build a fuzzer with")
    made = tmp_path_factory.mktemp("fuzzer") / "decode"
    done = build(made)
    if "libclang_rt.fuzzer" in done.stderr:
        pytest.skip("this clang++ comes without libFuzzer")
    assert done.returncode == 0, done.stderr
    return made


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


def test_no_bytes_harm_the_decoder(fuzzer: Path, tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number in range(40):
        (corpus / f"seed-{number}").write_bytes(seed(number))
    done = fuzz(fuzzer, corpus, RUNS, seed=1)
    assert done.returncode == 0, done.stderr[-3000:]
    assert executions(done) >= RUNS
