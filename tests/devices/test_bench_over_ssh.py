"""`lth-edge bench` on pretend Raspberry Pis, through this machine's own ssh, and everything that can go wrong there."""

import json
import subprocess
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from command import QUICK, Done, Finished, lth_edge
from pretend_pi import PretendPi

from lth_edge.devices import bench
from lth_edge.devices.ssh import SshTarget
from lth_edge.devices.target import Unreachable
from lth_edge.errors import DeviceError

StartPi = Callable[..., AbstractContextManager[PretendPi]]
WriteDevices = Callable[[PretendPi], Path]


def target_of(pi: PretendPi) -> SshTarget:
    return SshTarget("pi", pi.host, ssh_config=pi.ssh_config)


def shell(pi: PretendPi, command: str) -> str:
    return subprocess.run(
        ["ssh", "-F", pi.ssh_config, pi.host, command], capture_output=True, text=True, check=False
    ).stdout


def refused(pruned: Finished, devices: Path) -> list[str]:
    """What is said where a bench cannot even begin."""
    done = lth_edge("bench", pruned.folder, "--on", "pi", "--devices", devices)
    assert done.code == 9, done.stderr
    assert not (pruned.folder / "devices" / "pi.json").exists()
    return done.said


@pytest.fixture
def at_home(home: Path) -> None:
    """What a bench keeps here goes with the test."""


