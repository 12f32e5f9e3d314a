import gzip

import pytest

from lth_edge.bench.size import size
from lth_edge.errors import InputError


def test_bytes_and_gzipped_bytes(tmp_path):
    path = tmp_path / "zeros"
    path.write_bytes(bytes(100_000))
    found = size(path)
    assert found.bytes == 100_000
    assert found.gzip_bytes == len(gzip.compress(bytes(100_000), 9, mtime=0)) < 200


def test_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match=r"gone\.onnx"):
        size(tmp_path / "gone.onnx")
