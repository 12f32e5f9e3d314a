"""Pre-processing as a module, so that it is exported with the network and nothing is left to the caller."""

import torch
from torch import Tensor, nn

from lth_edge.tasks.examples import Examples, batches


class Preprocess(nn.Module):
    """Raw input -> what the network takes: float32, channels first, (x - mean) / deviation.

    Args:
        channels_last: whether raw images come as height x width x channels.
        mean, deviation: per channel (or one for all), in raw units.
    """

    mean: Tensor
    deviation: Tensor

    def __init__(self, channels_last: bool, mean: Tensor, deviation: Tensor) -> None:
        super().__init__()
        self.channels_last = channels_last
        self.register_buffer("mean", mean)
        self.register_buffer("deviation", deviation)

    def forward(self, raw: Tensor) -> Tensor:
        x = raw.to(self.mean.dtype)
        if self.channels_last:
            x = x.movedim(-1, 1)
        return (x - self.mean) / self.deviation


class Deployed(nn.Module):
    """The network behind its pre-processing: what is exported, and what is compared with the file."""

    def __init__(self, preprocess: tuple[nn.Module, ...], network: nn.Module) -> None:
        super().__init__()
        self.preprocess = nn.ModuleList(preprocess)
        self.network = network

    def forward(self, *raw: Tensor) -> Tensor:
        return self.network(*(stage(x) for stage, x in zip(self.preprocess, raw, strict=True)))


def channel_statistics(examples: Examples, channels_last: bool) -> tuple[Tensor, Tensor]:
    """Mean and standard deviation of the first input per channel, over all training examples.

    Returns:
        Two tensors that broadcast against one example: (C, 1, 1) for images, (C, 1) for series, () for vectors.
    """
    count, total, squares = 0, torch.zeros(()), torch.zeros(())
    for inputs, _ in batches(examples, 1024):
        x = inputs[0].to(torch.float64)
        x = x.movedim(-1, 1) if channels_last else x
        axes = [0, *range(2, x.ndim)] if x.ndim > 2 else list(range(x.ndim))
        count += x.numel() // (x.shape[1] if x.ndim > 2 else 1)
        total, squares = total + x.sum(axes), squares + (x * x).sum(axes)
    mean = total / count
    deviation = (squares / count - mean * mean).clamp_min(0).sqrt()
    deviation = torch.where(deviation > 0, deviation, torch.ones(()))
    shape = (-1, *[1] * (x.ndim - 2)) if x.ndim > 2 else ()
    return mean.to(torch.float32).reshape(shape), deviation.to(torch.float32).reshape(shape)


def imagenet_statistics(raw_is_bytes: bool) -> tuple[Tensor, Tensor]:
    """torchvision's constants for networks trained on ImageNet, in raw units."""
    scale = 255.0 if raw_is_bytes else 1.0
    mean = torch.tensor([0.485, 0.456, 0.406]).reshape(3, 1, 1)
    deviation = torch.tensor([0.229, 0.224, 0.225]).reshape(3, 1, 1)
    return mean * scale, deviation * scale
