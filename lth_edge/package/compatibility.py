"""The oldest onnxruntime that runs a model, from the versions stamped in its file."""

import re

from lth_edge.errors import InputError

# First onnxruntime release whose CPU kernels cover an ai.onnx opset. Measured by running a small network of
# Conv, Gemm, CumSum and ScatterElements with the wheels 1.15 to 1.26; 1.14 comes from the tables of releases.
# onnxruntime 1.15 accepts opset 19 but lacks its Cast; 1.20 knows opsets up to 21, 1.22 IR versions to 10.
_OPSETS = {
    18: "1.14",
    19: "1.16",
    20: "1.17",
    21: "1.18",
    22: "1.21",
    23: "1.23",
    24: "1.24",
    25: "1.24",
    26: "1.25",
}

# First onnxruntime release that reads an IR version; measured likewise.
_IR_VERSIONS = {8: "1.14", 9: "1.15", 10: "1.18", 11: "1.23", 12: "1.24", 13: "1.24"}

PROVED_SINCE = "1.20"
"""The oldest release that what is ours is proved with: the sparse kernels, and the graph that decodes a stream of
weights. 1.15 refuses such a graph and 1.16 computes something else."""


def oldest_onnxruntime(opset: int, ir_version: int, ours: bool = False) -> str:
    """The oldest onnxruntime, such as "1.14", that runs a model of this ai.onnx opset and IR version.

    Files older than the table get its first entry: newer releases of onnxruntime run every older file.

    Args:
        ours: the model needs lth-edge's sparse kernels, or decodes its weights from a stream.

    Raises:
        InputError: newer than the newest release in the table.
    """
    found = [_first_release("opset", _OPSETS, opset), _first_release("IR version", _IR_VERSIONS, ir_version)]
    return max([*found, *([PROVED_SINCE] if ours else [])], key=as_numbers)


def _first_release(what: str, table: dict[int, str], version: int) -> str:
    newest = max(table)
    if version > newest:
        raise InputError(f"no known onnxruntime runs {what} {version}", f"export with {what} {newest} or lower")
    return table[max(version, min(table))]


def as_numbers(release: str) -> tuple[int, ...]:
    """A version to compare by: its numbers, up to what is none, as in 1.22.0rc1 or 3.11+."""
    found = re.match(r"\d+(\.\d+)*", release)
    return tuple(int(part) for part in found[0].split(".")) if found else ()
