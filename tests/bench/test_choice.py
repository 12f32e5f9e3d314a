import pytest

from lth_edge.bench.choice import best_form, find_form, held_bytes, within_tolerance


def _change(report, name, **figures):
    next(form for form in report["forms"] if form["name"] == name).update(figures)


def _prefer(report, what):
    report["recipe"]["bench"]["prefer"] = what


def _speed(report, name, median, verdict):
    row = next(row for row in report["measurements"]["latency"] if row["form"] == name and row["batch"] == 1)
    row["speedup"] |= {"median": median, "verdict": verdict}


def test_only_forms_within_tolerance_on_validation_data_are_shipped(report):
    assert within_tolerance(report) == ["dense", "ticket"]
    _prefer(report, "latency")
    assert best_form(report) == "dense"
    _change(report, "int8", validation_metric=96.9)
    assert best_form(report) == "int8"


def test_test_data_decides_nothing(report):
    _change(report, "ticket", test_metric=10.0)
    _change(report, "int8", test_metric=100.0)
    assert best_form(report) == "ticket"


@pytest.mark.parametrize(("validation", "inside"), [(96.9, True), (96.89, False), (None, False), (99.0, True)])
def test_the_tolerance_itself_is_within(report, validation, inside):
    _change(report, "ticket", validation_metric=validation)
    assert ("ticket" in within_tolerance(report)) is inside


@pytest.mark.parametrize(("validation", "inside"), [(3.1, True), (3.2, False), (1.0, True)])
def test_a_metric_that_is_better_when_lower(report, validation, inside):
    report["task"] |= {"metric": {"name": "MAE", "unit": "bpm", "higher_is_better": False}, "tolerance": 0.1}
    _change(report, "dense", validation_metric=3.0)
    _change(report, "ticket", validation_metric=validation)
    assert ("ticket" in within_tolerance(report)) is inside


def test_size_prefers_the_smallest(report):
    _change(report, "int8", validation_metric=97.9)
    _prefer(report, "size")
    assert best_form(report) == "ticket"


def test_balanced_weighs_size_and_speed_alike(report):
    _change(report, "int8", validation_metric=97.9)  # 4x smaller, 2.5x faster: 10 against the ticket's 8
    assert best_form(report) == "int8"
    _speed(report, "int8", 1.9, "faster")
    assert best_form(report) == "ticket"


def test_a_slower_form_must_gain_more_in_size(report):
    _speed(report, "ticket", 0.1, "slower")
    assert best_form(report) == "dense"
    _speed(report, "ticket", 0.1, "no measurable change")
    assert best_form(report) == "ticket"


def test_dense_wins_ties(report):
    _prefer(report, "latency")
    assert best_form(report) == "dense"
    _prefer(report, "size")
    _change(report, "ticket", bytes=2_400_000)
    assert best_form(report) == "dense"


def test_without_measurements_size_decides(report):
    report["measurements"] = None
    assert best_form(report) == "ticket"
    _prefer(report, "latency")
    assert best_form(report) == "dense"


def test_any_other_form_may_win(report):
    report["forms"].append({"name": "sparse", "bytes": 100_000, "validation_metric": 97.5, "test_metric": 97.0})
    assert best_form(report) == "sparse"
    assert find_form(report, "sparse")["bytes"] == 100_000
    with pytest.raises(KeyError, match="codebook"):
        find_form(report, "codebook")


def test_the_kernels_that_a_form_needs_count_as_its_size(report):
    sparse = {"name": "sparse", "bytes": 100_000, "validation_metric": 97.5, "test_metric": 97.0}
    report["forms"].append(sparse)
    assert held_bytes(report, "sparse") == 100_000
    sparse["kernels_bytes"] = 250_000
    assert held_bytes(report, "sparse") == 350_000
    assert best_form(report) == "ticket"
    report["measurements"]["latency"].append({"form": "sparse", "batch": 1, "speedup": {"median": 1.5, "verdict": ""}})
    _speed(report, "sparse", 1.5, "faster")
    assert best_form(report) == "sparse"
    _prefer(report, "size")
    assert best_form(report) == "ticket"
