"""A device that serves and updates itself, and the publisher whose folder it polls: all of it on this machine."""

import dataclasses
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any

from lth_edge.package.manifest import MANIFEST, Manifest
from lth_edge.package.release import Signed, write_release
from lth_edge.package.write import seal

SYSTEMD = Path(__file__).parents[2] / "deploy" / "systemd"
sys.path.append(str(SYSTEMD))  # for tests that look at a part of it alone
KILLED_AT = Path(__file__).with_name("killed_at.py")
TARGET = "linux-x86_64"
LOADS_NOT = "if __name__ != '__main__':\n    raise RuntimeError('this one does not load')\n"


class Publisher:
    """Signs releases of a package into `folder`."""

    def __init__(self, place: Path, package: Path) -> None:
        self.folder, self.key, self._place, self._package = place / "updates", place / "key", place, package
        if not self.key.exists():
            make_key(self.key)

    @cached_property
    def signers(self) -> Path:
        path = self._place / "allowed_signers"
        path.write_text(f'publisher namespaces="lth-edge" {self.key.with_suffix(".pub").read_text()}')
        return path

    def publish(self, number: int, change: Callable[[Path], None] | None = None, key: Path | None = None) -> None:
        """Offer a release; `change` makes it another package, sealed and signed all the same."""
        package = self._package
        if change:
            package = Path(shutil.copytree(package, self._place / f"changed-{number}"))
            change(package)
            seal(package, Manifest.from_json((package / MANIFEST).read_bytes()))
        write_release(package, TARGET, self.folder, Signed(number, key or self.key))

    def sign(self, note: Any, namespace: str = "lth-edge") -> None:
        """Offer a note of one's own, signed all the same."""
        path = self.folder / "release.json"
        path.write_text(json.dumps(note))
        path.with_name("release.json.sig").unlink()
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-n", namespace, "-f", self.key, path], check=True)

    def withdraw(self) -> None:
        shutil.rmtree(self.folder)


@dataclasses.dataclass
class Device:
    """Releases in `state`, served at `port`, updated from `url`."""

    state: Path
    signers: Path
    url: str
    environment: dict[str, str] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        self.port = _free_port()
        self._served: subprocess.Popen[str] | None = None

    @contextmanager
    def serving(self) -> Iterator[None]:
        """Run serve.py on it."""
        command = [sys.executable, SYSTEMD / "serve.py", self.state, "--port", str(self.port)]
        with subprocess.Popen(command, text=True, stdout=subprocess.PIPE) as served:
            assert served.stdout.readline().startswith("serving on")
            try:
                yield
            finally:
                served.kill()

    def update(self, *options: Any, kill_at: int | None = None, status: int | None = 0) -> str:
        """Run update.py, and kill it before its step `kill_at`; what it said. `status` None: any exit code."""
        command = [sys.executable, *([KILLED_AT, str(kill_at)] if kill_at else []), SYSTEMD / "update.py", self.state]
        chosen = options or ("--url", self.url, "--signers", self.signers)
        server = ("--server", f"http://127.0.0.1:{self.port}", "--wait", "10")
        done = subprocess.run(
            list(map(str, [*command, *chosen, *server])),
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **self.environment},
        )
        assert status is None or done.returncode == status, (done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in done.stderr, done.stderr
        self.code = done.returncode
        return (done.stdout + done.stderr).strip()

    def current(self) -> int | None:
        link = self.state / "current"
        return int(link.readlink().name) if link.is_symlink() else None

    def health(self) -> dict[str, Any]:
        return self.ask("/health")[1]

    def ask(self, path: str, body: bytes | None = None) -> tuple[int, dict[str, Any]]:
        """Status and answer of one request."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", body, timeout=10) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def settled(self, at: int | None = None) -> dict[str, Any]:
        """The health once nothing is being loaded, and `at` is what is wanted."""
        deadline = time.monotonic() + 20
        while (health := self.health())["status"] == "loading" or at not in {None, health["wanted"]}:
            assert time.monotonic() < deadline, health
            time.sleep(0.02)
        return health


def spoil_run(package: Path, code: str) -> None:
    """Let a package's run.py pass its own check, and do something else where the server loads it."""
    file = package / "run.py"
    file.write_text(file.read_text().replace("import argparse\n", f"{code}import argparse\n", 1))


def make_key(path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", path], check=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
