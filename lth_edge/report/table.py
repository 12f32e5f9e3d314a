"""The report in a terminal: verdicts, levels, files, latency; readable at 80 columns and in a pipe."""

from rich.console import Console
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from lth_edge.report import costs, facts, sections
from lth_edge.report.against_dense import against_dense_sentence
from lth_edge.report.anchors import anchors_sentence, anchors_table
from lth_edge.report.sections import Content, Table

COLOURS = {True: "green", False: "red", None: "dim"}
ASCII = str.maketrans(
    {
        "✓": "+",
        "✗": "x",
        "•": "-",
        "←": "<",
        "–": "-",
        "−": "-",
        "×": "x",
        "µ": "u",
        "…": "...",
        "±": "+/-",
        "≥": ">=",
        "≤": "<=",
    }
)


def print_report(report: Content, console: Console) -> None:
    """Print the report's verdicts and tables.

    Args:
        report: the dict of report.json.
        console: where to; colours and encoding are its own affair.
    """
    console.print(literal(console, f"{facts.heading(report)}: {report['kind']}", "bold"))
    console.print(verdict_grid(report, console))
    console.print()
    console.print(literal(console, facts.chosen_sentence(report), "dim"))
    print_table(sections.levels_table(report), console)
    print_table(costs.files_table(report).without("gzipped"), console)
    for sentence in facts.files_sentences(report):
        console.print(literal(console, sentence, "dim"))
    print_table(costs.latency_table(report, ("p50", "p99")), console)
    if report["measurements"]:
        console.print(literal(console, facts.measured_sentence(report), "dim"))
    for warning in costs.warnings(report):
        console.print(literal(console, f"Warning: {warning}", "yellow"))
    if sentence := against_dense_sentence(report):
        console.print(literal(console, sentence, "dim"))
    if sentence := anchors_sentence(report):
        print_table(anchors_table(report).without("tolerance", "source"), console)
        console.print(literal(console, sentence, "dim"))


def verdict_grid(report: Content, console: Console) -> Grid:
    """The verdicts, the recommendation first."""
    grid = Grid.grid(padding=(0, 2))
    grid.add_column(no_wrap=True)
    grid.add_column(no_wrap=True)
    grid.add_column(overflow="fold")
    for verdict in sections.verdicts(report):
        colour = COLOURS[verdict["good"]]
        strong = "bold" if verdict["question"] == "recommendation" else ""
        grid.add_row(
            literal(console, verdict["symbol"], colour),
            literal(console, verdict["question"], strong),
            literal(console, verdict["answer"], strong),
        )
    return grid


def print_table(table: Table, console: Console) -> None:
    """Print a table under its title, or the sentence that stands in for one without rows."""
    console.print()
    console.print(literal(console, table.title, "bold"))
    if not table.rows:
        console.print(literal(console, table.empty))
        return
    grid = Grid(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for index, column in enumerate(table.columns):
        justify = "left" if index in table.texts else "right"
        grid.add_column(literal(console, column), justify=justify, overflow="fold")  # type: ignore[arg-type]
    for index, row in enumerate(table.rows):
        grid.add_row(*(literal(console, cell) for cell in row), style="bold" if index in table.marked else "")
    console.print(Padding(grid, (0, 0, 0, 2)))


def literal(console: Console, text: str, style: str = "") -> Text:
    """Text that rich takes literally, in characters that the console can write."""
    if console.options.ascii_only:
        text = text.translate(ASCII).encode("ascii", "replace").decode("ascii")
    return Text(text, style)
