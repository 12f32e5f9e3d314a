"""lth-edge: find a lottery ticket in a PyTorch network and ship it to an edge device, with proof.

The public names are loaded when first used: a device that runs a package has numpy and onnxruntime, and no torch.
"""

import importlib
from typing import Any

from lth_edge._version import __version__

_HOMES = {
    "Data": "lth_edge.tasks.data",
    "LthEdgeError": "lth_edge.errors",
    "Mask": "lth_edge.ticket",
    "Metric": "lth_edge.tasks.metrics",
    "Recipe": "lth_edge.recipe",
    "Report": "lth_edge.report.report",
    "Task": "lth_edge.tasks.task",
    "Ticket": "lth_edge.ticket",
    "Training": "lth_edge.find.own",
    "compress": "lth_edge.pipeline",
    "library_path": "lth_edge.runtime.library",
    "make_task": "lth_edge.tasks.build",
    "on_stderr": "lth_edge.progress",
    "preset": "lth_edge.presets.catalog",
    "session": "lth_edge.runtime.session",
    "verify_package": "lth_edge.package.verify",
}

__all__ = ["__version__", *_HOMES]  # noqa: PLE0604  the names are strings, spelled once above


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'lth_edge' has no attribute {name!r}")
    try:
        found = getattr(importlib.import_module(_HOMES[name]), name)
    except ModuleNotFoundError as error:
        if str(error.name).startswith("lth_edge."):
            raise ImportError(f"the runtime wheel has no lth_edge.{name}: install the whole lth-edge") from error
        raise
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted(__all__)
