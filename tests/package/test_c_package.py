"""A package becomes a C program: from its folder or its zip, calibrated on its test vector, or not at all."""

import json
import re
import shutil
import subprocess

import pytest

from lth_edge.errors import DamagedError, InputError
from lth_edge.package import c_size
from lth_edge.package.c_program import identifier
from lth_edge.package.targets import package_for
from lth_edge.package.write import zip_path


def write_c(source, out, values="int8", activations="int8"):
    """The sizes of the program in out/c."""
    (folder,) = package_for(source, ["c"], out, options={"c": {"values": values, "activations": activations}})
    return json.loads((folder / "sizes.json").read_text())


def test_a_package_and_its_zip_give_one_program(package, tmp_path):
    assert write_c(package, tmp_path / "folder") == write_c(zip_path(package), tmp_path / "zip")
    files = {file.name: file.read_bytes() for file in (tmp_path / "folder" / "c").iterdir()}
    assert files == {file.name: file.read_bytes() for file in (tmp_path / "zip" / "c").iterdir()}
    assert sorted(files) == ["LICENSE", "README.md", "mlp_pets.c", "mlp_pets.h", "mlp_pets_test.c", "sizes.json"]


@pytest.mark.parametrize("precision", [("fp32", "fp32"), ("int8", "fp32"), ("int8", "int8")], ids="-".join)
def test_its_readme_compiles_and_tests_it(package, tmp_path, precision):
    if shutil.which("cc") is None:
        pytest.skip("this machine has no cc")
    write_c(package, tmp_path, *precision)
    (command,) = re.findall(r"^    (cc .*)$", (tmp_path / "c" / "README.md").read_text(), re.MULTILINE)
    done = subprocess.run(command, shell=True, cwd=tmp_path / "c", capture_output=True, text=True, check=True)
    assert done.stdout == "mlp_pets: 4 of 4 examples give the recorded outputs\n"


def test_its_readme_tells_licences_calibration_and_agreement(package, tmp_path):
    write_c(package, tmp_path)
    text = (tmp_path / "c" / "README.md").read_text()
    assert "Weights: Apache-2.0. Data: CC-BY-4.0." in text
    assert "Scales: from the 4 examples of the package's test vector." in text
    assert "in 4 of 4" in text
    assert "$" not in text
    assert (tmp_path / "c" / "LICENSE").read_text().startswith("MIT No Attribution")
    assert "Scales" not in _readme(package, tmp_path, "int8", "fp32")


def _readme(package, tmp_path, *precision):
    write_c(package, tmp_path, *precision)
    return (tmp_path / "c" / "README.md").read_text()


def test_a_damaged_package_is_refused(package, tmp_path):
    with (package / "test_vector.npz").open("ab") as file:
        file.write(b"x")
    with pytest.raises(DamagedError, match=r"test_vector\.npz"):
        write_c(package, tmp_path)
    assert not (tmp_path / "c").exists()


def test_more_than_one_input_is_refused(two_inputs, tmp_path):
    with pytest.raises(InputError, match="has 2 inputs"):
        write_c(two_inputs, tmp_path)


def test_a_compiler_that_fails_leaves_code_bytes_unknown(monkeypatch, package, tmp_path):
    monkeypatch.setattr(c_size, "COMPILERS", (c_size.Compiler(("false",), "true", "a broken compiler"),))
    sizes = write_c(package, tmp_path)
    assert sizes["written"]["code"] == "unknown" and sizes["written"]["data"] > 0


def test_what_no_microcontroller_holds_is_not_compiled(monkeypatch, package, tmp_path):
    monkeypatch.setattr(c_size, "MOST_COMPILED", 10)
    assert write_c(package, tmp_path)["written"]["code"] == "unknown"


def test_the_compiler_of_this_machine_serves_where_there_is_none_for_microcontrollers(monkeypatch, package, tmp_path):
    if shutil.which("cc") is None:
        pytest.skip("this machine has no cc")
    monkeypatch.setattr(c_size, "COMPILERS", c_size.COMPILERS[1:])
    sizes = write_c(package, tmp_path)
    assert sizes["written"]["code"] > 0 and sizes["written"]["compiler"].startswith("this machine's compiler")


@pytest.mark.parametrize(
    ("name", "made"),
    [("mlp-digits-0123456789ab", "mlp_digits"), ("Größe 2", "gr_e_2"), ("3d", "net_3d"), ("--", "net_")],
)
def test_any_name_becomes_a_c_identifier(name, made):
    assert identifier(name) == made
