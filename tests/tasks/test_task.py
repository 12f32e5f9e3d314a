"""A task: by name or from Python objects, and what its fingerprint covers."""

import dataclasses

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

from lth_edge.errors import InputError, RecipeError
from lth_edge.recipe import TaskRecipe
from lth_edge.tasks.build import load_task, make_task
from lth_edge.tasks.metrics import Metric

DIGITS = load_digits()
X = torch.from_numpy((DIGITS.data / 16).astype(np.float32)[:300])
Y = torch.from_numpy(DIGITS.target[:300].astype(np.int64))


def network():
    return nn.Linear(64, 10)


@pytest.mark.parametrize("name", ["mlp", "lenet-300-100", "conv-2", "resnet-20", "torchvision:squeezenet1_1"])
def test_a_named_model_is_built_for_the_shape_and_the_classes_of_the_data(name):
    data = "digits"
    if name.startswith("torchvision:"):
        with pytest.raises(InputError, match="do not fit inputs"):
            load_task(TaskRecipe(model=name, data=data))
        return
    task = load_task(TaskRecipe(model=name, data=data))
    inputs, _ = task.splits.train.batch(torch.arange(2))
    assert task.deployed(task.network(0))(*inputs).shape == (2, 10)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"model": "lenet-5-300"}, r"unknown model.*\n.*did you mean 'lenet-5'|lenet-300-100"),
        ({"model": "torchvision:resnet81"}, r"unknown model torchvision:resnet81\n.*did you mean 'resnet"),
        ({"model_args": {"hidden": "wide"}}, "--model-arg does not fit mlp"),
        ({"model_args": {"hidden": "-1"}}, "--model-arg does not fit mlp"),
        ({"model_args": {"width": "3"}}, "--model-arg does not fit mlp"),
        ({"metric": "mae"}, "mae has no tolerance"),
        ({"weights": "default"}, "mlp has no default weights"),
    ],
)
def test_options_that_do_not_fit_are_refused(changes, message):
    with pytest.raises(RecipeError, match=message):
        load_task(TaskRecipe(**changes))


def test_bytes_as_input_need_data_of_bytes():
    with pytest.raises(RecipeError, match="--input-dtype uint8 needs bytes"):
        make_task(network, (X, Y), input_dtype="uint8")


@pytest.mark.parametrize(
    "data",
    [
        (X, Y),
        (X.numpy(), Y.numpy()),
        TensorDataset(X, Y),
        DataLoader(TensorDataset(X, Y), batch_size=7, shuffle=True),
        {"train": (X, Y)},
    ],
    ids=["tensors", "arrays", "dataset", "loader", "dictionary"],
)
def test_users_bring_what_they_have_at_hand(data):
    task = make_task(network, data)
    assert task.fingerprint() == make_task(network, (X, Y)).fingerprint() or not isinstance(data, tuple)
    assert (len(task.splits.train), len(task.splits.validation), len(task.splits.test)) == (192, 48, 60)
    inputs, targets = task.splits.train.batch(torch.tensor([3]))
    row = (inputs[0] == X).all(1).nonzero().item()
    assert Y[row] == targets[0]


def test_groups_of_python_data_stay_on_one_side():
    splits = make_task(network, {"train": (X, Y), "groups": [f"person {i // 10}" for i in range(300)]}).splits
    sides = [set(p.groups.tolist()) for p in (splits.train, splits.validation, splits.test.open("checking"))]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 30


