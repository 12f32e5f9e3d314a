"""What the pages have in common: one frame, one look, and every text escaped."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lth_edge.report import units
from lth_edge.report.canvas import PALETTE

WORDS = {True: "good", False: "bad", None: "neutral"}


def render(template: str, **values: Any) -> str:
    """A whole HTML document from a template beside this file."""
    return _environment().get_template(template).render(palette=PALETTE, **values)


def trusted(figure: Mapping[str, str]) -> dict[str, Markup]:
    """Our own SVG, which goes in as it is: matplotlib has escaped the names inside."""
    return {size: Markup(svg) for size, svg in figure.items()}


def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {
        "bytes": units.write_bytes,
        "factor": units.write_factor,
        "share": units.write_share,
    }
    environment.globals["WORDS"] = WORDS
    return environment
