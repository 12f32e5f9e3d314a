"""A pretend Raspberry Pi behind ssh on loopback: an arm64 Debian under qemu, with what the board shows in /sys.

    python tools/pretend_pi.py --board pi4

prints how to reach it and runs until Ctrl-C. Right and wrong are real there; time is not, nor are clock and heat.
Needs root on an x86-64 Debian or Ubuntu with Linux 6.7 or later, apt, pip, ssh and unshare. It changes nothing outside
its namespaces but a cache in the home folder.
"""

import argparse
import json
import os
import platform
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))

from arm64_root import Arm64Root, FetchError
from flaky_port import FlakyPort
from pretend_boards import BOARDS, MEASURED, board_files, board_links

NEEDED = ("apt-get", "dpkg-deb", "ssh", "sftp", "ssh-keygen", "unshare", "mount")
USER = "pi"
_START_SECONDS = 60
_USERS = 65536


class PretendError(Exception):
    """Why a pretend Pi cannot be had here."""


@dataclass(frozen=True)
class PretendPi:
    """A running one.

    Attributes:
        host: its alias in `ssh_config`, for `ssh:ALIAS`.
        ssh_config: for `ssh -F`.
        port: between it and the world.
    """

    host: str
    ssh_config: Path
    port: FlakyPort
    _folder: Path

    def set(self, **measured: str) -> None:
        """Change what it measures: `throttled` (hex), `temperature` (millidegrees) or `frequency_khz`."""
        for name, value in measured.items():
            (self._folder / "state" / name).write_text(value)

    def trust(self, key: str | None) -> None:
        """Make the user's known_hosts hold this host key: "its own", "another", or none."""
        if key == "another":
            _make_key(self._folder / "another_key")
        public = {"its own": "host_key.pub", "another": "another_key.pub"}.get(key or "")
        text = f"[127.0.0.1]:{self.port.port} {(self._folder / public).read_text()}" if public else ""
        (self._folder / "known_hosts").write_text(text)


@contextmanager
def pretend_pi(
    board: str = "pi4", *, onnxruntime: bool = True, machine: str = "aarch64", home_bytes: int = 0
) -> Iterator[PretendPi]:
    """Start one; it is gone, with all that was written to it, when the block ends.

    Args:
        board: a name of `BOARDS`.
        onnxruntime: whether numpy and onnxruntime are installed.
        machine: what `uname -m` says.
        home_bytes: room in the home folder; 0 is plenty.

    Raises:
        PretendError: it cannot be had here; the message says why.
    """
    if (platform.system(), platform.machine()) != ("Linux", "x86_64") or os.geteuid() != 0:
        raise PretendError("it takes root, to map the users of another root, on Linux on x86-64")
    lacking = [tool for tool in NEEDED if shutil.which(tool) is None]
    if lacking:
        raise PretendError(f"no {', '.join(lacking)} here")
    try:
        arm64 = Arm64Root()
    except FetchError as error:
        raise PretendError(f"its files cannot be fetched: {error}") from error
    with tempfile.TemporaryDirectory(prefix="pretend-pi-") as name:
        folder = Path(name)
        inner = _free_port()
        settings = _settings(folder, arm64, board, machine, inner)
        settings |= {"site": str(arm64.site) if onnxruntime else "", "home_bytes": home_bytes}
        (folder / "settings.json").write_text(json.dumps(settings))
        with (folder / "log").open("w") as log:
            process = subprocess.Popen(_command(folder), stdout=log, stderr=log, stdin=subprocess.DEVNULL)
        port = FlakyPort(inner)
        try:
            _map_all_users(process)
            _wait(process, inner, folder / "log")
            pi = PretendPi(f"pretend-{board}", folder / "ssh_config", port, folder)
            pi.trust("its own")
            pi.ssh_config.write_text(_ssh_config(pi, folder))
            yield pi
        finally:
            port.drop()
            _end(process)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Kill the first process inside, with which all others go; what gains rights loses the signal of --kill-child."""
    with suppress(OSError):
        for child in Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split():
            os.kill(int(child), signal.SIGKILL)
    process.kill()
    process.wait()


def _settings(folder: Path, arm64: Arm64Root, board: str, machine: str, port: int) -> dict[str, object]:
    found = BOARDS[board]
    for key in ("host_key", "user_key"):
        _make_key(folder / key)
    (folder / "work").mkdir()
    (folder / "state").mkdir()
    for name, value in (MEASURED | {"frequency_khz": str(found.kilohertz)}).items():
        (folder / "state" / name).write_text(value)
    files = board_files(found, machine) | {
        "etc/ssh/host_key": (folder / "host_key").read_text(),
        "etc/ssh/user_key.pub": (folder / "user_key.pub").read_text(),
        "etc/ssh/pretend": _sshd_config(port, found.cpu),
    }
    return {
        "qemu": str(arm64.qemu),
        "root": str(arm64.root),
        "work": str(folder / "work"),
        "state": str(folder / "state"),
        "files": files,
        "links": board_links(found),
    }


def _command(folder: Path) -> list[str]:
    inside = Path(__file__).resolve().parent / "pretend_pi_root.py"
    namespaces = ["--user", "--mount", "--pid", "--uts", "--fork"]
    return ["unshare", *namespaces, sys.executable, str(inside), str(folder / "settings.json")]


def _map_all_users(process: "subprocess.Popen[bytes]") -> None:
    """By hand: unshare of util-linux 2.38 leaves it to newuidmap, which not every machine has."""
    own, its = Path("/proc/self/ns/user"), Path(f"/proc/{process.pid}")
    try:
        while process.poll() is None and (its / "ns" / "user").readlink() == own.readlink():
            time.sleep(0.01)
        for kind in ("gid_map", "uid_map"):  # users last: what is inside waits for them alone
            (its / kind).write_text(f"0 0 {_USERS}")
    except OSError as error:
        raise PretendError(f"this system makes no namespaces: {error}") from error


def _sshd_config(port: int, cpu: str) -> str:
    return f"""Port {port}
