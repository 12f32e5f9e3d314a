"""This machine, as a target like any other."""

from pathlib import Path

import pytest

from lth_edge.devices.target import LocalTarget
from lth_edge.errors import DeviceError

HERE = LocalTarget()


def test_a_command_gets_its_words_and_its_input() -> None:
    done = HERE.run(["sh", "-c", 'cat; echo "$0" >&2; exit 3', "$HOME; two"], stdin=b"given")
    assert (done.code, done.stdout, done.stderr) == (3, b"given", b"$HOME; two\n")


def test_a_command_that_is_not_there_or_does_not_end_is_told() -> None:
    with pytest.raises(DeviceError, match="this machine has no lth-edge-gone"):
        HERE.run(["lth-edge-gone"])
    with pytest.raises(DeviceError, match=r"sleep did not end within 0\.1 s"):
        HERE.run(["sleep", "9"], timeout=0.1)


def test_files_are_copied_there_and_back_whole(tmp_path: Path) -> None:
    (tmp_path / "given").write_bytes(b"content")
    HERE.put({"deep/er": tmp_path / "given"}, str(tmp_path / "there"))
    (tmp_path / "back").mkdir()
    HERE.get(str(tmp_path / "there" / "deep"), ["er"], tmp_path / "back")
    assert (tmp_path / "back" / "er").read_bytes() == b"content"
    assert [path.name for path in (tmp_path / "there" / "deep").iterdir()] == ["er"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DeviceError, match="cannot copy"):
        HERE.put({"name": tmp_path / "file"}, str(tmp_path / "file"))
