"""The units under a systemd that runs: as the users they name, locked up as they say."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from device import SYSTEMD, Publisher
from digits_package import digits

MACHINE = Path(__file__).with_name("machine.sh")
PROGRAM = """
set -x
cd /shared
DESTDIR=/image systemd/install.sh file:///shared/updates allowed_signers
cp -r /image/. /
for unit in lth-edge lth-edge-update; do
    mkdir /etc/systemd/system/$unit.service.d
    printf '[Service]\\nStandardError=append:/shared/%s.log\\n' $unit >/etc/systemd/system/$unit.service.d/log.conf
done
systemd-sysusers
systemctl daemon-reload

answers() {
    for try in $(seq 100); do
        curl -s http://127.0.0.1:8642/health >$1 && grep -q '"status": "ok"' $1 && return
        sleep 0.1
    done
}
systemctl start lth-edge-update && answers updated
curl -s --data-binary @image http://127.0.0.1:8642/predict >predicted
ps -o user= -p $(systemctl show -p MainPID --value lth-edge) >user
runuser -u nobody -- touch /var/lib/lth-edge/releases/1/written && touch writable
nsenter -t $(systemctl show -p MainPID --value lth-edge) -m -- touch /var/lib/lth-edge/written && touch writable
systemctl kill -s KILL lth-edge && sleep 0.2 && answers killed
systemctl start lth-edge-update.timer && systemctl is-active lth-edge-update.timer >timer
"""


@pytest.fixture(scope="module")
def shared(first_release: Path, device_package: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the machine left behind: one that was installed, updated, asked and killed."""
    _check_tools()
    folder = tmp_path_factory.mktemp("machine")
    folder.chmod(0o755)
    shutil.copytree(SYSTEMD, folder / "systemd", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(first_release / "updates", folder / "updates")
    shutil.copy(Publisher(first_release, device_package).signers, folder)
    (folder / "image").write_bytes(digits()[0][0].tobytes())
    (folder / "program").write_text(PROGRAM)
    modules = [Path(module.__file__).parent for module in (np, onnxruntime)]
    modules += [libraries for module in modules if (libraries := module.with_name(f"{module.name}.libs")).is_dir()]
    with _own_groups() as join:
        namespaces = "unshare --mount --pid --uts --ipc --net --cgroup --fork --kill-child".split()
        command = [*namespaces, "bash", str(MACHINE), str(folder), *map(str, modules)]
        done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=120, preexec_fn=join)
    if not (folder / "started").exists():
        pytest.skip(f"no machine of its own can be started here: {done.stderr.strip().splitlines()[-1:]}")
    return folder


def _check_tools() -> None:
    if sys.platform != "linux" or os.geteuid() != 0:
        pytest.skip("only root on Linux can start a machine of its own")
    for tool in ("/lib/systemd/systemd", "unshare", "curl", "ps", "runuser", "nsenter", "/usr/bin/python3"):
        if not shutil.which(tool):
            pytest.skip(f"there is no {tool}")
    asked = ["/usr/bin/python3", "-c", "import sys; print(*sys.version_info[:2])"]
    if subprocess.run(asked, check=True, capture_output=True, text=True).stdout.split() != [
        *map(str, sys.version_info[:2])
    ]:
        pytest.skip("the system's Python is of another version than this one, whose numpy the machine uses")


@contextmanager
def _own_groups() -> Iterator[object]:
    """A control group for the machine, below which its systemd makes its own; gone afterwards."""
    above = [Path("/sys/fs/cgroup") / name for name in ("systemd", "unified")]
    groups = [place / "lth-edge-test" for place in above if place.is_dir()] or [Path("/sys/fs/cgroup/lth-edge-test")]
    try:
        for group in groups:
            group.mkdir(exist_ok=True)
    except OSError as error:
        pytest.skip(f"no control group can be made here: {error}")

    def join() -> None:
        for group in groups:
            (group / "cgroup.procs").write_text(str(os.getpid()))

    try:
        yield join
    finally:
        for group in groups:
            for below in sorted(group.rglob("*/"), reverse=True):
                if below.is_dir():
                    below.rmdir()
            group.rmdir()


def read(shared: Path, name: str) -> str:
    assert (shared / name).exists(), (shared / "said").read_text()
    return (shared / name).read_text()


def test_it_is_installed_updated_and_served(shared: Path) -> None:
    health = json.loads(read(shared, "updated"))
    assert (health["status"], health["release"], health["file"]) == ("ok", 1, "model.onnx")
    assert json.loads(read(shared, "predicted"))["classes"] == [str(digits()[1][0])]


def test_the_server_is_a_user_of_its_own_that_can_write_nothing(shared: Path) -> None:
    assert read(shared, "user").strip() not in {"root", "nobody", "lth-edge-update", ""}
    assert not (shared / "writable").exists(), read(shared, "said")


def test_it_is_back_after_a_kill(shared: Path) -> None:
    assert json.loads(read(shared, "killed"))["release"] == 1


def test_the_timer_runs(shared: Path) -> None:
    assert read(shared, "timer").strip() == "active"
