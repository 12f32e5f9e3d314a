"""The size table: each form beside dense fp32, gzip, int8 and the limit of independent symbols."""

import json
from dataclasses import replace

from lth_edge.report.costs import sizes_table
from lth_edge.report.facts import storage_sentences
from lth_edge.report.sizes import TicketFacts, package_row, sizes

FORMS = [
    {"name": "dense", "file": "dense.onnx", "bytes": 4000, "gzip_bytes": 3600, "kernels_bytes": 0, "test_metric": 98.0},
    {"name": "int8", "file": "int8.onnx", "bytes": 1000, "gzip_bytes": 900, "kernels_bytes": 0, "test_metric": 97.5},
    {"name": "ticket", "file": "ticket.onnx", "bytes": 200, "gzip_bytes": 190, "kernels_bytes": 0, "test_metric": 97.9},
    {"name": "sparse", "file": "s.onnx", "bytes": 250, "gzip_bytes": 9, "kernels_bytes": 750, "test_metric": 97.8},
]
OTHERS = {"dense with zeros gzipped": 500, "ticket.lthe, best": 50}
TICKET = TicketFacts(100, 500.0, frozenset({"ticket.onnx", "ticket.lthe, best"}))


def rows() -> dict[str, dict[str, object]]:
    return {row["form"]: row for row in sizes(FORMS, OTHERS, TICKET)}


def test_each_form_is_told_beside_what_it_has_to_beat() -> None:
    best = rows()["ticket.lthe, best"]
    assert best == {
        "form": "ticket.lthe, best",
        "bytes": 50,
        "factor": 80.0,
        "over_gzip": 10.0,
        "over_int8": 20.0,
        "bits_per_nonzero": 4.0,
        "share_of_limit": 0.8,
        "test_metric": 97.9,
    }
    assert rows()["s.onnx and kernels"]["bytes"] == 1000


def test_dense_forms_have_no_bits_per_nonzero_and_their_own_accuracy() -> None:
    assert rows()["dense int8"]["bits_per_nonzero"] is None
    assert rows()["dense int8"]["test_metric"] == 97.5
    assert rows()["dense gzipped"]["test_metric"] == 98.0
    assert rows()["dense with zeros gzipped"]["test_metric"] == 97.9


def test_the_masked_dense_file_is_not_given_the_accuracy_of_rounded_values() -> None:
    rounded = {row["form"]: row for row in sizes(FORMS, OTHERS, replace(TICKET, rounded=True))}
    assert rounded["dense with zeros gzipped"]["test_metric"] is None
    assert rounded["ticket.lthe, best"]["test_metric"] == 97.9


def test_without_a_ticket_dense_and_int8_are_told_alone() -> None:
    told = sizes(FORMS[:2], {}, None)
    assert [row["form"] for row in told] == ["dense fp32", "dense gzipped", "dense int8"]
    assert all(row["over_gzip"] is None for row in told)


def test_the_package_is_a_row_too() -> None:
    row = package_row(sizes(FORMS, OTHERS, TICKET), "package.zip", 400)
    assert (row["factor"], row["over_gzip"], row["bits_per_nonzero"]) == (10.0, 1.25, None)


def test_the_table_shows_them_and_reports_of_old_without_them() -> None:
    level = {"validation_metric": 98.0, "test_metric": 98.0}
    report = {"task": {"metric": {"name": "accuracy", "unit": "%", "higher_is_better": True}}, "levels": [level]}
    new = sizes_table(report | {"sizes": sizes(FORMS, OTHERS, TICKET)})
    assert new.columns[-3:] == ("bits per nonzero", "of the limit", "test")
    best = ("ticket.lthe, best", "50 B", "80.0×", "10.0×", "20.0×", "4.00", "80.0%", "97.90")
    assert best in [tuple(row) for row in new.rows]
    old = [{key: row[key] for key in ("form", "bytes", "factor")} for row in sizes(FORMS, OTHERS, TICKET)]
    assert sizes_table(report | {"sizes": json.loads(json.dumps(old))}).columns == ("stored as", "bytes", "smaller")


def test_what_storing_loses_is_told_in_words() -> None:
    report = {"task": {"metric": {"name": "accuracy", "unit": "%", "higher_is_better": True}}, "levels": []}
    trial = {"values": "codebook-4", "trained": True, "bytes": 9, "metric": 97.9, "loss": 0.1}
    rejected = trial | {"trained": False, "loss": 2.0}
    storage = {"asked": "auto", "limit": 0.2, "values": "codebook-4", "trained": True, "trials": [rejected, trial]}
    (told,) = storage_sentences(report | {"storage": storage})
    assert "codebook-4, trained within it" in told and "0.2 allowed" in told
    assert "0.1" in told.split("on validation")[0] and "2.0" not in told
    assert storage_sentences(report | {"storage": storage | {"values": "fp32"}}) == []
    assert storage_sentences(report) == []
