"""The script that a device runs for us, here on this machine: it guards its files, its jobs and the board."""

import ast
import json
import subprocess
import sys
import zipfile
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from board_lock import held

from lth_edge.devices.board_agent import ask, probe
from lth_edge.devices.shipment import CODE
from lth_edge.devices.target import Done, LocalTarget
from lth_edge.errors import DeviceError

HERE = LocalTarget()
NOT_ON_A_DEVICE = (
    "torch torchvision onnx onnxscript sklearn scipy matplotlib jinja2 rich click safetensors tomli_w".split()
)
_WAITS_FOR_GO = """
import pathlib, time
while not pathlib.Path("go").exists():
    time.sleep(0.05)
pathlib.Path("result.json").write_text("{}")
"""
WHO = {"who": "ann@desk", "since": "2026-11-26T20:00:00+00:00"}


@pytest.fixture
def cache(home: Path) -> Path:
    """The agent's folder on this machine."""
    return Path(ask(HERE, "probe")["cache"])


def put(cache: Path, content: bytes) -> str:
    digest = sha256(content).hexdigest()
    (cache / "blobs").mkdir(exist_ok=True)
    (cache / "blobs" / digest).write_bytes(content)
    return digest


def start(job: str, code: str, cache: Path) -> dict[str, Any]:
    """Begin a job whose program is this text."""
    named = {"lth_edge/devices/job.py": put(cache, code.encode())}
    empty = dict.fromkeys(["lth_edge/__init__.py", "lth_edge/devices/__init__.py"], put(cache, b""))
    return ask(HERE, "start", id=job, job={}, who=WHO, site="", code=named | empty, code_key=job)


def wait(job: str, stage: str = "starting") -> dict[str, Any]:
    return ask(HERE, "wait", id=job, stage=stage, seconds=20)


def test_an_old_python_can_read_it() -> None:
    ast.parse((files("lth_edge.devices") / "agent.py").read_text(), feature_version=(3, 6))


def test_what_measures_there_needs_nothing_but_what_is_shipped(tmp_path: Path) -> None:
    for name in CODE:
        path = tmp_path / "lth_edge" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text((files("lth_edge") / name).read_text())
        ast.parse(path.read_text(), feature_version=(3, 10))
    code = (
        f"import sys; sys.modules.update(dict.fromkeys({NOT_ON_A_DEVICE!r})); import lth_edge.devices.job as job;"
        "import lth_edge.bench.worker; print(job.__file__)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(tmp_path / "lth_edge" / "devices" / "job.py"), done.stderr


def test_files_in_the_home_folder_do_not_pass_for_pythons_own(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home / "json.py").write_text("raise SystemExit('shadowed')")
    monkeypatch.chdir(home)
    assert ask(HERE, "probe")["bits"] == 64


def test_a_greeting_of_the_login_shell_does_not_matter(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = LocalTarget.run

    def greeting(target: LocalTarget, *words: Any) -> Done:
        done = run(target, *words)
        return Done(done.code, b"Welcome!\n" + done.stdout, done.stderr)

    monkeypatch.setattr(LocalTarget, "run", greeting)
    assert ask(HERE, "probe")["bits"] == 64


@pytest.mark.parametrize(
    ("done", "message"),
    [
        (Done(127, b"", b"sh: python3: not found"), "local has no "),
        (Done(1, b"", b"Traceback\nOSError: [Errno 28] No space left on device"), "local is full"),
        (Done(1, b"", b"Traceback\nImportError: no module"), "local cannot probe: ImportError: no module"),
        (Done(0, b"", b""), "no answer that can be read"),
    ],
)
def test_a_device_that_cannot_answer_is_told_of(monkeypatch: pytest.MonkeyPatch, done: Done, message: str) -> None:
    monkeypatch.setattr(LocalTarget, "run", lambda *words: done)
    with pytest.raises(DeviceError, match=message):
        ask(HERE, "probe")


@pytest.mark.parametrize(
    ("machine", "facts", "message"),
    [
        (b"Linux armv7l\n", {}, "32-bit system .armv7l."),
        (b"Linux aarch64\n", {"bits": 32}, "32-bit system .a 32-bit Python."),
        (b"Linux aarch64\n", {"bits": 64, "python": [3, 9, 2]}, "local has Python 3.9.2"),
    ],
)
def test_an_unfit_device_is_told_so(
    monkeypatch: pytest.MonkeyPatch, machine: bytes, facts: dict[str, Any], message: str
) -> None:
    def run(target: LocalTarget, command: list[str], *rest: Any) -> Done:
        return Done(0, machine if command[0] == "uname" else json.dumps(facts).encode(), b"")

    monkeypatch.setattr(LocalTarget, "run", run)
    with pytest.raises(DeviceError, match=message):
        probe(HERE)


def test_damaged_and_missing_files_are_lacking(cache: Path) -> None:
    whole, damaged = put(cache, b"whole"), put(cache, b"damaged")
    (cache / "blobs" / damaged).write_bytes(b"damagee")
    assert ask(HERE, "lacking", hashes=[whole, damaged, "0" * 64])["hashes"] == [damaged, "0" * 64]


def test_wheels_are_unpacked_whole_or_not_at_all(cache: Path, tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.whl", "w") as wheel:
        wheel.writestr("package/__init__.py", "")
    good, bad = put(cache, (tmp_path / "a.whl").read_bytes()), put(cache, b"no zip")
    with pytest.raises(DeviceError, match="cannot install"):
        ask(HERE, "install", key="site", hashes=[good, bad])
    assert list((cache / "site").iterdir()) == []
    ask(HERE, "install", key="site", hashes=[good])
    assert (cache / "site" / "site" / "package" / "__init__.py").exists()
    assert ask(HERE, "probe")["sites"] == ["site"]
    assert not (cache / "blobs" / good).exists()


def test_a_job_that_dies_leaves_its_last_words(cache: Path) -> None:
    assert start("a", "import sys; sys.exit('the last word')", cache) == {"state": "started"}
    assert wait("a")["state"] == "failed"
    assert wait("a")["message"] == "the last word"
    start("b", "import faulthandler, os; faulthandler.enable(); os.kill(os.getpid(), 4)", cache)
    assert wait("b")["message"] == "Fatal Python error: Illegal instruction"


def test_a_job_outlives_whoever_began_it_and_nobody_else_gets_the_board(cache: Path) -> None:
    start("first", _WAITS_FOR_GO, cache)
    assert wait("first", stage="")["state"] == "running"
    assert start("second", _WAITS_FOR_GO, cache)["holder"]["who"] == "ann@desk"
    assert ask(HERE, "probe")["holder"]["id"] == "first"
    assert ask(HERE, "forget")["state"] == "held"
    assert start("first", _WAITS_FOR_GO, cache)["state"] == "running"
    (cache / "jobs" / "first" / "go").touch()
    done = wait("first")
    assert done["state"] == "done"
    assert done["files"] == {"result.json": sha256(b"{}").hexdigest()}
    ask(HERE, "clear", id="first")
    assert wait("first")["state"] == "absent"


def test_a_lock_whose_owner_says_nothing_still_holds(cache: Path) -> None:
    with held("no JSON"):
        assert start("a", "", cache) == {"state": "held", "holder": {}}
    assert ask(HERE, "probe")["holder"] is None


def test_forgetting_leaves_nothing(cache: Path, home: Path) -> None:
    put(cache, b"something")
    assert ask(HERE, "forget")["state"] == "forgotten"
    assert list(home.rglob("*")) == []
