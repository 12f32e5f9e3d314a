"""The package for one target: no other target's kernels, and the kernels and the runner of this lth-edge."""

import shutil
from dataclasses import replace
from pathlib import Path

from lth_edge._version import __version__
from lth_edge.package.source import Source
from lth_edge.package.write import copy_code, library_name, seal
from lth_edge.runtime.library import library_path


def write_device(target: str, source: Source, folder: Path) -> None:
    """Fill `folder` with a package for `target`; a model of standard operators needs no kernels and gets none.

    Raises:
        InputError: this installation has no kernels for the target.
    """
    libraries = {target: library_path(target)} if source.manifest.libraries else {}
    copy_models(source, folder)
    copy_code(folder, libraries)
    named = {target: library_name(target, path) for target, path in libraries.items()}
    seal(folder, replace(source.manifest, lth_edge=__version__, libraries=named))


def copy_models(source: Source, folder: Path) -> None:
    """The model, its fallback and the test vector: what a package holds whatever it runs on."""
    manifest = source.manifest
    for name in dict.fromkeys((manifest.model, manifest.fallback, manifest.test_vector.file)):
        shutil.copyfile(source.folder / name, folder / name)
