import copy
import json

import pytest

from lth_edge.bench.verdicts import best_form, verdicts


def _answers(report):
    return {verdict["question"]: (verdict["answer"], verdict["good"]) for verdict in verdicts(report)}


def test_every_question_is_answered_once_and_nothing_is_changed(report):
    before = copy.deepcopy(report)
    found = verdicts(report)
    assert report == before
    questions = ["recommendation", "size", "memory", "latency", "accuracy", "controls", "test set"]
    assert [verdict["question"] for verdict in found] == questions
    assert json.loads(json.dumps(found)) == found


def test_recommends_what_is_shipped(report):
    answer, good = _answers(report)["recommendation"]
    assert answer.startswith(f"ship {best_form(report)}: 8.0x smaller, no measurable change in latency")
    assert good is True


def test_recommends_int8_where_it_wins(report):
    report["forms"][1]["validation_metric"] = 97.9
    assert _answers(report)["recommendation"][0].startswith("ship int8: 4.0x smaller, 2.5x faster")


def test_recommends_dense_and_says_why(report):
    report["recipe"]["bench"]["prefer"] = "latency"
    assert _answers(report)["recommendation"] == (
        "stay dense: nothing within tolerance gains (prefer: latency)",
        None,
    )
    report["forms"][2]["validation_metric"] = 50.0
    assert _answers(report)["recommendation"] == ("stay dense: no other form is within tolerance", None)


def test_size_stands_beside_what_gzip_alone_reaches(report):
    answer, good = _answers(report)["size"]
    assert "ticket.onnx is 8.0x smaller (300.0 kB)" in answer
    assert "against dense.onnx (2.40 MB)" in answer
    assert "dense with zeros gzipped 6.0x" in answer
    assert good is True
    report["forms"][1]["bytes"] = report["forms"][2]["bytes"] = 4_800_000
    assert "ticket.onnx is 2.0x larger" in _answers(report)["size"][0]
    assert best_form(report) == "dense"
    assert _answers(report)["size"][1] is None


def test_memory_needs_every_process_apart(report):
    answer, good = _answers(report)["memory"]
    assert "dense 5.00 MB" in answer
    assert "ticket 5.00 MB (no measurable change)" in answer
    assert "int8 2.00 MB (less)" in answer
    assert good is None  # of the ticket, which is what is recommended
    report["measurements"]["raw"]["memory_bytes"]["ticket"] = [46_000_000] * 3
    assert "(more)" in _answers(report)["memory"][0]
    assert _answers(report)["memory"][1] is False


def test_latency_per_batch_with_intervals_and_doubts(report):
    answer, good = _answers(report)["latency"]
    assert "batch 1: int8 2.5x faster (2.45 to 2.55), ticket no measurable change (0.98 to 1.02)" in answer
    assert "batch 32: int8 2.0x faster" in answer
    assert "ticket 1.25x slower (1.23 to 1.28)" in answer
    assert "at batch 1 the call itself weighs in (an empty graph takes 9.0 us)" in answer
    assert "at batch 32 the call" not in answer
    assert "loading: dense 3 ms, ticket 6 ms" in answer
    assert good is False  # the ticket is slower at batch 32
    report["forms"][1]["validation_metric"] = 97.9
    assert best_form(report) == "int8"
    assert _answers(report)["latency"][1] is True


def test_what_was_not_measured_is_said(report):
    report["measurements"]["memory"] = []
    assert _answers(report)["memory"] == ("peak memory was not measured", None)
    report["measurements"] = None
    assert _answers(report)["memory"] == ("peak memory was not measured", None)
    assert _answers(report)["latency"] == ("latency was not measured", None)
    assert "latency not measured" in _answers(report)["recommendation"][0]


def test_accuracy_is_told_on_test_data_and_judged_on_validation_data(report):
    answer, good = _answers(report)["accuracy"]
    assert "accuracy on test data: dense 97.5 %, int8 97.4 % (not within tolerance)" in answer
    assert "ticket 97.1 % (within tolerance); tolerance 1 %, judged on validation data" in answer
    assert good is None
    report["forms"][1]["validation_metric"] = 97.5
    assert _answers(report)["accuracy"][1] is True
    report["forms"][1]["validation_metric"] = report["forms"][2]["validation_metric"] = 0.0
    assert _answers(report)["accuracy"][1] is False


def test_accuracy_without_a_test_set(report):
    report["task"]["test_set"] = "none"
    for form in report["forms"]:
        form["test_metric"] = None
    report["forms"][1]["validation_metric"] = None
    answer = _answers(report)["accuracy"][0]
    assert "accuracy on validation data: dense 97.9 %, int8 not evaluated (not within tolerance)" in answer
    untouched = "no untouched test set: the figures are those of validation data"
    assert _answers(report)["test set"] == (untouched, False)


def test_no_ticket_is_said_first(report):
    report |= {"kind": "no ticket within tolerance", "chosen": None}
    answer, good = _answers(report)["accuracy"]
    assert answer.startswith("no ticket stayed within tolerance")
    assert good is False


@pytest.mark.parametrize(
    ("origin", "reads", "answer", "good"),
    [
        ("given", 1, "360 test examples, given, read once", True),
        ("carved", 1, "360 test examples, set aside before training, read once", True),
        ("carved", 3, "360 test examples, set aside before training, read 3 times", None),
    ],
)
def test_test_set(report, origin, reads, answer, good):
    report["task"] |= {"test_set": origin, "test_reads": reads}
    assert _answers(report)["test set"] == (answer, good)


