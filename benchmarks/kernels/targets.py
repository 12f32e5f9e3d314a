"""What the kernels are to reach: times faster than onnxruntime's dense fp32, batch 1, one thread.

The figures are for AVX-512. On a CPU with vectors of half that length a model may take 1.15 times as long where it is
made of convolutions, 1.3 times elsewhere: prototypes of convolutions were 10% slower there, and AVX2 has no permutation
of two registers, by which AVX-512 looks up the inputs of a sparse matrix times a vector.
"""

from collections.abc import Collection

# Model, stored values -> sparsity in percent -> times faster.
AVX512 = {
    ("conv-6", "fp32"): {90: 7.0, 95: 12.0},
    ("vgg-16", "fp32"): {90: 6.0, 95: 10.0},
    ("resnet-20", "fp32"): {90: 5.0, 95: 7.0},
    ("resnet-18", "fp32"): {90: 4.0, 95: 6.0},
    ("mobilenet-v1", "fp32"): {90: 3.0, 95: 4.5},
    ("vit-tiny-ffn", "fp32"): {90: 4.0, 95: 6.0},
    ("mlp", "fp16"): {90: 7.0, 95: 14.0},
    ("mlp", "int8"): {90: 8.0, 95: 18.0},
    ("lenet-300-100", "fp32"): {90: 3.0, 95: 3.5},
}
TWO_THREADS = 1.7  # times faster than one, for models that take more than TWO_THREADS_ABOVE_MS
TWO_THREADS_ABOVE_MS = 1.0
_ALLOWANCE = {"convolutions": 1.15, "elsewhere": 1.3}
_WITHOUT_CONVOLUTIONS = {"vit-tiny-ffn", "mlp", "lenet-300-100"}


def target(model: str, values: str, percent: int | None, flags: Collection[str]) -> float | None:
    """The speed-up to reach on a CPU with these instruction sets; `None` where nothing was asked for."""
    given = AVX512.get((model, values), {}).get(percent or 0)
    if given is None or "avx512f" in flags:
        return given
    return given / _ALLOWANCE["elsewhere" if model in _WITHOUT_CONVOLUTIONS else "convolutions"]
