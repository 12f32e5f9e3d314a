#!/usr/bin/env python3
"""Run this package: needs Python 3.9 or later, numpy and onnxruntime, nothing else.

    python run.py                        check the package on this machine: hashes, then the test vector
    python run.py INPUT.npy [-k 5]       predict; one example or a batch, as numpy.save writes it
    python run.py INPUTS.npz             the same for several inputs, each under its name
    python run.py [INPUT] --time         median latency over 100 runs

From Python, with this folder on sys.path:

    from run import load
    predict = load(threads=1)
    scores = predict(array)              one array per input; one array back, or a list of several

A model with sparse layers runs in the library of kernels that lies beside it for this machine. Where there is none, or
it does not load, the fallback runs instead: the same network in standard operators.

Exit codes:

    0    done
    2    wrong command line
    3    an input that the model cannot take
    4    numpy or onnxruntime missing, or onnxruntime too old, or it loads neither the model nor its fallback
    5    the model runs here but gives other outputs than recorded
    6    a file is damaged or missing
    130  interrupted

SPDX-License-Identifier: MIT-0
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import platform
import re
import sys
import time
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

# onnxruntime reads this once, when it is imported.
os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

try:
    import numpy as np
    import onnxruntime
except ImportError as error:
    if __name__ != "__main__":
        raise
    print(f"run.py: {error}\n  pip install numpy onnxruntime", file=sys.stderr)
    sys.exit(4)

HERE = Path(__file__).resolve().parent
BAD_INPUT, CANNOT_RUN, WRONG_OUTPUT, DAMAGED, INTERRUPTED = 3, 4, 5, 6, 130
TIMED_RUNS, WARM_UP_RUNS = 100, 10


class Problem(Exception):
    """A message for people, and the exit code it becomes."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code


class Predictor:
    """A loaded model.

    Attributes:
        file: name of the ONNX file in use, the model or its fallback.
        inputs, outputs: from the manifest: name, dtype, and shape with None for a free axis.
    """

    def __init__(self, session: Any, file: str, manifest: dict[str, Any]) -> None:
        self.file = file
        self.inputs = manifest["inputs"]
        self.outputs = manifest["outputs"]
        self._session = session
        self._names = [tensor["name"] for tensor in self.outputs]

    def __call__(self, *arrays: Any) -> Any:
        """Outputs for one array per input, in the manifest's order; one example or a batch."""
        results = self.run(self.prepare(arrays))
        return results[0] if len(results) == 1 else results

    def prepare(self, arrays: Sequence[Any]) -> dict[str, Any]:
        """The arrays by input name, cast and with a batch axis, or a Problem that says what does not fit."""
        if len(arrays) != len(self.inputs):
            names = ", ".join(tensor["name"] for tensor in self.inputs)
            raise Problem(BAD_INPUT, f"the model takes {len(self.inputs)} arrays ({names}), not {len(arrays)}")
        return {t["name"]: _fitted(np.asarray(arrays[i]), t) for i, t in enumerate(self.inputs)}

    def run(self, feed: dict[str, Any]) -> list[Any]:
        """All outputs, for arrays that `prepare` made."""
        try:
            return list(self._session.run(self._names, feed))
        except Exception as error:  # onnxruntime's exceptions share no base class of their own
            raise Problem(BAD_INPUT, f"{self.file} does not run on this input: {error}") from error


def load(folder: Path | str = HERE, threads: int = 1, fallback: bool = False) -> Predictor:
    """Load the model; its fallback when asked to, or (with a message) when it cannot be loaded here.

    Raises:
        Problem: a file is damaged, onnxruntime is older than the package needs, or neither file can be loaded.
    """
    folder = Path(folder)
    manifest = _checked_manifest(folder)
    version, oldest = onnxruntime.__version__, manifest["oldest_onnxruntime"]
    if _release(version) < _release(oldest):  # it may load the model and compute something else
        raise Problem(CANNOT_RUN, f"this is onnxruntime {version}; the package needs {oldest} or later")
    files = [manifest["model"], manifest["fallback"]]
    for file in dict.fromkeys(files[1:] if fallback else files):
        _check_hash(folder, file, manifest["files"][file]["sha256"])
        try:
            kernels = None if file == files[1] else _kernels(folder, manifest)
            return Predictor(_session(folder / file, threads, kernels), file, manifest)
        except Problem:  # of a damaged library
            raise
        except Exception as error:  # onnxruntime's exceptions share no base class of their own
            print(f"run.py: cannot load {file}: {error}", file=sys.stderr)
            if file != files[1]:
                print(f"run.py: using {files[1]} instead", file=sys.stderr)
    raise Problem(CANNOT_RUN, f"onnxruntime {version} loads neither the model nor a fallback; try a newer one")


