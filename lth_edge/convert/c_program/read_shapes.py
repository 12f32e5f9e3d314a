"""Sizes of tensors without their batch axis, and windows with the pads that those sizes ask for."""

from dataclasses import replace

from lth_edge.convert.c_program.layers import Shape
from lth_edge.convert.chain_layer import Window
from lth_edge.convert.scope import Scope
from lth_edge.errors import InputError

_SAME_UPPER, _SAME_LOWER = 1, 2


class Shapes:
    """Shapes in a graph whose batch is 1."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def raw(self, name: str) -> tuple[int, ...]:
        """Sizes of one example, as the file has them.

        Raises:
            InputError: they are not known, or the batch is not the first axis.
        """
        shape = self._scope.shapes.get(name, ())
        sizes = tuple(size for size in shape if isinstance(size, int))
        if len(sizes) < 2 or len(sizes) < len(shape) or sizes[0] != 1:
            raise InputError(
                f"the sizes of {name!r} are not known, or its first axis is not the batch",
                "export the network with sizes that are fixed but for the batch",
            )
        return sizes[1:]

    def of(self, name: str) -> Shape:
        """As channels, height and width.

        Raises:
            InputError: as above, or it has more axes.
        """
        sizes = self.raw(name)
        if len(sizes) > 3:
            raise InputError(f"{name!r} has {len(sizes)} axes beside the batch", "C kernels know up to three")
        return Shape(sizes[0], 1, *sizes[1:]) if len(sizes) == 2 else Shape(*sizes)


def settled(window: Window, reads: Shape, makes: Shape) -> Window:
    """The window with its pads in numbers, where they follow from the sizes."""
    if window.auto_pad not in {_SAME_UPPER, _SAME_LOWER}:
        return replace(window, auto_pad=0)
    first, last = [], []
    for axis in (0, 1):
        span = (window.kernel[axis] - 1) * window.dilations[axis] + 1
        total = max((makes[axis + 1] - 1) * window.strides[axis] + span - reads[axis + 1], 0)
        less, more = total // 2, total - total // 2
        first.append(less if window.auto_pad == _SAME_UPPER else more)
        last.append(more if window.auto_pad == _SAME_UPPER else less)
    return replace(window, pads=(first[0], first[1], last[0], last[1]), auto_pad=0)
