"""Published figures beside ours: which level they belong to, how ours is made, and when it confirms them."""

import pytest

from lth_edge.presets.catalog import preset
from lth_edge.report.anchors import anchors_section, anchors_sentence, anchors_table

RECIPE = preset("lenet-300-100")


def record(seed, level, weights_left, test, best_step, control="", end=None):
    return {
        "seed": seed, "level": level, "control": control, "weights_left": weights_left, "test_metric": test,
        "best_step": best_step, "end_test_metric": end,
    }  # fmt: skip


RECORDS = [
    *(record(s, 0, 1.0, 98.0 + s / 10, 5000) for s in (0, 1)),
    *(record(s, 7, 0.2107, 98.4 + s / 10, 3000) for s in (0, 1)),
    *(record(s, 7, 0.2107, 97.9, 6000, "reinit") for s in (0, 1)),
]


def rows(records=RECORDS, recipe=RECIPE):
    return {(r["quantity"], r["weights_left"]): r for r in anchors_section(recipe, records)["rows"]}


def test_accuracy_is_the_mean_over_seeds_at_the_level_of_as_many_weights():
    row = rows()["accuracy", 0.2107]
    assert (row["level"], row["ours"]["n"], row["held"]) == (7, 2, True)
    assert row["ours"]["mean"] == pytest.approx(98.45)


def test_a_figure_beyond_its_tolerance_is_not_held():
    worse = [r | {"test_metric": r["test_metric"] - 1} for r in RECORDS]
    assert rows(worse)["accuracy", 0.2107]["held"] is False


def test_comparisons_are_paired_and_steps_are_ratios_of_means():
    found = rows()
    assert found["over-reinit", 0.2107]["ours"]["mean"] == pytest.approx(0.55)
    assert found["earlier-than-dense", 0.2107]["ours"]["mean"] == pytest.approx(40)
    assert found["sooner-than-reinit", 0.2107]["ours"]["mean"] == pytest.approx(2.0)
    assert found["sooner-than-reinit", 0.2107]["held"] is True


def test_a_level_or_control_that_was_not_run_has_no_figure_of_ours():
    found = rows([r for r in RECORDS if not r["control"]])
    assert found["over-reinit", 0.2107]["ours"] is None and found["over-reinit", 0.2107]["held"] is None
    assert found["accuracy", 0.0358]["level"] is None and found["accuracy", 0.0358]["ours"] is None


def only(quantity, records=RECORDS):
    [row] = (row for row in anchors_section(RECIPE, records)["rows"] if row["quantity"] == quantity)
    return row


def test_after_the_last_step_the_best_level_counts_by_its_mean_over_seeds():
    ends = {0: (97.9, 98.1), 1: (98.2, 98.2), 2: (98.9, 97.2)}
    records = [record(seed, level, 0.8**level, 98.0, 10, end=ends[level][seed]) for level in ends for seed in (0, 1)]
    row = only("end-over-dense", records)
    assert (row["level"], row["weights_left"], row["ours"]["n"], row["held"]) == (1, None, 2, True)
    assert row["ours"]["mean"] == pytest.approx(0.2)


def test_last_weights_that_were_never_tested_have_no_figure():
    """As in the report of an earlier release."""
    row = only("end-over-dense", [{k: v for k, v in r.items() if k != "end_test_metric"} for r in RECORDS])
    assert row["ours"] is row["level"] is row["held"] is None


@pytest.mark.parametrize(("left", "held"), [(0.2107, True), (0.2097, False)])
def test_weights_left_are_those_after_the_claimed_number_of_levels(left, held):
    records = [record(0, level, 0.21 if level < 7 else left, 98.0, 10) for level in range(8)]
    row = only("weights-left", records)
    assert (row["level"], row["ours"]["mean"], row["held"]) == (7, pytest.approx(100 * left), held)
    assert only("weights-left", records[:7])["ours"] is None


@pytest.mark.parametrize(("last", "won"), [(97.8, 4), (98.1, 3), (98.2, 3)])
def test_pairs_won_are_counted_by_seed_over_all_control_levels_and_a_tie_is_no_win(last, won):
    records = [record(seed, level, 0.8**level, 98.1, 10) for seed in (0, 1) for level in (0, 7, 15)]
    others = [record(seed, level, 0.8**level, 97.8, 10, "reinit") for seed in (0, 1) for level in (7, 15)]
    others[-1]["test_metric"] = last
    row = only("wins-over-reinit", records + others)
    assert (row["ours"]["mean"], row["ours"]["n"], row["held"]) == (25 * won, 4, won == 4)
    report = {"anchors": anchors_section(RECIPE, records + others), "task": {"examples": {"test": 10_000}}}
    assert f"{25 * won} ({won} of 4)" in {row[3] for row in anchors_table(report).rows}


def test_a_figure_without_tolerance_is_told_and_not_judged():
    conv = preset("conv-4")
    records = [record(0, 0, 1.0, 75.0, 10), record(0, 9, 0.111, 76.0, 10)]
    row = anchors_section(conv, records)["rows"][0]
    assert (row["ours"]["mean"], row["held"]) == (1.0, None)


def test_another_metric_than_the_papers_is_held_against_nothing():
    other = RECIPE.replace({"task": {"metric": "macro-f1"}})
    assert anchors_section(other, RECORDS)["rows"] == []


def test_a_run_of_no_preset_has_no_such_section():
    assert anchors_section(RECIPE.replace({"task": {"preset": None}}), RECORDS) is None
    assert anchors_sentence({"anchors": None}) == anchors_sentence({}) == ""


def test_the_table_tells_both_figures_and_whether_they_agree():
    report = {"anchors": anchors_section(RECIPE, RECORDS), "task": {"examples": {"test": 10_000}}}
    cells = [row[:5] for row in anchors_table(report).rows]
    assert ("test accuracy, %", "21.1%", "98.33", "98.45 (97.81 to 99.09)", "within") in cells
    assert ("% of the weights left", "level 7", "21.1", "21.07", "within") in cells
    assert "followed in every field. Ours: mean over seeds and its 95% interval, 10,000 test" in anchors_sentence(
        report
    )


def test_a_run_that_keeps_a_mask_stands_beside_no_published_figure():
    section = anchors_section(RECIPE.replace({"task": {"keep_mask": "run"}}), RECORDS)
    assert section["rows"] == []
    assert any("keeps the mask of a ticket" in departure for departure in section["departures"])
