"""What an Android app takes in: kernels where Android looks for libraries, the model as an asset, Kotlin to run it."""

import shutil
from importlib.resources import files as packaged
from pathlib import Path
from string import Template

from lth_edge._version import __version__
from lth_edge.package.manifest import MANIFEST, Manifest
from lth_edge.package.readme import described
from lth_edge.package.replay import Vector
from lth_edge.package.source import Source
from lth_edge.package.write import copy_licenses
from lth_edge.runtime.library import library_path

ASSETS, LIBRARIES, KOTLIN = "assets/lth_edge", "jniLibs/arm64-v8a", "kotlin"


def write_android(source: Source, folder: Path) -> None:
    """Fill `folder` with `jniLibs/`, `assets/`, `kotlin/`, a README and the licences of the code.

    Raises:
        InputError: this installation has no kernels for 64-bit Arm.
    """
    _write_assets(source, folder / ASSETS)
    copy_licenses(folder, bool(source.manifest.libraries))
    kernels = "nothing: the model uses standard operators alone"
    if source.manifest.libraries:
        (folder / LIBRARIES).mkdir(parents=True)
        library = Path(shutil.copy(library_path("linux-aarch64"), folder / LIBRARIES))
        kernels = f"`{library.name}`, the kernels, {library.stat().st_size:,} bytes"
    templates = packaged("lth_edge.package") / "android_files"
    (folder / KOTLIN).mkdir()
    (folder / KOTLIN / "TicketModel.kt").write_bytes((templates / "TicketModel.kt").read_bytes())
    text = Template((templates / "readme.md.txt").read_text(encoding="utf-8"))
    filled = text.substitute(_facts(source.manifest), kernels=kernels)
    (folder / "README.md").write_text(filled, encoding="utf-8", newline="\n")


def _write_assets(source: Source, folder: Path) -> None:
    """The test vector as plain little-endian bytes: Java has no reader of npz."""
    folder.mkdir(parents=True)
    manifest = source.manifest
    for name in dict.fromkeys((manifest.model, manifest.fallback, MANIFEST)):
        shutil.copyfile(source.folder / name, folder / name)
    vector = Vector.load(source.folder / manifest.test_vector.file, manifest.inputs, manifest.outputs)
    for kind, arrays in (("input", vector.inputs), ("output", vector.outputs)):
        for index, array in enumerate(arrays.values()):
            (folder / f"{kind}_{index}.bin").write_bytes(array.astype(array.dtype.newbyteorder("<")).tobytes())


def _facts(manifest: Manifest) -> dict[str, str]:
    return {
        "name": manifest.name,
        "lth_edge": __version__,
        "kind": manifest.kind,
        "form": manifest.form,
        "oldest_onnxruntime": manifest.oldest_onnxruntime,
        "tolerance": f"{manifest.test_vector.tolerance:g}",
        "inputs": ", ".join(map(described, manifest.inputs)),
        "outputs": ", ".join(map(described, manifest.outputs)),
        "weights": manifest.licenses.weights,
        "data": manifest.licenses.data,
        "runner": manifest.licenses.runner,
    }
