"""`compress --keep-mask RUN`: a ticket trained on within its mask, and the small update that comes of it."""

import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from command import QUICK, Done, Finished, lth_edge
from torch import nn

from lth_edge import Report, Ticket
from lth_edge.cli import cli
from lth_edge.errors import InputError
from lth_edge.find.defaults import fill_in
from lth_edge.find.search import Stage
from lth_edge.forecast import forecast
from lth_edge.package.verify import verify_package
from lth_edge.presets.catalog import combined
from lth_edge.progress import Silent
from lth_edge.tasks.build import load_task
from lth_edge.tasks.kept import kept_ticket


@pytest.fixture(scope="module")
def kept(finished: Finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished run's ticket trained on for a few steps."""
    folder = tmp_path_factory.mktemp("kept") / "run"
    start = ("--keep-mask", finished.folder, "--steps", 60, "--learning-rate", 1e-4)
    done = lth_edge("compress", *start, *QUICK, "--out", folder)
    assert done.code == 0, done.stderr
    return folder


def level(run: Path, number: int) -> Ticket:
    return Ticket.load(run / "seed-0" / f"level-{number:02d}")


def test_the_mask_is_kept_and_the_values_start_from_the_ticket(kept: Path, finished: Finished) -> None:
    ticket, before, after = Ticket.load(finished.chosen), level(kept, 0), level(kept, 1)
    assert before.facts["steps"] == 0 and after.facts["steps"] == 60
    for name, mask in ticket.mask.items():
        assert np.array_equal(before.mask[name], mask) and np.array_equal(after.mask[name], mask)
        assert np.array_equal(before.weights[name], ticket.weights[name])
        moved = np.abs(after.weights[name] - ticket.weights[name])
        assert 0 < moved.max() < 0.1
    assert not (kept / "seed-0" / "level-02").exists()


def test_network_and_recipe_are_those_of_the_run(kept: Path) -> None:
    recipe = Report.load(kept / "report.json").content["recipe"]
    assert recipe["task"]["model_args"] == {"hidden": 48}
    assert recipe["train"]["optimizer"] == "adam" and recipe["train"]["steps"] == 60
    assert recipe["find"]["seeds"] == [0] and not recipe["find"]["controls"]


def test_the_report_says_what_was_done_and_what_it_is_measured_against(kept: Path) -> None:
    report = Report.load(kept / "report.json").content
    assert report["kind"] == "retrained within a mask"
    assert "is kept" in report["find"]["why"] and report["find"]["stopped"] == "the mask was to be kept"
    assert report["chosen"]["level"] == 1
    assert all(proof["max_error"] <= proof["limit"] for proof in report["proof"]["forms"])
    page = (kept / "report.html").read_text()
    assert "as it was" in page and "winning ticket" not in page


def test_units_stand_in_the_same_order_and_the_update_is_small(kept: Path, finished: Finished, tmp_path: Path) -> None:
    def run(*arguments: object) -> None:
        done = CliRunner().invoke(cli, list(map(str, arguments)))
        assert done.exit_code == 0, done.output

    old, new = (run_folder / "files" / "ticket.onnx" for run_folder in (finished.folder, kept))
    run("pack", old, "-o", tmp_path / "old.lthe")
    run("pack", new, "-o", tmp_path / "new.lthe")
    run("pack", new, "-o", tmp_path / "update.lthe", "--since", tmp_path / "old.lthe")
    run("unpack", tmp_path / "update.lthe", "-o", tmp_path / "back", "--since", tmp_path / "old.lthe")
    assert (tmp_path / "back" / "ticket.onnx").read_bytes() == new.read_bytes()
    full, update = ((tmp_path / name).stat().st_size for name in ("new.lthe", "update.lthe"))
    assert update < 0.75 * full  # fp32 values: the low bits of what has changed cannot be foretold


def test_its_package_verifies(kept: Path) -> None:
    verify_package(kept / "package.zip")
    manifest = json.loads((kept / "package" / "manifest.json").read_text())
    # So small a network with half of its weights may be best off as int8.
    assert manifest["kind"] == ("int8 network, no ticket" if manifest["form"] == "int8" else "retrained within a mask")


def test_the_same_command_goes_on(kept: Path, finished: Finished) -> None:
    start = ("--keep-mask", finished.folder, "--steps", 60, "--learning-rate", 1e-4)
    done = lth_edge("compress", *start, *QUICK, "--out", kept)
    assert done.code == 0 and "level 1, " in done.stderr and "already there" in done.stderr


def refused(*arguments: object) -> Done:
    done = lth_edge("compress", *arguments, "--dry-run")
    assert "Traceback" not in done.stderr
    return done


def test_another_network_is_refused_by_the_layer_that_differs(finished: Finished) -> None:
    for hidden, says in (("32", "'1.weight' is 48 x 64 there and 32 x 64 here"), ("48,48", "is 10 x 48 there")):
        done = refused("--keep-mask", finished.folder, "--model-arg", f"hidden={hidden}")
        assert done.code == 3 and says in done.stderr and "recipe.toml" in done.stderr


def test_layers_that_one_of_both_lacks_are_named(finished: Finished) -> None:
    layers = [nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10)]
    kept_ticket(finished.folder, nn.Sequential(*layers))
    with pytest.raises(InputError, match=r"this network has '4\.weight' \(10 x 10\), and it has not"):
        kept_ticket(finished.folder, nn.Sequential(*layers, nn.Linear(10, 10)))
    with pytest.raises(InputError, match=r"it has '3\.weight' \(10 x 48\), and this network has not"):
        kept_ticket(finished.folder, nn.Sequential(*layers[:3]))


