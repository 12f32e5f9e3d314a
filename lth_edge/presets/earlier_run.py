"""What a run is to go on with within the mask of an earlier one: its network, data, training and files."""

from pathlib import Path
from typing import Any

from lth_edge.errors import InputError
from lth_edge.recipe import read_recipe

_NOT_TAKEN_OVER = ("preset", "weights", "keep_mask")


def fields_of_run(run: Path) -> dict[str, dict[str, Any]]:
    """Sections of fields, without those of the search: there is none, but what was pruned, weights or units, is told.

    Where weights come from is not taken over.

    Raises:
        InputError: it is no run.
    """
    path = run / "recipe.toml"
    if not path.is_file():
        raise InputError(f"{run} is no run: it has no recipe.toml", "give the folder that lth-edge compress wrote")
    sections = {name: dict(fields) for name, fields in read_recipe(path).items()}
    find = sections.pop("find", {})
    if "granularity" in find:
        sections["find"] = {"granularity": find["granularity"]}
    for name in _NOT_TAKEN_OVER:
        sections.get("task", {}).pop(name, None)
    return sections
