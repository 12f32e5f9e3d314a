"""tickets.csv: its columns, what stands in them, and that reports of earlier releases fit in."""

import csv

import pytest
from sample_report import regression, sample

from lth_edge.report.tickets import COLUMNS, method_name, write_tickets


def rows(folder, *reports):
    write_tickets(reports, folder / "tickets.csv")
    with (folder / "tickets.csv").open(newline="") as file:
        return list(csv.DictReader(file))


def test_the_columns_are_those_that_others_read():
    assert ",".join(COLUMNS) == (
        "network,data,method,control,seed,level,weights_left,sparsity,val_accuracy,test_accuracy,best_step,steps,"
        "seconds,device"
    )


def test_there_is_a_row_for_every_level_and_control_of_every_seed(tmp_path):
    report = sample()
    found = rows(tmp_path, report)
    keys = [(int(row["seed"]), int(row["level"]), row["control"]) for row in found]
    assert keys == [(level["seed"], level["level"], level["control"]) for level in report["levels"]]
    first, told = found[3], report["levels"][3]
    assert float(first["weights_left"]) == pytest.approx(told["weights_left"], abs=1e-6)
    assert float(first["test_accuracy"]) == pytest.approx(told["test_metric"], abs=1e-4)
    assert (first["network"], first["data"], first["device"]) == ("mlp", "digits", "AMD EPYC 7R13")


def test_rows_of_several_reports_follow_each_other(tmp_path):
    one = sample(seeds=(0,))
    assert len(rows(tmp_path, one, one)) == 2 * len(one["levels"])


def test_without_a_test_set_the_test_column_is_empty(tmp_path):
    assert {row["test_accuracy"] for row in rows(tmp_path, regression())} == {""}


def test_the_step_that_a_training_loop_named_is_the_one_that_is_told(tmp_path):
    report = sample()
    report["find"] = report["find"] | {"retraining": "rewind", "rewind_step": 50}
    assert {row["method"].rpartition("-")[2] for row in rows(tmp_path, report)} == {"50"}


def test_an_accelerator_is_named_in_place_of_the_cpu(tmp_path):
    report = sample()
    report["find"] = report["find"] | {"device": "An accelerator"}
    assert {row["device"] for row in rows(tmp_path, report)} == {"An accelerator"}


@pytest.mark.parametrize(
    ("find", "name"),
    [
        ({"retraining": "rewind", "rewind_step": 0}, "iterative-layer-rewind-0"),
        ({"retraining": "rewind", "rewind_step": 500, "find": "one-shot"}, "one-shot-layer-rewind-500"),
        ({"retraining": "learning-rate", "rewind_step": 0, "scope": "global"}, "iterative-global-learning-rate"),
        ({"retraining": "rewind", "rewind_step": 0, "granularity": "unit"}, "iterative-layer-units-rewind-0"),
        ({"retraining": "rewind", "rewind_step": 0, "rank": "clustered"}, "iterative-layer-clustered-rewind-0"),
    ],
)
def test_a_methods_name_says_how_it_prunes_and_goes_back(find, name):
    assert method_name({"find": {"scope": "layer", **find}}) == name
