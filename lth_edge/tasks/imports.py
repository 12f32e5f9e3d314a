"""The user's own Python: `py:package.module:name` or `./file.py:name`."""

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from lth_edge.errors import InputError, LthEdgeError, RecipeError, nearest


def is_own(name: str) -> bool:
    """Whether a name points at the user's own code rather than at something built in."""
    return name.startswith("py:") or ".py:" in name


def load_object(name: str) -> Callable[..., Any]:
    """Import what `name` points at.

    Raises:
        RecipeError: not of the two forms.
        InputError: the file, module or object is not there, or importing it fails.
    """
    place, _, attribute = name.removeprefix("py:").rpartition(":")
    if not place or not attribute:
        raise RecipeError(f"{name!r} names no object", "write py:package.module:name or ./file.py:name")
    module = _module(place) if name.startswith("py:") else _file(Path(place))
    if not hasattr(module, attribute):
        raise InputError(f"{place} has no {attribute!r}", nearest(attribute, (n for n in vars(module) if n[0] != "_")))
    found = getattr(module, attribute)
    if not callable(found):
        raise InputError(f"{name} is no function or class", "point at a function that returns the model or data")
    return found


def call_own(name: str, arguments: dict[str, Any], known: dict[str, Any] | None = None) -> Any:
    """Call the user's factory; what it raises becomes an `InputError` naming the line."""
    factory = load_object(name)
    try:
        return factory(**(known or {}), **arguments)
    except LthEdgeError:
        raise
    except Exception as error:
        raise InputError(
            f"{name} failed with {_described(error)}", "call it in Python to see the whole error"
        ) from error


def _module(place: str) -> Any:
    # As `python -m` would: the folder the command is called in comes first.
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        return importlib.import_module(place)
    except Exception as error:
        raise InputError(f"cannot import {place}: {_described(error)}", "check PYTHONPATH and the spelling") from error


def _file(path: Path) -> Any:
    spec = importlib.util.spec_from_file_location(f"own_{path.stem}", path)
    if not path.is_file():
        raise InputError(f"{path} is not there", "check the path; it is taken from the current folder")
    if spec is None or spec.loader is None:
        raise InputError(f"{path} is not a Python file", "its name must end in .py")
    module = importlib.util.module_from_spec(spec)
    # Registered, so that dataclasses and pickling inside the user's file find their module.
    sys.modules[spec.name] = module
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        raise InputError(f"cannot import {path}: {_described(error)}", "mend the file and try again") from error
    return module


def _described(error: Exception) -> str:
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" ({Path(trace.tb_frame.f_code.co_filename).name}, line {trace.tb_lineno})" if trace else ""
    return f"{type(error).__name__}: {error}{where}"
