"""Batches for training: pre-processed once where they fit in memory, in an order that seed and step alone decide."""

import numpy as np
import torch
from torch import Tensor, nn

from lth_edge.errors import RecipeError
from lth_edge.tasks.examples import Examples, TensorExamples, Tensors

RESIDENT_BYTES = 2 << 30


class Feed:
    """Examples as the network takes them, on its device.

    Small sets are pre-processed and moved once: at a few hundred thousand weights, doing it per batch costs more than
    the step itself.
    """

    def __init__(self, examples: Examples, preprocess: tuple[nn.Module, ...], device: torch.device) -> None:
        self._examples = examples
        self._preprocess = [stage.to("cpu") for stage in preprocess]
        self._device = device
        self._resident: tuple[Tensors, Tensors] | None = None
        if isinstance(examples, TensorExamples) and 4 * sum(x.numel() for x in examples.inputs) <= RESIDENT_BYTES:
            self._resident = self._prepare(*examples.batch(torch.arange(len(examples))))

    def __len__(self) -> int:
        return len(self._examples)

    def batch(self, indices: Tensor) -> tuple[Tensors, Tensors]:
        """Pre-processed inputs and targets of some examples."""
        if self._resident is None:
            return self._prepare(*self._examples.batch(indices))
        inputs, targets = self._resident
        picked = indices.to(self._device)
        return tuple(x[picked] for x in inputs), tuple(y[picked] for y in targets)

    def _prepare(self, inputs: Tensors, targets: Tensors) -> tuple[Tensors, Tensors]:
        ready = (stage(x) for stage, x in zip(self._preprocess, inputs, strict=True))
        return tuple(x.to(self._device) for x in ready), tuple(y.to(self._device) for y in targets)


class Order:
    """Which examples each step sees: a fresh permutation per epoch, drawn from (seed, epoch).

    Steps can be entered anywhere, which is what rewinding to step k and going on with the same data order needs. The
    last incomplete batch of an epoch is left out.
    """

    def __init__(self, count: int, batch_size: int, seed: int) -> None:
        self._count, self._size, self._seed = count, min(batch_size, count), seed
        self.steps_per_epoch = count // self._size
        self._epoch, self._permutation = -1, torch.arange(0)

    def __call__(self, step: int) -> Tensor:
        epoch, position = divmod(step, self.steps_per_epoch)
        if epoch != self._epoch:
            # torch's generator on the CPU reads the low 32 bits alone: the high bits of a seed are folded into them.
            folded = (self._seed << 24) + (self._seed >> 8) * 1_000_003 + epoch
            generator = torch.Generator().manual_seed(folded % (1 << 32))
            self._epoch, self._permutation = epoch, torch.randperm(self._count, generator=generator)
        return self._permutation[position * self._size : (position + 1) * self._size]


def augment(images: Tensor, kind: str, step: int, seed: int) -> Tensor:
    """Random flips, and shifts by up to 4 pixels for "crop-flip" (He et al. 2015), drawn from (seed, step)."""
    if kind == "none":
        return images
    if images.ndim != 4:
        raise RecipeError(f"--augment {kind} needs images, inputs are {tuple(images.shape[1:])}", "leave it away")
    # Hashed, for torch's generator on the CPU reads no more than the low 32 bits of its seed.
    hashed = np.random.SeedSequence((seed, step)).generate_state(1)[0]
    generator = torch.Generator().manual_seed(int(hashed))
    count, _, height, width = images.shape
    flipped = torch.rand(count, generator=generator).to(images.device) < 0.5
    images = torch.where(flipped[:, None, None, None], images.flip(-1), images)
    if kind == "flip":
        return images
    padded = nn.functional.pad(images, (4, 4, 4, 4))
    top, left = torch.randint(0, 9, (2, count, 1, 1), generator=generator).to(images.device)
    rows = top + torch.arange(height, device=images.device)[None, :, None]
    columns = left + torch.arange(width, device=images.device)[None, None, :]
    examples = torch.arange(count, device=images.device)[:, None, None]
    return padded.movedim(1, -1)[examples, rows, columns].movedim(-1, 1)
