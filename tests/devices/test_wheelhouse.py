"""Which devices need numpy and onnxruntime brought, and which wheels fit them."""

import subprocess
from pathlib import Path
from typing import Any

import pytest

from lth_edge.devices import wheelhouse as wheels
from lth_edge.devices.wheelhouse import fits, wheelhouse
from lth_edge.errors import DeviceError


def facts(onnxruntime: str = "1.22.1", numpy: str = "2.0.0", **changes: Any) -> dict[str, Any]:
    """A Pi with a 64-bit Debian 12."""
    packages = {"onnxruntime": onnxruntime, "numpy": numpy}
    pi = {"system": "Linux", "machine": "aarch64", "python": [3, 11, 2], "glibc": "2.36", "packages": packages}
    return pi | changes


@pytest.mark.parametrize(
    ("onnxruntime", "numpy", "machine", "will_do"),
    [
        ("1.22.1", "2.0.0", "aarch64", True),
        ("1.20.0", "1.26.4", "aarch64", True),
        ("1.19.2", "2.0.0", "aarch64", False),
        ("", "2.0.0", "aarch64", False),
        ("1.22.1", "", "aarch64", False),
        ("1.21.0", "2.0.0", "aarch64", False),  # dies of an illegal instruction on Cortex-A53 and A72
        ("1.21.0", "2.0.0", "x86_64", True),
        ("1.21.1", "2.0.0", "aarch64", True),
        ("1.23.0rc1", "2.0.0", "aarch64", True),
    ],
)
def test_what_is_installed_is_used_where_it_will_do(onnxruntime: str, numpy: str, machine: str, will_do: bool) -> None:
    assert fits(facts(onnxruntime, numpy, machine=machine)) == will_do


def test_wheels_are_asked_for_the_device_and_downloaded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def download(words: list[str], **settings: Any) -> "subprocess.CompletedProcess[str]":
        asked.append(words)
        (Path(words[words.index("--dest") + 1]) / "numpy.whl").write_bytes(b"wheel")
        return subprocess.CompletedProcess(words, 0)

    monkeypatch.setattr(wheels, "CACHE", tmp_path)
    monkeypatch.setattr(wheels.subprocess, "run", download)
    key, found = wheelhouse(facts())
    assert wheelhouse(facts()) == (key, found)
    assert [path.name for path in found] == ["numpy.whl"]
    assert len(asked) == 1
    assert {"--python-version=3.11", "--platform=manylinux_2_36_aarch64", "--platform=manylinux_2_17_aarch64"} <= set(
        asked[0]
    )
    assert "--platform=manylinux_2_37_aarch64" not in asked[0]
    assert wheelhouse(facts(python=[3, 13, 0]))[0] != key


@pytest.mark.parametrize("changes", [{"glibc": ""}, {"system": "Darwin"}])
def test_a_device_without_wheels_is_told_so(changes: dict[str, Any]) -> None:
    with pytest.raises(DeviceError, match="there are no wheels of onnxruntime for"):
        wheelhouse(facts(**changes))


def test_a_download_that_fails_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wheels, "CACHE", tmp_path)
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    with pytest.raises(DeviceError, match="can be had: ERROR: No matching distribution"):
        wheelhouse(facts())
    assert list(tmp_path.iterdir()) == []
