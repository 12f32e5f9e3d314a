"""Addresses, and the file that names devices."""

from pathlib import Path

import pytest
from command import lth_edge

from lth_edge.devices.ssh import SshTarget
from lth_edge.devices.target import LocalTarget
from lth_edge.devices.targets import file_name, find_target, read_devices
from lth_edge.errors import RecipeError


@pytest.mark.parametrize(
    ("address", "user", "host", "port"),
    [
        ("ssh:pi@raspberrypi.local", "pi", "raspberrypi.local", None),
        ("ssh:pi4", "", "pi4", None),
        ("ssh:pi@10.0.0.7:2222", "pi", "10.0.0.7", 2222),
        ("ssh:pi@[fe80::1%eth0]:22", "pi", "fe80::1%eth0", 22),
    ],
)
def test_an_address_is_read_and_written_alike(address: str, user: str, host: str, port: int | None) -> None:
    target = SshTarget.at(address)
    assert (target.user, target.host, target.port) == (user, host, port)
    assert target.address == address


@pytest.mark.parametrize(
    "address", ["ssh:", "ssh:pi@", "ssh:-oProxyCommand=x", "ssh:pi@-x", "ssh:a b", "ssh:pi@host:port", "ssh:pi@h;id"]
)
def test_what_is_no_address_is_refused(address: str) -> None:
    with pytest.raises(RecipeError, match="no address of a device"):
        SshTarget.at(address)


def test_a_device_has_its_name_python_and_configuration(tmp_path: Path) -> None:
    file = tmp_path / "devices.toml"
    file.write_text(
        '[pi4]\ntarget = "ssh:pi@host"\npython = "/opt/python"\nssh_config = "lab/config"\nemulated = true\n'
        '[here]\ntarget = "local"\n'
    )
    target = find_target("pi4", file)
    assert isinstance(target, SshTarget)
    assert (target.name, target.address, target.python) == ("pi4", "ssh:pi@host", "/opt/python")
    assert target.ssh_config == tmp_path / "lab" / "config"
    assert target.emulated
    assert isinstance(find_target("here", file), LocalTarget)
    assert isinstance(find_target("local"), LocalTarget)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[pi4\n", "not valid TOML"),
        ("[pi4]\n", "pi4 has no target"),
        ('pi4 = "ssh:pi@host"\n', "pi4 has no target"),
        ('[pi4]\ntarget = "ssh:pi@host"\npassword = "x"\n', "unknown field 'password'"),
        ('[pi4]\ntarget = "ssh:pi@host"\nemulated = "yes"\n', "emulated of pi4 must be true or false"),
        ('[pi4]\ntarget = "pi@host"\n', "no address of a device"),
        ('[here]\ntarget = "local"\npython = "/opt/python"\n', "which has no other fields"),
        ('["../pi"]\ntarget = "ssh:pi@host"\n', "cannot be called"),
        ('[local]\ntarget = "ssh:pi@host"\n', "cannot be called"),
    ],
)
def test_a_wrong_file_is_refused_by_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    file = tmp_path / "devices.toml"
    file.write_text(text)
    with pytest.raises(RecipeError, match=message):
        read_devices(file)


def test_a_file_that_was_named_must_be_there_and_the_usual_one_need_not(home: Path, tmp_path: Path) -> None:
    assert read_devices() == {}
    with pytest.raises(RecipeError, match="cannot read the devices file"):
        read_devices(tmp_path / "gone.toml")


def test_an_unknown_name_gets_the_nearest(home: Path) -> None:
    file = home / ".config" / "lth-edge" / "devices.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[garage]\ntarget = "ssh:pi@host"\n')
    with pytest.raises(RecipeError, match="did you mean 'garage'"):
        find_target("garag")


def test_names_are_safe_for_files() -> None:
    assert file_name("pi@10.0.0.7:2222") == "pi-10.0.0.7-2222"
    assert file_name("../..") == "device"


def test_devices_lists_what_was_found_last(home: Path) -> None:
    file = home / ".config" / "lth-edge" / "devices.toml"
    file.parent.mkdir(parents=True)
    file.write_text('[pi4]\ntarget = "ssh:pi@host"\n[here]\ntarget = "local"\n')
    doctor = home / ".cache" / "lth-edge" / "doctor" / "pi4.json"
    doctor.parent.mkdir(parents=True)
    doctor.write_text(
        '{"name": "pi4", "target": "ssh:pi@host", "when": "2026-11-26T21:00:00+00:00", "verdict": "ready", '
        '"facts": {"model": "Raspberry Pi 4"}}'
    )
    done = lth_edge("devices")
    assert done.code == 0
    told = " ".join(done.stdout.split())
    assert "pi4 ssh:pi@host Raspberry Pi 4 ready, 2026-11-26 21:00 -" in told
    doctor.write_text(doctor.read_text().replace("ssh:pi@host", "ssh:pi@elsewhere"))
    assert "ready" not in lth_edge("devices").stdout


def test_without_a_file_devices_says_how_to_name_one(home: Path) -> None:
    done = lth_edge("devices")
    assert done.code == 0
    assert "[pi4]" in done.stdout
