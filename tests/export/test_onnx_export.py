"""Export: the file computes what PyTorch computes, from raw input on, and every pruned weight is found again in it."""

import os

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")

import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn

from lth_edge.errors import InputError, ProofError
from lth_edge.export.onnx_export import export_onnx
from lth_edge.find.prunable import prunable
from lth_edge.find.train import load, weights_of
from lth_edge.tasks.build import make_task
from lth_edge.ticket import Mask

DIGITS = load_digits()
BYTES = torch.from_numpy(DIGITS.images[:200].astype(np.uint8))
TARGETS = torch.from_numpy(DIGITS.target[:200].astype(np.int64))
COLOUR = BYTES[..., None].expand(-1, -1, -1, 3).contiguous()


class Everything(nn.Module):
    """What the exporter rewrites: a batch norm after a convolution, attention, a Linear over rows, one used twice."""

    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.rows = nn.Linear(32, 12)
        self.attention = nn.MultiheadAttention(12, 2, batch_first=True)
        self.twice = nn.Linear(12, 12)
        self.head = nn.Linear(12, 10)

    def forward(self, x):
        x = torch.relu(self.norm(self.conv(x)))
        x = self.rows(x.transpose(1, 2).flatten(2))
        x = self.attention(x, x, x, need_weights=False)[0]
        x = self.twice(torch.relu(self.twice(x)))
        return self.head(x.mean(1))


class Lookalikes(nn.Module):
    """Layers of one shape: two that will carry the same mask, one that will have nothing left."""

    def __init__(self):
        super().__init__()
        self.one, self.two, self.gone = (nn.Linear(8, 8) for _ in range(3))
        self.head = nn.Linear(8, 10)

    def forward(self, x):
        x = torch.relu(self.one(x.mean((1, 2))))
        return self.head(torch.relu(self.gone(torch.relu(self.two(x)))))


def digits_task(build, data=(BYTES[:, None], TARGETS), **changes):
    return make_task(build, data, **changes)


def pruned(task, mask=None, seed=0):
    """The task's network with half of its weights gone, its norms no longer fresh, and the mask."""
    network = task.network(seed)
    random = np.random.default_rng(seed)
    if mask is None:
        shapes = prunable(task, network).shapes
        mask = Mask({name: random.random(shape) < 0.5 for name, shape in shapes.items()})
    with torch.no_grad():
        for module in network.modules():
            if isinstance(module, nn.BatchNorm2d):
                for tensor in (module.running_mean, module.weight, module.bias):
                    tensor.uniform_(-1, 1)
                module.running_var.uniform_(0.5, 2)
    load(network, mask.apply(weights_of(network)))
    return network.eval(), mask


def outputs(exported, task, raw):
    session = onnxruntime.InferenceSession(exported.to_bytes(), providers=["CPUExecutionProvider"])
    return session.run(None, task.feed(raw))


def expected(task, network, raw):
    with torch.no_grad():
        return task.deployed(network)(*raw)


@pytest.fixture(scope="module")
def everything():
    task = digits_task(Everything)
    network, mask = pruned(task)
    return task, network, mask, export_onnx(task, network, mask, opset=18)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_the_file_computes_what_pytorch_computes_for_any_batch(everything, count):
    task, network, _, exported = everything
    raw = (BYTES[:count, None],)
    (found,) = outputs(exported, task, raw)
    assert np.abs(found - expected(task, network, raw).numpy()).max() < 1e-5 * np.abs(found).max()


def test_every_pruned_weight_is_found_by_its_own_name(everything):
    _, _, mask, exported = everything
    assert {name.removesuffix(".T") for name in exported.masks} == set(mask)
    assert {name for name in exported.masks if name.endswith(".T")} >= {"rows.weight.T", "twice.weight.T"}


def test_masks_lie_in_the_layout_of_their_tensors(everything):
    _, _, mask, exported = everything
    arrays = exported.masked_arrays()
    for name, kept in exported.masks.items():
        original = mask[name.removesuffix(".T")]
        assert np.array_equal(kept, original.T if name.endswith(".T") else original)
        assert arrays[name].shape == kept.shape
        assert not arrays[name][~kept].any()


def test_weights_are_bit_equal_but_where_batch_norm_is_folded_in(everything):
    _, network, _, exported = everything
    for name, array in exported.masked_arrays().items():
        weight = network.get_parameter(name.removesuffix(".T")).detach().numpy()
        weight = weight.T if name.endswith(".T") else weight
        assert (array.tobytes() == weight.tobytes()) == (name != "conv.weight")
    assert "BatchNormalization" not in {node.op_type for node in exported.model.graph.node}


