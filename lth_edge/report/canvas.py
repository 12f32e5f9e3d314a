"""Figures as SVG that follow the page: its colours, its font, its light and dark."""

import io
import re
import warnings
from collections.abc import Callable
from html import escape
from typing import Any

from matplotlib import rc_context
from matplotlib.figure import Figure

Draw = Callable[[Figure], None]

# name -> (light, dark); the light ones all differ: each stands for its CSS variable while a figure is drawn
PALETTE = {
    "page": ("#f6f7f9", "#0f1216"),
    "card": ("#fffffe", "#171b21"),
    "ink": ("#1a1d23", "#e9ecf1"),
    "muted": ("#5a6270", "#a0a9b7"),
    "line": ("#e1e5ea", "#2b313b"),
    "track": ("#eceff3", "#232932"),
    "good": ("#15794a", "#4fc78d"),
    "bad": ("#c0342b", "#ff8178"),
    "good-tint": ("#e7f4ed", "#13291f"),
    "bad-tint": ("#fbebe9", "#331b1b"),
    "series-1": ("#2f57d4", "#86a4ff"),
    "series-2": ("#b35309", "#f0a355"),
    "series-3": ("#8a3ea3", "#d793ee"),
    "series-4": ("#0d7377", "#48c5c4"),
    "series-5": ("#a3286a", "#f58bbb"),
    "series-6": ("#5d6b0a", "#bccb5a"),
}
SERIES = [name for name in PALETTE if name.startswith("series-")]
LIGHT = {name: light for name, (light, _) in PALETTE.items()}
_FONT = "DejaVu Sans"


def style(salt: str) -> dict[str, Any]:
    """matplotlib's settings for one figure; `salt` makes its ids its own, and the same in every run."""
    return {
        "svg.fonttype": "none",
        "svg.hashsalt": salt,
        "text.parse_math": False,
        "font.family": _FONT,
        "font.size": 13,
        "axes.edgecolor": LIGHT["line"],
        "axes.labelcolor": LIGHT["muted"],
        "axes.facecolor": "none",
        "axes.grid": False,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.linewidth": 1.0,
        "axes.titlesize": 13,
        "axes.unicode_minus": True,
        "grid.color": LIGHT["line"],
        "grid.linewidth": 1.0,
        "text.color": LIGHT["ink"],
        "figure.facecolor": "none",
        "xtick.color": LIGHT["line"],
        "ytick.color": LIGHT["line"],
        "xtick.labelcolor": LIGHT["muted"],
        "ytick.labelcolor": LIGHT["muted"],
        "legend.frameon": False,
        "legend.fontsize": 12,
        "legend.labelcolor": LIGHT["muted"],
        "savefig.facecolor": "none",
        "figure.constrained_layout.h_pad": 0.09,
    }


def inline_svg(draw: Draw, width: int, height: int, name: str, label: str) -> str:
    """Draw a figure as an `<svg>` element for an HTML page.

    Args:
        draw: puts its content on an empty figure.
        width, height: in CSS pixels; text is 13 of them high.
        name: unique within the page; prefixes every id.
        label: read to those who do not see the figure.
    """
    svg = _svg(draw, width, height, name)
    svg = re.sub(r"<defs>\s*<style.*?</style>\s*</defs>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'\bid="([^"]+)"', rf'id="{name}-\1"', svg)
    svg = re.sub(r'xlink:href="#([^"]+)"', rf'href="#{name}-\1"', svg)
    svg = re.sub(r"url\(#([^)]+)\)", rf"url(#{name}-\1)", svg)
    body = svg.index(">", svg.index("<svg")) + 1
    opening = f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(label)}">'
    return opening + _follow_page(svg[body:])


def standalone_svg(draw: Draw, width: int, height: int, name: str) -> str:
    """The same as a file of its own, on white."""
    return _svg(draw, width, height, name, on=LIGHT["card"]).replace(f"'{_FONT}'", "system-ui, sans-serif")


def png(draw: Draw, width: int, height: int, name: str) -> bytes:
    """The same as pixels, on white, two per CSS pixel."""
    return _rendered(
        draw, width, height, name, format="png", dpi=144, facecolor=LIGHT["card"], metadata={"Software": None}
    )


def _svg(draw: Draw, width: int, height: int, name: str, on: str = "none") -> str:
    unstamped = dict.fromkeys(("Date", "Creator", "Format", "Type"))
    return _rendered(draw, width, height, name, format="svg", facecolor=on, metadata=unstamped).decode()


def _rendered(draw: Draw, width: int, height: int, name: str, **how: Any) -> bytes:
    with rc_context(style(name)), warnings.catch_warnings():
        # the reader's fonts, not ours, draw the text: a glyph missing here only blurs its width
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        figure = Figure(figsize=(width / 72, height / 72), layout="constrained")
        draw(figure)
        buffer = io.BytesIO()
        figure.savefig(buffer, **how)
    return buffer.getvalue()


def _follow_page(svg: str) -> str:
    for name, colour in LIGHT.items():
        svg = svg.replace(colour, f"var(--{name})")
    return svg.replace(f"'{_FONT}'", "var(--font)")
