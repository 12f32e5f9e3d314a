"""A small vision transformer (Dosovitskiy et al., arXiv 2010.11929), pre-norm, the mean over tokens in place of a class
token (Beyer et al., arXiv 2205.01580).

Queries, keys and values are three layers of their own, so that pruning ranks each by itself and a head is whole rows of
each of them.
"""

import torch
from torch import Tensor, nn

from lth_edge.errors import InputError


class Attention(nn.Module):
    """Multi-head self-attention over (batch, tokens, width).

    Args:
        width: of a token.
        heads: how many; each has `head_width` entries of query, key and value.
    """

    def __init__(self, width: int, heads: int, head_width: int) -> None:
        super().__init__()
        self.heads, self.head_width = heads, head_width
        self.query = nn.Linear(width, heads * head_width)
        # Without a bias, which would add the same to every score of a query and change nothing.
        self.key = nn.Linear(width, heads * head_width, bias=False)
        self.value = nn.Linear(width, heads * head_width)
        self.out = nn.Linear(heads * head_width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        query, key, value = (self._split(layer(tokens)) for layer in (self.query, self.key, self.value))
        mixed = nn.functional.scaled_dot_product_attention(query, key, value)
        return self.out(mixed.transpose(1, 2).flatten(2))

    def keep_heads(self, heads: list[int]) -> None:
        """Cut the layers down to some of the heads."""
        for layer in (self.query, self.key, self.value):
            layer.weight.data = self._of(layer.weight, heads)
            if layer.bias is not None:
                layer.bias.data = self._of(layer.bias, heads)
        self.out.weight.data = self._of(self.out.weight.T, heads).T.contiguous()
        self.heads = len(heads)

    def _of(self, rows: Tensor, heads: list[int]) -> Tensor:
        """The rows of some heads."""
        return rows.detach().unflatten(0, (self.heads, self.head_width))[heads].flatten(0, 1)

    def _split(self, rows: Tensor) -> Tensor:
        """(batch, tokens, heads x head width) -> (batch, heads, tokens, head width)."""
        return rows.unflatten(2, (self.heads, self.head_width)).transpose(1, 2)


class Block(nn.Module):
    """Attention and a feed-forward network, each behind a norm and around a shortcut."""

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(width)
        self.attention = Attention(width, heads, width // heads)
        self.norm2 = nn.LayerNorm(width)
        self.feed_forward = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))

    def forward(self, tokens: Tensor) -> Tensor:
        tokens = tokens + self.attention(self.norm1(tokens))
        return tokens + self.feed_forward(self.norm2(tokens))


class PatchEmbedding(nn.Module):
    """Patches of an image as tokens, each with a learnt position."""

    def __init__(self, channels: int, width: int, patch: int, count: int) -> None:
        super().__init__()
        self.patches = nn.Conv2d(channels, width, patch, stride=patch)
        self.positions = nn.Parameter(0.02 * torch.randn(1, count, width))

    def forward(self, images: Tensor) -> Tensor:
        return self.patches(images).flatten(2).transpose(1, 2) + self.positions


class TokenMean(nn.Module):
    def forward(self, tokens: Tensor) -> Tensor:
        return tokens.mean(1)


def vit(
    shape: tuple[int, ...], outputs: int, width: int = 192, depth: int = 6, heads: int = 6, patch: int = 4
) -> nn.Module:
    """A vision transformer of `depth` blocks over square patches of an image.

    Raises:
        InputError: no images, or sides that are no multiples of `patch`.
        ValueError: `width` is no multiple of `heads`.
    """
    if len(shape) != 3 or shape[1] % patch or shape[2] % patch:
        raise InputError(
            f"vit needs images of channels x height x width, sides in multiples of {patch}; the data has {shape}",
            "give --model-arg patch=N that divides them, or --layout nhwc where channels come last",
        )
    if width % heads:
        raise ValueError(f"width {width} is no multiple of {heads} heads")
    count = (shape[1] // patch) * (shape[2] // patch)
    network = nn.Sequential(
        PatchEmbedding(shape[0], width, patch, count),
        *(Block(width, heads) for _ in range(depth)),
        nn.LayerNorm(width),
        TokenMean(),
        nn.Linear(width, outputs),
    )
    for module in network.modules():
        if isinstance(module, (nn.Linear, nn.Conv2d)):
            nn.init.xavier_uniform_(module.weight.flatten(1))
            if module.bias is not None:
                nn.init.zeros_(module.bias)
    return network
