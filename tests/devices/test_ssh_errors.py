"""What ssh says becomes what is wrong and the mend."""

from pathlib import Path

import pytest

from lth_edge.devices.ssh import SshTarget
from lth_edge.devices.ssh_errors import connection_error, transfer_error
from lth_edge.devices.target import Unreachable
from lth_edge.errors import DeviceError

TARGET = SshTarget("pi4", "raspberrypi.local", "pi", 2222)
CHANGED = """@    WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED!     @
Offending ED25519 key in /home/me/.ssh/known_hosts:7
Host key for [raspberrypi.local]:2222 has changed and you have requested strict checking.
Host key verification failed.
"""


@pytest.mark.parametrize(
    ("said", "message", "mend"),
    [
        (
            CHANGED,
            "pi4 shows another host key than before",
            "ssh-keygen -f /home/me/.ssh/known_hosts -R '[raspberrypi.local]:2222'",
        ),
        (
            "No ED25519 host key is known for h and you have requested strict checking.\nHost key verification failed.",
            "the host key of pi4 is not known here",
            "by hand: ssh -p 2222 pi@raspberrypi.local true",
        ),
        (
            "pi@h: Permission denied (publickey).",
            "pi4 takes none of your keys",
            "ssh-copy-id -p 2222 pi@raspberrypi.local",
        ),
        ("ssh: Could not resolve hostname h: Name or service not known", "its name is not known", "spelling"),
        ("ssh: connect to host h port 22: Connection refused", "nothing listens there", "sshd"),
        ("ssh: connect to host h port 22: Connection timed out", "it does not answer", "that it is on"),
        ("ssh: connect to host h port 22: No route to host", "there is no way to it", "network"),
        ("/c: line 1: Bad configuration option: foo\n/c: terminating, 1 bad configuration options", "refuses", "mend"),
        ("something new", "ssh to pi4 failed: something new", "by hand"),
        ("", "without a word", "by hand"),
    ],
)
def test_each_failure_names_the_device_and_the_mend(said: str, message: str, mend: str) -> None:
    error = connection_error(TARGET, said.encode())
    assert message in error.message
    assert mend in error.mend
    assert error.exit_code == 9


@pytest.mark.parametrize("said", ["Connection closed by 1.2.3.4 port 22", "client_loop: send disconnect: Broken pipe"])
def test_a_lost_connection_may_be_tried_again(said: str) -> None:
    assert isinstance(connection_error(TARGET, said.encode()), Unreachable)


def test_a_host_key_never_may() -> None:
    assert not isinstance(connection_error(TARGET, CHANGED.encode()), Unreachable)


def test_the_configuration_in_use_is_part_of_the_mend() -> None:
    target = SshTarget("pi4", "pi4", ssh_config=Path("/lab/config"))
    assert "ssh-copy-id -F /lab/config pi4" in connection_error(target, b"Permission denied (publickey).").mend


def test_a_full_disk_is_told_from_other_failures() -> None:
    df = b"Filesystem 1024-blocks Used Available Capacity Mounted on\ntmpfs 1024 1000 24 98% /home\n"
    assert "pi4 is full: 1.0 MB are needed and 0.0 MB are free" in transfer_error(TARGET, b"Failure", 10**6, df).message
    assert "cannot copy files to pi4: Failure" in transfer_error(TARGET, b"Failure", 10, df).message
    assert "cannot copy files to pi4: Failure" in transfer_error(TARGET, b"Failure", 10**6, b"").message


@pytest.mark.parametrize("tool", ["ssh", "sftp"])
def test_a_machine_without_ssh_is_told_to_install_it(
    tool: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(DeviceError, match=f"this machine has no {tool}"):
        TARGET.run(["true"]) if tool == "ssh" else TARGET.get("/home", ["file"], tmp_path)


def test_a_path_that_would_end_a_line_of_sftp_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DeviceError, match="holds a line break"):
        TARGET.get("/home/pi\nrm *", ["file"], tmp_path)
