"""What a terminal, Markdown and the page show of devices."""

import io
from html import unescape

from reading import Page, squeezed
from rich.console import Console

from lth_edge.report.devices.markdown import to_markdown
from lth_edge.report.devices.overview import Overview
from lth_edge.report.devices.page import to_page
from lth_edge.report.devices.terminal import print_devices


def terminal(found: Overview, width: int = 80, encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    print_devices(found, Console(file=stream, width=width))
    stream.flush()
    return raw.getvalue().decode(encoding)


def renderings(found: Overview) -> list[str]:
    """All three without white space, in this order."""
    return [squeezed(text) for text in (terminal(found), unescape(to_markdown(found)), Page(to_page(found)).text)]