def test_what_has_no_place_is_refused(finished: Finished) -> None:
    for option in (("--sparsity", 0.9), ("--find", "one-shot"), ("--controls",), ("--dense-longer",)):
        done = refused("--keep-mask", finished.folder, *option)
        assert done.code == 2 and f"no place for {' '.join(map(str, option[:1]))}" in done.stderr
    assert "say --no-dense-longer where a recipe or preset asks for it" in done.stderr
    done = refused("--keep-mask", finished.folder, "--weights", "any.pt")
    assert done.code == 2 and "leave --weights away" in done.stderr


def test_what_is_no_finished_run_is_refused(tmp_path: Path) -> None:
    (tmp_path / "begun").mkdir()
    (tmp_path / "begun" / "recipe.toml").write_text("")
    for folder, says in (("nothing", "has no recipe.toml"), ("begun", "is no run")):
        done = refused("--keep-mask", tmp_path / folder)
        assert done.code == 3 and says in done.stderr
    (tmp_path / "begun" / "run.json").write_text("{}")
    assert "is not finished" in refused("--keep-mask", tmp_path / "begun").stderr
    (tmp_path / "begun" / "report.json").write_text('{"chosen": null}')
    assert "found no ticket" in refused("--keep-mask", tmp_path / "begun").stderr


def test_flags_win_over_the_run(finished: Finished) -> None:
    recipe = combined({"task": {"keep_mask": str(finished.folder), "tolerance": 2.0}})
    assert (recipe.task.tolerance, recipe.train.steps, recipe.find.levels) == (2.0, 200, 30)


def test_units_that_the_run_pruned_are_told_as_units(tmp_path: Path) -> None:
    (tmp_path / "recipe.toml").write_text('[find]\ngranularity = "unit"\nscope = "global"\n')
    find = combined({"task": {"keep_mask": str(tmp_path)}}).find
    assert (find.granularity, find.scope) == ("unit", "layer")


def test_one_training_a_seed_is_foreseen(finished: Finished) -> None:
    recipe = combined({"task": {"keep_mask": str(finished.folder)}, "find": {"seeds": [0, 1]}})
    task = load_task(recipe.task)
    found = forecast(Stage.of(task, fill_in(recipe, task), "cpu", Silent()), own_loop=False)
    assert found.hours * 3600 / found.seconds_per_level == pytest.approx(2)
