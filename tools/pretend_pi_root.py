"""Inside the namespaces of a pretend Pi: lay out its root, register qemu, become its sshd. Started by pretend_pi.py.

    python pretend_pi_root.py SETTINGS.json

All mounts, the interpreter of arm64 programs among them, belong to the namespaces and vanish with them.
"""

import json
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

# The first 20 bytes of a 64-bit little-endian ELF for machine 183, and which bits of them count.
_MAGIC = rb"\x7fELF\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00"
_MASK = rb"\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff"
_DEVICES = "null zero random urandom full tty".split()
_AS_ROOT = "as-root"
_HOME, _PI = "home/pi", 1000


def main() -> None:
    if sys.argv[-1] != _AS_ROOT:
        _become_root()
    settings = json.loads(Path(sys.argv[1]).read_text())
    _register(settings["qemu"])
    socket.sethostname("raspberrypi")
    root = _overlay(Path(settings["root"]), Path(settings["work"]))
    _fill(root, settings)
    _mount_system(root)
    os.chroot(root)
    os.chdir("/")
    os.execv("/usr/sbin/sshd", ["/usr/sbin/sshd", "-D", "-e", "-f", "/etc/ssh/pretend"])


def _become_root() -> None:
    """Wait until users are mapped into this namespace; a program that starts after that has root's capabilities."""
    while os.geteuid() != 0:
        time.sleep(0.01)
    os.execv(sys.executable, [sys.executable, *sys.argv, _AS_ROOT])


def _register(qemu: str) -> None:
    """F: the interpreter is opened now, as it is out of reach behind the chroot."""
    mount("-t", "binfmt_misc", "binfmt_misc", "/proc/sys/fs/binfmt_misc")
    rule = b":pretend-aarch64:M::" + _MAGIC + b":" + _MASK + b":" + os.fsencode(qemu) + b":POCF"
    Path("/proc/sys/fs/binfmt_misc/register").write_bytes(rule)


def _overlay(lower: Path, work: Path) -> Path:
    """The cached root, with all that is written to it in memory."""
    mount("-t", "tmpfs", "pretend", work)
    upper, scratch, root = work / "upper", work / "scratch", work / "root"
    for folder in (upper, scratch, root):
        folder.mkdir()
    mount("-t", "overlay", "overlay", "-o", f"lowerdir={lower},upperdir={upper},workdir={scratch}", root)
    return root


def _fill(root: Path, settings: dict) -> None:
    for name in ("proc", "dev", "run/sshd", "run/lock", "var/empty", "tmp", "opt/pretend", "root", _HOME):
        (root / name).mkdir(parents=True, exist_ok=True)
    for name in ("tmp", "run/lock"):
        (root / name).chmod(0o1777)
    if settings["home_bytes"]:
        mount("-t", "tmpfs", "-o", f"size={settings['home_bytes']}", "home", root / _HOME)
    for name, text in settings["files"].items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)
        path.write_text(text)
        path.chmod(0o755 if name.startswith("usr/bin/") else 0o644)
    for name, to in settings["links"].items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).symlink_to(to)
    (root / "etc/ssh/host_key").chmod(0o600)
    shutil.chown(root / _HOME, _PI, _PI)
    mount("--bind", settings["state"], root / "opt/pretend")
    if settings["site"]:
        place = root / "usr/lib/python3/dist-packages"
        place.mkdir(parents=True, exist_ok=True)
        mount("--bind", settings["site"], place)


def _mount_system(root: Path) -> None:
    mount("-t", "proc", "proc", root / "proc")
    mount("-t", "tmpfs", "dev", root / "dev")
    for name in _DEVICES:
        (root / "dev" / name).touch()
        mount("--bind", f"/dev/{name}", root / "dev" / name)
    (root / "dev/shm").mkdir(mode=0o1777)
    (root / "dev/pts").mkdir()
    mount("-t", "devpts", "-o", "newinstance,ptmxmode=0666,mode=620,gid=5", "devpts", root / "dev/pts")
    (root / "dev/ptmx").symlink_to("pts/ptmx")


def mount(*words: str | Path) -> None:
    subprocess.run(["mount", *map(str, words)], check=True)


if __name__ == "__main__":
    main()
