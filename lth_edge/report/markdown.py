"""The report as Markdown, for a pull request or a README."""

import re

from lth_edge.report import costs, facts, sections
from lth_edge.report.anchors import anchors_sentence, anchors_table
from lth_edge.report.sections import Content, Table


def to_markdown(report: Content) -> str:
    """A whole Markdown document; names of the user's cannot break out of their cell.

    Args:
        report: the dict of report.json.
    """
    parts = [
        f"# {escape(facts.heading(report))}: {escape(report['kind'])}",
        f"Run {escape(report['name'])}, {escape(report['created'])}, lth-edge {escape(report['lth_edge'])}.",
        _verdicts(report),
        _section(
            escape(facts.curve_title(report)),
            escape(facts.curve_sentence(report)),
            escape(facts.chosen_sentence(report)),
        ),
        _table(sections.levels_table(report)),
        _anchors(report),
        *_tables(report),
        _section("Task", _list(facts.task_facts(report))),
        _section("Search", _list(facts.find_facts(report))),
        _section("Machine", _list(facts.machine_facts(report))),
        _section("Package", _list(facts.package_facts(report)) or "No package was written."),
        _recipe(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: object) -> str:
    """One line in which no character is Markdown or HTML."""
    flat = " ".join(str(text).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # a single underscore or dash inside a name is harmless; escaping it would only hurt the reader
    return re.sub(r"([\\`*\[\]|#$~])|(?<!\w)(_)|(_)(?!\w)", lambda match: "\\" + match[0], flat)


def _verdicts(report: Content) -> str:
    lines = [
        f"- {verdict['symbol']} **{escape(verdict['question'])}**: {escape(verdict['answer'])}"
        for verdict in sections.verdicts(report)
    ]
    return _section("Verdicts", "\n".join(lines) or "No verdict was reached.")


def _anchors(report: Content) -> str:
    table, sentence = anchors_table(report), anchors_sentence(report)
    return _section(table.title, escape(sentence), _table(table)) if sentence else ""


def _tables(report: Content) -> list[str]:
    measured = [escape(facts.measured_sentence(report))] if report["measurements"] else []
    doubts = [f"Warning: {escape(warning)}" for warning in costs.warnings(report)]
    return [
        _section("Files", _table(costs.files_table(report)), escape(" ".join(facts.files_sentences(report)))),
        _section("Bytes", _table(costs.sizes_table(report))),
        _section("Density per layer", _table(sections.layers_table(report))),
        _section("Latency", *measured, _table(costs.latency_table(report)), *doubts),
        _section("Load and memory", _table(costs.startup_table(report))),
        _section("Recall per class", _table(sections.recall_table(report))),
        _section("Predictions flipped against dense", _table(sections.flips_table(report))),
        _section("Proof", _table(costs.proof_table(report))),
    ]


def _section(title: str, *paragraphs: str) -> str:
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return f"## {title}\n\n{text}" if text else ""


def _table(table: Table) -> str:
    if not table.rows:
        return table.empty
    rules = ["---" if column in table.texts else "---:" for column in range(len(table.columns))]
    lines = [_row(table.columns), _row(rules, plain=True)]
    lines += [_row(row, strong=index in table.marked) for index, row in enumerate(table.rows)]
    return "\n".join(lines)


def _row(cells: tuple[str, ...] | list[str], strong: bool = False, plain: bool = False) -> str:
    written = list(cells) if plain else [escape(cell) for cell in cells]
    if strong:
        written = [f"**{cell}**" if cell else "" for cell in written]
    return "| " + " | ".join(written) + " |"


def _list(pairs: facts.Facts) -> str:
    return "\n".join(f"- {escape(word)}: {escape(sentence)}" for word, sentence in pairs)


def _recipe(report: Content) -> str:
    pairs = [
        (f"{section}.{name}", value) for section, fields in facts.recipe_facts(report).items() for name, value in fields
    ]
    return _section("Recipe", f"Hash {escape(report['recipe_hash'])}.", _list(pairs))
