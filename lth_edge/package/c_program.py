"""Write a network as a C program: one file with weights and kernels, its header, a self-test and what it takes."""

import json
import re
from dataclasses import asdict
from importlib.resources import files as packaged
from pathlib import Path
from typing import Any

import numpy as np

from lth_edge._version import __version__
from lth_edge.convert.c_program.emit_test import self_test
from lth_edge.convert.c_program.make import Kind, Made, make
from lth_edge.convert.c_program.program import Call, Program
from lth_edge.convert.c_program.store import footprint
from lth_edge.convert.c_program.text import texts
from lth_edge.convert.model_file import read_model
from lth_edge.files import write_json
from lth_edge.package.c_origin import Origin, origin_of
from lth_edge.package.c_readme import lines, readme
from lth_edge.package.c_size import bytes_of
from lth_edge.package.source import Source
from lth_edge.ticket import Array

SIZES, README, LICENSE = "sizes.json", "README.md", "LICENSE"
SCHEMA_VERSION = 1


def write_c(
    source: Source, folder: Path, values: Kind = "int8", activations: Kind = "int8", dense: bool = False
) -> None:
    """Fill `folder`.

    Args:
        source: of a run, its data is calibrated on; else the package's test vector.
        values: how weights are stored.
        activations: what is computed in.
        dense: store every weight, zeros too; to compare with.

    Raises:
        InputError: a network that has no C program.
        ProofError: the network was not read rightly.
    """
    origin = origin_of(source)
    name = identifier(origin.name)
    recorded = origin.outputs(origin.vector)
    made = make(read_model(origin.model), values, activations, origin.calibration, origin.vector, recorded)
    program = made.program(name, dense)
    sizes = _sizes(origin, made, program, activations, dense)
    for file, text in texts(program).items():
        (folder / file).write_text(text, encoding="ascii", newline="\n")
    test = self_test(program, made.takes(origin.vector), _recorded(origin, made))
    (folder / f"{name}_test.c").write_text(test, encoding="ascii", newline="\n")
    (folder / LICENSE).write_bytes((packaged("lth_edge.package") / "LICENSE-runner.txt").read_bytes())
    (folder / README).write_text(readme(sizes, origin.licenses), encoding="utf-8", newline="\n")
    write_json(folder / SIZES, sizes)


def told(folder: Path) -> list[str]:
    """What the C program in a folder takes and how it agrees, in lines for people; none where there is no program."""
    sizes = folder / SIZES
    return list(lines(json.loads(sizes.read_text()))) if sizes.is_file() else []


def identifier(name: str) -> str:
    """A C identifier from the name of a network, without the hash of its recipe."""
    plain = re.sub(r"[^a-z0-9]+", "_", re.sub(r"-[0-9a-f]{12}$", "", name.lower())).strip("_")
    return f"net_{plain}" if not plain or plain[0].isdigit() else plain


def _recorded(origin: Origin, made: Made) -> Array:
    """What the self-test expects: of unchanged numbers what onnxruntime gives, else what numpy does in the same."""
    return origin.outputs(origin.vector) if made.values == "fp32" else made.gives(origin.vector)


def _sizes(origin: Origin, made: Made, program: Program, activations: Kind, dense: bool) -> dict[str, Any]:
    cost = footprint(made.matrices)
    weights = sum(matrix.size for matrix in made.matrices)
    nonzero = sum(int(np.count_nonzero(matrix)) for matrix in made.matrices)
    return {
        "schema_version": SCHEMA_VERSION,
        "lth_edge": __version__,
        "name": program.name,
        "values": made.values,
        "activations": activations,
        "stored": "every weight stored" if dense else "zeros left out where that is smaller",
        "forced_dense": dense,
        "input_type": program.input_type,
        "output_type": program.output_type,
        "examples": len(origin.vector),
        "weights": weights,
        "sparsity": 1 - nonzero / weights,
        "bytes_a_nonzero": cost.bytes_a_nonzero,
        "break_even_sparsity": cost.break_even,
        "written": asdict(bytes_of(program)),
        "dense": asdict(bytes_of(made.program(program.name, dense=True))),
        "layers": [_layer(call) for call in program.calls if call.stored is not None],
        "calibrated_on": origin.calibrated_on if activations == "int8" else "",
        "agreement": _agreement(origin, made, program),
    }


def _layer(call: Call) -> dict[str, Any]:
    assert call.stored is not None, "only weight layers are listed"
    return {
        "name": call.layer.name,
        "origin": call.layer.origin,
        "weights": call.stored.weights,
        "nonzero": call.stored.nonzero,
        "stored": "dense" if call.stored.gaps is None else "sparse",
        "bytes": call.stored.bytes,
    }


def _agreement(origin: Origin, made: Made, program: Program) -> dict[str, Any]:
    """The program against onnxruntime, on real inputs."""
    expected = origin.outputs(origin.judged)
    got = made.gives(origin.judged).astype(np.float64) * program.scales.get("OUTPUT_SCALE", 1)
    return {
        "examples": len(expected),
        "on": origin.judged_on,
        "same_prediction": int((got.argmax(axis=1) == expected.argmax(axis=1)).sum()),
        "largest_error": float(np.abs(got - expected).max() / (np.abs(expected).max() or 1.0)),
    }
