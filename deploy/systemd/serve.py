#!/usr/bin/env python3
"""Serve the current release over HTTP: needs Python 3.10 or later, numpy and onnxruntime.

    serve.py STATE [--host 127.0.0.1] [--port 8642] [--threads 1]

    POST /predict    the input's raw bytes, a .npy file, or a .npz file for several inputs -> JSON
    GET  /health     what serves, and whether it is what was installed last

Raw bytes are one example or a batch, in the type and the axes that the manifest names. It answers this machine alone
unless told otherwise: it knows no users and no TLS, which a proxy in front adds where others need it.

SPDX-License-Identifier: MIT-0
"""

from __future__ import annotations

import argparse
import io
import json
import math
import sys
import threading
import zipfile
from collections.abc import Sequence
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

sys.dont_write_bytecode = True  # a release stays as it was installed

import numpy as np  # noqa: E402
from serving import Release, Serving  # noqa: E402

TIMEOUT_S = 30
CALLS_AT_ONCE = 8


class Problem(Exception):
    """An answer that is no prediction."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status


class Server(ThreadingHTTPServer):
    """HTTP in front of a release.

    Args:
        address: host and port.
        serving: the release, and the change to another.
        largest: bytes of a request, at most.
    """

    daemon_threads = True

    def __init__(self, address: tuple[str, int], serving: Serving, largest: int) -> None:
        super().__init__(address, Handler)
        self.serving, self.largest = serving, largest
        self.calls = threading.BoundedSemaphore(CALLS_AT_ONCE)


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Server
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_S

    def do_GET(self) -> None:
        if self.path != "/health":
            self._answer(HTTPStatus.NOT_FOUND, {"error": "GET /health, or POST /predict"})
            return
        health = self.server.serving.health()
        ready = health["release"] is not None
        self._answer(HTTPStatus.OK if ready else HTTPStatus.SERVICE_UNAVAILABLE, health)

    def do_POST(self) -> None:
        try:
            body = self._body()
            self._answer(HTTPStatus.OK, self._predicted(body))
        except Problem as problem:
            # What is left of a request that was not read would be taken for the next one.
            self.close_connection = True
            self._answer(problem.status, {"error": str(problem)})

    def log_message(self, format: str, *arguments: Any) -> None:
        """Silence: one line a prediction would fill a small disk."""

    def _body(self) -> bytes:
        if self.path != "/predict":
            raise Problem(HTTPStatus.NOT_FOUND, "POST /predict, or GET /health")
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal():
            raise Problem(HTTPStatus.LENGTH_REQUIRED, "the request must say its Content-Length")
        if int(length) > self.server.largest:
            raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, f"more than {self.server.largest} bytes")
        return self.rfile.read(int(length))

    def _predicted(self, body: bytes) -> dict[str, Any]:
        release = self.server.serving.release
        if release is None:
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, self.server.serving.health().get("error", "loading"))
        if not self.server.calls.acquire(blocking=False):
            raise Problem(HTTPStatus.SERVICE_UNAVAILABLE, f"busy with {CALLS_AT_ONCE} calls")
        try:
            return predicted(release, body)
        finally:
            self.server.calls.release()

    def _answer(self, status: HTTPStatus, content: dict[str, Any]) -> None:
        text = (json.dumps(content) + "\n").encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(text)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(text)


def predicted(release: Release, body: bytes) -> dict[str, Any]:
    """The answer to a request: every output by its name, and the best class of each example where classes have names.

    Raises:
        Problem: the body is no input of this model.
    """
    arrays = read_arrays(body, release.predict.inputs)
    try:
        results = release.predict.run(release.predict.prepare(arrays))
    except Exception as error:  # run.py's Problem is another class in every release
        raise Problem(HTTPStatus.BAD_REQUEST, str(error)) from error
    names = [tensor["name"] for tensor in release.predict.outputs]
    answer: dict[str, Any] = {"release": release.number}
    labels, first = release.manifest["labels"], results[0]
    if labels and first.ndim == 2 and first.shape[1] == len(labels):
        answer["classes"] = [labels[best] for best in first.argmax(axis=1)]
    return answer | {"outputs": {name: plain(result.tolist()) for name, result in zip(names, results, strict=True)}}


def read_arrays(body: bytes, inputs: Sequence[dict[str, Any]]) -> list[Any]:
    """One array for each input, from .npy, .npz or raw bytes; nothing is ever unpickled.

    Raises:
        Problem: it is neither, or lacks an input.
    """
    try:
        if body.startswith(b"\x93NUMPY"):
            return [np.load(io.BytesIO(body), allow_pickle=False)]
        if body.startswith(b"PK\x03\x04"):
            with np.load(io.BytesIO(body), allow_pickle=False) as arrays:
                return [arrays[tensor["name"]] for tensor in inputs]
    except KeyError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"the .npz file lacks an input: {error}") from error
    except (ValueError, EOFError, OSError, zipfile.BadZipFile) as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"no .npy or .npz file of plain numbers: {error}") from error
    if len(inputs) != 1:
        names = ", ".join(tensor["name"] for tensor in inputs)
        raise Problem(HTTPStatus.BAD_REQUEST, f"raw bytes are for models of one input; send a .npz file with {names}")
    return [_from_raw(body, inputs[0])]


def _from_raw(body: bytes, tensor: dict[str, Any]) -> Any:
    dtype, axes = np.dtype(tensor["dtype"]).newbyteorder("<"), [axis or 1 for axis in tensor["shape"]]
    example = math.prod(axes) * dtype.itemsize
    if not body or len(body) % example:
        said = f"{tensor['name']} takes {example} bytes an example ({tensor['dtype']}), and {len(body)} came"
        raise Problem(HTTPStatus.BAD_REQUEST, said)
    shape = [-1 if axis is None else axis for axis in tensor["shape"]]
    if shape.count(-1) > 1:
        raise Problem(HTTPStatus.BAD_REQUEST, f"{tensor['name']} has several free axes; send a .npy file")
    try:
        return np.frombuffer(body, dtype).reshape(shape)
    except ValueError as error:
        raise Problem(HTTPStatus.BAD_REQUEST, f"{tensor['name']}: {error}") from error


def plain(values: Any) -> Any:
    """Nested lists as JSON has them: no number there is infinite, or none at all, so these become null."""
    if isinstance(values, list):
        return [plain(value) for value in values]
    return None if isinstance(values, float) and not math.isfinite(values) else values


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("state", type=Path, help="folder of the releases on this device")
    parser.add_argument("--host", default="127.0.0.1", help="address to answer on (default: 127.0.0.1)")
    parser.add_argument("--port", type=int, default=8642)
    parser.add_argument("--threads", type=int, default=1, help="of onnxruntime (default: 1)")
    parser.add_argument("--largest", type=int, default=16 << 20, help="bytes of a request, at most")
    options = parser.parse_args(arguments)
    serving = Serving(options.state, options.threads)
    with Server((options.host, options.port), serving, options.largest) as server:
        serving.follow()
        print(f"serving on http://{options.host}:{server.server_port}", flush=True)
        try:
            server.serve_forever()
        except KeyboardInterrupt:
            sys.exit(130)


if __name__ == "__main__":
    main()
