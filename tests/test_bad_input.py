"""Bad input: a message that names thing and mend, the documented exit code, no traceback, nothing half-written."""

import contextlib
import pickle
import resource
import shutil
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from command import QUICK, Done, Finished, lth_edge, start
from PIL import Image

from lth_edge import Report
from lth_edge.tasks.models import mlp

BRIEF = ("--steps", "60", "--levels", "1", *QUICK)
SMALL = ("--model-arg", "hidden=48", *BRIEF)
OWN = """
from torch import nn
def breaks(): return 1 / 0
def number(): return 42
def bare(): return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(64))
def network(): return nn.Sequential(nn.Flatten(), nn.Linear(64, 10))
def nothing(): return {}
def score(outputs, targets): return 0.0
"""


@dataclass(frozen=True)
class Bad:
    """A command that must fail.

    Attributes:
        arguments: of `lth-edge compress`, in one string.
        code: its exit code.
        says: what the message names, and what it says to do.
        write: makes the files that the arguments name.
    """

    arguments: str
    code: int
    says: tuple[str, ...]
    write: Callable[[], object] = lambda: None


def own() -> None:
    Path("own.py").write_text(OWN)


def text(name: str, content: str) -> Callable[[], object]:
    return lambda: Path(name).write_text(content)


def arrays(**content: np.ndarray) -> Callable[[], object]:
    return lambda: np.savez("data.npz", **content)


def truncated_npz() -> None:
    np.savez("data.npz", x=np.zeros((50, 4), np.float32), y=np.zeros(50, np.int64))
    Path("data.npz").write_bytes(Path("data.npz").read_bytes()[:300])


def images(damaged: bool) -> Callable[[], object]:
    def write() -> None:
        for name in ("a", "b"):
            Path("images", name).mkdir(parents=True)
            for index in range(10):
                Image.new("RGB", (8, 8)).save(Path("images", name, f"{index}.png"))
        if damaged:
            Path("images", "b", "3.png").write_bytes(b"no image")

    return write


def state(**changes: torch.Tensor) -> Callable[[], object]:
    return lambda: torch.save(mlp((1, 8, 8), 10, hidden="48").state_dict() | changes, "given.pt")


def pickled() -> None:
    Path("given.pt").write_bytes(pickle.dumps({"1.weight": print}, protocol=2))


