"""The data of the presets: what must lie in the folder that --data-dir names, and where it comes from."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """A data set that presets name.

    Attributes:
        told: what it is and where it comes from, in lines.
        shape: of one input in an npz file; `None` where the files are torchvision's own.
    """

    told: tuple[str, ...]
    shape: tuple[int, ...] | None = None


SOURCES = {
    "torchvision:MNIST": Source(
        ("MNIST/raw/: the four files as torchvision keeps them; --download fetches them",),
    ),
    "npz:cifar10.npz": Source(
        (
            "cifar10.npz: x_train and x_test (n, 32, 32, 3) uint8, y_train and y_test from 0;",
            "or --data torchvision:CIFAR10 in its place, which --download fetches",
        ),
        (32, 32, 3),
    ),
    "npz:har.npz": Source(
        (
            "har.npz: x_train and x_test (n, 9, 128) float32, y_train and y_test from 0, subject_train;",
            "benchmarks/har.py in the source makes it from the archive of UCI's data set 240",
        ),
        (9, 128),
    ),
}
"""`task.data` of a preset -> what it is."""
