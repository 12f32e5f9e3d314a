"""What deployment folders are made of."""

from dataclasses import dataclass
from pathlib import Path

from lth_edge.package.manifest import Manifest


@dataclass(frozen=True)
class Source:
    """A verified package: its folder, and its manifest."""

    folder: Path
    manifest: Manifest
