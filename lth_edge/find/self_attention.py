"""torch.nn.MultiheadAttention where it is plain self-attention: then it can lose heads, which its own layer cannot.

Plain is: the same (batch, tokens, width) for query, key and value, nothing masked, and nobody reads the attention
weights. That is what `lth_edge.tasks.vit.Attention` computes.
"""

import operator
from typing import Any

import torch
from torch import Tensor, fx, nn

from lth_edge.tasks.vit import Attention

OUTPUT = 0
"""The layer returns its output and its attention weights."""
HARMLESS = {"need_weights": {True, False}, "average_attn_weights": {True, False}, "is_causal": {False}}
"""Arguments of a call, and the values that change no output."""


def is_plain(node: fx.Node, module: nn.Module | None) -> bool:
    """Whether a call in a traced network is plain self-attention by PyTorch's layer."""
    if not isinstance(module, nn.MultiheadAttention) or module.in_proj_weight is None or not module.batch_first:
        return False
    inputs = [*node.args[:3], *(node.kwargs[name] for name in ("query", "key", "value") if name in node.kwargs)]
    others = {name: value for name, value in node.kwargs.items() if name not in {"query", "key", "value"}}
    return (
        module.bias_k is None
        and not module.add_zero_attn
        and len(node.args) <= 3
        and len(set(inputs)) == 1
        and all(value is None or value in HARMLESS.get(name, ()) for name, value in others.items())
        and all(_reads_output_alone(user) for user in node.users)
    )


def _reads_output_alone(user: fx.Node) -> bool:
    """`output, _ = layer(...)` names the attention weights too, and does nothing with them."""
    return user.target is operator.getitem and (bool(user.args[1] == OUTPUT) or not user.users)


class SelfAttention(nn.Module):
    """A MultiheadAttention that is plain self-attention, by three layers that can be cut down to some heads."""

    def __init__(self, layer: nn.MultiheadAttention) -> None:
        super().__init__()
        self.attention = Attention(layer.embed_dim, layer.num_heads, layer.head_dim)
        ours = self.attention
        weights = layer.in_proj_weight.detach().chunk(3)
        # The keys' bias adds the same to every score of a query: softmax takes it away again.
        biases = None if layer.in_proj_bias is None else layer.in_proj_bias.detach().chunk(3)
        for index, part in enumerate((ours.query, ours.key, ours.value)):
            _fill(part, weights[index], None if biases is None else biases[index])
        _fill(ours.out, layer.out_proj.weight.detach(), layer.out_proj.bias)

    def forward(self, query: Tensor, *_: Any, **__: Any) -> tuple[Tensor, None]:
        return self.attention(query), None


def _fill(layer: nn.Linear, weight: Tensor, bias: Tensor | None) -> None:
    with torch.no_grad():
        layer.weight.copy_(weight)
        if layer.bias is not None:
            layer.bias.copy_(torch.zeros_like(layer.bias) if bias is None else bias)
