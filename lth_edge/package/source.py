"""What deployment folders are made of."""

from dataclasses import dataclass
from pathlib import Path

from lth_edge.package.manifest import Manifest


@dataclass(frozen=True)
class Source:
    """A verified package.

    Attributes:
        path: what was named: a run, a package's folder or its zip.
        folder: of the package.
        manifest: of the package.
    """

    path: Path
    folder: Path
    manifest: Manifest
