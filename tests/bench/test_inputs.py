import json

import numpy as np
import pytest

from lth_edge.bench.inputs import load_feed, save_feed
from lth_edge.errors import InputError


def test_any_name_and_number_type_comes_back(tmp_path):
    feed = {
        "file": np.arange(6, dtype=np.uint8).reshape(2, 3),
        "allow_pickle": np.array([True, False]),
        "/model/x:0.npy": np.array([1.5], np.float16),
        "arr_0": np.array(7, np.int64),
    }
    found = load_feed(json.loads(json.dumps(save_feed(tmp_path / "feed.npz", feed))))
    assert list(found) == list(feed)
    for name, array in feed.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_python_objects_are_refused(tmp_path):
    with pytest.raises(InputError, match="'words' holds Python objects"):
        save_feed(tmp_path / "feed.npz", {"words": np.array(["a", None], dtype=object)})
    assert not (tmp_path / "feed.npz").exists()


def test_a_pickle_is_not_read(tmp_path):
    np.savez(tmp_path / "feed.npz", np.array([{}], dtype=object))
    with pytest.raises(ValueError, match="allow_pickle"):
        load_feed({"file": str(tmp_path / "feed.npz"), "names": ["x"]})
