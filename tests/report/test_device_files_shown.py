"""Whatever lies in a run's devices/ is shown or refused with a reason, and never crashes a report."""

import json
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from device_renderings import terminal
from device_samples import device, estimate, throttled
from hypothesis import given, settings
from hypothesis import strategies as st
from sample_devices import write_run

from lth_edge.errors import DamagedError
from lth_edge.report.devices.estimates import layers_table
from lth_edge.report.devices.markdown import to_markdown
from lth_edge.report.devices.overview import Overview
from lth_edge.report.devices.page import to_page


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


@pytest.mark.parametrize(("copied", "about"), [("pi5.json", "pi5"), ("zero2w.estimate.json", "zero2w")])
def test_a_copy_under_another_name_is_not_a_second_device(copied: str, about: str, tmp_path: Path) -> None:
    devices = write_run(tmp_path, device(), estimate()) / "devices"
    (devices / f"again-{copied}").write_bytes((devices / copied).read_bytes())
    with pytest.raises(DamagedError, match=f"again-{copied} and {copied} are both about '{about}'"):
        Overview.read(tmp_path)


def test_a_device_may_be_called_by_its_address(tmp_path: Path) -> None:
    run = write_run(tmp_path)
    (run / "devices" / "ssh-pi-host.json").write_text(json.dumps(device("ssh:pi@host")))
    found = Overview.read(run)
    assert found.measured[0].name == "ssh:pi@host"
    assert 'href="devices/ssh-pi-host.json"' in to_page(found)


JUNK: list[Any] = [None, True, -1, 0, 3, "", "unknown", "x", [], [None], {}, {"x": 1}, float("nan"), 1e999, 10**400]


@settings(max_examples=80, deadline=None)
@given(st.data())
def test_whatever_stands_in_a_file_is_shown_or_refused(data: st.DataObject) -> None:
    content = throttled() if (measured := data.draw(st.integers(0, 3))) else estimate()
    content |= {"during": content["during"][:2]} if "during" in content else {}
    place = data.draw(st.sampled_from(list(places(content))))
    *before, last = place
    spot = content
    for key in before:
        spot = spot[key]
    spot[last] = data.draw(st.sampled_from(JUNK))
    with TemporaryDirectory() as folder:
        run = write_run(Path(folder))
        (run / "devices" / ("x.json" if measured else "x.estimate.json")).write_text(json.dumps(content))
        try:
            found = Overview.read(run)
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
