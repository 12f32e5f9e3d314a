"""The files that show a run on devices: devices.html and devices.md, beside the run's report."""

from pathlib import Path

from lth_edge.files import write_text
from lth_edge.report.devices.markdown import to_markdown
from lth_edge.report.devices.overview import Overview
from lth_edge.report.devices.page import to_page

PAGE, MARKDOWN = "devices.html", "devices.md"


def save_devices(run: Path) -> Overview:
    """Write both files into the folder of a run, each whole or not at all.

    Raises:
        InputError: the run is not finished, or nothing is known of any device.
        DamagedError: a file in its devices/ is damaged, of a newer lth-edge, or of another run.
        StorageError: they cannot be written.
    """
    overview = Overview.read(run)
    write_text(run / MARKDOWN, to_markdown(overview))
    write_text(run / PAGE, to_page(overview))
    return overview
