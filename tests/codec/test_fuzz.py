"""The C++ decoders under libFuzzer and sanitizers: any bytes end in a verdict, and never in harm."""

import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from test_coded_layers import ATTRIBUTES, layer
from test_stream import random_matrix

from lth_edge.codec.coded_layers import encode_layers
from lth_edge.codec.stream import encode

RUNS = int(os.environ.get("LTH_FUZZ_RUNS", "10000"))
FUZZERS = Path(__file__).parent / "fuzz"
KERNELS = Path(__file__).parents[2] / "lth_edge" / "kernels"
FLAGS = ["-std=c++17", "-O2", "-g1", "-fsanitize=fuzzer,address,undefined", "-fno-sanitize-recover=all"]


def build(fuzzer: str, folder: Path, *sources: Path) -> Path:
    """A program of tests/codec/fuzz with the coder and other sources of the library."""
    if shutil.which("clang++") is None:
        pytest.skip("there is no clang++ to build a fuzzer with")
    made = folder / fuzzer
    everything = FUZZERS / f"{fuzzer}.cc", KERNELS / "codec" / "codec.cc", *sources
    command = ["clang++", *FLAGS, f"-I{KERNELS}", "-o", str(made), *map(str, everything)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if "libclang_rt.fuzzer" in done.stderr:
        pytest.skip("this clang++ comes without libFuzzer")
    assert done.returncode == 0, done.stderr
    return made


def seed(number: int) -> bytes:
    """A stream that decodes, with its matrices declared as tests/codec/fuzz/decode.cc reads them."""
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
    return bytes([best | len(matrices) << 1]) + heads + encode(matrices, best)


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


def fuzz(fuzzer: Path, seeds: list[bytes], folder: Path, longest: int) -> None:
    corpus = folder / "corpus"
    corpus.mkdir()
    for number, content in enumerate(seeds):
        (corpus / f"seed-{number}").write_bytes(content)
    command = [str(fuzzer), f"-runs={RUNS}", "-seed=1", f"-max_len={longest}", "-print_final_stats=1", str(corpus)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    assert done.returncode == 0, done.stderr[-3000:]


def test_no_bytes_harm_the_decoder(tmp_path: Path) -> None:
    fuzz(build("decode", tmp_path), [seed(number) for number in range(40)], tmp_path, 600)


def test_no_coded_weights_harm_the_library(tmp_path: Path) -> None:
    sources = *(KERNELS / "coded").glob("*.cc"), KERNELS / "layers" / "check.cc"
    fuzz(build("coded_weights", tmp_path, *sources), [coded_seed(number) for number in range(40)], tmp_path, 300)
