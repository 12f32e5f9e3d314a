"""The names that users import, and how little a device needs for those it uses."""

from command import Finished, python

import lth_edge

NAMES = {
    "Data", "LthEdgeError", "Mask", "Metric", "Recipe", "Report", "Task", "Ticket", "Training", "compress",
    "library_path", "make_task", "on_stderr", "preset", "session", "verify_package", "__version__",
}  # fmt: skip
LACKING = "torch torchvision onnx onnxscript sklearn scipy matplotlib jinja2 rich safetensors click".split()


def test_the_public_names_are_these_and_all_can_be_had() -> None:
    assert set(lth_edge.__all__) == NAMES == set(dir(lth_edge))
    assert all(getattr(lth_edge, name) is not None for name in NAMES)


def test_an_unknown_name_is_an_attribute_error() -> None:
    assert not hasattr(lth_edge, "compres")


def test_importing_lth_edge_imports_nothing_heavy() -> None:
    done = python("import sys, lth_edge; print([n for n in ('torch', 'onnx', 'onnxruntime') if n in sys.modules])")
    assert done.stdout.strip() == "[]", done.stderr


def test_a_device_runs_and_verifies_a_package_without_torch_and_onnx(finished: Finished) -> None:
    done = python(f"""
import sys
sys.modules.update(dict.fromkeys({LACKING!r}))
import lth_edge, numpy
found = lth_edge.verify_package(__import__("pathlib").Path({str(finished.folder / "package")!r}))
running = lth_edge.session({str(finished.folder / "package" / "model.onnx")!r})
print(len(found.files), running.run(None, {{"input": numpy.zeros((2, 1, 8, 8), numpy.float32)}})[0].shape)
""")
    count = len(list((finished.folder / "package").iterdir())) - 1  # SHA256SUMS is what they are checked with
    assert done.stdout.split(maxsplit=1) == [str(count), "(2, 10)\n"], done.stderr
