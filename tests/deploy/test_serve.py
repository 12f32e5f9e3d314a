"""The server over HTTP: what it answers to inputs, to what is none, and to a release that is not there."""

import http.client
import io
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from device import Device
from digits_package import digits
from serve import CALLS_AT_ONCE, Problem, Server, read_arrays
from serving import Serving

from lth_edge.runtime.session import session


@pytest.fixture(scope="module")
def serving(first_release, tmp_path_factory) -> Iterator[Device]:
    device = Device(first_release / "state", first_release / "allowed_signers", "file:///nowhere")
    with device.serving():
        assert device.settled()["status"] == "ok"
        yield device


@pytest.fixture(scope="module")
def expected(digits_package) -> np.ndarray:
    """Scores of the first hundred digits, by the model itself."""
    return session(digits_package / "model.onnx").run(None, {"image": digits()[0][:100]})[0]


def npy(array: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.save(file, array)
    return file.getvalue()


def npz(**arrays: np.ndarray) -> bytes:
    file = io.BytesIO()
    np.savez(file, **arrays)
    return file.getvalue()


@pytest.mark.parametrize("spoken", ["raw", "npy", "npz"])
def test_real_digits_get_the_scores_of_the_model(serving: Device, expected: np.ndarray, spoken: str) -> None:
    images, targets = digits()
    images, targets = images[:100], targets[:100]
    body = {"raw": images.tobytes(), "npy": npy(images), "npz": npz(image=images)}[spoken]
    status, answer = serving.ask("/predict", body)
    assert status == 200 and answer["release"] == 1
    np.testing.assert_allclose(answer["outputs"]["scores"], expected, rtol=1e-5, atol=1e-5)
    assert answer["classes"] == [str(best) for best in expected.argmax(axis=1)]
    assert np.mean([int(name) for name in answer["classes"]] == targets) > 0.8


def test_one_example_needs_no_batch_axis(serving: Device, expected: np.ndarray) -> None:
    for body in (npy(digits()[0][0]), digits()[0][0].tobytes()):
        assert serving.ask("/predict", body)[1]["classes"] == [str(expected[0].argmax())]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"", "image takes 256 bytes an example (float32), and 0 came"),
        (bytes(257), "image takes 256 bytes an example (float32), and 257 came"),
        (npy(np.zeros((2, 63), "f4")), "image must have the shape [N, 64]"),
        (npy(np.full(64, "a")), "does not convert"),
        (npz(picture=np.zeros(64)), "lacks an input"),
        (b"\x93NUMPY and nothing more", "no .npy or .npz file"),
        (b"PK\x03\x04 and nothing more", "no .npy or .npz file"),
        (npy(np.array([{}], dtype=object)), "no .npy or .npz file"),
    ],
    ids=range(8),
)
def test_what_is_no_input_is_told_so(serving: Device, body: bytes, said: str) -> None:
    status, answer = serving.ask("/predict", body)
    assert status == 400 and said in answer["error"], answer


def test_what_is_not_finite_is_null(serving: Device) -> None:
    status, answer = serving.ask("/predict", np.full(64, np.inf, "<f4").tobytes())
    assert status == 200
    assert None in answer["outputs"]["scores"][0]


def test_other_paths_are_not_found(serving: Device) -> None:
    assert serving.ask("/")[0] == serving.ask("/predict")[0] == 404
    assert serving.ask("/health", b"x")[0] == 404


def test_a_request_that_is_too_long_or_of_no_length_is_not_read(serving: Device) -> None:
    for header, status in ((("Content-Length", str(1 << 40)), 413), (("Transfer-Encoding", "chunked"), 411)):
        connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=10)
        connection.putrequest("POST", "/predict")
        connection.putheader(*header)
        connection.endheaders()
        answer = connection.getresponse()
        assert answer.status == status and answer.getheader("Connection") == "close"
        connection.close()


def test_a_connection_serves_several_requests(serving: Device) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", serving.port, timeout=10)
    for _ in range(3):
        connection.request("POST", "/predict", bytes(256))
        assert connection.getresponse().read().startswith(b'{"release": 1')
    connection.close()


def test_only_this_machine_is_answered_by_default(serving: Device) -> None:
    with open("/proc/net/tcp") as table:  # noqa: PTH123
        listening = [line.split()[1] for line in table if line.split()[3] == "0A"]
    assert f"0100007F:{serving.port:04X}" in listening and f"00000000:{serving.port:04X}" not in listening


def test_before_the_first_release_it_says_so(device: Device) -> None:
    with device.serving():
        status, answer = device.ask("/predict", bytes(256))
        assert status == 503
        status, health = device.ask("/health")
        assert status == 503 and device.settled()["error"] == "no release is installed yet"
        assert answer["error"] in {"loading", health.get("error", "no release is installed yet")}


def test_more_calls_at_once_than_it_takes_are_told_to_wait(first_release: Path) -> None:
    serving = Serving(first_release / "state", threads=1)
    with Server(("127.0.0.1", 0), serving, largest=1 << 20) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        serving.follow()
        device = Device(first_release / "state", first_release / "allowed_signers", "file:///nowhere")
        device.port = server.server_port
        assert device.settled()["status"] == "ok"
        for _ in range(CALLS_AT_ONCE):
            server.calls.acquire()
        assert device.ask("/predict", bytes(256)) == (503, {"error": f"busy with {CALLS_AT_ONCE} calls"})
        server.calls.release()
        assert device.ask("/predict", bytes(256))[0] == 200
        server.shutdown()


def test_a_model_of_two_inputs_is_asked_with_an_npz() -> None:
    left, right = np.float32([[1, 2]]), np.float32([[3, 4]])
    inputs = [{"name": name, "dtype": "float32", "shape": [None, 2]} for name in ("left", "right")]
    first, second = read_arrays(npz(right=right, left=left), inputs)
    assert (first == left).all() and (second == right).all()
    with pytest.raises(Problem, match="file with left, right"):
        read_arrays(left.tobytes(), inputs)
