"""Build hook: an environment that has its torch keeps it.

Every torchvision asks for exactly one torch, and pip, asked for torchvision alone, takes the newest and replaces torch.
So where torch is installed already, this build asks for that very version, and pip finds the torchvision made for it.
A wheel built elsewhere, as for an index, asks for lower bounds alone.
"""

import sysconfig
from importlib.metadata import distributions
from typing import Any

from hatchling.metadata.plugin.interface import MetadataHookInterface


class KeepTorch(MetadataHookInterface):
    """Fills in the dependencies of pyproject.toml's `[tool.hatch.metadata.hooks.custom]`."""

    def update(self, metadata: dict[str, Any]) -> None:
        installed = _installed("torch")
        asked = list(self.config["dependencies"])
        metadata["dependencies"] = [*asked, f"torch=={installed}"] if installed else asked


def _installed(name: str) -> str | None:
    """The version in the environment that is installed into; the build's own environment is another."""
    places = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    return next((found.version for found in distributions(path=list(places)) if found.name == name), None)