def check_hashes(folder: Path) -> int:
    """Compare every file with the manifest; the number of files, or a Problem naming one that differs."""
    manifest = _checked_manifest(folder)
    for name, record in manifest["files"].items():
        _check_hash(folder, name, record["sha256"])
    return len(manifest["files"]) + 1


def replay(predict: Predictor, arrays: dict[str, Any], tolerance: float) -> float:
    """Largest error on the test vector, as a share of the largest output; a Problem where it is too large."""
    results = predict.run(_recorded_inputs(predict, arrays))
    error = max(_error(result, arrays[f"output_{i}"]) for i, result in enumerate(results))
    if not error <= tolerance:
        raise Problem(
            WRONG_OUTPUT,
            f"{predict.file} is off by {error:.2g} of the largest output on the test vector "
            f"(allowed: {tolerance:.2g}); try a newer onnxruntime, or --fallback",
        )
    return error


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        _act(options)
    except Problem as problem:
        print(f"run.py: {problem}", file=sys.stderr)
        return problem.code
    except KeyboardInterrupt:
        return INTERRUPTED
    return 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="run.py",
        description="Check this package, or predict with its model.",
        epilog="exit codes: 0 done, 2 wrong command line, 3 bad input, 4 cannot run here, "
        "5 other outputs than recorded, 6 damaged, 130 interrupted",
    )
    parser.add_argument("input", nargs="?", help="a .npy file, or .npz for several inputs; none: check the package")
    parser.add_argument("-k", type=_positive, default=5, help="classes to print per example (default: 5)")
    parser.add_argument("--threads", type=_positive, default=1, help="threads of onnxruntime (default: 1)")
    parser.add_argument("--fallback", action="store_true", help="use the fallback model")
    parser.add_argument("--time", action="store_true", help="print the median latency over 100 runs")
    return parser.parse_args(arguments)


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text} is no whole number above 0")
    return int(text)


def _act(options: argparse.Namespace) -> None:
    if options.input is None:
        predict, feed = _check(options)
    else:
        predict = load(HERE, options.threads, options.fallback)
        feed = predict.prepare(_read_inputs(Path(options.input), predict.inputs))
        _print_predictions(predict.run(feed), predict.outputs, _checked_manifest(HERE)["labels"], options.k)
    if options.time:
        print(f"median {_median_us(predict, feed):.1f} us over {TIMED_RUNS} runs, threads: {options.threads}")


def _check(options: argparse.Namespace) -> tuple[Predictor, dict[str, Any]]:
    """Hashes, then the test vector; the model and the inputs it was checked with."""
    files = check_hashes(HERE)
    predict = load(HERE, options.threads, options.fallback)
    record = _checked_manifest(HERE)["test_vector"]
    with np.load(HERE / record["file"], allow_pickle=False) as recorded:
        arrays = {name: recorded[name] for name in recorded.files}
    error = replay(predict, arrays, record["tolerance"])
    print(f"ok: {files} files as written")
    print(f"ok: {predict.file} repeats the test vector, largest error {error:.1e} of the largest output")
    return predict, _recorded_inputs(predict, arrays)


def _recorded_inputs(predict: Predictor, arrays: dict[str, Any]) -> dict[str, Any]:
    return {tensor["name"]: arrays[f"input_{i}"] for i, tensor in enumerate(predict.inputs)}


def _kernels(folder: Path, manifest: dict[str, Any]) -> str | None:
    """The library of kernels to register on this machine; None where the model needs none."""
    libraries = manifest.get("libraries")
    if not libraries:
        return None
    machine = _machine()
    if machine not in libraries:
        raise RuntimeError(f"it needs kernels, and this package has none for {machine}")
    name = libraries[machine]
    _check_hash(folder, name, manifest["files"][name]["sha256"])
    return str(folder / name)


def _release(version: str) -> tuple[int, ...]:
    """Major and minor number."""
    return tuple(map(int, re.findall(r"\d+", version)[:2]))


def _machine() -> str:
    """This machine as packages name it, such as linux-aarch64."""
    system = {"Android": "linux", "Darwin": "macos"}.get(platform.system(), platform.system().lower())
    machine = {"amd64": "x86_64", "arm64": "aarch64"}.get(platform.machine().lower(), platform.machine().lower())
    return "macos-arm64" if (system, machine) == ("macos", "aarch64") else f"{system}-{machine}"


def _session(path: Path, threads: int, kernels: str | None) -> Any:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    options.add_session_config_entry("session.set_denormal_as_zero", "1")
    if kernels:
        options.register_custom_ops_library(kernels)
    return onnxruntime.InferenceSession(str(path), sess_options=options, providers=["CPUExecutionProvider"])


