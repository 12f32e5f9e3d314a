"""Files and folders appear whole or not at all, and a disk that refuses is named."""

import errno
import os
import subprocess
import sys

import pytest

from lth_edge.errors import DamagedError, InputError, StorageError
from lth_edge.files import (
    clear_leftovers,
    file_hash,
    read_json,
    storage_errors,
    whole_file,
    whole_folder,
    write_json,
)


def names(folder):
    return [path.name for path in folder.iterdir()]


class Stop(BaseException):
    """As abrupt as Ctrl-C."""


def test_a_file_appears_when_the_block_ends_well(tmp_path):
    path = tmp_path / "deep" / "below" / "a.txt"
    with whole_file(path) as temporary:
        temporary.write_text("whole")
        assert not path.exists()
    assert path.read_text() == "whole"
    assert names(path.parent) == ["a.txt"]


@pytest.mark.parametrize("error", [ValueError, Stop, InputError])
def test_a_file_that_fails_leaves_the_one_before_and_nothing_else(tmp_path, error):
    path = tmp_path / "a.txt"
    path.write_text("before")
    with pytest.raises(error), whole_file(path) as temporary:
        temporary.write_text("ha")
        raise error("broken")
    assert path.read_text() == "before"
    assert names(tmp_path) == ["a.txt"]


def test_a_folder_appears_when_the_block_ends_well_and_replaces_the_one_before(tmp_path):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").touch()
    with whole_folder(path) as temporary:
        (temporary / "sub").mkdir()
        (temporary / "sub" / "new").write_text("x")
        assert names(path) == ["old"]
    assert names(path) == ["sub"]
    assert (path / "sub" / "new").read_text() == "x"
    assert names(tmp_path) == ["folder"]


@pytest.mark.parametrize("error", [ValueError, Stop])
def test_a_folder_that_fails_leaves_the_one_before_and_nothing_else(tmp_path, error):
    path = tmp_path / "folder"
    path.mkdir()
    (path / "old").touch()
    with pytest.raises(error), whole_folder(path) as temporary:
        (temporary / "new").touch()
        raise error
    assert names(path) == ["old"]
    assert names(tmp_path) == ["folder"]


@pytest.mark.parametrize("whole", [whole_file, whole_folder])
def test_files_can_be_read_by_others(tmp_path, whole):
    with whole(tmp_path / "x"):
        pass
    assert (tmp_path / "x").stat().st_mode & 0o044 == 0o044


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_a_full_disk_is_a_storage_error_naming_the_file(tmp_path, number):
    path = tmp_path / "a.txt"
    with pytest.raises(StorageError, match=r"no space left to write .*a\.txt"), whole_file(path):
        raise OSError(number, os.strerror(number))
    assert names(tmp_path) == []


def test_a_place_that_is_no_folder_is_a_storage_error(tmp_path):
    (tmp_path / "file").touch()
    for path in (tmp_path / "file" / "a.txt", tmp_path / "file" / "below" / "a.txt"):
        with pytest.raises(StorageError, match="cannot write"):
            write_json(path, {})


def test_an_error_that_is_not_the_disks_keeps_its_kind(tmp_path):
    with pytest.raises(FileNotFoundError), storage_errors(tmp_path):
        raise FileNotFoundError(errno.ENOENT, "user's own file")


LIMITED = """
import resource, sys
from pathlib import Path
import numpy as np
from lth_edge.errors import StorageError
from lth_edge.files import whole_folder, write_json
from lth_edge.ticket import Mask, Ticket, save_weights

resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))
folder = Path(sys.argv[1])
big = {"w": np.ones((100, 100), np.float32)}

def ticket(path):
    with whole_folder(path) as temporary:
        Ticket(Mask({"w": np.ones((100, 100), bool)}), big, {}).save(temporary)

for name, write in {
    "weights": lambda path: save_weights(path, big),
    "json": lambda path: write_json(path, list(range(10_000))),
    "ticket": ticket,
}.items():
    try:
        write(folder / name)
    except StorageError as error:
        print(name, error.message.startswith("no space left"), sorted(p.name for p in folder.iterdir()))
"""


def test_a_real_limit_on_file_size_is_a_storage_error_and_leaves_nothing(tmp_path):
    done = subprocess.run([sys.executable, "-c", LIMITED, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == [f"{name} True []" for name in ("weights", "json", "ticket")]


def test_what_a_killed_process_left_is_cleared_and_nothing_else(tmp_path):
    code = (
        "import os, sys; from pathlib import Path; from lth_edge.files import whole_file, whole_folder\n"
        "with whole_folder(Path(sys.argv[1]) / 'folder'), whole_file(Path(sys.argv[1]) / 'sub' / 'file'):\n"
        "    os.kill(os.getpid(), 9)"
    )
    assert subprocess.run([sys.executable, "-c", code, tmp_path], check=False).returncode == -9
    (tmp_path / ".kept").touch()
    (tmp_path / "sub" / "kept.tmp").touch()
    assert len(list(tmp_path.rglob(".*.tmp"))) == 2
    clear_leftovers(tmp_path)
    assert sorted(p.name for p in tmp_path.rglob("*")) == [".kept", "kept.tmp", "sub"]


def test_json_comes_back(tmp_path):
    write_json(tmp_path / "a.json", {"a": [1, 2.5, None]})
    assert read_json(tmp_path / "a.json") == {"a": [1, 2.5, None]}


def test_json_that_readers_elsewhere_cannot_read_is_never_written(tmp_path):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"a": float("nan")})
    assert names(tmp_path) == []


@pytest.mark.parametrize("content", [b"{", b"", b"\xff\xfe"])
def test_json_that_is_damaged_is_named(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DamagedError, match=r"a\.json is not valid JSON"):
        read_json(tmp_path / "a.json")


def test_json_that_is_missing_is_named(tmp_path):
    with pytest.raises(DamagedError, match=r"a\.json is missing"):
        read_json(tmp_path / "a.json")


def test_a_hash_is_that_of_the_content(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    assert file_hash(tmp_path / "a") == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
