"""Command-line options made from the recipe's fields, so that flag, TOML key and Python field cannot drift apart."""

import dataclasses
import json
import types
import typing
from collections.abc import Callable
from typing import Any, Literal

import click

from lth_edge.recipe import Recipe

SECTIONS = {
    "task": "What is compressed",
    "train": "Training",
    "find": "The search",
    "store": "The files",
    "bench": "Measuring and choosing",
}


class GroupedCommand(click.Command):
    """A command whose help lists the recipe's options by section."""

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        groups: dict[str, list[tuple[str, str]]] = {title: [] for title in ("Options", *SECTIONS.values())}
        for parameter in self.get_params(ctx):
            record = parameter.get_help_record(ctx)
            section, _, _ = (parameter.name or "").partition("__")
            if record is not None:
                groups[SECTIONS.get(section, "Options")].append(record)
        for title, records in groups.items():
            if not records:
                continue
            with formatter.section(title):
                formatter.write_dl(records)


def recipe_options(*sections: str) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Add one option per field of these sections of the recipe, or of all.

    It arrives as `section__field`, `None` where it was not given.
    """

    def add(command: Callable[..., Any]) -> Callable[..., Any]:
        for section in reversed(dataclasses.fields(Recipe)):
            if section.name not in (sections or SECTIONS):
                continue
            kind = typing.get_type_hints(Recipe)[section.name]
            hints = typing.get_type_hints(kind)
            for entry in reversed(dataclasses.fields(kind)):
                command = _option(section.name, entry, hints[entry.name])(command)
        return command

    return add


def changes(values: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """The options that were given, as section -> field -> value."""
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        section, _, entry = name.partition("__")
        if value is not None and value != ():
            nested.setdefault(section, {})[entry] = dict(value) if isinstance(value, tuple) else value
    return nested


# Generic in newer clicks alone.
class Numbers(click.ParamType):  # type: ignore[type-arg]
    """Numbers separated by commas."""

    name = "numbers"

    def __init__(self, kind: type) -> None:
        self._kind = kind

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        try:
            return [self._kind(part) for part in str(value).split(",")]
        except ValueError:
            self.fail(f"{value!r} is not a list of numbers such as 0,1,2", param, ctx)


class KeyValue(click.ParamType):  # type: ignore[type-arg]
    """K=V, the value read as JSON where it is JSON and as text where not."""

    name = "k=v"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        key, found, text = str(value).partition("=")
        if not found or not key:
            self.fail(f"{value!r} is not of the form K=V", param, ctx)
        try:
            return key, json.loads(text)
        except json.JSONDecodeError:
            return key, text


def _option(section: str, entry: dataclasses.Field[Any], hint: Any) -> Callable[..., Any]:
    flag = entry.name.replace("_", "-")
    facts: dict[str, Any] = {"help": _help(entry), "default": None}
    kind = _plain(hint)
    if kind is bool:
        return click.option(f"--{flag}/--no-{flag}", f"{section}__{entry.name}", **facts)
    if typing.get_origin(kind) is dict:
        facts |= {"multiple": True, "type": KeyValue()}
        flag = flag.removesuffix("s")
    elif typing.get_origin(kind) is Literal:
        facts["type"] = click.Choice([str(choice) for choice in typing.get_args(kind)])
    elif typing.get_origin(kind) is tuple:
        facts["type"] = Numbers(typing.get_args(kind)[0])
    else:
        facts["type"] = kind
    if entry.metadata["metavar"]:
        facts["metavar"] = entry.metadata["metavar"]
    return click.option(f"--{flag}", f"{section}__{entry.name}", **facts)


def _plain(hint: Any) -> Any:
    """A type without `| None`."""
    if typing.get_origin(hint) in {types.UnionType, typing.Union}:
        return next(a for a in typing.get_args(hint) if a is not type(None))
    return hint


def _help(entry: dataclasses.Field[Any]) -> str:
    text = str(entry.metadata["help"])
    default = entry.default
    if default is dataclasses.MISSING or default is False or isinstance(default, bool):
        return text
    shown = "auto" if default is None else ",".join(map(str, default)) if isinstance(default, tuple) else str(default)
    return f"{text} [{shown}]"
