"""The page of devices in a real browser: no sideways scrolling, every figure there, on a phone and on a screen."""

from pathlib import Path

from browser import WIDTHS, dump_dom, measured, needs_browser
from device_samples import device, emulated, estimate, silent, throttled
from sample_devices import write_run

from lth_edge.report.devices.overview import Overview
from lth_edge.report.devices.page import to_page
from lth_edge.report.devices.save import PAGE, save_devices

pytestmark = needs_browser

WATCHED = {f"Clock and temperature of {name}" for name in ("board", "pi4", "pi5")}


def test_the_page_opens_from_disk_and_its_links_lead_to_files(tmp_path: Path) -> None:
    run = write_run(tmp_path / "run", device())
    save_devices(run)
    dom = dump_dom(run / PAGE, tmp_path)
    assert "<title>mlp on digits: on devices</title>" in dom
    assert 'href="devices/pi5.json"' in dom and (run / "devices/pi5.json").is_file()


def test_every_figure_shows_and_nothing_scrolls_sideways(tmp_path: Path) -> None:
    everything = (throttled(), device(), silent(), emulated(), estimate())
    overview = Overview.read(write_run(tmp_path / "run", *everything))
    found = measured(to_page(overview), tmp_path)
    assert {int(width) for width in found} == set(WIDTHS)
    for seen in found.values():
        assert seen["scroll"] <= seen["client"]
        assert seen["figures"].keys() == {"Latency", "Bytes on the device", *WATCHED}
        assert all(width > 200 and height > 30 for width, height in seen["figures"].values())
        assert len(seen["plots"]) == 3  # of each pair, the one that fits; the third device told neither clock nor heat
        assert all(width > 200 and height > 200 for width, height in seen["plots"])
        assert all(width > 0 and height > 0 for width, height in seen["bars"])


def test_long_names_do_not_push_the_page_wide(tmp_path: Path) -> None:
    long = "ssh:" + "pi-in-the-cellar." * 12
    there = device("d" * 80, target=long, taints=[long])
    there["machine"] |= {"model": long, "cpu": long, long: long}
    overview = Overview.read(write_run(tmp_path / "run", there, estimate("e" * 80) | {"method": long}))
    for seen in measured(to_page(overview), tmp_path).values():
        assert seen["scroll"] <= seen["client"]
