"""From a run's files to its package: the form that won, its test vector and its figures."""

from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from lth_edge.bench.choice import SPARSE
from lth_edge.convert.model_file import versions
from lth_edge.errors import InputError
from lth_edge.package.replay import tolerance_of
from lth_edge.package.write import PackageContents, write_package, zip_path
from lth_edge.runtime.library import library_path, this_machine
from lth_edge.runtime.session import session
from lth_edge.ticket import Array

DEVICE = "linux-aarch64"
"""The target that packages are made for beside the machine that makes them; it runs on Android too."""


def ship(
    folder: Path,
    report: Mapping[str, Any],
    form: str,
    paths: Mapping[str, Path],
    inputs: Mapping[str, Array],
    licenses: tuple[str, str],
) -> dict[str, Any]:
    """Write `folder/package` and `folder/package.zip` with the given form.

    A form of standard operators is its own fallback. The sparse form brings the kernels of this machine and of
    64-bit Arm under Linux, which most devices are, and ticket.onnx for wherever they do not load.

    Args:
        inputs: raw examples of the test vector.
        licenses: SPDX identifiers of weights and data.

    Returns:
        The report's "package" section.
    """
    path = paths[form]
    running = session(path)
    outputs = dict(zip((o.name for o in running.get_outputs()), running.run(None, dict(inputs)), strict=True))
    opset, ir_version = versions(path)
    contents = PackageContents(
        name=report["name"],
        created=report["created"],
        kind=_kind(report["kind"], form),
        form=form,
        model=path,
        fallback=paths["ticket"] if form == SPARSE else path,
        libraries=_libraries() if form == SPARSE else {},
        inputs=inputs,
        outputs=outputs,
        metric=report["task"]["metric"],
        opset=opset,
        ir_version=ir_version,
        recipe_hash=report["recipe_hash"],
        labels=report["task"]["labels"],
        figures=_figures(report, form),
        license_weights=licenses[0],
        license_data=licenses[1],
        tolerance=tolerance_of(form),
    )
    write_package(folder / "package", contents)
    archive = zip_path(folder / "package")
    return {"folder": "package", "zip": archive.name, "form": form, "bytes": archive.stat().st_size}


def _libraries() -> dict[str, Path]:
    """Target -> library: of this machine, and of `DEVICE` where this installation has it."""
    libraries = {this_machine(): library_path()}
    with suppress(InputError):
        libraries[DEVICE] = library_path(DEVICE)
    return libraries


def _kind(kind: str, form: str) -> str:
    return kind if form not in {"dense", "int8"} else f"{form} network, no ticket"


def _figures(report: Mapping[str, Any], form: str) -> dict[str, Any]:
    """What was measured of this form, and of dense beside it, on the machine named."""
    rows = {row["name"]: row for row in report["forms"]}
    latency = (report["measurements"] or {}).get("latency", [])
    figures: dict[str, Any] = {
        "machine": report["machine"]["cpu"],
        "threads": report["measurements"]["threads"],
    }
    for name in dict.fromkeys((form, "dense")):
        figures[name] = {
            "bytes": rows[name]["bytes"],
            f"test {report['task']['metric']['name']}": rows[name]["test_metric"],
            **{f"p50 us, batch {row['batch']}": row["p50_us"] for row in latency if row["form"] == name},
        }
    return figures
