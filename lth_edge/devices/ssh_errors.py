"""What ssh and sftp say when they fail, as what is wrong and what to do about it."""

import re
import shlex
from pathlib import Path
from typing import Protocol

from lth_edge.devices.target import Unreachable
from lth_edge.errors import DeviceError


class Reached(Protocol):
    """What is needed of a target to tell people how to reach it."""

    @property
    def name(self) -> str: ...

    @property
    def host(self) -> str: ...

    @property
    def user(self) -> str: ...

    @property
    def port(self) -> int | None: ...

    @property
    def ssh_config(self) -> Path | None: ...


_LOST = "Connection closed|Connection reset|Broken pipe|closed by remote host|not responding|client_loop"
_PLAIN = {
    "Could not resolve hostname": ("its name is not known", "check the spelling, or give its address"),
    "Connection refused": ("nothing listens there", "start sshd on it, or check the port"),
    "timed out|Timeout": ("it does not answer", "check that it is on, and in this network"),
    "No route to host|Network is unreachable": ("there is no way to it", "check that it is on, and in this network"),
    "Bad configuration|terminating, .* bad|Can't open user config": ("ssh refuses its configuration", "mend that file"),
}
"""What ssh says -> what is wrong, and the mend."""


def connection_error(target: Reached, stderr: bytes) -> DeviceError:
    """Why ssh could not connect, or lost the connection."""
    text = stderr.decode(errors="replace")
    if re.search("IDENTIFICATION HAS CHANGED", text):
        return _changed(target, text)
    if "Host key verification failed" in text or "host key is known" in text:
        message = f"the host key of {target.name} is not known here"
        return DeviceError(message, f"compare and accept it once, by hand: {_by_hand(target, 'ssh')} true")
    if "Permission denied" in text or "Too many authentication failures" in text:
        mend = f"put your key there once: {_by_hand(target, 'ssh-copy-id')}; or load it into your ssh agent"
        return DeviceError(f"{target.name} takes none of your keys", mend)
    for pattern, (wrong, mend) in _PLAIN.items():
        if re.search(pattern, text):
            return Unreachable(f"{target.name} cannot be reached: {wrong}", mend)
    if re.search(_LOST, text):
        return Unreachable(f"the connection to {target.name} was lost", "run the same command again")
    return DeviceError(f"ssh to {target.name} failed: {_last_line(text)}", f"try {_by_hand(target, 'ssh')} by hand")


def transfer_error(target: Reached, stderr: bytes, size: int, df: bytes) -> DeviceError:
    """Why files could not be copied.

    Args:
        size: of the files, in bytes.
        df: what `df -Pk` says of the folder.
    """
    free = _free_bytes(df)
    said = _last_line(stderr.decode(errors="replace"))
    if free is not None and free < size:
        return disk_full(target.name, size, free)
    return DeviceError(f"cannot copy files to {target.name}: {said}", "see that the folder there can be written")


def disk_full(name: str, needed: int, free: int) -> DeviceError:
    """A device without room for what is needed, in bytes."""
    return DeviceError(
        f"{name} is full: {needed / 1e6:.1f} MB are needed and {free / 1e6:.1f} MB are free",
        "make room there (df -h), or remove an old cache: lth-edge bench --forget",
    )


def _changed(target: Reached, text: str) -> DeviceError:
    """Another key than the one on file: ssh names the file, and how it calls the host in it."""
    host = re.search(r"[Hh]ost key for (\S+) has changed", text)
    file = re.search(r"Offending \S+ key in (.+):\d+", text)
    words = ["ssh-keygen", *(["-f", file[1]] if file else []), "-R", host[1] if host else target.host]
    return DeviceError(
        f"{target.name} shows another host key than before: it was set up anew, or something is in between",
        f"if you know why, forget the old key: {shlex.join(words)}; then accept the new one: "
        f"{_by_hand(target, 'ssh')} true",
    )


def _by_hand(target: Reached, tool: str) -> str:
    """The command that a person types."""
    config = ["-F", str(target.ssh_config)] if target.ssh_config else []
    port = ["-p", str(target.port)] if target.port else []
    return shlex.join([tool, *config, *port, f"{target.user}@{target.host}" if target.user else target.host])


def _free_bytes(df: bytes) -> int | None:
    """The fourth column of the last line is what is free, in units of 1024 bytes."""
    columns = (df.decode(errors="replace").strip().splitlines() or [""])[-1].split()
    return int(columns[3]) * 1024 if len(columns) > 3 and columns[3].isdigit() else None


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else "without a word"