@pytest.mark.parametrize("wrap", [TensorDataset, lambda *xy: DataLoader(TensorDataset(*xy))], ids=["dataset", "loader"])
def test_groups_beside_a_dataset_stay_on_one_side(wrap):
    splits = make_task(network, {"train": wrap(X, Y), "groups": np.arange(300) // 10}).splits
    sides = [set(p.groups.tolist()) for p in (splits.train, splits.validation, splits.test.open("checking"))]
    assert sum(map(len, sides)) == len(set.union(*sides)) == 30


@pytest.mark.parametrize("readings", [0, 300], ids=["at once", "after its targets were read"])
def test_an_own_data_set_that_fails_is_named(readings):
    class Fragile(TensorDataset):
        def __getitem__(self, index):
            nonlocal readings
            readings -= 1
            if readings < 0:
                raise KeyError("row")
            return super().__getitem__(index)

    with pytest.raises(InputError, match="the data set failed with KeyError: 'row'"):
        make_task(network, Fragile(X, Y))


@pytest.mark.parametrize("part", ["validation", "test"])
def test_a_part_of_another_shape_is_refused_before_any_training(part):
    with pytest.raises(InputError, match=rf"{part} examples are .*\(63,\).*training examples .*\(64,\)"):
        make_task(network, {"train": (X, Y), part: (X[:, 1:], Y)})


def test_an_own_metric_and_loss_come_as_objects():
    metric = Metric("worst", lambda o, t: float(o.max()), higher_is_better=False, tolerance=0.5)
    task = make_task(network, (X, Y), metric=metric, loss=lambda o, t: o.square().mean())
    assert (task.metric, task.tolerance) == (metric, 0.5)
    assert task.loss(torch.tensor([3.0]), None) == 9.0


def test_seeds_decide_the_initialisation_and_leave_torchs_generator_alone():
    task = make_task(network, (X, Y))
    torch.manual_seed(4)
    before = torch.get_rng_state()
    first, again, other = (task.network(seed).weight for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


def test_given_weights_are_carried_by_every_network_but_not_by_a_fresh_one():
    given = nn.Linear(64, 10).state_dict()
    task = make_task(network, (X, Y), weights=given)
    assert torch.equal(task.network(0).weight, given["weight"])
    assert not torch.equal(task.initialised(0).weight, given["weight"])


def test_the_fingerprint_covers_data_split_and_initial_network():
    task = make_task(network, (X, Y))
    others = [
        make_task(network, (X, Y), split_seed=1),
        make_task(network, (X + 1e-3, Y)),
        make_task(network, (X, Y), weights=nn.Linear(64, 10).state_dict()),
        make_task(lambda: nn.Sequential(nn.Linear(64, 10)), (X, Y)),
    ]
    assert task.fingerprint() == make_task(network, (X, Y)).fingerprint()
    assert task.fingerprint() not in {other.fingerprint() for other in others}
    assert task.splits.test.openings == []


class Shifted(nn.Linear):
    """A layer of one set of weights whose forward() may be edited."""

    shift = 0.0

    def forward(self, x):
        return super().forward(x) + self.shift


def shifted(shift=0.0, **changes):
    def network():
        layer = Shifted(64, 10)
        layer.shift = shift
        return layer

    return make_task(network, (X, Y), **changes).fingerprint()


def doubled(outputs, targets):
    return 2 * nn.functional.cross_entropy(outputs, targets)


@pytest.mark.parametrize(
    "changes", [{"shift": 0.5}, {"loss": doubled}, {"normalize": "dataset"}], ids=["forward", "loss", "normalize"]
)
def test_the_fingerprint_covers_what_the_network_the_loss_and_the_scaling_do(changes):
    assert shifted(**changes) != shifted()


def test_the_fingerprint_does_not_see_rounding_metric_or_tolerance():
    other = Metric("worst", lambda o, t: float(o.max()), higher_is_better=False, tolerance=0.5)
    assert shifted(1e-7) == shifted(metric=other) == shifted(tolerance=3.0) == shifted()


def test_the_fingerprint_covers_the_source_of_an_own_training_loop():
    def one(training):
        training.network.train()

    def two(training):
        training.network.eval()

    task = make_task(network, (X, Y))
    assert task.fingerprint(one) == make_task(network, (X, Y)).fingerprint(one)
    assert len({task.fingerprint(), task.fingerprint(one), task.fingerprint(two)}) == 3


def test_the_fingerprint_of_a_data_set_that_augments_at_random_stays():
    class Noisy(TensorDataset):
        def __getitem__(self, index):
            x, y = super().__getitem__(index)
            return x + torch.randn(64), y

    first, again = (make_task(network, Noisy(X, Y)).fingerprint() for _ in range(2))
    assert first == again


def test_scaling_is_measured_on_training_data_alone():
    """Test data of another scale must not be seen."""
    task = make_task(network, {"train": (X, Y), "test": (X * 1000, Y)}, normalize="dataset")
    ready = task.preprocess[0](task.splits.train.inputs[0])
    assert float(ready.mean()) == pytest.approx(0, abs=1e-5)
    assert float(ready.std(correction=0)) == pytest.approx(1, rel=1e-4)


@pytest.mark.parametrize("channels_last", [False, True])
def test_images_are_scaled_per_channel_whatever_their_layout(channels_last):
    images = torch.randint(0, 256, (50, 3, 6, 5), generator=torch.Generator().manual_seed(0)) // torch.tensor(
        [1, 2, 4]
    ).reshape(3, 1, 1)
    raw = (images.movedim(1, -1) if channels_last else images).to(torch.uint8)
    build = lambda: nn.Sequential(nn.Flatten(), nn.Linear(90, 10))  # noqa: E731
    task = make_task(build, (raw, Y[:50]), channels_last=channels_last, normalize="dataset")
    train = task.splits.train.inputs[0]
    ready = task.preprocess[0](train)
    assert tuple(ready.shape[1:]) == (3, 6, 5)
    assert ready.mean((0, 2, 3)).tolist() == pytest.approx([0, 0, 0], abs=1e-5)
    assert ready.std((0, 2, 3), correction=0).tolist() == pytest.approx([1, 1, 1], rel=1e-4)


def test_a_channel_that_never_changes_is_not_divided_by_zero():
    task = make_task(network, (torch.full((300, 64), 3.0), Y), normalize="dataset")
    assert torch.equal(task.preprocess[0](torch.full((2, 64), 3.0)), torch.zeros(2, 64))


def test_inputs_that_are_indices_go_in_as_they_are():
    build = lambda: nn.Sequential(nn.Embedding(17, 4), nn.Flatten(), nn.Linear(256, 10))  # noqa: E731
    tokens = (X * 16).to(torch.int64)
    task = make_task(build, (tokens, Y), normalize="dataset")
    assert torch.equal(task.preprocess[0](tokens), tokens)


def test_a_task_cannot_be_changed_behind_a_runs_back():
    with pytest.raises(dataclasses.FrozenInstanceError):
        make_task(network, (X, Y)).tolerance = 5.0


def test_a_forward_that_fails_without_a_word_is_still_named():
    class Picky(nn.Linear):
        def forward(self, x):
            raise ValueError

    with pytest.raises(InputError, match=r"do not fit inputs.*ValueError"):
        make_task(lambda: Picky(64, 10), (X, Y))


def test_the_fingerprint_of_a_loss_that_draws_random_numbers_stays():
    def noisy(outputs, targets):
        return nn.functional.cross_entropy(outputs + torch.randn_like(outputs), targets)

    task = make_task(network, (X, Y), loss=noisy)
    assert task.fingerprint() == task.fingerprint()


def test_the_fingerprint_stays_for_a_data_set_whose_targets_are_drawn_at_random():
    class Denoising(torch.utils.data.Dataset):
        def __len__(self):
            return 60

        def __getitem__(self, index):
            return X[index], X[index] + torch.randn(64)

    def task():
        return make_task(lambda: nn.Linear(64, 64), Denoising(), metric="mae", tolerance=1.0)

    assert task().fingerprint() == task().fingerprint()


def test_integer_outputs_and_inputs_that_index_can_be_fingerprinted():
    class Indexing(nn.Module):
        def __init__(self):
            super().__init__()
            self.table, self.head = nn.Embedding(1, 4), nn.Linear(4, 10)

        def forward(self, index):
            scores = self.head(self.table(index).mean(1))
            return scores, scores.argmax(1)

    def loss(outputs, targets):
        return nn.functional.cross_entropy(outputs[0], targets)

    def score(outputs, targets):
        return float((outputs[1] == targets).mean())

    data = (torch.zeros(60, 3, dtype=torch.int64), Y[:60])
    task = make_task(Indexing, data, loss=loss, metric=Metric("score", score), tolerance=0.1)
    assert len(task.fingerprint()) == 16
