"""`lth-edge pack` and `unpack`, as a user runs them: what comes back verifies, and what cannot be says why."""

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import onnx
import onnxruntime
import pytest
from click.testing import CliRunner, Result
from onnx import numpy_helper

from lth_edge.cli import cli
from lth_edge.codec.container import write_container
from lth_edge.errors import DamagedError, InputError, LthEdgeError, RecipeError, StorageError
from lth_edge.files import file_hash
from lth_edge.package.verify import verify_package
from lth_edge.package.write import PackageContents, write_package


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


@pytest.mark.parametrize("command", ["verify", "inspect", "convert", "pack"])
def test_where_a_packed_file_is_of_no_use_it_is_said_to_be_packed(command: str, package: Path, tmp_path: Path) -> None:
    packed = tmp_path / "p.lthe"
    run("pack", package, "-o", packed)
    with pytest.raises(InputError, match=r"p\.lthe is packed\n.*lth-edge unpack .*p\.lthe -o DIR"):
        run(command, packed, *(() if command in {"verify", "inspect"} else ("-o", tmp_path / "out")))


def test_what_is_packed_is_never_overwritten_nor_added_to(package: Path, tmp_path: Path) -> None:
    model, before = package / "model.onnx", files(package)
    for source, out in ((model, model), (package, package / "p.lthe")):
        with pytest.raises(RecipeError, match="would spoil"):
            run("pack", source, "-o", out)
    assert files(package) == before
    other = tmp_path / "package.zip"
    other.write_bytes(b"PK of another program")
    with pytest.raises(RecipeError, match=r"package\.zip is there, and is no \.lthe file"):
        run("pack", model, "-o", other)
    assert other.read_bytes() == b"PK of another program"
    with pytest.raises(StorageError, match="Is a directory"):
        run("pack", model, "-o", tmp_path)


def test_an_update_never_takes_the_place_of_what_it_builds_on(package: Path, tmp_path: Path) -> None:
    base = tmp_path / "v1.lthe"
    run("pack", package, "-o", base)
    before = base.read_bytes()
    with pytest.raises(RecipeError, match=r"v1\.lthe is the version that the update builds on"):
        run("pack", package, "-o", base, "--since", base)
    assert base.read_bytes() == before


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
    def exhausts(content: bytes, given) -> dict[str, bytes]:
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


def later_version(contents: PackageContents, folder: Path) -> Path:
    """The package again, its network retrained within its mask."""
    model = onnx.load(contents.model)
    for tensor in model.graph.initializer:
        if tensor.name.endswith((".values", ".weight")) or tensor.data_type == onnx.TensorProto.FLOAT:
            array = numpy_helper.to_array(tensor)
            tensor.CopyFrom(numpy_helper.from_array((array * np.float32(1.25)).astype(array.dtype), tensor.name))
    folder.mkdir()
    onnx.save(model, folder / "retrained.onnx")
    session = onnxruntime.InferenceSession(folder / "retrained.onnx")
    (name,) = (output.name for output in session.get_outputs())
    outputs = {name: session.run(None, dict(contents.inputs))[0]}
    changes = {"model": folder / "retrained.onnx", "fallback": folder / "retrained.onnx", "outputs": outputs}
    write_package(folder / "package", dataclasses.replace(contents, created="2026-12-01T10:00:00Z", **changes))
    return folder / "package"


def test_an_update_travels_and_verifies(package: Path, contents: PackageContents, tmp_path: Path) -> None:
    newer = later_version(contents, tmp_path / "newer")
    run("pack", package, "-o", tmp_path / "v1.lthe")
    run("pack", newer, "-o", tmp_path / "v2.lthe")
    run("pack", newer, "-o", tmp_path / "v2-since-v1.lthe", "--since", tmp_path / "v1.lthe")
    update, full = (tmp_path / name for name in ("v2-since-v1.lthe", "v2.lthe"))
    assert update.stat().st_size < min(600, 0.6 * full.stat().st_size)
    said = run("unpack", update, "-o", tmp_path / "back", "--since", tmp_path / "v1.lthe").output
    assert f"{update.stat().st_size:,}" in said and "stands alone" not in said
    assert files(tmp_path / "back") == files(newer)
    said = run("unpack", full, "-o", tmp_path / "alone", "--since", tmp_path / "v1.lthe").output
    assert "it stands alone: --since was not needed" in said
    verify_package(tmp_path / "back")


def test_an_update_without_its_base_names_it_and_leaves_nothing(package: Path, tmp_path: Path) -> None:
    run("pack", package, "-o", tmp_path / "v1.lthe")
    run("pack", package, "-o", tmp_path / "other.lthe", "--fast")
    run("pack", package, "-o", tmp_path / "v2.lthe", "--since", tmp_path / "v1.lthe")
    digest = file_hash(tmp_path / "v1.lthe")[:16]
    for given in ([], ["--since", tmp_path / "other.lthe"]):
        with pytest.raises(InputError, match=rf"v2\.lthe: it is an update since 'v1\.lthe'.*{digest}"):
            run("unpack", tmp_path / "v2.lthe", "-o", tmp_path / "back", *given)
    assert not (tmp_path / "back").exists()


def test_a_base_that_is_missing_damaged_or_lacks_its_own_is_told(package: Path, tmp_path: Path) -> None:
    run("pack", package, "-o", tmp_path / "v1.lthe")
    run("pack", package, "-o", tmp_path / "v2.lthe", "--since", tmp_path / "v1.lthe")
    (tmp_path / "cut.lthe").write_bytes((tmp_path / "v1.lthe").read_bytes()[:-3])
    out = tmp_path / "v3.lthe"
    with pytest.raises(InputError, match="no file"):
        run("pack", package, "-o", out, "--since", tmp_path / "nothing.lthe")
    with pytest.raises(DamagedError, match=r"cut\.lthe: its checksum is wrong"):
        run("pack", package, "-o", out, "--since", tmp_path / "cut.lthe")
    with pytest.raises(InputError, match=r"v2\.lthe: it is an update since 'v1\.lthe'"):
        run("pack", package, "-o", out, "--since", tmp_path / "v2.lthe")
    assert not out.exists()
    run("pack", package, "-o", out, "--since", tmp_path / "v2.lthe", "--since", tmp_path / "v1.lthe")
    run("unpack", out, "-o", tmp_path / "back", "--since", tmp_path / "v1.lthe", "--since", tmp_path / "v2.lthe")
    assert files(tmp_path / "back") == files(package)
