"""How a level is trained: what a method decides."""

from dataclasses import dataclass

from lth_edge.find.gradual import Narrowing
from lth_edge.ticket import Mask


@dataclass(frozen=True)
class Plan:
    """How the next level comes about.

    Attributes:
        mask: held from its first step.
        kept: how many weights its mask keeps in the end.
        base: number of the level that it was pruned from; without rewinding it starts from its final weights.
        narrowing: what is pruned while it trains.
        steps: of its schedule; `None` is the recipe's.
        cut: how many levels of the fixed schedule it stands for; `None` where it is one of them.
    """

    mask: Mask
    kept: int
    base: int = 0
    narrowing: Narrowing | None = None
    steps: int | None = None
    cut: int | None = None

    @property
    def facts(self) -> dict[str, int]:
        """What a level's file says of its plan, where it is not one of the fixed schedule."""
        if self.cut is None or self.steps is None:
            return {}
        return {"cut": self.cut, "schedule": self.steps, "base": self.base}
