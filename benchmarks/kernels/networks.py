"""The networks of the speed table, as PyTorch modules with random weights.

Where several networks bear a name:

- conv-6, vgg-16, resnet-20 are those of `lth_edge.tasks.models`: for CIFAR, 32 x 32; VGG-16 has 13 convolutions and one
  linear layer, ResNet-20 has 1x1 projections where its width changes (option B of He et al., arXiv 1512.03385).
- mobilenet-v1 is Howard et al. (arXiv 1704.04861), table 1: width 1, 224 x 224, ReLU.
- vit-tiny-ffn is the feed-forward half of ViT-Tiny's 12 blocks (d = 192, hidden 768, 197 tokens; arXiv 2012.12877)
  without layer norm and attention: what gets sparse weights.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise

from torch import Tensor, nn
from torchvision import models as vision

from lth_edge.tasks.models import REFERENCE

PIXELS = (3, 224, 224)
CIFAR = (3, 32, 32)


@dataclass(frozen=True)
class Network:
    """A network of the table.

    Attributes:
        build: makes the module.
        shape: of its input, batch included.
        dense_stem: the first layer keeps all its weights.
        called_from_c: so small that a call from Python would weigh in; one thread.
    """

    build: Callable[[], nn.Module]
    shape: tuple[int, ...]
    dense_stem: bool = False
    called_from_c: bool = False

    def prunable(self, network: nn.Module) -> list[nn.Module]:
        """Layers that get a mask: all linear ones and convolutions but depthwise ones, without a dense stem."""
        layers = [module for module in network.modules() if isinstance(module, (nn.Linear, nn.Conv2d))]
        return [layer for layer in layers[int(self.dense_stem) :] if getattr(layer, "groups", 1) == 1]


class SeparableBlock(nn.Sequential):
    """A depthwise 3x3 convolution and a pointwise one, each with batch norm and ReLU."""

    def __init__(self, before: int, after: int, stride: int) -> None:
        super().__init__(
            *normalised(nn.Conv2d(before, before, 3, stride, padding=1, groups=before, bias=False)),
            *normalised(nn.Conv2d(before, after, 1, bias=False)),
        )


class FeedForward(nn.Module):
    """`x + fc2(gelu(fc1(x)))` of a transformer's block."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.fc2(nn.functional.gelu(self.fc1(x)))


def normalised(convolution: nn.Conv2d) -> list[nn.Module]:
    return [convolution, nn.BatchNorm2d(convolution.out_channels), nn.ReLU()]


def mobilenet_v1() -> nn.Module:
    strides_widths = [(1, 64), (2, 128), (1, 128), (2, 256), (1, 256), (2, 512), *[(1, 512)] * 5, (2, 1024), (1, 1024)]
    layers = normalised(nn.Conv2d(3, 32, 3, 2, padding=1, bias=False))
    before = 32
    for stride, width in strides_widths:
        layers.append(SeparableBlock(before, width, stride))
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 1000))


def vit_tiny_ffn() -> nn.Module:
    return nn.Sequential(*(FeedForward(192, 768) for _ in range(12)))


def perceptron(*widths: int) -> Callable[[], nn.Module]:
    """Linear layers with ReLU between them, on a flat input."""

    def build() -> nn.Module:
        layers = [part for before, after in pairwise(widths) for part in (nn.Linear(before, after), nn.ReLU())]
        return nn.Sequential(*layers[:-1])

    return build


def reference(name: str) -> Callable[[], nn.Module]:
    return lambda: REFERENCE[name](CIFAR, 10)


NETWORKS: dict[str, Network] = {
    "conv-6": Network(reference("conv-6"), (1, *CIFAR)),
    "vgg-16": Network(reference("vgg-16"), (1, *CIFAR)),
    "resnet-20": Network(reference("resnet-20"), (1, *CIFAR)),
    "resnet-18": Network(vision.resnet18, (1, *PIXELS)),
    "mobilenet-v1": Network(mobilenet_v1, (1, *PIXELS), dense_stem=True),
    "vit-tiny-ffn": Network(vit_tiny_ffn, (1, 197, 192)),
    "mlp": Network(perceptron(2048, 4096, 4096, 1024), (1, 2048)),
    "lenet-300-100": Network(perceptron(784, 300, 100, 10), (1, 784), called_from_c=True),
    "mobilenet-v2": Network(vision.mobilenet_v2, (1, *PIXELS), dense_stem=True),
    "mobilenet-v3-small": Network(vision.mobilenet_v3_small, (1, *PIXELS), dense_stem=True),
    "mobilenet-v3-large": Network(vision.mobilenet_v3_large, (1, *PIXELS), dense_stem=True),
}
