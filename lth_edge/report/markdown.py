"""The report as Markdown, for a pull request or a README."""

import re

from lth_edge.report import costs, facts, sections
from lth_edge.report.against_dense import against_dense_sentence, against_dense_table
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
        section("Verdicts", verdict_lines(report) or "No verdict was reached."),
        section(
            escape(facts.curve_title(report)),
            escape(facts.curve_sentence(report)),
            escape(facts.chosen_sentence(report)),
        ),
        table(sections.levels_table(report)),
        _told(against_dense_table(report), against_dense_sentence(report)),
        _told(anchors_table(report), anchors_sentence(report)),
        *_tables(report),
        section("Task", bullets(facts.task_facts(report))),
        section("Search", bullets(facts.find_facts(report))),
        section("Machine", bullets(facts.machine_facts(report))),
        section("Package", bullets(facts.package_facts(report)) or "No package was written."),
        _recipe(report),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: object) -> str:
    """One line in which no character is Markdown or HTML."""
    flat = " ".join(str(text).split())
    flat = flat.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    # a single underscore or dash inside a name is harmless; escaping it would only hurt the reader
    return re.sub(r"([\\`*\[\]|#$~])|(?<!\w)(_)|(_)(?!\w)", lambda match: "\\" + match[0], flat)


def verdict_lines(report: Content) -> str:
    """The verdicts as a list, the recommendation first; empty where there are none."""
    return "\n".join(
        f"- {verdict['symbol']} **{escape(verdict['question'])}**: {escape(verdict['answer'])}"
        for verdict in sections.verdicts(report)
    )


def _told(found: Table, sentence: str) -> str:
    """A table under what must be known of it; nothing where that is empty."""
    return section(found.title, escape(sentence), table(found)) if sentence else ""


def _tables(report: Content) -> list[str]:
    measured = [escape(facts.measured_sentence(report))] if report["measurements"] else []
    doubts = [f"Warning: {escape(warning)}" for warning in costs.warnings(report)]
    return [
        section("Files", table(costs.files_table(report)), escape(" ".join(facts.files_sentences(report)))),
        section("Bytes", table(costs.sizes_table(report))),
        section("Density per layer", table(sections.layers_table(report))),
        section("Latency", *measured, table(costs.latency_table(report)), *doubts),
        section("Load and memory", table(costs.startup_table(report))),
        section("Recall per class", table(sections.recall_table(report))),
        section("Predictions flipped against dense", table(sections.flips_table(report))),
        section("Proof", table(costs.proof_table(report))),
    ]


def section(title: str, *paragraphs: str) -> str:
    """A heading and the paragraphs that are not empty; nothing where all are."""
    text = "\n\n".join(paragraph for paragraph in paragraphs if paragraph)
    return f"## {title}\n\n{text}" if text else ""


def table(shown: Table) -> str:
    """A Markdown table, or the sentence that stands in for one without rows."""
    if not shown.rows:
        return shown.empty
    rules = ["---" if column in shown.texts else "---:" for column in range(len(shown.columns))]
    lines = [_row(shown.columns), _row(rules, plain=True)]
    lines += [_row(row, strong=index in shown.marked) for index, row in enumerate(shown.rows)]
    return "\n".join(lines)


def _row(cells: tuple[str, ...] | list[str], strong: bool = False, plain: bool = False) -> str:
    written = list(cells) if plain else [escape(cell) for cell in cells]
    if strong:
        written = [f"**{cell}**" if cell else "" for cell in written]
    return "| " + " | ".join(written) + " |"


def bullets(pairs: facts.Facts) -> str:
    """Pairs of a word and a sentence as a list."""
    return "\n".join(f"- {escape(word)}: {escape(sentence)}" for word, sentence in pairs)


def _recipe(report: Content) -> str:
    pairs = [(f"{part}.{name}", value) for part, fields in facts.recipe_facts(report).items() for name, value in fields]
    return section("Recipe", f"Hash {escape(report['recipe_hash'])}.", bullets(pairs))
