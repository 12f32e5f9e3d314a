"""torchvision, loaded when a name of its own is asked for: its wheel works only with the torch it was made for."""

from typing import Any

from lth_edge.errors import InputError, reason


def torchvision() -> Any:
    """The module.

    Raises:
        InputError: it is not there, or was made for another build of torch.
    """
    try:
        import torchvision as module
    except (ImportError, RuntimeError, OSError) as error:
        raise InputError(
            f"torchvision cannot be loaded: {reason(error)}",
            "install the torchvision made for this torch (CPU with CPU); digits and npz files need none",
        ) from error
    return module
