"""Whatever lies in a run's devices/ is shown or refused with a reason, and never crashes a report."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from device_renderings import terminal
from device_samples import device, estimate, throttled
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_devices import overview, write_run

from lth_edge.errors import DamagedError
from lth_edge.report.devices.estimates import layers_table
from lth_edge.report.devices.markdown import to_markdown
from lth_edge.report.devices.overview import Overview


def test_figures_of_other_files_than_the_run_has_are_refused(tmp_path: Path) -> None:
    other = device()
    other["forms"]["sparse"]["bytes"] += 1
    with pytest.raises(DamagedError, match=r"pi5\.json measured another sparse than this run's") as raised:
        Overview.read(write_run(tmp_path / "size", other))
    assert "--on ssh:pi@pi5.local" in raised.value.mend
    run = write_run(tmp_path / "hash", device())
    (run / "files").mkdir()
    (run / "files" / "int8.onnx").write_bytes(b"another model")
    with pytest.raises(DamagedError, match="another int8"):
        Overview.read(run)


JUNK: list[Any] = [None, True, -1, 0, 3, "", "unknown", "x", [], [None], {}, {"x": 1}, float("nan"), 1e999, 10**400]


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_file_is_shown_or_refused(data: st.DataObject) -> None:
    content = throttled() if data.draw(st.integers(0, 3)) else estimate()
    content |= {"during": content["during"][:2]} if "during" in content else {}
    place = data.draw(st.sampled_from(list(places(content))))
    *before, last = place
    spot = content
    for key in before:
        spot = spot[key]
    spot[last] = data.draw(st.sampled_from(JUNK))
    try:
        found = overview(content)
    except DamagedError:
        return
    assert terminal(found) and to_markdown(found)
    assert all(layers_table(shown) for shown in found.estimates)


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a JSON value but the single samples."""
    below = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in below:
        if not isinstance(value, list) or isinstance(item, dict):
            yield (*path, key)
            yield from places(item, (*path, key))