def _checked_manifest(folder: Path) -> dict[str, Any]:
    """The manifest, once SHA256SUMS has vouched for it and for each hash it lists."""
    text = _read_bytes(folder / "manifest.json")
    listed = _read_bytes(folder / "SHA256SUMS")
    if f"{hashlib.sha256(text).hexdigest()}  manifest.json\n".encode() not in listed:
        raise Problem(DAMAGED, "manifest.json or SHA256SUMS is damaged; copy the package again")
    manifest: dict[str, Any] = json.loads(text)
    hashes = {name: record["sha256"] for name, record in manifest["files"].items()}
    hashes["manifest.json"] = hashlib.sha256(text).hexdigest()
    if "".join(f"{hashes[name]}  {name}\n" for name in sorted(hashes)).encode() != listed:
        raise Problem(DAMAGED, "SHA256SUMS is damaged; copy the package again")
    return manifest


def _check_hash(folder: Path, name: str, expected: str) -> None:
    if hashlib.sha256(_read_bytes(folder / name)).hexdigest() != expected:
        raise Problem(DAMAGED, f"{name} does not match its SHA-256; copy the package again")


def _read_bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise Problem(DAMAGED, f"cannot read {path.name}: {error.strerror}; copy the package again") from error


def _error(got: Any, expected: Any) -> float:
    got, expected = got.astype(np.float64), expected.astype(np.float64)
    if got.shape != expected.shape or not (np.isfinite(got).all() and np.isfinite(expected).all()):
        return float("inf")
    return float(np.abs(got - expected).max(initial=0.0) / (np.abs(expected).max(initial=0.0) or 1.0))


def _fitted(array: Any, tensor: dict[str, Any]) -> Any:
    """`array` in the tensor's type, with a batch axis where it has none."""
    name, dtype, shape = tensor["name"], tensor["dtype"], tensor["shape"]
    batch = array[np.newaxis] if array.ndim == len(shape) - 1 else array
    if batch.ndim != len(shape) or any(n not in (None, batch.shape[i]) for i, n in enumerate(shape)):
        wanted = ", ".join("N" if n is None else str(n) for n in shape)
        raise Problem(BAD_INPUT, f"{name} must have the shape [{wanted}] (N is free), not {list(array.shape)}")
    if not np.can_cast(array.dtype, dtype, casting="same_kind"):
        raise Problem(BAD_INPUT, f"{name} must be {dtype}, and {array.dtype} does not convert to it")
    return np.ascontiguousarray(batch, dtype)


def _read_inputs(path: Path, inputs: list[dict[str, Any]]) -> list[Any]:
    """One array per input from a .npy or .npz file."""
    try:
        with path.open("rb") as file:
            loaded = np.load(file, allow_pickle=False)
            if isinstance(loaded, np.ndarray):
                return [loaded]
            arrays = {name: loaded[name] for name in loaded.files}
    except OSError as error:
        raise Problem(BAD_INPUT, f"cannot read {path}: {error.strerror or error}") from error
    except (ValueError, EOFError, zipfile.BadZipFile) as error:
        raise Problem(BAD_INPUT, f"{path} is no .npy or .npz file of plain numbers: {error}") from error
    if len(arrays) == len(inputs) == 1:
        return list(arrays.values())
    missing = [tensor["name"] for tensor in inputs if tensor["name"] not in arrays]
    if missing:
        raise Problem(BAD_INPUT, f"{path} lacks {', '.join(missing)}; it holds {', '.join(arrays) or 'nothing'}")
    return [arrays[tensor["name"]] for tensor in inputs]


def _print_predictions(results: list[Any], outputs: list[dict[str, Any]], labels: list[str], k: int) -> None:
    """One line per example: the best classes of the first output with their scores, or plain values."""
    first = results[0]
    if len(results) == 1 and labels and first.ndim == 2 and first.shape[1] == len(labels):
        for index, scores in enumerate(first):
            best = np.argsort(-scores, kind="stable")[:k]
            print(f"{index}: " + ", ".join(f"{labels[b]} {scores[b]:.4g}" for b in best))
        return
    for i, tensor in enumerate(outputs):
        for index, values in enumerate(np.atleast_1d(results[i])):
            print(f"{index}: {tensor['name']} {np.array2string(np.asarray(values), precision=4, threshold=20)}")


def _median_us(predict: Predictor, feed: dict[str, Any]) -> float:
    """Median of the time of one run, in microseconds, after a warm-up."""
    times = []
    for _ in range(WARM_UP_RUNS + TIMED_RUNS):
        start = time.perf_counter()
        predict.run(feed)
        times.append(time.perf_counter() - start)
    return float(np.median(times[WARM_UP_RUNS:])) * 1e6


if __name__ == "__main__":
    sys.exit(main())
