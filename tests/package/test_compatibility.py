import pytest

from lth_edge.errors import InputError
from lth_edge.package.compatibility import oldest_onnxruntime


@pytest.mark.parametrize(
    ("opset", "ir_version", "oldest"),
    [(18, 8, "1.14"), (19, 9, "1.16"), (20, 9, "1.17"), (21, 10, "1.18"), (22, 10, "1.21"), (23, 11, "1.23")],
)
def test_pairs_that_onnx_releases_together(opset, ir_version, oldest):
    assert oldest_onnxruntime(opset, ir_version) == oldest


def test_the_newer_of_both_decides():
    assert oldest_onnxruntime(18, 10) == "1.18"
    assert oldest_onnxruntime(21, 8) == "1.18"


def test_files_older_than_the_table_need_no_more_than_its_first_release():
    assert oldest_onnxruntime(11, 6) == "1.14"


@pytest.mark.parametrize(("opset", "ir_version"), [(99, 8), (18, 99)])
def test_newer_than_any_release_is_refused(opset, ir_version):
    with pytest.raises(InputError, match=r"no known onnxruntime runs .* 99"):
        oldest_onnxruntime(opset, ir_version)
