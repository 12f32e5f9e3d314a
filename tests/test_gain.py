"""The forecast of the gain: the mask it is made with, and what it says."""

import pytest

from lth_edge.bench.form_time import FormTime
from lth_edge.find.prunable import Prunable
from lth_edge.gain import Gain, expected_mask, expected_units
from lth_edge.recipe import FindRecipe, TaskRecipe
from lth_edge.tasks.build import load_task

LAYERS = Prunable({"first": (100, 200), "second": (50, 100), "output": (10, 50)}, "output")


@pytest.mark.parametrize(
    ("recipe", "sparsity"),
    [
        (FindRecipe(), 0.9),
        (FindRecipe(sparsity=0.97), 0.97),
        (FindRecipe(sparsity=0.5), 0.5),
        (FindRecipe(scope="global", output_prune_rate=0.0), 0.9),
    ],
)
def test_the_mask_has_the_sparsity_asked_for_or_nine_tenths(recipe: FindRecipe, sparsity: float) -> None:
    assert expected_mask(recipe, LAYERS).sparsity == pytest.approx(sparsity, abs=1e-3)


def test_levels_that_do_not_reach_it_limit_it() -> None:
    recipe = FindRecipe(levels=3, sparsity=0.95, output_prune_rate=0.2)
    assert expected_mask(recipe, LAYERS).sparsity == pytest.approx(1 - 0.8**3, abs=1e-3)


def test_the_output_layer_stays_denser_as_in_the_search() -> None:
    mask = expected_mask(FindRecipe(), LAYERS)
    density = {name: kept.mean() for name, kept in mask.items()}
    assert density["first"] == pytest.approx(density["second"], abs=1e-3)
    assert density["output"] > 2 * density["first"]
    assert {name: kept.shape for name, kept in mask.items()} == LAYERS.shapes


def test_the_mask_is_random_and_the_same_every_time() -> None:
    one, two = expected_mask(FindRecipe(), LAYERS), expected_mask(FindRecipe(), LAYERS)
    assert all((one[name] == two[name]).all() for name in LAYERS.shapes)
    columns = one["first"].any(0)
    assert columns.mean() > 0.99  # not the first rows alone


def speedup(median: float, verdict: str) -> dict[str, object]:
    return {"median": median, "low": median * 0.9, "high": median * 1.1, "verdict": verdict}


def test_it_tells_ratio_spread_and_bytes_of_each_form() -> None:
    forms = (
        FormTime("dense", 2_000_000, 100.0, speedup(1.0, "baseline")),
        FormTime("sparse", 250_000, 20.0, speedup(5.0, "faster")),
    )
    lines = Gain(0.95, forms, {"int8": "no operator to quantise"}, 2).lines()
    assert lines == [
        "dense takes 100 us in onnxruntime (batch 1, 2 threads), in 2.00 MB",
        "sparse with 95.0% zeros (random mask) takes 20 us, 5.0x faster (4.50 to 5.50), in 250.0 kB: 8.0x smaller",
        "no int8 file: no operator to quantise",
    ]


def test_a_graph_without_units_is_told_by_the_share_of_weights_that_left_with_them() -> None:
    forms = (
        FormTime("dense", 2_000_000, 100.0, speedup(1.0, "baseline")),
        FormTime("ticket", 1_000_000, 50.0, speedup(2.0, "faster")),
    )
    assert (
        Gain(0.5, forms, {}, 1)
        .lines()[1]
        .startswith("a graph without units that hold 50.0% of the weights (random choice) takes 50 us, 2.0x faster")
    )


@pytest.mark.parametrize(("wanted", "levels", "least"), [(None, 30, 0.5), (0.8, 30, 0.8), (0.8, 1, 0.2)])
def test_units_leave_until_the_sparsity_asked_for_or_the_last_level(wanted, levels, least) -> None:
    task = load_task(TaskRecipe(model_args={"hidden": "48,24"}))
    recipe = FindRecipe(granularity="unit", sparsity=wanted, levels=levels)
    mask = expected_units(task, recipe, task.network(0))
    assert least <= mask.sparsity <= least + 0.25
    first, second = mask["1.weight"], mask["3.weight"]
    assert (first.any(axis=1) == second.any(axis=0)).all()
    assert not first.all(axis=1)[~first.any(axis=1)].any()
