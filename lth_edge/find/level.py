"""A level on disk: mask, weights to ship, weights at the end of training, figures. It appears whole or not at all."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lth_edge.errors import DamagedError
from lth_edge.files import whole_folder
from lth_edge.find.train import Start, Trained
from lth_edge.ticket import Mask, Ticket, Weights, load_weights, save_weights


@dataclass(frozen=True)
class Level:
    """One finished level.

    Attributes:
        folder: holds `mask.safetensors`, `weights.safetensors` (the shipped checkpoint), `end.safetensors`,
            `ticket.json`, and at level 0 `start.safetensors` and `state.safetensors`, what a rewind goes back to.
        facts: the content of `ticket.json`.
    """

    folder: Path
    facts: dict[str, Any]

    @property
    def number(self) -> int:
        return int(self.facts["level"])

    @property
    def metric(self) -> float:
        """The metric on validation data."""
        return float(self.facts["validation_metric"])

    def ticket(self) -> Ticket:
        return Ticket.load(self.folder)

    def mask(self) -> Mask:
        return Mask.load(self.folder / "mask.safetensors")

    def end(self) -> Weights:
        return load_weights(self.folder / "end.safetensors")

    def start(self) -> Start:
        """What a rewind goes back to."""
        return Start(
            int(self.facts["rewind_step"]),
            load_weights(self.folder / "start.safetensors"),
            load_weights(self.folder / "state.safetensors"),
        )

    @classmethod
    def save(cls, folder: Path, mask: Mask, trained: Trained, facts: dict[str, Any]) -> "Level":
        """Write a level from what its training run left."""
        full = facts | {
            "sparsity": mask.sparsity,
            "weights_left": mask.density,
            "validation_metric": trained.evaluation.metric,
            "validation_loss": trained.evaluation.loss,
            "best_step": trained.best_step,
            "steps": trained.steps,
            "seconds": trained.seconds,
            "history": [list(entry) for entry in trained.history],
        }
        if trained.snapshot is not None:
            # A user's own loop says where its rewinding point lies; later levels begin there.
            full["rewind_step"] = trained.snapshot.step
        with whole_folder(folder) as temporary:
            Ticket(mask, mask.apply(trained.best), full).save(temporary)
            save_weights(temporary / "end.safetensors", mask.apply(trained.end))
            if trained.snapshot is not None:
                save_weights(temporary / "start.safetensors", trained.snapshot.weights)
                save_weights(temporary / "state.safetensors", trained.snapshot.state)
        return cls(folder, full)

    @classmethod
    def load(cls, folder: Path, mask: Mask, kept: int | None = None) -> "Level | None":
        """The level in `folder` if it is there and was trained under `mask`; else it is to be trained.

        Args:
            kept: how many weights the level keeps, where fewer than `mask`: it was pruned further as it trained.

        Raises:
            DamagedError: the folder is there but does not hold a whole level.
        """
        if not folder.is_dir():
            return None
        try:
            ticket = Ticket.load(folder)
        except DamagedError as error:
            raise DamagedError(error.message, f"remove {folder} to train this level again") from error
        wanted = mask.kept if kept is None else kept
        same = ticket.mask.is_nested_in(mask) and ticket.mask.kept == wanted
        return cls(folder, ticket.facts) if same else None
