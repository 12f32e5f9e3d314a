"""What "no loss" comes to: judged by intervals against the margin, level after level, and told in every rendering."""

import pytest
from sample_report import regression, sample

from lth_edge.report.against_dense import against_dense, against_dense_sentence, against_dense_table, sparsest_held
from lth_edge.report.content import curve
from lth_edge.report.markdown import to_markdown
from lth_edge.report.page import to_page

SPREAD = (-0.1, 0.0, 0.1)
"""Of three seeds: the 95% interval of their mean is ±0.25."""


def levels(*losses, left=0.5, key="test_metric"):
    """Three seeds, dense and one level for each loss; `left` of the weights survive a level."""
    found = []
    for seed, off in enumerate(SPREAD):
        for level, loss in enumerate((0.0, *losses)):
            figure = 98.0 - loss + (off if level else 0.0)
            row = {"seed": seed, "level": level, "control": "", "weights_left": left**level, "best_step": 100 - level}
            found.append(row | {"test_metric": None, "validation_metric": figure} | {key: figure})
    return found


def judged(*losses, margin=0.5, higher_is_better=True, **how):
    found = levels(*losses, **how)
    return against_dense(curve(found), found, margin, higher_is_better)


@pytest.mark.parametrize(
    ("loss", "verdict"), [(0.0, "non-inferior"), (0.2, "non-inferior"), (0.5, "not shown"), (0.9, "worse")]
)
def test_the_whole_interval_decides(loss, verdict):
    assert judged(loss)["rows"][0]["verdict"] == verdict
    assert judged(-loss, higher_is_better=False)["rows"][0]["verdict"] == verdict


def test_the_mean_alone_shows_nothing_where_seeds_scatter():
    found = levels(0.0)
    for row in found:
        row["test_metric"] += 5 * (row["seed"] - 1) * row["level"]
    [row] = against_dense(curve(found), found, 0.5, True)["rows"]
    assert (row["difference"]["mean"], row["verdict"]) == (pytest.approx(0.0), "not shown")


def test_a_single_seed_shows_nothing():
    found = [row for row in levels(0.0) if row["seed"] == 0]
    assert against_dense(curve(found), found, 0.5, True) is None
    assert against_dense_sentence({**sample(), "against_dense": None}) == ""


def test_a_ticket_that_is_trained_on_is_no_dense_network_to_claim_anything_against():
    found = [row | {"weights_left": 0.05} for row in levels(0.0)]
    assert against_dense(curve(found), found, 0.5, True) is None


def test_the_first_level_that_is_not_shown_ends_the_claim():
    section = judged(0.0, 0.9, 0.1, 0.1, 0.9, 0.0, left=0.4)
    assert sparsest_held(section)["level"] == 4  # level 2 has 16% left, which the claim does not speak of
    assert sparsest_held(judged(0.0, 0.0, 0.9, 0.0, left=0.4)) is None


def test_steps_are_a_ratio_of_means():
    assert judged(0.0)["rows"][0]["steps_ratio"]["mean"] == pytest.approx(0.99)


def test_a_dense_network_that_was_given_has_no_steps_to_compare_with():
    found = [row | {"best_step": row["best_step"] * row["level"]} for row in levels(0.0)]
    section = against_dense(curve(found), found, 0.5, True)
    assert section["rows"][0]["steps_ratio"] is None
    assert against_dense_table({**sample(), "against_dense": section}).rows[0][-1] == "–"


@pytest.mark.parametrize(
    ("losses", "told"),
    [
        ((0.0, 0.0), "At least 90% of the weights gone without loss: non-inferior, down to 6.25% left, "),
        ((0.0, 0.9), "At least 90% of the weights gone without loss: worse (6.25% left, −0.90 (−1.15 to −0.65))."),
        ((0.0,), "No level has 90% of its weights gone."),
    ],
)
def test_the_claim_is_told_with_its_margin(losses, told):
    report = {**sample(), "against_dense": judged(*losses, left=0.25)}
    sentence = against_dense_sentence(report)
    assert sentence.startswith("Judged by 95% intervals against the margin of 0.5 points, the tolerance of the recipe.")
    assert told in sentence


def test_a_sparsity_of_90_percent_is_what_the_claim_speaks_of():
    left = 1 - 0.9 + 1e-6  # what is kept is rounded up to whole weights: 59,495 of 594,944
    assert sparsest_held(judged(0.0, left=left))["level"] == 1
    assert sparsest_held(judged(0.0, left=0.101)) is None


def test_without_a_test_set_validation_data_stand_in():
    assert judged(0.9, key="validation_metric")["rows"][0]["verdict"] == "worse"
    assert "over dense, validation" in against_dense_table(regression()).columns[3]


def test_markdown_and_page_show_the_table():
    for text in (to_markdown(sample()), to_page(sample())):
        assert "Against dense, seed by seed" in text and "non-inferior" in text
    assert "Against dense" not in to_markdown(sample(seeds=(0,)))
