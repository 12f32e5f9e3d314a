"""The README of a package: one screen, for someone who has the package and nothing else."""

from collections.abc import Iterator, Mapping
from importlib.resources import files as packaged
from string import Template
from typing import Any

from lth_edge.package.manifest import Manifest, Tensor
from lth_edge.ticket import Array


def readme(manifest: Manifest, inputs: Mapping[str, Array]) -> str:
    """Markdown that says what the package is, how to run and verify it, and what was measured.

    Args:
        inputs: of the test vector.
    """
    template = Template((packaged("lth_edge.package") / "readme.md.txt").read_text(encoding="utf-8"))
    return template.substitute(
        name=manifest.name,
        kind=manifest.kind,
        form=manifest.form,
        created=manifest.created,
        lth_edge=manifest.lth_edge,
        recipe_hash=manifest.recipe_hash,
        oldest_onnxruntime=manifest.oldest_onnxruntime,
        inputs=", ".join(map(described, manifest.inputs)),
        outputs=", ".join(map(described, manifest.outputs)),
        ranges=", ".join(f"`{name}` {array.min():g} to {array.max():g}" for name, array in inputs.items()),
        fallback=_fallback(manifest),
        figures="\n".join(f"| {name} | {value} |" for name, value in _rows(manifest.figures)) or "| none | |",
        weights=manifest.licenses.weights,
        data=manifest.licenses.data,
        runner=manifest.licenses.runner,
        kernels=_kernels_license(manifest),
    )


def described(tensor: Tensor) -> str:
    """A tensor in Markdown, such as `pixels` uint8 [N, 2, 3]."""
    axes = ", ".join("N" if axis is None else str(axis) for axis in tensor.shape)
    return f"`{tensor.name}` {tensor.dtype} [{axes}]"


def _fallback(manifest: Manifest) -> str:
    if manifest.fallback == manifest.model:
        return f"`{manifest.model}` uses standard operators alone, so it is its own fallback."
    if manifest.libraries:
        return (
            f"`{manifest.model}` needs lth-edge's kernels: the runner registers the library of its machine, "
            f"{_libraries(manifest)}; on others, and where it does not load, it says so and uses "
            f"`{manifest.fallback}`, which computes the same with standard operators, more slowly."
        )
    return f"Where `{manifest.model}` cannot be loaded, the runner says so and uses `{manifest.fallback}`."


def _libraries(manifest: Manifest) -> str:
    return " or ".join(f"`{name}` ({target})" for target, name in manifest.libraries.items())


def _kernels_license(manifest: Manifest) -> str:
    return " Kernels (`*lth_edge-*`): Apache-2.0 (`LICENSE-kernels`)." if manifest.libraries else ""


def _rows(figures: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, str]]:
    """One row per figure; a nested table's rows carry its name in front."""
    for name, value in figures.items():
        if isinstance(value, Mapping):
            yield from _rows(value, f"{above}{name}, ")
        else:
            yield f"{above}{name}", f"{value:.4g}" if isinstance(value, float) else str(value)
