"""The type of arrays: a leaf, for what runs on devices that have numpy alone."""

from typing import Any

import numpy.typing as npt

Array = npt.NDArray[Any]