def _with_controls(report, figures, level=11):
    """Add tickets and controls: (ticket, reinit, random mask) of test data, one triple per seed."""
    report["levels"] = [record for record in report["levels"] if record["level"] != level]
    for seed, triple in enumerate(figures):
        for control, metric in zip(("", "reinit", "random-mask"), triple, strict=True):
            record = {"seed": seed, "level": level, "control": control, "validation_metric": 50.0}
            report["levels"].append(record | {"test_metric": metric})
    return _answers(report)["controls"]


def test_controls_not_run(report):
    assert _answers(report)["controls"] == ("controls not run", None)


def test_one_seed_gives_no_interval(report):
    answer, good = _with_controls(report, [(97.0, 95.5, 90.0)])
    assert "at level 11 the ticket is 1.5 points ahead of the same mask re-initialised (one seed" in answer
    assert "is 7 points ahead of a random mask" in answer
    assert good is None


def test_one_seed_behind_a_control_is_bad(report):
    answer, good = _with_controls(report, [(97.0, 98.0, 90.0)])
    assert "is 1 point behind the same mask re-initialised" in answer
    assert good is False


def test_seeds_are_paired(report):
    figures = [(90.0, 89.0, 80.0), (95.0, 93.9, 84.0), (99.0, 98.1, 88.0)]
    answer, good = _with_controls(report, figures)
    assert "the ticket beats the same mask re-initialised by 1 point (0.75 to 1.2, 3 seeds)" in answer
    assert good is True


@pytest.mark.parametrize("retraining", ["learning-rate", "fine-tune"])
def test_beating_controls_that_were_trained_for_less_proves_nothing(report, retraining):
    figures = [(97.0, 95.5, 90.0), (97.1, 95.4, 90.0), (97.2, 95.6, 90.1)]
    assert _with_controls(report, figures)[1] is True
    report["find"] = {"retraining": retraining}
    answer, good = _with_controls(report, figures)
    assert "has more training behind it" in answer and good is None


def test_a_control_within_the_interval_is_no_win(report):
    answer, good = _with_controls(report, [(90.0, 91.0, 80.0), (95.0, 93.0, 84.0), (99.0, 98.9, 88.0)])
    assert "is not measurably better than the same mask re-initialised" in answer
    assert "beats a random mask" in answer
    assert good is None


def test_losing_to_a_control_is_bad(report):
    answer, good = _with_controls(report, [(80.0, 90.0, 70.0), (80.1, 90.0, 70.0), (79.9, 90.0, 70.0)])
    assert "loses to the same mask re-initialised by 10 points" in answer
    assert good is False


def test_controls_of_a_metric_that_is_better_when_lower(report):
    report["task"]["metric"]["higher_is_better"] = False
    assert "is 1 point ahead of the same mask" in _with_controls(report, [(2.0, 3.0, 9.0)])[0]


def test_controls_elsewhere_than_at_the_chosen_level(report):
    report["chosen"] = None
    assert "at level 7 the ticket" in _with_controls(report, [(97.0, 95.0, 90.0)], level=7)[0]


def test_controls_without_test_data_use_validation_data(report):
    answer, _ = _with_controls(report, [(None, None, None)])
    assert "is level with the same mask re-initialised (one seed: no interval)" in answer


def with_sparse(report, bytes, kernels, median):
    """A fourth form that needs kernels and is faster than dense."""
    metrics = {"validation_metric": 97.2, "test_metric": 97.1}
    report["forms"].append(
        {"name": "sparse", "file": "ticket.sparse.onnx", "bytes": bytes, "kernels_bytes": kernels} | metrics
    )
    speedup = {"median": median, "low": median - 0.1, "high": median + 0.1, "verdict": "faster"}
    report["measurements"]["latency"].append({"form": "sparse", "batch": 1, "speedup": speedup, "warning": ""})
    return _answers(report)


def test_a_sparse_form_that_wins_is_told_with_its_kernels_and_its_speed(report):
    answers = with_sparse(report, 320_000, 80_000, 5.0)
    assert answers["recommendation"] == (
        "ship sparse: 7.5x smaller (6.0x smaller with the kernels it needs), 5.0x faster, "
        "within tolerance (prefer: balanced)",
        True,
    )
    assert "ticket.sparse.onnx is 7.5x smaller (320.0 kB and 80.0 kB of kernels, once a device)" in answers["size"][0]
    assert "sparse 5.0x faster (4.90 to 5.10)" in answers["latency"][0]
    assert answers["latency"][1] is True


def test_a_sparse_form_that_is_faster_but_larger_with_its_kernels_is_told_of(report):
    answer, _ = with_sparse(report, 320_000, 2_000_000, 1.5)["recommendation"]
    assert answer.startswith("ship ticket: 8.0x smaller, no measurable change in latency")
    assert answer.endswith("; sparse is 1.50x faster, 2.32 MB with its kernels: --prefer latency ships it")


def test_kernels_that_make_a_file_larger_than_dense_are_no_success_in_size(report):
    report["recipe"]["bench"]["prefer"] = "latency"
    answers = with_sparse(report, 320_000, 9_000_000, 1.5)
    assert answers["recommendation"][0].startswith("ship sparse: 7.5x smaller (3.9x larger with the kernels it needs)")
    assert answers["size"][1] is False