def test_a_layer_that_runs_twice_is_stored_once(everything):
    _, _, mask, exported = everything
    stored = sum(int(np.prod(t.dims)) for t in exported.model.graph.initializer if len(t.dims) >= 2)
    assert stored == mask.size
    assert sum("twice.weight.T" in node.input for node in exported.model.graph.node) == 2


def test_the_file_passes_the_full_checker_and_has_a_free_batch(everything):
    exported = everything[-1]
    onnx.checker.check_model(exported.model, full_check=True)
    (value,) = exported.model.graph.input
    assert value.name == "input"
    assert [d.dim_value for d in value.type.tensor_type.shape.dim] == [0, 1, 8, 8]


def test_layers_that_look_alike_are_told_apart_by_name():
    task = digits_task(Lookalikes)
    half = np.random.default_rng(1).random((8, 8)) < 0.5
    nothing = np.zeros((8, 8), bool)
    network, mask = pruned(task, Mask({"one.weight": half, "two.weight": half, "gone.weight": nothing}))
    exported = export_onnx(task, network, mask, opset=18)
    arrays = exported.masked_arrays()
    assert exported.masks.keys() == {"one.weight", "two.weight", "gone.weight"}
    for name in ("one.weight", "two.weight"):
        assert arrays[name].tobytes() == network.get_parameter(name).detach().numpy().tobytes()


def test_a_pruned_weight_that_is_not_in_the_graph_is_an_error():
    class Unused(Lookalikes):
        def forward(self, x):
            return self.head(torch.relu(self.one(x.mean((1, 2)))))

    task = digits_task(Unused)
    half = np.random.default_rng(1).random((8, 8)) < 0.5
    network, mask = pruned(task, Mask({"one.weight": half, "gone.weight": ~half}))
    with pytest.raises(ProofError, match=r"'gone\.weight' .* nothing was found"):
        export_onnx(task, network, mask, opset=18)


def test_a_weight_that_is_not_zero_where_its_mask_prunes_is_an_error():
    task = digits_task(Lookalikes)
    network, mask = pruned(task)
    with torch.no_grad():
        network.two.weight.add_(1e-6)
    with pytest.raises(ProofError, match=r"'two\.weight' .* nothing was found"):
        export_onnx(task, network, mask, opset=18)


def colour_network():
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Flatten(), nn.Linear(144, 10))


@pytest.mark.parametrize(("dtype", "kind"), [("uint8", "tensor(uint8)"), ("float32", "tensor(float)")])
def test_scaling_and_layout_are_in_the_file(dtype, kind):
    task = digits_task(colour_network, (COLOUR, TARGETS), channels_last=True, normalize="dataset", input_dtype=dtype)
    network = task.network(0)
    exported = export_onnx(task, network, None, opset=18)
    session = onnxruntime.InferenceSession(exported.to_bytes(), providers=["CPUExecutionProvider"])
    (given,) = session.get_inputs()
    assert (given.type, given.shape[1:]) == (kind, [8, 8, 3])
    assert exported.masks == {}
    raw = COLOUR[:5]
    by_hand = (raw.float().movedim(-1, 1) - task.preprocess[0].mean) / task.preprocess[0].deviation
    with torch.no_grad():
        aim = network.eval()(by_hand).numpy()
    (found,) = session.run(None, {"input": raw.numpy().astype(dtype)})
    assert np.abs(found - aim).max() < 1e-5 * np.abs(aim).max()


def test_several_inputs_and_outputs_keep_their_names():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.left, self.right = nn.Linear(3, 10), nn.Linear(2, 4)

        def forward(self, a, b):
            return self.left(a), self.right(b)

    random = torch.Generator().manual_seed(0)
    raw = torch.randn(200, 3, generator=random), torch.randn(200, 2, generator=random)

    def loss(found, targets):
        return nn.functional.cross_entropy(found[0], targets) + found[1].square().mean()

    task = digits_task(Two, (raw, TARGETS), loss=loss)
    network, mask = pruned(task)
    exported = export_onnx(task, network, mask, opset=18)
    assert [value.name for value in exported.model.graph.input] == ["input_0", "input_1"]
    assert [value.name for value in exported.model.graph.output] == ["output_0", "output_1"]
    few = tuple(x[:5] for x in raw)
    for found, aim in zip(outputs(exported, task, few), expected(task, network, few), strict=True):
        assert np.allclose(found, aim.numpy(), atol=1e-6)


def test_a_network_that_cannot_be_exported_is_refused_with_the_reason():
    class Moody(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(64, 10)

        def forward(self, x):
            y = self.layer(x.flatten(1))
            return y if y.sum() > 0 else -y

    task = digits_task(Moody)
    with pytest.raises(InputError, match=r"Moody cannot be exported to ONNX: \S"):
        export_onnx(task, task.network(0), None, opset=18)