ListenAddress 127.0.0.1
HostKey /etc/ssh/host_key
AuthorizedKeysFile /etc/ssh/user_key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
MaxStartups 100
Subsystem sftp /usr/lib/openssh/sftp-server
SetEnv QEMU_CPU={cpu}
"""


def _ssh_config(pi: PretendPi, folder: Path) -> str:
    return f"""Host {pi.host}
    HostName 127.0.0.1
    Port {pi.port.port}
    User {USER}
    IdentityFile {folder / "user_key"}
    IdentitiesOnly yes
    UserKnownHostsFile {folder / "known_hosts"}
    GlobalKnownHostsFile /dev/null
    StrictHostKeyChecking yes
"""


def _make_key(path: Path) -> None:
    path.unlink(missing_ok=True)
    words = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "pretend", "-f", str(path)]
    subprocess.run(words, check=True, stdout=subprocess.DEVNULL)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as chosen:
        return chosen.getsockname()[1]


def _wait(process: "subprocess.Popen[bytes]", port: int, log: Path) -> None:
    """Until it greets as ssh does."""
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            raise PretendError(f"it does not start: {log.read_text().strip()[-500:]}")
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=5) as connection:
                if connection.recv(4) == b"SSH-":
                    return
        except OSError:
            time.sleep(0.1)
    raise PretendError(f"its sshd does not answer within {_START_SECONDS} s: {log.read_text().strip()[-500:]}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--board", choices=BOARDS, default="pi4")
    parser.add_argument("--no-onnxruntime", action="store_true", help="nor numpy: what is needed must be brought")
    parser.add_argument("--machine", default="aarch64", help="what uname says, such as armv7l")
    parser.add_argument("--home-mb", type=int, default=0, help="room in the home folder; 0 is plenty")
    parser.add_argument("--throttled", default="0x0", help="what vcgencmd says, such as 0x50005")
    asked = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with pretend_pi(
            asked.board,
            onnxruntime=not asked.no_onnxruntime,
            machine=asked.machine,
            home_bytes=asked.home_mb << 20,
        ) as pi:
            pi.set(throttled=asked.throttled)
            print(f"ssh -F {pi.ssh_config} {pi.host}\n\nor, in a devices file:\n")
            print(f'[{pi.host}]\ntarget = "ssh:{pi.host}"\nssh_config = "{pi.ssh_config}"', flush=True)
            while True:
                time.sleep(3600)
    except KeyboardInterrupt:
        pass
    except PretendError as error:
        sys.exit(f"no pretend Pi here: {error}")


if __name__ == "__main__":
    main()