GIVEN = "--weights given.pt --normalize dataset --model-arg hidden=48"
X, Y = np.zeros((50, 4), np.float32), np.arange(50) % 2
BAD = {
    "unknown model": Bad("--model lenet-300", 2, ("'lenet-300'", "did you mean 'lenet-300-100'?")),
    "unknown torchvision model": Bad("--model torchvision:resnet81", 2, ("torchvision:resnet81", "'resnet18'")),
    "unknown data": Bad("--data digit", 2, ("'digit'", "did you mean 'digits'?")),
    "unknown torchvision data": Bad("--data torchvision:FashionMIST", 2, ("FashionMIST", "'FashionMNIST'")),
    "unknown metric": Bad("--metric acuracy", 2, ("'acuracy'", "'accuracy'")),
    "unknown loss": Bad("--loss crossentropy", 2, ("'crossentropy'", "'cross-entropy'")),
    "unknown option": Bad("--stepps 3", 2, ("--stepps", "--steps")),
    "unknown choice": Bad("--optimizer adamm", 2, ("adamm", "adam")),
    "no number": Bad("--seeds 0,x", 2, ("0,x", "0,1,2")),
    "unknown field": Bad("r.toml", 2, ("'stepps' in [train]", "'steps'"), text("r.toml", "[train]\nstepps = 3")),
    "unknown section": Bad("r.toml", 2, ("[trian]", "'train'"), text("r.toml", "[trian]\nsteps = 3")),
    "wrong type": Bad("r.toml", 2, ("train.steps = 'many'", "whole number"), text("r.toml", "[train]\nsteps = 'many'")),
    "no TOML": Bad("r.toml", 2, ("r.toml is not valid TOML", "line 1"), text("r.toml", "train: steps")),
    "missing recipe": Bad("r.toml", 2, ("r.toml", "check the path")),
    "sparsity 0": Bad("--sparsity 0", 2, ("sparsity = 0.0", "between 0 and 1")),
    "sparsity 1": Bad("--sparsity 1", 2, ("sparsity = 1.0", "between 0 and 1")),
    "sparsity in percent": Bad("--sparsity 90", 2, ("sparsity = 90.0", "between 0 and 1")),
    "prune rate 0": Bad("--prune-rate 0", 2, ("prune-rate = 0.0", "between 0 and 1")),
    "budget": Bad("--budget soon", 2, ("'soon'", "90s, 45m or 6h")),
    "not downloaded": Bad(
        "--data torchvision:MNIST --data-dir mnist", 3, ("MNIST in mnist: there is no such folder", "--download")
    ),
    "not there": Bad("--data torchvision:MNIST --data-dir .", 3, ("Dataset not found", "MNIST/raw, or add --download")),
    "missing npz": Bad("--data npz:data.npz", 3, ("data.npz is not there", "check the path")),
    "damaged npz": Bad("--data npz:data.npz", 3, ("data.npz cannot be read", "numpy.savez"), truncated_npz),
    "npz of text": Bad("--data npz:data.npz", 3, ("data.npz",), text("data.npz", "1,2,3")),
    "npz with objects": Bad(
        "--data npz:data.npz", 3, ("data.npz", "pickled objects are refused"), arrays(x=np.array([print]), y=Y)
    ),
    "npz without y": Bad("--data npz:data.npz", 3, ("y_train", "give both"), arrays(x=X)),
    "npz with other names": Bad("--data npz:data.npz", 3, ("x_train", "features", "rename"), arrays(features=X)),
    "npz with NaN": Bad("--data npz:data.npz", 3, ("x in data.npz", "not finite"), arrays(x=X * np.nan, y=Y)),
    "npz of two lengths": Bad("--data npz:data.npz", 3, ("differ in length: 50, 49",), arrays(x=X, y=Y[1:])),
    "missing folder": Bad("--data folder:images", 3, ("images is no folder", "check the path")),
    "empty folder": Bad("--data folder:images", 3, ("images", "sub-folder"), lambda: Path("images").mkdir()),
    "damaged image": Bad("--data folder:images", 3, ("3.png", "replace it"), images(damaged=True)),
    "float targets": Bad("--data npz:data.npz", 2, ("accuracy", "--metric mae"), arrays(x=X, y=Y * 0.5)),
    "missing file": Bad("--model ./mine.py:network", 3, ("mine.py", "check the path")),
    "missing module": Bad("--model py:no.such:network", 3, ("no.such", "PYTHONPATH")),
    "missing factory": Bad("--model ./own.py:netwrok", 3, ("'netwrok'", "'network'"), own),
    "factory that fails": Bad("--model ./own.py:breaks", 3, ("ZeroDivisionError", "own.py, line 3"), own),
    "factory of no module": Bad("--model ./own.py:number", 3, ("returned int", "torch.nn.Module"), own),
    "factory of no data": Bad("--data ./own.py:nothing", 3, ("no 'train'",), own),
    "file that breaks": Bad("--model ./own.py:f", 3, ("own.py", "SyntaxError"), text("own.py", "def f(:")),
    "metric of no direction": Bad(
        "--metric ./own.py:score --tolerance 1", 2, ("own.py:score", "--metric-direction"), own
    ),
    "wrong model argument": Bad("--model-arg depth=3", 2, ("depth", "hidden=")),
    "network that does not fit": Bad("--model vgg-16", 3, ("at least 16 x 16", "choose mlp")),
    "missing weights": Bad("--weights given.pt --normalize dataset", 3, ("given.pt are not there", "check the path")),
    "pickle as weights": Bad("--weights given.pt --normalize dataset", 3, ("given.pt", "tensors alone"), pickled),
    "text as weights": Bad("--weights given.pt --normalize dataset", 3, ("given.pt",), text("given.pt", "weights")),
    "damaged safetensors": Bad(
        "--weights a.safetensors --normalize dataset", 3, ("a.safetensors", "again"), text("a.safetensors", "x")
    ),
    "weights of more": Bad(GIVEN, 3, ("hold an unknown '3.bia'", "'3.bias'"), state(**{"3.bia": torch.zeros(10)})),
    "weights of other shape": Bad(GIVEN, 3, ("'3.bias' has shape (1,)", "(10,)"), state(**{"3.bias": torch.zeros(1)})),
}


