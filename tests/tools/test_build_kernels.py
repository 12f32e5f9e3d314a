"""Building the kernels: what is up to date is left alone, and what is built loads anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from elf import Elf

import lth_edge
from lth_edge.errors import InputError
from lth_edge.runtime.library import library_path, this_machine

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "tools" / "build_kernels.py"
COMPILER = """#!/bin/sh
echo "$@" >> "$CALLS"
while [ $# -gt 0 ]; do
  if [ "$1" = -o ]; then echo made > "$2"; fi
  shift
done
"""
CODER = {
    *("lth_codec_stream_bytes", "lth_codec_scratch_bytes"),
    *(
        "lth_encode_begin",
        "lth_encode_matrix",
        "lth_encode_finish",
        "lth_decode_begin",
        "lth_decode_matrix",
        "lth_decode_finish",
    ),
}
EM_X86_64, EM_AARCH64 = 62, 183
ANDROID_PAGE = 16384


class Project:
    """A copy of the script beside two small sources, and a compiler that only writes down how it was called."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.script = folder, folder / "tools" / "build_kernels.py"
        self.kernels = folder / "lth_edge" / "kernels"
        self._calls = folder / "calls"
        for path in (self.script, self.kernels / "compute" / "kernels.cc", self.kernels / "program" / "program.cc"):
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text("int one() { return 1; }\n")
        self.script.write_text(SCRIPT.read_text())
        (folder / "bin").mkdir()
        (folder / "bin" / "g++").write_text(COMPILER)
        (folder / "bin" / "g++").chmod(0o755)

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PATH": str(self.folder / "bin"), "CALLS": str(self._calls)}
        command = [sys.executable, str(self.script), "--compiler", "gcc", *arguments]
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)

    def built(self) -> list[str]:
        """The compiler's calls of a build that works; none where there was nothing to do."""
        self._calls.unlink(missing_ok=True)
        done = self.run()
        assert done.returncode == 0, done.stderr
        library = Path(done.stdout.strip())
        assert library.is_file() and library.is_relative_to(self.kernels / "lib")
        assert {path.suffix for path in library.parent.iterdir()} <= {library.suffix, ".sha256"}
        return [call for call in self._calls.read_text().splitlines() if call != "--version"]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)


def test_each_source_is_compiled_and_kernels_once_for_each_instruction_set(project: Project) -> None:
    calls = project.built()
    sets = [call.split("-DLTH_SET=")[1].split()[0] for call in calls if "-DLTH_SET=" in call]
    assert "baseline" in sets and len(sets) == len(set(sets))
    assert sum("program.cc" in call for call in calls) == 1
    assert sum("-shared" in call for call in calls) == 1
    assert len(calls) == len(sets) + 2


def test_the_linker_meets_the_oldest_instruction_set_first(project: Project) -> None:
    """Of an inline function that several objects have, it keeps the first: one that runs on every CPU."""
    calls = project.built()
    (linked,) = (call.split() for call in calls if "-shared" in call)
    compiled = [call for call in calls if "-shared" not in call]
    oldest = {call.split()[-1] for call in compiled if "-DLTH_SET=" not in call or "-DLTH_SET=baseline" in call}
    met = [word for word in linked if word.endswith(".o")]
    assert len(oldest) == 2 and len(met) == len(compiled)
    assert set(met[:2]) == oldest


def test_what_did_not_change_is_not_built_again(project: Project) -> None:
    assert project.built()
    assert project.built() == []


@pytest.mark.parametrize("changed", ["a source", "a new source", "a flag", "the library is gone"])
def test_a_change_builds_anew(project: Project, changed: str) -> None:
    project.built()
    if changed == "a flag":
        before = project.script.read_text()
        assert before.count("-O3") == 1
        project.script.write_text(before.replace("-O3", "-O2"))
    elif changed == "the library is gone":
        next((project.kernels / "lib").rglob("*lth_edge.*")).unlink()
    else:
        name = "program.cc" if changed == "a source" else "extents.cc"
        (project.kernels / "program" / name).write_text("int two() { return 2; }\n")
    calls = project.built()
    assert any("-shared" in call for call in calls)
    assert changed != "a flag" or all("-O2" in call for call in calls if " -c " in f" {call}")


def test_a_build_that_failed_leaves_nothing_that_looks_built(project: Project) -> None:
    compiler = project.folder / "bin" / "g++"
    compiler.write_text('#!/bin/sh\n[ "$1" = --version ] && exit 0\necho "program.cc: no such thing" >&2\nexit 1\n')
    done = project.run()
    assert done.returncode == 1 and "compiling the kernels failed" in done.stderr
    assert "program.cc: no such thing" in done.stderr
    assert [path for path in (project.kernels / "lib").rglob("*") if path.is_file()] == []
    compiler.write_text(COMPILER)
    assert project.built()


def test_without_a_compiler_the_error_says_so(project: Project) -> None:
    (project.folder / "bin" / "g++").unlink()
    done = project.run()
    assert done.returncode == 1 and "the compiler of the kernels cannot run" in done.stderr


@pytest.mark.parametrize("target", ["amiga", "linux-x86", ""])
def test_unknown_targets_are_told_the_known_ones(project: Project, target: str) -> None:
    done = project.run("--target", target)
    assert done.returncode == 2 and "invalid choice" in done.stderr
    assert all(name in done.stderr for name in ("linux-x86_64", "linux-aarch64", "macos-arm64", "windows-x86_64"))


def test_gcc_is_for_this_machine_alone(project: Project) -> None:
    done = project.run("--target", "all")
    assert done.returncode == 2 and "for this machine alone" in done.stderr


@pytest.mark.parametrize(("target", "machine"), [("linux-x86_64", EM_X86_64), ("linux-aarch64", EM_AARCH64)])
def test_linux_libraries_load_wherever_their_cpu_is(target: str, machine: int) -> None:
    """No library is needed and no name is wanted, so glibc, musl and Android serve alike; pages may be of 16 KB."""
    elf = Elf(_shipped(target))
    given, wanted = elf.symbols()
    assert elf.machine == machine
    assert elf.needed() == []
    assert wanted <= {""}
    assert given == {"RegisterCustomOps", *CODER}
    assert elf.alignments() and all(alignment % ANDROID_PAGE == 0 for alignment in elf.alignments())


def _shipped(target: str) -> Path:
    """A wheel has the libraries of all targets, a working copy at least this machine's."""
    if target != this_machine() and ROOT in Path(lth_edge.__file__).parents:
        try:
            return library_path(target)
        except InputError as error:
            pytest.skip(error.message)
    return library_path(target)


def test_a_library_that_needs_others_would_be_noticed() -> None:
    """The reader of ELF files sees what an ordinary extension of Python needs and gives."""
    import _ctypes

    path = Path(getattr(_ctypes, "__file__", ""))
    if sys.platform != "linux" or not path.is_file():
        pytest.skip("this Python has no extension of its own in an ELF file")
    elf = Elf(path)
    given, wanted = elf.symbols()
    assert any(name.startswith("libc.") or "ffi" in name for name in elf.needed())
    assert "PyInit__ctypes" in given and "PyErr_SetString" in wanted
