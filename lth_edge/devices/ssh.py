"""A machine behind the system's own ssh and sftp: the user's configuration, keys, agent and host checks apply."""

import os
import re
import shlex
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from lth_edge.devices.ssh_errors import connection_error, transfer_error
from lth_edge.devices.target import Done, Unreachable
from lth_edge.errors import DeviceError, RecipeError

_ADDRESS = re.compile(
    r"ssh:(?:(?P<user>[\w.][\w.-]*)@)?(?P<host>[\w.][\w.-]*|\[[0-9A-Fa-f:.%\w]+\])(?::(?P<port>\d+))?"
)
# Nothing here loosens a check; whoever must answer a question is told to, by hand.
_OPTIONS = {"BatchMode": "yes", "ConnectTimeout": "20", "ServerAliveInterval": "15", "ServerAliveCountMax": "4"}
_CONNECTION_FAILED = 255
_SLOWEST = 50_000
"""Bytes a second, below which a transfer counts as stuck."""


@dataclass(frozen=True)
class SshTarget:
    """A machine behind ssh.

    Attributes:
        name: what people call it.
        host: name, address or alias, as ssh takes it.
        user, port: as in the address; empty and None leave it to ssh's configuration.
        python: the Python to run there.
        ssh_config: in place of the user's own configuration of ssh.
        emulated: declared to be no real device.
    """

    name: str
    host: str
    user: str = ""
    port: int | None = None
    python: str = "python3"
    ssh_config: Path | None = None
    emulated: bool = False

    @classmethod
    def at(cls, address: str, name: str = "") -> "SshTarget":
        """From `ssh:[user@]host[:port]`.

        Raises:
            RecipeError: it is not of that form.
        """
        found = _ADDRESS.fullmatch(address)
        if found is None:
            raise RecipeError(f"{address!r} is no address of a device", "write ssh:user@host or ssh:user@host:port")
        host, port = found["host"].strip("[]"), found["port"]
        return cls(name or address.removeprefix("ssh:"), host, found["user"] or "", int(port) if port else None)

    @property
    def address(self) -> str:
        return f"ssh:{self._user_at}{self._bracketed}" + (f":{self.port}" if self.port else "")

    def run(self, command: Sequence[str], stdin: bytes = b"", timeout: float = 60) -> Done:
        # ssh hands one line to the login shell over there, so each word is quoted for it.
        port = ["-p", str(self.port)] if self.port else []
        words = ["ssh", "-T", *self._options(), *port, "--", self._user_at + self.host, shlex.join(command)]
        done = self._start(words, stdin, timeout)
        if done.code == _CONNECTION_FAILED:
            raise connection_error(self, done.stderr)
        return done

    def put(self, files: Mapping[str, Path], folder: str) -> None:
        folders = sorted({place for name in files for place in _folders(f"{folder}/{name}")}, key=len)
        batch = [f"-mkdir {_quoted(place)}" for place in folders]
        sources = {str(number): path.resolve() for number, path in enumerate(files.values())}
        for number, name in zip(sources, files, strict=True):
            whole = f"{folder}/{name}"
            batch += [f"put {number} {_quoted(whole + '.part')}", f"rename {_quoted(whole + '.part')} {_quoted(whole)}"]
        size = sum(path.stat().st_size for path in sources.values())
        with tempfile.TemporaryDirectory(prefix="lth-edge-") as here:
            for number, path in sources.items():
                (Path(here) / number).symlink_to(path)
            self._transfer(batch, Path(here), size, folder)

    def get(self, folder: str, names: Sequence[str], into: Path) -> None:
        with tempfile.TemporaryDirectory(prefix=".lth-edge-", dir=into) as here:
            batch = [f"get {_quoted(f'{folder}/{name}')} {number}" for number, name in enumerate(names)]
            self._transfer(batch, Path(here), 0, folder)
            for number, name in enumerate(names):
                (Path(here) / str(number)).replace(into / name)

    def _transfer(self, batch: Sequence[str], here: Path, size: int, folder: str) -> None:
        """Run sftp in a folder whose files have plain names: only names over there are ever quoted."""
        port = ["-P", str(self.port)] if self.port else []
        words = ["sftp", "-q", "-b", "-", *self._options(), *port, "--", self._user_at + self._bracketed]
        done = self._start(words, "".join(f"{line}\n" for line in batch).encode(), 120 + size / _SLOWEST, here)
        if done.code == _CONNECTION_FAILED:
            raise connection_error(self, done.stderr)
        if done.code != 0:
            # sftp says "Failure" for a full disk and for much else.
            room = self.run(["df", "-Pk", folder])
            raise transfer_error(self, done.stderr, size, room.stdout)

    @property
    def _user_at(self) -> str:
        return f"{self.user}@" if self.user else ""

    @property
    def _bracketed(self) -> str:
        """The host where a colon may follow."""
        return f"[{self.host}]" if ":" in self.host else self.host

    def _options(self) -> list[str]:
        config = ["-F", str(self.ssh_config)] if self.ssh_config else []
        return config + [word for key, value in _OPTIONS.items() for word in ("-o", f"{key}={value}")]

    def _start(self, words: Sequence[str], stdin: bytes, timeout: float, here: Path | None = None) -> Done:
        # In English, so that what ssh says can be told apart.
        settings = os.environ | {"LC_ALL": "C"}
        try:
            done = subprocess.run(
                words, input=stdin, capture_output=True, timeout=timeout, check=False, env=settings, cwd=here
            )
        except FileNotFoundError as error:
            raise DeviceError(f"this machine has no {words[0]}", "install OpenSSH's client") from error
        except subprocess.TimeoutExpired as error:
            raise Unreachable(f"{self.name} did not answer within {timeout:.0f} s", "see what keeps it busy") from error
        return Done(done.returncode, done.stdout, done.stderr)


def _folders(path: str) -> list[str]:
    """All folders above a file; those that are there already make sftp grumble, and nothing more."""
    parts = path.split("/")[:-1]
    return [place for end in range(1, len(parts) + 1) if (place := "/".join(parts[:end]))]


def _quoted(path: str) -> str:
    """A remote path for sftp's batch language."""
    if "\n" in path:
        raise DeviceError(f"the path {path!r} holds a line break", "use another folder there")
    return '"' + re.sub(r'([\\"])', r"\\\1", path) + '"'