def check(done: Done, code: int, says: tuple[str, ...] = ()) -> None:
    """The exit code, and a message of one or two lines that says all of `says`."""
    assert done.code == code, done.stderr
    assert "Traceback" not in done.stderr
    assert 1 <= len(done.said) <= 2, done.stderr
    for words in says:
        assert words in "\n".join(done.said)


@pytest.mark.parametrize("name", BAD)
def test_it_says_what_is_wrong_and_writes_nothing(name: str, here: Path) -> None:
    bad = BAD[name]
    bad.write()
    before = sorted(here.rglob("*"))
    check(lth_edge("compress", *bad.arguments.split(), *BRIEF), bad.code, bad.says)
    after = [path for path in sorted(here.rglob("*")) if "__pycache__" not in path.parts]
    assert after == before


BEGUN = {
    "nothing to prune": Bad("--model ./own.py:bare", 3, ("nothing to prune", "Linear"), own),
    "no such device": Bad("--model-arg hidden=48 --device tpu", 3, ("'tpu'", "--device cpu")),
    "loss that is not finite": Bad(
        "--model-arg hidden=48 --learning-rate 1e30", 8, ("loss is nan", "lower --learning-rate")
    ),
}


@pytest.mark.parametrize("name", BEGUN)
def test_what_fails_before_its_first_level_leaves_the_folder_to_the_mended_command(name: str, here: Path) -> None:
    bad = BEGUN[name]
    bad.write()
    check(lth_edge("compress", *bad.arguments.split(), *BRIEF, "--out", "run"), bad.code, bad.says)
    assert {path.name for path in Path("run").rglob("*")} <= {".lock", "recipe.toml", "run.json", "seed-0"}
    with limited_files(2000):  # far enough to see that the folder is taken
        done = lth_edge("compress", *SMALL, "--steps", 61, "--out", "run")
    check(done, 7, ("no space left",))


@contextlib.contextmanager
def limited_files(size: int) -> Iterator[None]:
    """No file may grow past `size` bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_no_space_left_in_training_and_in_the_report_and_then_the_same_command_ends(here: Path) -> None:
    """state.safetensors, with Adam's moments, is the first file over 20 kB, the report's page the last over 40 kB."""
    command = ("compress", *SMALL, "--rewind-step", 5, "--out", "run")
    with limited_files(20_000):
        check(lth_edge(*command), 7, ("no space left", "state.safetensors", "free some space"))
    assert [path.name for path in Path("run").rglob("*") if path.is_dir()] == ["seed-0"]
    with limited_files(40_000):
        check(lth_edge(*command), 7, ("no space left", "report."))
    assert not Path("run/report.html").exists()
    done = lth_edge(*command)
    assert done.code == 0, done.stderr
    assert Report.load(here / "run" / "report.json").content["task"]["test_reads"] == 1
    assert not list(Path("run").rglob("*.tmp"))


@pytest.fixture
def copy(finished: Finished, here: Path) -> Finished:
    """A copy of the finished run, to be damaged."""
    shutil.copytree(finished.folder, here / "run")
    return replace(finished, folder=here / "run")


def files_of(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def flip(path: Path) -> None:
    """Change one bit in the middle."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def test_a_folder_of_another_recipe_is_left_alone(copy: Finished) -> None:
    before = files_of(copy.folder)
    done = lth_edge("compress", *copy.arguments, "--learning-rate", 0.1, "--out", "run")
    check(done, 2, ("run belongs to another recipe", "--out"))
    assert files_of(copy.folder) == before


def test_a_folder_of_other_files_is_left_alone(here: Path) -> None:
    (here / "notes.txt").write_text("mine")
    check(lth_edge("compress", "--steps", "60", "--out", here), 2, ("holds other files", "--out"))
    assert [path.name for path in here.iterdir()] == ["notes.txt"]


@pytest.mark.parametrize("pin", ["--threads", "--device"])
def test_a_run_keeps_its_threads_and_its_device(copy: Finished, pin: str) -> None:
    pinned = {"--threads": 7, "--device": "cuda"}
    before = files_of(copy.folder)
    done = lth_edge("compress", *copy.arguments, pin, pinned[pin], "--out", "run")
    check(done, 2, (f"this run is pinned to {pin[2:]}", f"leave {pin} away"))
    assert files_of(copy.folder) == before


