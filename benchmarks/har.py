"""Make har.npz, the data of the preset `har`, from the unpacked archive of UCI's data set 240.

    python benchmarks/har.py 'UCI HAR Dataset' --out data/har.npz

Human Activity Recognition Using Smartphones (Anguita et al., ESANN 2013, CC-BY-4.0): windows of 128 samples at 50 Hz of
nine inertial channels, of 30 people; who trains and who tests stays as its authors split it.
"""

import argparse
import sys
from pathlib import Path

import numpy as np
import numpy.typing as npt

from lth_edge.files import whole_file

CHANNELS = [f"{signal}_{axis}" for signal in ("body_acc", "body_gyro", "total_acc") for axis in "xyz"]


def arrays(archive: Path) -> dict[str, npt.NDArray[np.generic]]:
    """x (n, 9, 128) float32, y from 0 and subject (n,) uint8, of each of train and test."""
    found: dict[str, npt.NDArray[np.generic]] = {}
    for part in ("train", "test"):
        folder = archive / part
        signals = [np.loadtxt(folder / "Inertial Signals" / f"{name}_{part}.txt", np.float32) for name in CHANNELS]
        found[f"x_{part}"] = np.stack(signals, axis=1)
        found[f"y_{part}"] = np.loadtxt(folder / f"y_{part}.txt", np.uint8) - np.uint8(1)
        found[f"subject_{part}"] = np.loadtxt(folder / f"subject_{part}.txt", np.uint8)
    return found


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("archive", type=Path, help="the folder that holds train/ and test/")
    parser.add_argument("--out", type=Path, default=Path("data/har.npz"))
    given = parser.parse_args()
    try:
        made = arrays(given.archive)
    except FileNotFoundError as error:
        sys.exit(f"{error.filename or error} is not there: give the folder of the archive that holds train/ and test/")
    with whole_file(given.out) as temporary, temporary.open("wb") as file:
        np.savez(file, **made)
    print(given.out)
