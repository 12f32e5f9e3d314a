"""The data of the presets: what must lie in the folder that --data-dir names, and where it comes from."""

SOURCES = {
    "torchvision:MNIST": ("MNIST/raw/: the four files as torchvision keeps them; --download fetches them",),
    "npz:cifar10.npz": (
        "cifar10.npz: x_train and x_test (n, 32, 32, 3) uint8, y_train and y_test from 0;",
        "or --data torchvision:CIFAR10 in its place, which --download fetches",
    ),
    "npz:har.npz": (
        "har.npz: x_train and x_test (n, 9, 128) float32, y_train and y_test from 0, subject_train;",
        "benchmarks/har.py in the source makes it from the archive of UCI's data set 240",
    ),
}
"""`task.data` of a preset -> what it is, in lines."""
