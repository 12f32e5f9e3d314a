"""A 64-bit Arm Debian in a folder: qemu, shell, sshd and Python, beside numpy and onnxruntime. Nothing is installed.

It is fetched once, by apt with a configuration of its own and by pip, into a cache outside the repository.
"""

import os
import subprocess
import sys
import tempfile
import zipfile
from contextlib import suppress
from hashlib import sha256
from pathlib import Path

SUITE, PYTHON = "trixie", "3.13"
CACHE = Path.home() / ".cache" / "lth-edge" / "arm64"
# qemu-user 7.2 of bookworm is too old: onnxruntime crashes under it when it sees the x86 /proc/cpuinfo.
PACKAGES = [
    "qemu-user:amd64",
    *"base-files bash dash coreutils grep sed procps openssh-server openssh-sftp-server".split(),
    *f"python3-minimal libpython{PYTHON}-stdlib libstdc++6 libgcc-s1".split(),
]
ALONE = ["libonnxruntime-dev"]
"""Packages that are wanted for their headers, without what they need to run."""
_TIMEOUT = 120
WHEELS = ["numpy", "onnxruntime"]
PLATFORMS = ["manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64"]
_COMPILED = (
    *"ast contextlib copy dataclasses datetime email.parser fcntl hashlib importlib.metadata inspect json".split(),
    *"logging platform random shutil signal struct subprocess tempfile threading typing zipfile".split(),
    *WHEELS,
)
_RECIPE = " ".join([SUITE, PYTHON, *PACKAGES, *ALONE, *WHEELS, *_COMPILED])
"""What is in the folder, and so its name: another recipe never takes away what a running program uses."""


class FetchError(Exception):
    """What could not be fetched, with what the tool that failed said."""


class Arm64Root:
    """The folder, made where it is not in the cache yet.

    Attributes:
        root: the packages' files; `chroot` into it needs `qemu` as the interpreter of arm64 programs.
        site: numpy and onnxruntime, for PYTHONPATH.
        qemu: a static program of this machine.

    Raises:
        FetchError: apt or pip failed.
    """

    def __init__(self, cache: Path = CACHE, mirror: str | None = None) -> None:
        folder = cache.resolve() / sha256(_RECIPE.encode()).hexdigest()[:12]
        self.root, self.site = folder / "root", folder / "site"
        self.qemu = self.root / "usr" / "bin" / "qemu-aarch64"
        if not folder.exists():
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent, prefix=".") as name:
                made = Path(name) / "made"
                _fetch_packages(Path(name), made / "root", mirror or _mirror_of_this_machine())
                _fetch_wheels(Path(name), made / "site")
                _compile(made / "root", made / "site")
                with suppress(OSError):  # another process was as quick
                    made.rename(folder)


def _fetch_packages(work: Path, root: Path, mirror: str) -> None:
    """apt resolves what the packages need as on an empty machine; dpkg only unpacks them."""
    apt = work / "apt"
    archives = apt / "cache" / "archives"
    for folder in (apt / "lists" / "partial", archives / "partial", apt / "etc", root):
        folder.mkdir(parents=True)
    (apt / "status").touch()
    keys = "/usr/share/keyrings/debian-archive-keyring.gpg"
    (apt / "etc" / "sources.list").write_text(f"deb [signed-by={keys}] {mirror} {SUITE} main\n")
    (apt / "apt.conf").write_text(
        f'Dir "{apt}"; Dir::Etc "etc"; Dir::Cache "cache"; Dir::State "{apt}";\n'
        f'Dir::State::lists "lists"; Dir::State::status "{apt / "status"}";\n'
        'APT::Architecture "arm64"; APT::Architectures {"arm64"; "amd64";}; APT::Install-Recommends "false";\n'
        'Acquire::Languages "none"; APT::Sandbox::User "root";\n'
    )
    private = {"APT_CONFIG": str(apt / "apt.conf")}
    _run(["apt-get", "update"], private)
    _run(["apt-get", "install", "--yes", "--download-only", *PACKAGES], private)
    _run(["apt-get", "download", *ALONE], private, archives)
    # Links such as /bin come from base-files and must be there before anything is unpacked behind them.
    for package in sorted(archives.glob("*.deb"), key=lambda path: (not path.name.startswith("base-files"), path)):
        _run(["dpkg-deb", "--extract", str(package), str(root)])
    for other in (root / "usr" / "bin").glob("qemu-*"):
        if other.name != "qemu-aarch64":
            other.unlink()


def _fetch_wheels(work: Path, site: Path) -> None:
    there = ["--no-deps", "--only-binary=:all:", f"--python-version={PYTHON}", *(f"--platform={p}" for p in PLATFORMS)]
    _run([sys.executable, "-m", "pip", "download", "-q", "-d", str(work / "wheels"), *there, *WHEELS])
    for wheel in (work / "wheels").glob("*.whl"):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(site)


def _compile(root: Path, site: Path) -> None:
    """Leave bytecode beside the modules in use, as their installation does: under qemu it is most of a start."""
    qemu, python = root / "usr" / "bin" / "qemu-aarch64", root / "usr" / "bin" / f"python{PYTHON}"
    places = {"PYTHONHOME": str(root / "usr"), "PYTHONPATH": str(site), "ORT_DISABLE_TELEMETRY": "1"}
    _run([str(qemu), "-L", str(root), str(python), "-c", f"import {', '.join(_COMPILED)}"], places)


def _mirror_of_this_machine() -> str:
    asked = ["apt-get", "indextargets", "--format", "$(ORIGIN) $(REPO_URI)", "Created-By: Packages"]
    for line in _run(asked).splitlines():
        origin, _, uri = line.partition(" ")
        if origin == "Debian" and "security" not in uri:
            return uri
    raise FetchError("apt here knows no mirror of Debian: name one, and install debian-archive-keyring")


def _run(command: list[str], environment: dict[str, str] | None = None, cwd: Path | None = None) -> str:
    try:
        settings = {**os.environ, **(environment or {})}
        done = subprocess.run(
            command, check=True, text=True, capture_output=True, env=settings, timeout=_TIMEOUT, cwd=cwd
        )
    except FileNotFoundError as error:
        raise FetchError(f"there is no {command[0]} here") from error
    except subprocess.TimeoutExpired as error:
        raise FetchError(f"{' '.join(command[:2])} takes more than {_TIMEOUT} s") from error
    except subprocess.CalledProcessError as error:
        raise FetchError(f"{' '.join(command[:2])}: {error.stdout[-2000:]}{error.stderr[-2000:]}") from error
    return done.stdout
