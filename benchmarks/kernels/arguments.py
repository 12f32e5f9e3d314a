"""What the programs that time sparse models ask for on the command line."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.kernels.networks import NETWORKS


def arguments(
    about: str | None, models: Sequence[str], sparsities: Sequence[int], seconds: float, out: str
) -> argparse.Namespace:
    """Models, sparsities in percent, seconds of timing a model, and a place for the results; ends where one is unknown.

    Args:
        about: the program's docstring.
        models, sparsities, seconds: what is measured where nothing is asked for.
        out: what the place is.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("models", nargs="*", default=list(models), metavar="MODEL", help=f"of {', '.join(NETWORKS)}")
    parser.add_argument("--sparsity", type=int, nargs="+", default=sparsities, help="in percent")
    parser.add_argument("--seconds", type=float, default=seconds, help="of timing a model")
    parser.add_argument("--out", type=Path, help=out)
    asked = parser.parse_args()
    if unknown := set(asked.models) - set(NETWORKS):
        parser.error(f"no such model: {', '.join(sorted(unknown))}")
    return asked