@pytest.mark.usefixtures("at_home")
def test_a_bare_pi_is_measured_though_it_throttles_and_the_connection_drops(
    pruned: Finished,
    sparse_package: Path,
    start_pi: StartPi,
    devices: WriteDevices,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    baseline = pruned.folder / "files" / "dense.onnx"
    with start_pi("zero2w", onnxruntime=False) as pi:
        where = ("--on", "pi", "--devices", devices(pi))
        words = ("bench", sparse_package, "--baseline", baseline, *where, *QUICK, "--out", tmp_path)
        lost = _dropped_while_measuring(pi, monkeypatch, words)
        assert lost.code == 9
        assert lost.said[0].startswith("lth-edge: pi no longer answers; the bench goes on there")
        assert lost.said[1] == "  run the same command again later: it fetches the result"
        pi.port.restore()
        done = lth_edge(*words)
        assert done.code == 0, done.stderr
        assert "pi: this bench is there already: fetching it" in done.stderr
        assert shell(pi, "ls -A .cache/lth-edge/device/jobs /run/lock /tmp").split() == [
            ".cache/lth-edge/device/jobs:", "/run/lock:", "/tmp:",
        ]  # fmt: skip
        assert lth_edge("bench", "--forget", *where).code == 0
        assert shell(pi, "ls -A") == ""
    _check_result(json.loads((tmp_path / "pi.json").read_text()), done)


def _dropped_while_measuring(pi: PretendPi, monkeypatch: pytest.MonkeyPatch, words: tuple[Any, ...]) -> Done:
    """The connection ends, and the board gets hot, as soon as it measures."""
    with monkeypatch.context() as patch:
        patch.setattr(bench, "PATIENCE", 0)
        ask = bench.ask

        def dropping(target: Any, verb: str, *rest: Any, **asked: Any) -> Any:
            found = ask(target, verb, *rest, **asked)
            if found.get("stage", "").startswith("measuring"):
                pi.set(throttled="0x4", temperature="85000")
                pi.port.drop()
            return found

        patch.setattr(bench, "ask", dropping)
        return lth_edge(*words)


def _check_result(found: dict[str, Any], done: Done) -> None:
    assert (found["kind"], found["emulator"]) == ("emulated", "aarch64 emulated on x86_64")
    assert "throttled while measuring: throttled" in found["taints"]
    assert found["machine"]["model"] == "Raspberry Pi Zero 2 W Rev 1.0"
    assert (found["before"]["throttled"], found["after"]["throttled"]) == ([], ["throttled"])
    assert found["during"][-1]["temperature_c"] == 85
    assert len(found["during"]) >= found["seconds"] / 2
    assert list(found["forms"]) == ["dense", "ticket", "sparse"]
    assert all(error < 1e-5 for error in found["checked"].values())
    assert all(size > 10_000 for size in found["runtime_bytes"].values())
    # No emulated time is shown as if it were a device's.
    assert "emulated, not measured on the device" in done.stdout
    assert " us" not in done.stdout


def test_the_system_s_ssh_runs_and_copies(pi: PretendPi, tmp_path: Path) -> None:
    target = target_of(pi)
    done = target.run(["printf", "%s|", "two words", "$HOME", "'quoted'", "a;b"])
    assert (done.code, done.stdout) == (0, b"two words|$HOME|'quoted'|a;b|")
    assert target.run(["cat"], stdin=b"\0bytes").stdout == b"\0bytes"
    assert target.run(["sh", "-c", "exit 7"]).code == 7
    odd = 'a "b" [c]*? \\d'
    given = tmp_path / odd
    given.write_bytes(np.random.default_rng(0).bytes(100_000))
    target.put({f"deep/er/{odd}": given, "plain": given}, "/home/pi/some where")
    target.put({"plain": given}, "/home/pi/some where")
    (tmp_path / "back").mkdir()
    target.get("/home/pi/some where", ["plain"], tmp_path / "back")
    assert (tmp_path / "back" / "plain").read_bytes() == given.read_bytes()
    assert shell(pi, "ls 'some where/deep/er'").strip() == odd
    with pytest.raises(DeviceError, match="cannot copy files"):
        target.get("/home/pi", ["gone"], tmp_path / "back")
    with pytest.raises(Unreachable, match="did not answer within 1 s"):
        target.run(["sleep", "30"], timeout=1)


def test_host_keys_are_checked(pruned: Finished, pi: PretendPi, devices: WriteDevices) -> None:
    pi.trust("another")
    said = refused(pruned, devices(pi))
    assert said[0].startswith("lth-edge: pi shows another host key than before")
    assert f"ssh-keygen -f {pi.ssh_config.parent}/known_hosts -R '[127.0.0.1]:{pi.port.port}'" in said[1]
    pi.trust(None)
    said = refused(pruned, devices(pi))
    assert said[0] == "lth-edge: the host key of pi is not known here"
    assert f"ssh -F {pi.ssh_config} {pi.host} true" in said[1]
    pi.trust("its own")
    assert target_of(pi).run(["true"]).code == 0


def test_keys_that_are_not_taken_and_ports_where_nothing_listens(
    pruned: Finished, pi: PretendPi, devices: WriteDevices
) -> None:
    (pi.ssh_config.parent / "user_key").unlink()
    assert refused(pruned, devices(pi))[0] == "lth-edge: pi takes none of your keys"
    pi.port.drop()
    assert refused(pruned, devices(pi))[0] == "lth-edge: pi cannot be reached: nothing listens there"


def test_a_full_disk_is_told_before_and_while_copying(
    pruned: Finished, start_pi: StartPi, devices: WriteDevices, tmp_path: Path
) -> None:
    with start_pi("pi3", home_bytes=1 << 20) as pi:
        said = refused(pruned, devices(pi))
        assert said[0].startswith("lth-edge: pi is full: ")
        assert said[0].endswith("MB are free")
        large = tmp_path / "large"
        large.write_bytes(bytes(2 << 20))
        with pytest.raises(DeviceError, match=r"pi is full: 2\.1 MB are needed"):
            target_of(pi).put({"large": large}, "/home/pi/here")
        assert shell(pi, "ls here").split() == ["large.part"]


def test_a_32_bit_pi_is_told_so(pruned: Finished, start_pi: StartPi, devices: WriteDevices) -> None:
    with start_pi("pi3", machine="armv7l") as pi:
        said = refused(pruned, devices(pi))
    assert said[0] == "lth-edge: pi is a 32-bit system (armv7l): there is no onnxruntime for it"
    assert "64-bit system" in said[1]


def test_a_python_that_is_not_there_is_named(pruned: Finished, pi: PretendPi, devices: WriteDevices) -> None:
    file = devices(pi)
    file.write_text(file.read_text() + 'python = "/opt/gone/python"\n')
    assert refused(pruned, file)[0] == "lth-edge: pi has no /opt/gone/python"
