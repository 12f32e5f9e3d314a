"""The field's reference networks, each from the paper that made it a reference.

A factory takes the shape of one example (without the batch) and the number of outputs, and returns an initialised
network. Frankle & Carbin (arXiv 1803.03635, figure 2) define LeNet-300-100 and Conv-2/4/6; LeNet-5 is Caffe's
20-50-500 version that pruning papers since Han et al. (arXiv 1510.00149) use; ResNet-20 and ResNet-56 are He et al.
(arXiv 1512.03385, section 4.2) with 1x1 projections, ResNet-8 the shortest of that family, which MLPerf Tiny
(arXiv 2106.07597) runs on microcontrollers; VGG-16 has batch norm and one linear layer, as on CIFAR-10;
CNN-1D reads the raw channels of sensors; the vision transformer is in `lth_edge.tasks.vit`.
"""

import math
from collections.abc import Callable
from itertools import pairwise

import torch
from torch import Tensor, nn

from lth_edge.errors import InputError
from lth_edge.tasks.vit import vit

Factory = Callable[..., nn.Module]


def mlp(shape: tuple[int, ...], outputs: int, hidden: str = "1024,512") -> nn.Module:
    """Fully connected network; `hidden` lists the widths of its hidden layers."""
    widths = [math.prod(shape), *(int(width) for width in str(hidden).split(",")), outputs]
    layers: list[nn.Module] = [nn.Flatten()]
    for before, after in pairwise(widths):
        layers += [nn.Linear(before, after), nn.ReLU()]
    return _glorot(nn.Sequential(*layers[:-1]))


def lenet_300_100(shape: tuple[int, ...], outputs: int) -> nn.Module:
    return mlp(shape, outputs, hidden="300,100")


def lenet_5(shape: tuple[int, ...], outputs: int) -> nn.Module:
    channels = _image(shape, least=16, name="lenet-5")[0]
    features = [nn.Conv2d(channels, 20, 5), nn.ReLU(), nn.MaxPool2d(2)]
    features += [nn.Conv2d(20, 50, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()]
    return _glorot(_with_head(features, shape, [500], outputs))


def conv_n(depth: int) -> Factory:
    """Conv-2, Conv-4 or Conv-6: pairs of 3x3 convolutions of 64, 128, 256 channels, each pair pooled."""

    def factory(shape: tuple[int, ...], outputs: int) -> nn.Module:
        channels = _image(shape, least=2 ** (depth // 2), name=f"conv-{depth}")[0]
        features: list[nn.Module] = []
        for width in (64, 128, 256)[: depth // 2]:
            features += [nn.Conv2d(channels, width, 3, padding=1), nn.ReLU()]
            features += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
            channels = width
        return _glorot(_with_head([*features, nn.Flatten()], shape, [256, 256], outputs))

    return factory


class ResidualBlock(nn.Module):
    """Two 3x3 convolutions around a shortcut."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, padding=1, bias=False)
        self.norm1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1, bias=False)
        self.norm2 = nn.BatchNorm2d(after)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or before != after:
            projection = nn.Conv2d(before, after, 1, stride, bias=False)
            self.shortcut = nn.Sequential(projection, nn.BatchNorm2d(after))

    def forward(self, x: Tensor) -> Tensor:
        residual = self.norm2(self.conv2(torch.relu(self.norm1(self.conv1(x)))))
        return torch.relu(residual + self.shortcut(x))


def resnet_n(depth: int) -> Factory:
    """ResNet-8, ResNet-20 or ResNet-56: three groups of (depth - 2) / 6 residual blocks of 16, 32 and 64 channels."""

    def factory(shape: tuple[int, ...], outputs: int) -> nn.Module:
        channels = _image(shape, least=4, name=f"resnet-{depth}")[0]
        layers: list[nn.Module] = [
            nn.Conv2d(channels, 16, 3, padding=1, bias=False),
            nn.BatchNorm2d(16),
            nn.ReLU(),
        ]
        before = 16
        for width in (16, 32, 64):
            for position in range((depth - 2) // 6):
                layers.append(ResidualBlock(before, width, stride=2 if position == 0 and width > 16 else 1))
                before = width
        layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, outputs)]
        return _kaiming(nn.Sequential(*layers))

    return factory


def vgg_16(shape: tuple[int, ...], outputs: int) -> nn.Module:
    channels = _image(shape, least=16, name="vgg-16")[0]
    layers: list[nn.Module] = []
    for stage, (width, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))):
        for _ in range(depth):
            layers += [nn.Conv2d(channels, width, 3, padding=1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
            channels = width
        if stage < 4:
            layers.append(nn.MaxPool2d(2))
    layers += [nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, outputs)]
    return _kaiming(nn.Sequential(*layers))


def cnn_1d(shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Three convolutions of 64, 128 and 128 channels over nine samples each, each pooled, then 128 hidden units."""
    if len(shape) != 2 or shape[1] < 8:
        raise InputError(
            f"cnn-1d needs series of channels x samples, at least 8 samples; the data has {shape}",
            "choose mlp, or a network of your own",
        )
    channels, features = shape[0], list[nn.Module]()
    for width in (64, 128, 128):
        features += [nn.Conv1d(channels, width, 9, padding=4), nn.ReLU(), nn.MaxPool1d(2)]
        channels = width
    return _glorot(_with_head([*features, nn.Flatten()], shape, [128], outputs))


REFERENCE: dict[str, Factory] = {
    "mlp": mlp,
    "lenet-300-100": lenet_300_100,
    "lenet-5": lenet_5,
    "conv-2": conv_n(2),
    "conv-4": conv_n(4),
    "conv-6": conv_n(6),
    "resnet-8": resnet_n(8),
    "resnet-20": resnet_n(20),
    "resnet-56": resnet_n(56),
    "vgg-16": vgg_16,
    "cnn-1d": cnn_1d,
    "vit": vit,
}


def _image(shape: tuple[int, ...], least: int, name: str) -> tuple[int, ...]:
    if len(shape) != 3 or min(shape[1:]) < least:
        raise InputError(
            f"{name} needs images of channels x height x width, at least {least} x {least}; the data has {shape}",
            "choose mlp, or give --layout nhwc where channels come last",
        )
    return shape


def _with_head(features: list[nn.Module], shape: tuple[int, ...], hidden: list[int], outputs: int) -> nn.Module:
    """Convolutions, then linear layers whose first width follows from the shape of one example."""
    body = nn.Sequential(*features)
    with torch.no_grad():
        flat = body(torch.zeros(1, *shape)).shape[1]
    for before, after in pairwise([flat, *hidden, outputs]):
        features += [nn.Linear(before, after), nn.ReLU()]
    return nn.Sequential(*features[:-1])


def _glorot(network: nn.Module) -> nn.Module:
    """Glorot normal weights and zero biases, as in arXiv 1803.03635."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv1d, nn.Conv2d)):
            nn.init.xavier_normal_(module.weight)
            nn.init.zeros_(module.bias)  # type: ignore[arg-type]
    return network


def _kaiming(network: nn.Module) -> nn.Module:
    """Kaiming normal weights, as in arXiv 1912.05671's networks with batch norm."""
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.kaiming_normal_(module.weight)
    return network
