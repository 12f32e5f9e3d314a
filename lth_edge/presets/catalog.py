"""The presets: a recipe of the literature is a TOML file in this folder, its source in the comment at its head."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lth_edge.errors import RecipeError, nearest
from lth_edge.presets.earlier_run import fields_of_run
from lth_edge.presets.sources import SOURCES
from lth_edge.recipe import Recipe

HERE = Path(__file__).parent


def preset(name: str) -> Recipe:
    """The recipe of a preset; `replace` changes some of its fields.

    Raises:
        RecipeError: there is none of that name.
    """
    return Recipe.from_dict(fields_of(name))


def names() -> list[str]:
    return sorted(path.stem for path in HERE.glob("*.toml"))


def summary(name: str) -> str:
    """One line: the network, the data, the paper."""
    return _text(name).partition("\n")[0].removeprefix("# ")


def data_needed() -> list[str]:
    """What the data folder must hold, in lines: the presets that need it, then what it is."""
    needed: dict[str, list[str]] = {}
    for name in names():
        needed.setdefault(fields_of(name)["task"]["data"], []).append(name)
    return [
        line for data, users in needed.items() for line in (", ".join(users), *(f"  {t}" for t in SOURCES[data].told))
    ]


def fields_of(name: str) -> dict[str, dict[str, Any]]:
    """What a preset sets: section -> field -> value."""
    return tomllib.loads(_text(name))


def combined(*given: Mapping[str, Mapping[str, Any]]) -> Recipe:
    """A recipe from sections of fields; later ones win over earlier ones.

    All win over the preset that the last names, and over the run whose mask is to be kept.

    Raises:
        RecipeError: no such preset, or as `Recipe.replace`.
        InputError: no such run.
    """
    tasks = [task for sections in given if isinstance(task := sections.get("task"), Mapping)]
    chosen = {name: task[name] for name in ("preset", "keep_mask") for task in tasks if name in task}
    recipe = preset(str(chosen["preset"])) if "preset" in chosen else Recipe()
    if "keep_mask" in chosen:
        recipe = recipe.replace(fields_of_run(Path(str(chosen["keep_mask"]))))
    for sections in given:
        recipe = recipe.replace(sections)
    return recipe


def _text(name: str) -> str:
    if name not in names():
        raise RecipeError(f"there is no preset {name!r}", f"{nearest(name, names())}; lth-edge presets lists them")
    return (HERE / f"{name}.toml").read_text()
