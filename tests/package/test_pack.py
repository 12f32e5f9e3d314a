"""`lth-edge pack` and `unpack`, as a user runs them: what comes back verifies, and what cannot be says why."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from lth_edge.cli import cli
from lth_edge.codec.container import write_container
from lth_edge.errors import DamagedError, InputError, LthEdgeError, RecipeError, StorageError
from lth_edge.package.verify import verify_package


def run(*arguments: str | Path) -> Result:
    result = CliRunner().invoke(cli, list(map(str, arguments)))
    if isinstance(result.exception, LthEdgeError):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result


def files(folder: Path) -> dict[str, bytes]:
    return {file.name: file.read_bytes() for file in folder.iterdir() if file.is_file()}


@pytest.mark.parametrize("profile", [[], ["--fast"], ["--best"]], ids=["by default", "fast", "best"])
@pytest.mark.parametrize("kind", ["package", "sparse_package"])
def test_a_package_travels_and_verifies(
    kind: str, profile: list[str], request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    package = request.getfixturevalue(kind)
    said = run("pack", package, "-o", tmp_path / "p.lthe", *profile).output
    assert "smaller" in said and f"{(tmp_path / 'p.lthe').stat().st_size:,}" in said
    run("unpack", tmp_path / "p.lthe", "-o", tmp_path / "back")
    assert files(tmp_path / "back") == files(package)
    verify_package(tmp_path / "back")


def test_zip_run_and_folder_give_the_same_file(package: Path, tmp_path: Path) -> None:
    run_folder = tmp_path / "run"
    shutil.copytree(package, run_folder / "package")
    (run_folder / "run.json").write_text("{}")
    for number, source in enumerate((package, package.with_name("package.zip"), run_folder)):
        run("pack", source, "-o", tmp_path / f"{number}.lthe")
    assert len({(tmp_path / f"{number}.lthe").read_bytes() for number in range(3)}) == 1
    assert (tmp_path / "0.lthe").stat().st_size < package.with_name("package.zip").stat().st_size


def test_a_lone_model_travels(package: Path, tmp_path: Path) -> None:
    run("pack", package / "model.onnx", "-o", tmp_path / "m.lthe")
    run("unpack", tmp_path / "m.lthe", "-o", tmp_path / "back")
    assert files(tmp_path / "back") == {"model.onnx": (package / "model.onnx").read_bytes()}


def test_a_package_that_does_not_verify_is_not_packed(package: Path, tmp_path: Path) -> None:
    (package / "README.md").write_text("another")
    with pytest.raises(DamagedError, match="README"):
        run("pack", package, "-o", tmp_path / "p.lthe")
    assert not (tmp_path / "p.lthe").exists()


def test_what_is_packed_is_never_overwritten_nor_added_to(package: Path, tmp_path: Path) -> None:
    model, before = package / "model.onnx", files(package)
    for source, out in ((model, model), (package, package / "p.lthe")):
        with pytest.raises(RecipeError, match="would spoil"):
            run("pack", source, "-o", out)
    assert files(package) == before
    with pytest.raises(StorageError, match="Is a directory"):
        run("pack", model, "-o", tmp_path)


def test_a_folder_may_be_a_link_but_not_the_one_that_one_is_in(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("pack", package, "-o", tmp_path / "p.lthe")
    (tmp_path / "to").mkdir()
    (tmp_path / "link").symlink_to("to")
    run("unpack", tmp_path / "p.lthe", "-o", tmp_path / "link")
    assert files(tmp_path / "to") == files(package) and (tmp_path / "link").is_symlink()
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    with pytest.raises(StorageError, match="name a folder in it"):
        run("unpack", tmp_path / "p.lthe", "-o", ".")
    assert (tmp_path / "here").is_dir()


def test_what_is_not_there_or_something_else_is_told(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "odd name.onnx").write_bytes(b"")
    for source, says in (("nothing", "no package"), ("folder", "neither"), ("odd name.onnx", "plain file name")):
        with pytest.raises(InputError, match=says):
            run("pack", tmp_path / source, "-o", tmp_path / "p.lthe")
    with pytest.raises(InputError, match="no file"):
        run("unpack", tmp_path / "nothing.lthe", "-o", tmp_path / "back")


def test_a_folder_with_other_files_is_left_alone(package: Path, tmp_path: Path) -> None:
    run("pack", package, "-o", tmp_path / "p.lthe")
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "precious").write_text("of value")
    with pytest.raises(RecipeError, match="other files"):
        run("unpack", tmp_path / "p.lthe", "-o", tmp_path / "mine")
    assert files(tmp_path / "mine") == {"precious": b"of value"}


@pytest.mark.parametrize("name", ["../out", "a/b", "c:x", ".hidden", "", "x" * 200])
def test_names_that_reach_outside_are_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / "bad.lthe").write_bytes(write_container({name: b"bad"}, True))
    with pytest.raises(DamagedError, match="plain file name"):
        run("unpack", tmp_path / "bad.lthe", "-o", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_file_that_asks_for_more_memory_than_there_is_says_so(
    package: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausts(content: bytes) -> dict[str, bytes]:
        raise MemoryError

    run("pack", package, "-o", tmp_path / "p.lthe")
    monkeypatch.setattr("lth_edge.package.pack.read_container", exhausts)
    with pytest.raises(DamagedError, match=r"p\.lthe claims to hold more than fits into memory"):
        run("unpack", tmp_path / "p.lthe", "-o", tmp_path / "back")
    assert not (tmp_path / "back").exists()


def test_a_damaged_file_names_itself_and_leaves_nothing(package: Path, tmp_path: Path) -> None:
    run("pack", package, "-o", tmp_path / "p.lthe")
    content = (tmp_path / "p.lthe").read_bytes()
    (tmp_path / "p.lthe").write_bytes(content[:-3])
    with pytest.raises(DamagedError, match=r"p\.lthe: its checksum is wrong"):
        run("unpack", tmp_path / "p.lthe", "-o", tmp_path / "back")
    assert not (tmp_path / "back").exists()