@pytest.mark.parametrize("content", ["[]", "{"])
def test_a_run_json_that_is_none_is_named(copy: Finished, content: str) -> None:
    (copy.folder / "run.json").write_text(content)
    check(lth_edge("compress", *copy.arguments, "--out", "run"), 6, ("run.json",))


def test_a_folder_with_other_files_is_left_alone(here: Path) -> None:
    Path("notes").mkdir()
    Path("notes/thesis.txt").write_text("mine")
    check(lth_edge("compress", *SMALL, "--out", "notes"), 2, ("notes holds other files", "--out"))
    assert {path.name for path in Path("notes").iterdir()} <= {"thesis.txt", ".lock"}


def test_a_file_in_place_of_the_folder_is_left_alone(here: Path) -> None:
    Path("run").write_text("mine")
    check(lth_edge("compress", *SMALL, "--out", "run"), 7, ("cannot write run", "--out"))
    assert Path("run").read_text() == "mine"


@pytest.mark.parametrize("file", ["mask", "weights", "end", "start"])
def test_a_truncated_ticket_is_named_and_not_gone_on_from(copy: Finished, file: str) -> None:
    damaged = copy.folder / "seed-0" / "level-00" / f"{file}.safetensors"
    damaged.write_bytes(damaged.read_bytes()[:-100])
    done = lth_edge("compress", *copy.arguments, "--levels", 4, "--out", "run")
    check(done, 6, (f"{file}.safetensors", "level-00"))


def test_a_ticket_with_a_flipped_bit_is_named_and_not_gone_on_from(copy: Finished) -> None:
    flip(copy.folder / "seed-0" / "level-02" / "weights.safetensors")
    check(lth_edge("compress", *copy.arguments, "--out", "run"), 6, ("level-02", "remove"))


@pytest.mark.parametrize("file", ["model.onnx", "manifest.json", "test_vector.npz", "run.py"])
def test_a_damaged_package_is_refused(copy: Finished, file: str) -> None:
    flip(copy.folder / "package" / file)
    check(lth_edge("verify", "run/package"), 6, (file,))


def test_a_damaged_zip_is_refused(copy: Finished) -> None:
    flip(copy.folder / "package.zip")
    check(lth_edge("verify", "run/package.zip"), 6, ("package.zip",))


@pytest.mark.parametrize("name", ["../outside.txt", "/tmp/outside.txt", "a/../../outside.txt"])
def test_a_zip_whose_names_reach_outside_is_refused_and_not_unpacked(copy: Finished, name: str) -> None:
    with zipfile.ZipFile("run/package.zip", "a") as archive:
        archive.writestr(name, "gotcha")
    for command in ("verify", "inspect"):
        check(lth_edge(command, "run/package.zip"), 6, (name, "do not unpack"))
    assert not list(copy.folder.parents[1].glob("**/outside.txt"))


@pytest.mark.parametrize("command", ["verify", "inspect"])
def test_nothing_there_is_said(command: str, here: Path) -> None:
    check(lth_edge(command, "nowhere"), 6 if command == "verify" else 3, ("nowhere", "give"))


def test_inspect_says_what_it_can_read(here: Path) -> None:
    Path("net.onnx").write_text("no model")
    check(lth_edge("inspect", "net.onnx"), 6, ("net.onnx",))
    check(lth_edge("inspect", here), 3, ("neither a ticket nor a package nor a run",))


def test_a_process_of_its_own_ends_with_the_exit_code_and_no_traceback(here: Path) -> None:
    process = start("compress", "--sparsity", 2, "--out", "run")
    out, err = process.communicate(timeout=60)
    check(Done(process.returncode, out, err), 2, ("sparsity = 2.0",))


def test_the_help_lists_every_exit_code() -> None:
    shown = " ".join(lth_edge("compress", "--help").stdout.split())
    for code in ("0 done", "2 wrong option", "3 missing", "4 no ticket", "5 a file", "6 damaged", "7 no space", "8 "):
        assert code in shown
