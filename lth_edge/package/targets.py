"""Deployment folders out of a package: one for each target asked for, by a table of writers."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from lth_edge.errors import InputError, RecipeError, nearest
from lth_edge.files import whole_folder
from lth_edge.package.android import write_android
from lth_edge.package.archive import unpacked
from lth_edge.package.c_program import write_c
from lth_edge.package.device import write_device
from lth_edge.package.manifest import MANIFEST
from lth_edge.package.release import Signed, write_release
from lth_edge.package.source import Source
from lth_edge.package.verify import verify_package
from lth_edge.package.wheel import write_wheel
from lth_edge.runtime.library import TARGETS

Writer = Callable[..., None]
"""From a `Source`, fills an empty folder, which appears under its final name only when that ends well; takes what
options the target has."""

WRITERS: Mapping[str, Writer] = {
    **{target: partial(write_device, target) for target in TARGETS},
    "android-arm64": write_android,
    "wheel": write_wheel,
    "c": write_c,
}
UPDATES = "updates"
"""Folder beside those of the targets, to be published as it is."""


def package_for(
    path: Path,
    targets: Sequence[str],
    out: Path,
    signed: Signed | None = None,
    options: Mapping[str, Mapping[str, Any]] | None = None,
) -> list[Path]:
    """Write `out/TARGET` for each target; an older folder of that name is replaced.

    Args:
        path: a run, a package's folder or its zip; it is verified first.
        signed: also write `out/updates/TARGET`, a signed release that devices update themselves from.
        options: target -> keywords of its writer.

    Returns:
        The folders written.

    Raises:
        RecipeError: an unknown target, or one that is no package to sign.
        DamagedError: what `path` holds is no package, or not as it was written.
        InputError: there is nothing at `path`, or a folder to be replaced holds other files; or as the target's
            writer says.
        StorageError: the disk is full or cannot be written.
    """
    _check_targets(targets, signed)
    written = []
    with _opened(path) as source:
        for target in dict.fromkeys(targets):
            with whole_folder(out / target) as folder:
                WRITERS[target](source, folder, **(options or {}).get(target, {}))
                _refuse_others(out / target, folder)
            written.append(out / target)
            if signed:
                write_release(out / target, target, out / UPDATES / target, signed)
                written.append(out / UPDATES / target)
    return written


def _refuse_others(old: Path, new: Path) -> None:
    """What is replaced must be of lth-edge's making: nothing of the user's may be in it."""
    made = {entry.name for entry in new.iterdir()} | {"__pycache__"}
    if old.is_dir() and (others := sorted({entry.name for entry in old.iterdir()} - made)):
        raise InputError(f"{old} holds other files, {others[0]} for one", "remove it, or choose another folder with -o")


def _check_targets(targets: Sequence[str], signed: Signed | None) -> None:
    for target in targets:
        if target not in WRITERS:
            raise RecipeError(f"there is no target {target}", nearest(target, WRITERS))
        if signed and target not in TARGETS:
            raise RecipeError(f"{target} takes no signed updates", f"sign one of: {', '.join(TARGETS)}")


@contextmanager
def _opened(path: Path) -> Iterator[Source]:
    folder = path / "package" if (path / "package" / MANIFEST).is_file() else path
    if not folder.exists():
        raise InputError(f"there is no run or package {path}", "check the path")
    if (path / "run.json").is_file() and folder == path:
        raise InputError(
            f"{path} has no package: it found no ticket, or is not finished", "finish it by the same command"
        )
    if folder.is_dir() and not (folder / MANIFEST).is_file():
        raise InputError(f"{path} is neither a run nor a package", "give the folder that lth-edge compress made")
    with nullcontext(folder) if folder.is_dir() else unpacked(folder) as found:
        yield Source(path, found, verify_package(found).manifest)
