"""Run a recipe of `recipes/` with the product itself and keep its raw report.

    python benchmarks/reproduce.py digits
    python benchmarks/reproduce.py lenet-300-100-mnist --data-dir DIR

The run lies under lth-edge-runs/ and goes on where it was stopped. Its report and curve are copied to
results/MACHINE-DATE/RECIPE/, where `readme.py` and `tickets.py` find them. RECIPE may be one of the presets too:

    python benchmarks/reproduce.py har --data-dir DIR
"""

import argparse
import re
import shutil
from pathlib import Path

from lth_edge.pipeline import compress
from lth_edge.presets.catalog import names, preset
from lth_edge.progress import on_stderr
from lth_edge.recipe import Recipe
from lth_edge.report.plots import curve_picture
from lth_edge.report.report import Report

HERE = Path(__file__).parent


def reproduce(name: str, data_dir: Path, out: Path | None) -> Path:
    """Run the recipe `name`; returns the folder that holds its raw report."""
    own = HERE / "recipes" / f"{name}.toml"
    recipe = (Recipe.from_toml(own) if own.exists() else preset(name)).replace({"task": {"data_dir": str(data_dir)}})
    folder = out or Path("lth-edge-runs") / name
    report = compress(recipe, folder, progress=on_stderr())
    return keep(name, report, folder)


def keep(name: str, report: Report, run: Path) -> Path:
    """Copy what a reader needs to check a figure, under the machine that measured it and the day."""
    content = report.content
    cpu = re.sub(r"[^a-z0-9]+", "-", content["machine"]["cpu"].lower()).strip("-")
    place = HERE / "results" / f"{cpu}-{content['machine']['cores']}-cores-{content['created'][:10]}" / name
    place.mkdir(parents=True, exist_ok=True)
    for file in ("report.json", "report.md", "recipe.toml"):
        shutil.copyfile(run / file, place / file)
    curve_picture(content, place / "curve.svg")
    return place


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "recipe", choices=sorted({*(path.stem for path in (HERE / "recipes").glob("*.toml")), *names()})
    )
    parser.add_argument("--data-dir", type=Path, default=Path("data"), help="where the data sets lie")
    parser.add_argument("--out", type=Path, help="the run's folder [lth-edge-runs/RECIPE]")
    given = parser.parse_args()
    print(reproduce(given.recipe, given.data_dir, given.out))
