"""What a C program takes and how it is used, in words: its README, and the lines that the command prints."""

from collections.abc import Iterator, Mapping
from importlib.resources import files as packaged
from string import Template
from typing import Any

from lth_edge.package.manifest import Licenses

Sizes = Mapping[str, Any]


def readme(sizes: Sizes, licenses: Licenses) -> str:
    """Markdown: how to use, test and judge the program.

    Args:
        sizes: content of sizes.json.
        licenses: of the network.
    """
    template = Template((packaged("lth_edge.package") / "c_readme.md.txt").read_text(encoding="utf-8"))
    agreement, integer = sizes["agreement"], sizes["activations"] == "int8"
    return template.substitute(
        name=sizes["name"],
        upper=sizes["name"].upper(),
        lth_edge=sizes["lth_edge"],
        values=_named(sizes["values"], "row"),
        activations=_named(sizes["activations"], "tensor"),
        input_type=sizes["input_type"],
        output_type=sizes["output_type"],
        scales=_SCALES if integer else "",
        examples=sizes["examples"],
        exactness=_INTEGER if integer else _FLOAT,
        stored=sizes["stored"],
        written=_cells(sizes["written"]),
        dense=_cells(sizes["dense"]),
        compiler=sizes["written"]["compiler"],
        verdict=verdict(sizes),
        judged=agreement["on"],
        same=f"{agreement['same_prediction']} of {agreement['examples']}",
        error=f"{agreement['largest_error']:.1e}",
        calibrated=f" Scales: from {sizes['calibrated_on']}." if integer else "",
        weights=licenses.weights,
        data=licenses.data,
    )


def lines(sizes: Sizes) -> Iterator[str]:
    """What a terminal is told."""
    agreement = sizes["agreement"]
    yield f"{'':22}{'code':>10}{'constants':>12}{'arena':>10}  bytes"
    for title, key in (("as written", "written"), ("every weight stored", "dense")):
        code, data, arena = (_number(sizes[key][part]) for part in ("code", "data", "arena"))
        yield f"{title:22}{code:>10}{data:>12}{arena:>10}"
    yield f"code by {sizes['written']['compiler']}"
    yield verdict(sizes)
    yield (
        f"against onnxruntime, on {agreement['on']}: {agreement['same_prediction']} of {agreement['examples']} "
        f"predictions are the same, largest error {agreement['largest_error']:.1e} of the largest output"
    )


def verdict(sizes: Sizes) -> str:
    """What leaving out zeros gains or costs in this very network."""
    gaps, layers = sum(layer["stored"] == "sparse" for layer in sizes["layers"]), len(sizes["layers"])
    cost = (
        f"A weight that is not zero takes {sizes['bytes_a_nonzero']:.2f} bytes with its gap and its share of row "
        f"counts: leaving zeros out pays from {sizes['break_even_sparsity']:.0%} zeros on, and "
        f"{sizes['sparsity']:.1%} are zero"
    )
    if sizes["forced_dense"]:
        return f"{cost}. Every weight is stored all the same, as asked."
    if not gaps:
        return f"{cost}: nothing is gained, every weight is stored."
    return f"{cost}: {gaps} of {layers} layers leave them out" + (
        "." if gaps == layers else ", the others gain nothing."
    )


def _cells(bytes_: Sizes) -> str:
    return " | ".join(_number(bytes_[part]) for part in ("code", "data", "arena"))


def _number(value: int | str) -> str:
    return f"{value:,}" if isinstance(value, int) else value


def _named(precision: str, along: str) -> str:
    return f"int8 with a scale a {along}" if precision == "int8" else "fp32"


_SCALES = (
    " No float is computed: scales of input and output are constants of the header, and what lies beyond the range of "
    "the calibration examples saturates."
)
_INTEGER = "The integers must be the recorded ones, bit for bit, whatever the target."
_FLOAT = "Outputs must be the recorded ones within 1e-5 of the largest: targets round differently."
